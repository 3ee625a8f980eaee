# SPDX-License-Identifier: Apache-2.0
# The two ends of a conversation that a test holds in its own hands: a client, and a server whose
# every byte, delay, close and reset the test dictates. They never do anything by themselves and
# remember every byte of every connection.
"""Client, Server and Link: raw bytes over TCP or TLS, and readers for HTTP/1.1 messages.

    link = server.accept()          # the next connection Handfast opened
    request = link.read_request()   # a Message: start, lines, body
    link.send(ok("hello"))
    link.reset()
"""

import re
import select
import socket
import ssl
import struct
import threading

PATIENCE_S = 15
CUT_REASON = "UNEXPECTED_EOF_WHILE_READING"  # TCP ended and TLS did not


class Gone(AssertionError):
    """The other side ended the connection while the test waited for bytes."""


class Message:
    """One HTTP message as it came: `head` and `wire_body` are the very bytes, `body` is decoded."""

    def __init__(self, head):
        self.head = head
        self.start, *self.lines = head[:-4].split(b"\r\n")
        self.wire_body = b""
        self.body = b""
        self.trailers = []
        self.interim = []

    @property
    def status(self):
        return int(self.start.split(b" ", 2)[1])

    @property
    def method(self):
        return self.start.split(b" ")[0]

    @property
    def target(self):
        return self.start.split(b" ")[1]

    def values(self, name):
        """Every value of a field, in order, whatever the case of its name."""
        found = [line.partition(b":") for line in self.lines]
        return [value.strip() for key, _, value in found if key.lower() == name.lower().encode()]

    def value(self, name):
        """The only value of a field; None when it is not there."""
        values = self.values(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {self.lines}"
        return values[0] if values else None

    def says_close(self):
        return any(
            v.lower() == b"close"
            for value in self.values("Connection")
            for v in value.replace(b" ", b"").split(b",")
        )


class Peer:
    """One end of a connection. Everything it ever read is in `received`, everything it wrote in
    `sent`.
    """

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(PATIENCE_S)
        self.received = bytearray()
        self.sent = bytearray()
        self.keeps = True  # False: a bulk transfer, do not remember
        self._at = 0
        self.end = None  # "closed", "reset", or "cut" (TCP ended, TLS did not)

    # -- writing

    def send(self, data):
        if self.keeps:
            self.sent += data
        self.socket.sendall(data)

    def try_send(self, data):
        """Sends; the other side may have gone. True when it all went out."""
        try:
            self.send(data)
        except OSError:
            return False
        return True

    def send_slowly(self, data, size=1):
        """Each piece in a segment of its own."""
        for at in range(0, len(data), size):
            self.send(data[at : at + size])

    def shut(self):
        """No more will be written."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # -- reading

    def _more(self, size=65536):
        """Reads once. False at the end, which is noted."""
        if self.end:
            return False
        try:
            data = self.socket.recv(size)
            self.end = None if data else "closed"
        except ssl.SSLError as error:
            # older Pythons have no word of their own for it
            is_cut = isinstance(error, ssl.SSLEOFError) or error.reason == CUT_REASON
            if not is_cut:
                raise
            data, self.end = b"", "cut"
        except (ConnectionResetError, BrokenPipeError):
            data, self.end = b"", "reset"
        self.received += data
        return bool(data)

    def _take(self, size):
        taken = bytes(self.received[self._at : self._at + size])
        self._at += size
        return taken

    def take_buffered(self, size):
        """What was read ahead already, at most that much; the rest is for recv."""
        return self._take(min(size, len(self.received) - self._at))

    def read(self, size):
        while len(self.received) - self._at < size:
            if not self._more():
                raise Gone(f"{self.end} after {bytes(self.received[self._at:])!r}")
        return self._take(size)

    def read_until(self, mark):
        scanned = self._at
        while True:
            at = self.received.find(mark, max(self._at, scanned - len(mark)))
            if at >= 0:
                return self._take(at + len(mark) - self._at)
            scanned = len(self.received)
            if not self._more():
                raise Gone(f"{self.end} after {bytes(self.received[self._at:])!r}")

    def read_rest(self):
        """All until the end."""
        while self._more():
            pass
        return self._take(len(self.received) - self._at)

    def expect_end(self, *ends):
        """Nothing more comes but the end, one of `ends` ("closed" when none is named)."""
        rest = self.read_rest()
        assert rest == b"", f"more bytes: {rest!r}"
        assert self.end in (ends or ("closed",)), self.end
        return self.end

    def waits(self, seconds=0.3):
        """True when nothing comes, not even the end, for a moment."""
        if len(self.received) > self._at:
            return False
        try:
            self.socket.settimeout(seconds)
            while self._more():
                if len(self.received) > self._at:
                    return False
            return False
        except TimeoutError:
            return True
        finally:
            if self.end is None:
                self.socket.settimeout(PATIENCE_S)

    # -- HTTP

    def read_head(self):
        return Message(self.read_until(b"\r\n\r\n"))

    def _read_chunked(self, message):
        start = self._at
        while True:
            line = self.read_until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            message.body += self.read(size)
            assert self.read(2) == b"\r\n"
        while (line := self.read_until(b"\r\n")) != b"\r\n":
            message.trailers.append(line[:-2])
        message.wire_body = bytes(self.received[start : self._at])

    def read_body(self, message):
        """The body that the head announces; False when it announces none."""
        if message.value("Transfer-Encoding"):
            assert message.value("Transfer-Encoding").lower() == b"chunked"
            assert message.value("Content-Length") is None
            self._read_chunked(message)
        elif message.value("Content-Length") is not None:
            message.body = message.wire_body = self.read(int(message.value("Content-Length")))
        else:
            return False
        return True


class Link(Peer):
    """A connection that Handfast opened to a Server. `number` counts from 1 at each server."""

    def __init__(self, sock, server, number):
        super().__init__(sock)
        self.server = server
        self.number = number

    def read_request(self):
        message = self.read_head()
        self.read_body(message)
        return message


class Client(Peer):
    """A connection to Handfast."""

    def __init__(self, sock):
        super().__init__(sock)
        self.asked_head = False

    def ask(
        self, method="GET", target="/", *lines, host="lb.example.test", body=None, version="1.1"
    ):
        """Sends one request."""
        self.send(request(method, target, *lines, host=host, body=body, version=version))

    def answer(self, to_head=False):
        """The next final answer; interim ones are kept in it."""
        interim = []
        while True:
            message = self.read_head()
            if message.status >= 200 or message.status == 101:
                break
            interim.append(message)
        message.interim = interim
        if not to_head and message.status not in (101, 204, 304) and not self.read_body(message):
            message.body = message.wire_body = self.read_rest()
        return message

    def answer_or_end(self):
        """The next answer, or None when the connection ended without a byte of one."""
        try:
            return self.answer()
        except Gone:
            assert len(self.received) == self._at, "the answer was cut"
            return None


def request(method="GET", target="/", *lines, host="lb.example.test", body=None, version="1.1"):
    """The bytes of a request. A body without a framing line gets its Content-Length."""
    head = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        head.append(f"Host: {host}")
    head += lines
    framed = any(re.match(r"(content-length|transfer-encoding)\s*:", line, re.I) for line in lines)
    if body is not None and not framed:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def response(status=200, *lines, body=b"", reason="Whatever", version="1.1"):
    """The bytes of an answer. Without a framing line it gets its Content-Length."""
    head = [f"HTTP/{version} {status} {reason}", *lines]
    framed = any(re.match(r"(content-length|transfer-encoding)\s*:", line, re.I) for line in lines)
    if not framed and status >= 200 and status not in (204, 304):
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def ok(text="ok", *lines):
    return response(200, *lines, body=text.encode())


def chunked(*pieces, trailers=()):
    """A chunked body."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return body + b"0\r\n" + b"".join(line.encode() + b"\r\n" for line in trailers) + b"\r\n"


class Server:
    """A listening socket. Connections wait in it until the test accepts them."""

    def __init__(self, context=None, family=socket.AF_INET, backlog=128):
        self.listener = socket.socket(family)
        self.listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.listener.listen(backlog)
        self.port = self.listener.getsockname()[1]
        self.context = context
        self.links = []
        self._serving = None

    def accept(self, handshake=True):
        """The next connection; waits for it."""
        self.listener.settimeout(PATIENCE_S)
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context and handshake:
            sock.settimeout(PATIENCE_S)
            sock = self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        link = Link(sock, self, len(self.links) + 1)
        self.links.append(link)
        return link

    def is_untouched(self):
        """No connection waits to be accepted."""
        return not select.select([self.listener], [], [], 0)[0]

    def answer(self, data=None):
        """Accepts, reads one request, answers; the link and the request."""
        link = self.accept()
        message = link.read_request()
        link.send(ok() if data is None else data)
        return link, message

    def serve(self, handler=None):
        """Serves by itself from now on, each connection on a thread: handler(link, request) gives
        the answer.
        """
        self._serving = threading.Thread(
            target=self._accept_all, args=(handler or page,), daemon=True
        )
        self._serving.start()

    def _accept_all(self, handler):
        while True:
            try:
                link = self.accept()
            except (OSError, ValueError):
                if self.listener.fileno() < 0:
                    return
                continue
            threading.Thread(target=self._answer_all, args=(link, handler), daemon=True).start()

    @staticmethod
    def _answer_all(link, handler):
        try:
            while True:
                link.send(handler(link, link.read_request()))
        except (Gone, OSError, ValueError):
            link.close()

    def refuse(self):
        """No connection is accepted any more: the port refuses."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def close(self):
        self.refuse()
        if self._serving:
            self._serving.join(PATIENCE_S)
        for link in self.links:
            link.close()


def page(link, message):
    """The answer of a server that serves by itself: says which connection it came on."""
    return ok(f"link {link.number} of {link.server.port}: {message.target.decode('latin-1')}")


def closed_port():
    """A socket bound to a port that refuses connections; keep it to keep the port."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


class Deaf:
    """A port where connecting never succeeds: its queue is full and nobody accepts."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def close(self):
        for one in (*self.fillers, self.listener):
            one.close()
