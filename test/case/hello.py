# SPDX-License-Identifier: Apache-2.0
# ClientHellos: those of real clients out of the fixtures, fresh ones made by OpenSSL, and either
# cut into records of any size. Also a TLS client whose first flight the test sends as it likes.
"""make(name), recorded(hello, size), fixtures(), and Shaker for whole handshakes."""

import os
import ssl

FIXTURES = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures", "hello"
)
HEADER = 5


def fixtures():
    """Name and bytes of every captured hello."""
    found = {}
    for file_name in sorted(os.listdir(FIXTURES)):
        if file_name.endswith(".bin"):
            with open(os.path.join(FIXTURES, file_name), "rb") as file:
                found[file_name[:-4]] = file.read()
    return found


def lenient():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make(name=None, alpn=("http/1.1",), context=None):
    """A fresh hello, as one record (or as many as OpenSSL wants)."""
    return Shaker(context or lenient(), name, alpn).first


def message(data):
    """The handshake message without its record headers."""
    joined = b""
    while data:
        size = int.from_bytes(data[3:HEADER], "big")
        joined += data[HEADER : HEADER + size]
        data = data[HEADER + size :]
    return joined


def recorded(data, size):
    """The same hello in records of that many bytes."""
    whole = message(data)
    return b"".join(
        b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece
        for piece in (whole[at : at + size] for at in range(0, len(whole), size))
    )


def many_protocols(size):
    """An ALPN list of about that many bytes with http/1.1 in it."""
    return ["http/1.1"] + [f"{n:05}" + "x" * 195 for n in range(size // 201)]


class Shaker:
    """A TLS client without a socket. `first` is its hello; the test carries the bytes."""

    def __init__(self, context, name, alpn=("http/1.1",)):
        if alpn:
            context.set_alpn_protocols(list(alpn))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        self.first = self.outgoing.read()

    def finish(self, peer):
        """The rest of the handshake over a raw peer, whose first flight was sent."""
        while True:
            self._take(peer)
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        peer.send(self.outgoing.read())

    def _take(self, peer):
        data = peer.socket.recv(65536)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def ask(self, peer, data):
        """Sends a request, returns what comes until the connection ends."""
        self.tls.write(data)
        peer.send(self.outgoing.read())
        answer = b""
        while True:
            try:
                piece = self.tls.read(65536)
            except ssl.SSLWantReadError:
                self._take(peer)
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return answer
            if not piece:
                return answer
            answer += piece
