# SPDX-License-Identifier: Apache-2.0
# Servers and balancers that do what none should, for looks that must survive them. Each is a thread
# of the test; none outlives its `with`.
"""with Rude(scenario) as rude: rude.port        scenario(connection) gets every accepted socket"""

import base64
import os
import re
import socket
import ssl
import struct
import threading


class Rude:
    """Listens on a port of its own; each connection is given to `serve` in a thread of its own."""

    def __init__(self, serve, context=None):
        self.serve, self.context = serve, context
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        self.open, self.lock = set(), threading.Lock()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        with self.lock:
            for connection in self.open:
                _end(connection)
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        self.listener.close()

    def _accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.open.add(connection)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _run(self, connection):
        below = connection
        try:
            if self.context:
                # the descriptor moves into the TLS socket
                connection = self.context.wrap_socket(connection, server_side=True)
                with self.lock:
                    self.open.discard(below)
                    self.open.add(connection)
            self.serve(connection)
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(below)
                self.open.discard(connection)
            connection.close()


def _end(connection):
    try:
        # not of ssl: that would begin to shake hands
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass


def read_head(connection):
    """One request head; None when the other side has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    return data


def answers(make):
    """A scenario: every request head on a connection is answered with what `make` says of it."""
    def serve(connection):
        while (head := read_head(connection)) is not None:
            connection.sendall(make(head))
    return serve


def status(line, *fields, body=b""):
    head = [f"HTTP/1.1 {line}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def server_context(pair, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.chain, pair.key)
    for name, value in options.items():
        setattr(context, name, value)
    return context


def hasty_router(target_port):
    """A balancer that looks once at what has arrived, and wants the whole ClientHello in it."""
    def serve(connection):
        first = connection.recv(65536)
        if len(first) < 5 or len(first) < 5 + int.from_bytes(first[3:5], "big"):
            return
        with socket.create_connection(("127.0.0.1", target_port)) as server:
            server.sendall(first)
            back = threading.Thread(target=_copy, args=(server, connection), daemon=True)
            back.start()
            _copy(connection, server)
            back.join(10)
    return serve


def _copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    _end(target)


def type2():
    """A challenge as a server of no domain sends it, base64."""
    def pair(number, text):
        data = text.encode("utf-16le")
        return struct.pack("<HH", number, len(data)) + data
    domain = "EXAMPLE".encode("utf-16le")
    info = (pair(2, "EXAMPLE") + pair(1, "RUDE") + pair(4, "example.test") +
            pair(3, "rude.example.test") + struct.pack("<HHQ", 7, 8, 0x01d9000000000000) + pair(0, ""))
    message = (b"NTLMSSP\0" + struct.pack("<IHHI", 2, len(domain), len(domain), 56) +
               struct.pack("<I", 0xe28a8235) + os.urandom(8) + bytes(8) +
               struct.pack("<HHI", len(info), len(info), 56 + len(domain)) +
               bytes([10, 0, 0x61, 0x58, 0, 0, 0, 15]) + domain + info)
    return base64.b64encode(message).decode()


def ntlm_type(head):
    """1 or 3: which message the request brings; 0: none."""
    found = re.search(rb"(?i)\r\nauthorization: \S+ (\S+)", head)
    token = base64.b64decode(found[1]) if found else b""
    at = token.find(b"NTLMSSP\0")
    return token[at + 8] if at >= 0 else 0


class Ntlm:
    """A scenario: a server that offers NTLM, and does `last(connection)` when a Type 3 comes.

    `type3` counts those. Without `last` it lets everybody in.
    """

    def __init__(self, last=None):
        self.last, self.type3, self.lock = last, 0, threading.Lock()

    def __call__(self, connection):
        while (head := read_head(connection)) is not None:
            kind = ntlm_type(head)
            if kind == 3:
                with self.lock:
                    self.type3 += 1
                if self.last:
                    self.last(connection)
                    continue
            offer = f"WWW-Authenticate: NTLM {type2()}" if kind == 1 else "WWW-Authenticate: NTLM"
            connection.sendall(self.page() if kind == 3 else status("401 Unauthorized", offer))

    def page(self):
        return status("200 OK")


def ntlm_user(head):
    """Whom a Type 3 names (MS-NLMP 2.2.1.3, UserNameFields)."""
    token = base64.b64decode(re.search(rb"(?i)\r\nauthorization: \S+ (\S+)", head)[1])
    size, _, at = struct.unpack_from("<HHI", token, 36)
    return token[at:at + size].decode("utf-16le")


class Careless:
    """A scenario: a server that mixes people up. Who logs in gets a page of their own; whoever asks
    again on that connection gets the page of somebody else who has logged in.
    """

    def __init__(self):
        self.people = []

    def __call__(self, connection):
        user = None
        while (head := read_head(connection)) is not None:
            kind = ntlm_type(head)
            if kind == 3:
                user = ntlm_user(head)
                self.people.append(user)
                connection.sendall(self.page(user))
            elif user and not kind:
                connection.sendall(self.page(self.other(user)))
            else:
                offer = f"NTLM {type2()}" if kind == 1 else "NTLM"
                connection.sendall(status("401 Unauthorized", f"WWW-Authenticate: {offer}"))

    def other(self, user):
        return next((other for other in self.people if other != user), user)

    @staticmethod
    def page(user):
        return status("200 OK", body=f"You are {user}.".encode())
