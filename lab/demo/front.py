# SPDX-License-Identifier: Apache-2.0
# One running Handfast of the demo, with the ways through it. It ends with its context, and what it
# wrote goes with it unless somebody wants to read it.
"""with front(...) as running: running.ways, running.balancer"""

import contextlib
import os
import shutil
from dataclasses import dataclass

from lab import balancer
from lab.demo import configuration
from lab.demo.measure import Way
from lab.demo.table import SCHEMES

SERVER_NAMES = ("iis1.example.test", "iis2.example.test")
ALL_SCHEMES = tuple(SCHEMES)


@dataclass
class Front:
    """balancer: the process. ways: the configurations. admin: its socket for `handfast status`.
    name: of the servers behind it, '' when there is only one kind."""

    name: str
    balancer: object
    port: int
    ways: list
    admin: str
    keep_files: bool = False


def ways_through(address, port, ca_file, name="", schemes=ALL_SCHEMES):
    """All that is measured: each configuration is one way."""
    prefix = f"{name}: " if name else ""
    base = f"https://lb.example.test:{port}"
    nodes = tuple(f"https://{name}:{port}/" for name in SERVER_NAMES)
    ways = (("passthrough", nodes, False),
            ("forward, plain to server", (f"{base}/plain/",), False),
            ("forward, TLS to server", (f"{base}/tls/",), False),
            ("redirect + passthrough", (f"{base}/redirect/",), True))
    return [Way(prefix + name, urls, address, str(ca_file), follows, tuple(schemes))
            for name, urls, follows in ways]


@contextlib.contextmanager
def front(address, certificate, ca_file, plain, encrypted, directory, launch=(), env=None,
          name="", schemes=ALL_SCHEMES):
    """A Handfast on a free port of `address`, before servers given as [(name, address)]."""
    admin = os.path.join(directory, f"{name.lower() or 'handfast'}.sock")
    text = configuration.handfast(f"{address}:0", certificate, ca_file, plain, encrypted, admin)
    process = balancer.Balancer(text, prefix=launch, env=env)
    port = process.ports[0]
    ways = ways_through(address, port, ca_file, name, schemes)
    running = Front(name, process, port, ways, admin)
    try:
        with process:
            yield running
    finally:
        if not running.keep_files:
            shutil.rmtree(process.directory, ignore_errors=True)
