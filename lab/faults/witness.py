# SPDX-License-Identifier: Apache-2.0
# The eyes of the proofs: HTTP/1.1 on one socket into a stage's network, with NTLM by hand. Does
# what it is told and nothing more; shares no code with what is being examined.
"""with Talk(place, address, port, name) as talk: talk.ask("/"), talk.ntlm("alice")"""

import base64
import socket
import ssl

from lab.embedded.domain import NETBIOS_DOMAIN, password
from lab.people import ntlm


class Answer:
    """status 0: none came."""

    def __init__(self, head=b"", body=b""):
        lines = head.split(b"\r\n")
        words = lines[0].split(b" ", 2)
        self.version = words[0].decode("latin-1")
        self.status = int(words[1]) if len(words) > 1 else 0
        self.fields = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            self.fields.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
        self.body = body

    def all(self, name):
        return [value for found, value in self.fields if found == name.lower()]

    def one(self, name):
        return (self.all(name) or [""])[0]

    def token(self, scheme):
        for value in self.all("WWW-Authenticate"):
            word, _, text = value.partition(" ")
            if word.lower() == scheme.lower() and text:
                return text
        return None

    @property
    def person(self):
        for line in self.body.decode("utf-8", "replace").splitlines():
            if line.startswith("person: "):
                return line[8:]
        return None

    @property
    def server(self):
        for line in self.body.decode("utf-8", "replace").splitlines():
            if line.startswith("server: "):
                return line[8:]
        return None


class Talk:
    """One connection. `name` None: no TLS server name is sent; `tls` False: in clear."""

    def __init__(self, place, address, port=443, name="lb.example.test", tls=True, alpn="http/1.1",
                 newest=None):
        self.name = name
        self.address = (address, port)
        self.buffer = b""
        self.socket = place.namespace.connect(address, port)
        self.socket.settimeout(20)
        self.alpn = None
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(alpn.split(","))
            if newest:
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = newest
            try:
                self.socket = context.wrap_socket(self.socket, server_hostname=name,
                                                  suppress_ragged_eofs=True)
            except OSError:
                self.socket.close()
                raise
            self.alpn = self.socket.selected_alpn_protocol()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def leaf(self):
        return self.socket.getpeercert(binary_form=True)

    def tls_version(self):
        return self.socket.version()

    def ask(self, path="/", authorization=None, method="GET", body=None, fields=(), host=None):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or self.name or 'lb.example.test'}",
                 *fields]
        if authorization:
            lines.append(f"Authorization: {authorization}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")
        try:
            self.socket.sendall(data)
            return self._receive(method)
        except (OSError, EOFError):
            return Answer()

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def _take(self, size):
        while len(self.buffer) < size:
            self._more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _take_line(self, end=b"\r\n"):
        while end not in self.buffer:
            self._more()
        taken, _, self.buffer = self.buffer.partition(end)
        return taken

    def _receive(self, method):
        answer = Answer(self._take_line(b"\r\n\r\n"))
        while answer.status in range(100, 200):
            answer = Answer(self._take_line(b"\r\n\r\n"))
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        if answer.one("Transfer-Encoding").lower() == "chunked":
            while size := int(self._take_line().split(b";")[0], 16):
                answer.body += self._take(size + 2)[:-2]
            while self._take_line():
                pass
        elif answer.all("Content-Length"):
            answer.body = self._take(int(answer.one("Content-Length")))
        else:
            try:
                while True:
                    self._more()
            except EOFError:
                answer.body, self.buffer = self.buffer, b""
        return answer

    def has_ended(self, wait_s=1.0):
        self.socket.settimeout(wait_s)
        try:
            return self.socket.recv(1) == b""
        except (socket.timeout, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def ntlm(self, person, scheme="NTLM", secret=None, binding=None, spn=None, path="/"):
        """Both legs on this connection; [answer to Type 1, answer to Type 3]. The second is an
        empty answer when there was no Type 2."""
        first = ntlm.negotiate()
        asked = self.ask(path, f"{scheme} {base64.b64encode(first).decode()}")
        text = asked.token(scheme)
        if not text:
            return asked, Answer()
        third = ntlm.authenticate(first, base64.b64decode(text), person, NETBIOS_DOMAIN,
                                  ntlm.nt_hash(secret or password(person)), binding=binding,
                                  spn=spn)
        return asked, self.ask(path, f"{scheme} {base64.b64encode(third).decode()}")

    def challenge(self, scheme="NTLM"):
        """Asks with a Type 1; the server's names, {} without a Type 2."""
        first = ntlm.negotiate()
        text = self.ask("/", f"{scheme} {base64.b64encode(first).decode()}").token(scheme)
        return ntlm.Challenge(base64.b64decode(text)).info if text else {}
