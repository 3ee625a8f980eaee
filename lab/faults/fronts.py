#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Small fronts with one fault each that no common product can be configured to have. Relays bytes to
# one node; ends with its parent's network.
"""fronts.py first-segment|plain-http|deaf|bad-head ADDRESS"""

import socket
import sys
import threading

FRONT = ("127.0.0.30", 443)
SEGMENT = 1400


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end, how in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def relay(client, node, first):
    with socket.create_connection((node, 443)) as server:
        server.sendall(first)
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join()


def first_segment(client, node):
    """A router that looks for the server name in the first segment only, and gives up when the
    ClientHello is longer than that."""
    first = client.recv(SEGMENT)
    length = int.from_bytes(first[3:5], "big") + 5 if len(first) >= 5 else 0
    if length > len(first):
        return
    relay(client, node, first)


def plain_http(client, _node):
    """A server that speaks HTTP in clear on the port of TLS."""
    client.settimeout(5)
    data = client.recv(4096)
    status = "200 OK" if data[:4] in (b"GET ", b"HEAD") else "400 Bad Request"
    page = b"<html><body>hello</body></html>\n"
    client.sendall(f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nConnection: close\r\n"
                   f"Content-Length: {len(page)}\r\n\r\n".encode() + page)


def deaf(client, _node):
    """Accepts and says nothing: a balancer whose nodes do not answer it."""
    client.settimeout(60)
    while client.recv(4096):
        pass


def bad_head(client, _node):
    """Asks for a login in an answer with a name that is none."""
    client.settimeout(5)
    client.recv(65536)
    client.sendall(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n"
                   b"WWW-Authenticate: NTLM\r\nX My Header: v\r\nContent-Length: 0\r\n\r\n")


KINDS = {"bad-head": bad_head, "first-segment": first_segment, "plain-http": plain_http,
         "deaf": deaf}


def serve(kind, node):
    def one(client):
        with client:
            try:
                KINDS[kind](client, node)
            except OSError:
                pass

    with socket.create_server(FRONT, backlog=64) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=one, args=(client,), daemon=True).start()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "127.0.0.21")
