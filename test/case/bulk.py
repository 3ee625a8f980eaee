# SPDX-License-Identifier: Apache-2.0
# Much data through one connection: what is sent is what arrives, by digest, and a writer can be
# held up on purpose. Never keeps what it moves.
"""pour, drink, stuck, and Job to do two things at once."""

import hashlib
import threading

MIB = 1 << 20


def pour(peer, total, block=bytes(range(256)) * 256):
    """Sends that many bytes; the digest of them."""
    digest = hashlib.sha256()
    peer.keeps = False
    for at in range(0, total, len(block)):
        piece = block[: total - at]
        peer.socket.sendall(piece)
        digest.update(piece)
    return digest.hexdigest()


def drink(peer, total):
    """Reads that many bytes that follow what was read so far; the digest."""
    digest = hashlib.sha256()
    first = peer.take_buffered(total)
    digest.update(first)
    total -= len(first)
    while total:
        data = peer.socket.recv(min(total, 1 << 18))
        assert data, "it ended early"
        digest.update(data)
        total -= len(data)
    return digest.hexdigest()


class Job(threading.Thread):
    """A function on a thread; `result` waits for it and raises what it raised."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.work = (function, arguments)
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            function, arguments = self.work
            self.value = function(*arguments)
        except Exception as error:
            self.error = error

    def result(self):
        self.join(60)
        assert not self.is_alive(), "it hangs"
        if self.error:
            raise self.error
        return self.value


def stuck(peer, block=b"x" * 65536):
    """Writes until the other side takes no more; how much went out."""
    peer.keeps = False
    peer.socket.settimeout(1)
    total = 0
    try:
        while True:
            total += peer.socket.send(block)
    except TimeoutError:
        return total
