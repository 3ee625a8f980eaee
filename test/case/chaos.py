#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# A relay that lets connections down. It stands between Handfast and a server and, decided by a
# seeded random number for every connection, closes or resets it before, between or after the
# pieces that pass. Never changes or swaps a byte.
"""chaos.py --seed N --doom P PORT ...: one listening port for each PORT, printed on the first line;
ends with stdin.
"""

import argparse
import random
import selectors
import socket
import struct
import sys
import time

HOW = ("close", "reset", "cut", "answer-then-close", "hush")
PIECES_MAX = 24
HUSH_S = 0.03


class Side:
    """One socket of a pair, and what still has to be written to it."""

    def __init__(self, sock, pair):
        self.socket = sock
        self.pair = pair
        self.waiting = b""
        self.is_shut = False


class Pair:
    """A connection from Handfast and ours to the server, with its fate."""

    def __init__(self, relay, near, far):
        self.relay = relay
        self.near = Side(near, self)
        self.far = Side(far, self)
        self.pieces = 0
        doomed = relay.random.random() < relay.doom
        self.doom = relay.random.randrange(PIECES_MAX) if doomed else None
        self.how = relay.random.choice(HOW)
        self.is_open = True
        for side in (self.near, self.far):
            side.socket.setblocking(False)
            side.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            relay.selector.register(side.socket, selectors.EVENT_READ, side)

    def other(self, side):
        return self.far if side is self.near else self.near

    def end(self, reset=False):
        if not self.is_open:
            return
        self.is_open = False
        for side in (self.near, self.far):
            self.relay.selector.unregister(side.socket)
            if reset:
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.socket.close()

    def meet_fate(self, side, data):
        """The piece at which this pair goes down; True when it has gone."""
        if self.doom is None or self.pieces != self.doom:
            return False
        self.relay.downs += 1
        if self.how == "hush":  # everything passes, and a moment later, in silence, it is over
            self.relay.later.append((time.monotonic() + self.relay.random.random() * HUSH_S, self))
            return False
        if self.how == "cut":
            self.put(self.other(side), data[: self.relay.random.randrange(len(data) + 1)])
        if self.how == "answer-then-close":
            self.put(self.other(side), data)
        self.end(reset=self.how in ("reset", "cut"))
        return True

    def put(self, side, data):
        side.waiting += data
        self.flush(side)

    def flush(self, side):
        try:
            sent = side.socket.send(side.waiting) if side.waiting else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.end(reset=True)
            return
        side.waiting = side.waiting[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if side.waiting else 0)
        self.relay.selector.modify(side.socket, events, side)

    def read(self, side):
        try:
            data = side.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            self.end(reset=True)
            return
        if not data:
            self.end()
        elif not self.meet_fate(side, data):
            self.pieces += 1
            self.put(self.other(side), data)


class Relay:
    def __init__(self, seed, doom):
        self.random = random.Random(seed)
        self.doom = doom
        self.downs = 0
        self.later = []
        self.selector = selectors.DefaultSelector()

    def listen(self, target):
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, (listener, target))
        return listener.getsockname()[1]

    def accept(self, listener, target):
        try:
            near, _ = listener.accept()
        except OSError:
            return
        if self.random.random() < self.doom / 20:  # not a word
            self.downs += 1
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", target), 5)
        except OSError:
            near.close()
            return
        Pair(self, near, far)

    def handle(self, data, events):
        if isinstance(data, tuple):
            self.accept(*data)
            return
        if events & selectors.EVENT_WRITE:
            data.pair.flush(data)
        if events & selectors.EVENT_READ and data.pair.is_open:
            data.pair.read(data)

    def run(self):
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        while True:
            for key, events in self.selector.select(HUSH_S):
                if key.data is None:
                    return
                if not isinstance(key.data, Side) or key.data.pair.is_open:
                    self.handle(key.data, events)
            now = time.monotonic()
            for due, pair in [item for item in self.later if item[0] <= now]:
                pair.end()
            self.later = [item for item in self.later if item[0] > now]


def main(arguments):
    parser = argparse.ArgumentParser(description="Relay connections and let some of them down.")
    parser.add_argument("--seed", required=True)
    parser.add_argument(
        "--doom", type=float, default=0.5, help="share of connections that go down (0.5)"
    )
    parser.add_argument("ports", type=int, nargs="+")
    options = parser.parse_args(arguments)
    relay = Relay(options.seed, options.doom)
    print(*[relay.listen(port) for port in options.ports], flush=True)
    relay.run()
    print(relay.downs, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
