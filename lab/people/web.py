# SPDX-License-Identifier: Apache-2.0
# A small, fast HTTP/1.1 client on one socket, which does exactly what it is told: no retries, no
# redirects, no pool. It can also stop anywhere in the middle, which is what it exists for.
"""Connections for the isolation measure."""

import socket
import ssl
import struct
from typing import NamedTuple
from urllib.parse import urlsplit


class Closed(Exception):
    """The connection ended before the answer was complete."""


class Answer(NamedTuple):
    status: int
    challenges: list  # values of WWW-Authenticate, bytes
    body: bytes
    closes: bool

    def token(self, scheme):
        """The base64 text a challenge of this scheme carries, None when it carries none."""
        for value in self.challenges:
            name, _, text = value.partition(b" ")
            if name.lower() == scheme.lower().encode() and text:
                return text
        return None

    def field(self, name):
        """The value of `name: value` in a page of the stand-in, None when there is none."""
        wanted = name.encode() + b": "
        for line in self.body.split(b"\n"):
            if line.startswith(wanted):
                return line[len(wanted):].decode("utf-8", "replace").strip()
        return None


class Target:
    """Where to connect and whom to believe. `ca` None: plain HTTP only."""

    def __init__(self, url, resolve=None, ca=None, timeout=30):
        parts = urlsplit(url)
        self.tls = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.tls else 80)
        self.path = parts.path.rstrip("/")
        self.address = resolve or self.host
        self.timeout = timeout
        self.authority = self.host if self.port in (80, 443) else f"{self.host}:{self.port}"
        self.context = ssl.create_default_context(cafile=ca) if self.tls else None
        if self.context:
            self.context.set_alpn_protocols(["http/1.1"])


class Connection:
    """One client connection. Every method may raise Closed."""

    def __init__(self, target):
        self.target = target
        self.buffer = b""
        try:
            self.socket = socket.create_connection((target.address, target.port), target.timeout)
        except OSError as error:
            raise Closed(str(error)) from error
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.context:
                self.socket = target.context.wrap_socket(
                    self.socket, server_hostname=target.host, suppress_ragged_eofs=True
                )
        except OSError as error:  # ssl.SSLError among them
            self.socket.close()
            raise Closed(str(error)) from error

    def certificate(self):
        return self.socket.getpeercert(binary_form=True)

    def request_bytes(self, path, authorization=None, body=None):
        lines = [f"{'GET' if body is None else 'POST'} {self.target.path}{path} HTTP/1.1",
                 f"Host: {self.target.authority}"]
        if authorization:
            lines.append(f"Authorization: {authorization}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Closed(str(error)) from error

    def ask(self, path, authorization=None, body=None):
        self.send(self.request_bytes(path, authorization, body))
        return self.receive()

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("end of stream")
        self.buffer += data

    def _take(self, length):
        while len(self.buffer) < length:
            self._more()
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def _take_until(self, mark):
        while (at := self.buffer.find(mark)) < 0:
            self._more()
        return self._take(at + len(mark))

    def _take_chunked(self):
        body = b""
        while size := int(self._take_until(b"\r\n").split(b";")[0], 16):
            body += self._take(size + 2)[:-2]
        while self._take_until(b"\r\n") != b"\r\n":
            pass
        return body

    def receive(self):
        """The next final answer; interim ones are read over."""
        while True:
            head = self._take_until(b"\r\n\r\n")[:-4].split(b"\r\n")
            status = int(head[0].split(b" ", 2)[1])
            if status >= 200:
                return self._finish(status, head[1:])

    def _finish(self, status, lines):
        length, chunked, closes, challenges = None, False, False, []
        for line in lines:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip()
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                chunked = value.lower() == b"chunked"
            elif name == b"connection":
                closes = value.lower() == b"close"
            elif name == b"www-authenticate":
                challenges.append(value)
        if chunked:
            body = self._take_chunked()
        elif length is not None:
            body = self._take(length)
        else:
            raise Closed(f"answer {status} without a length")
        return Answer(status, challenges, body, closes)

    def close(self, reset=False):
        try:
            if reset:
                self.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            self.socket.close()
        except OSError:
            pass
