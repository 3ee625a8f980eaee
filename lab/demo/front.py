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

SERVER_NAMES = ("iis1.example.test", "iis2.example.test")


@dataclass
class Front:
    """balancer: the process. ways: the configurations. admin: its socket for `handfast status`."""

    balancer: object
    port: int
    ways: list
    admin: str
    keep_files: bool = False


def ways_through(address, port, ca_file, prefix="", schemes=("krb", "krb401", "ntlm")):
    """All that is measured: each configuration is one way."""
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
          prefix="", schemes=("krb", "krb401", "ntlm")):
    """A Handfast on a free port of `address`, before servers given as [(name, address)]."""
    admin = os.path.join(directory, f"{prefix.strip(': ').lower() or 'handfast'}.sock")
    text = configuration.handfast(f"{address}:0", certificate, ca_file, plain, encrypted, admin)
    process = balancer.Balancer(text, prefix=launch, env=env)
    port = process.ports[0]
    running = Front(process, port, ways_through(address, port, ca_file, prefix, schemes), admin)
    try:
        with process:
            yield running
    finally:
        if not running.keep_files:
            shutil.rmtree(process.directory, ignore_errors=True)
