# SPDX-License-Identifier: Apache-2.0
"""A name server for the tests: here.example.com and public.example.net exist, nothing else does.

Answers on 127.0.0.1:53 of the network namespace it runs in. Writes a line to the FIFO it is given
once it listens.
"""

import socket
import struct
import sys

KNOWN = {b"\4here\7example\3com\0", b"\6public\7example\3net\0"}
RECURSES, ANSWERS, NO_SUCH_NAME = 0x0180, 0x8000, 3
TYPE_A = 1


def answer(query):
    identity, flags = struct.unpack("!HH", query[:4])
    end = query.index(b"\0", 12) + 1
    name = query[12:end].lower()
    kind = struct.unpack("!H", query[end:end + 2])[0]
    question = query[12:end + 4]
    record = b""
    if name in KNOWN and kind == TYPE_A:
        record = struct.pack("!HHHIH4s", 0xC00C, TYPE_A, 1, 60, 4, bytes((192, 0, 2, 1)))
    flags = ANSWERS | RECURSES | (flags & 0x7800) | (0 if name in KNOWN else NO_SUCH_NAME)
    header = struct.pack("!HHHHHH", identity, flags, 1, 1 if record else 0, 0, 0)
    return header + question + record


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    with open(sys.argv[1], "w", encoding="ascii") as started:
        started.write("ready\n")
    while True:
        query, sender = server.recvfrom(4096)
        server.sendto(answer(query), sender)


if __name__ == "__main__":
    main()
