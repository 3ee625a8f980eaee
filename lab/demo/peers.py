# SPDX-License-Identifier: Apache-2.0
# The other balancers as running processes, in front of the same servers as Handfast. Each peer owns
# a directory below the one it is given; the process ends with the peer, or with us.
"""HAProxy, nginx, Apache and Caddy as Debian ships them."""

import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass

from lab.demo import peer_configuration
from lab.demo.measure import Way
from lab.embedded.domain import end_process, free_port

ATTEMPTS = 3
START_PATIENCE_S = 10


class PeerError(Exception):
    """A peer that is not installed or does not start; the message says which and why."""


@dataclass(frozen=True)
class Kind:
    """A product: its name, how to ask its version, how to start it, and its ways, a port each."""

    name: str
    version: tuple
    command: tuple  # {file} is its configuration, {directory} its own place
    configuration: object
    ways: tuple


KINDS = (
    Kind("HAProxy", ("haproxy", "-v"), ("haproxy", "-db", "-f", "{file}"),
         peer_configuration.haproxy, ("mode http", "mode tcp")),
    Kind("nginx", ("nginx", "-v"),
         ("nginx", "-e", "{directory}/error.log", "-c", "{file}", "-g", "daemon off;"),
         peer_configuration.nginx, ("http", "http, keepalive", "stream")),
    Kind("Apache", ("apache2", "-v"), ("apache2", "-f", "{file}", "-DFOREGROUND"),
         peer_configuration.apache, ("mod_proxy",)),
    Kind("Caddy", ("caddy", "version"),
         ("caddy", "run", "--config", "{file}", "--adapter", "caddyfile"),
         peer_configuration.caddy, ("reverse_proxy",)),
)


def version_in(text):
    """The first thing that looks like 2.6.12, '?' when nothing does."""
    match = re.search(r"\d+\.\d+\.\d+", text)
    return match.group(0) if match else "?"


class Peer:
    """with Peer(kind, directory, certificate, servers) as peer: peer.ways(ca_file)."""

    def __init__(self, kind, directory, certificate, servers):
        self.kind = kind
        self.directory = os.path.join(directory, f"peer-{kind.name.lower()}")
        self.certificate = certificate
        self.servers = servers
        self.ports = ()
        self.process = None
        self.version = "?"

    def __enter__(self):
        if not shutil.which(self.kind.command[0]):
            raise PeerError(f"{self.kind.command[0]} is not installed: scripts/install peers")
        self.version = self._ask_version()
        os.mkdir(self.directory)
        self._write_joined_certificate()
        for _ in range(ATTEMPTS):  # a port found free may be taken before the peer listens
            if self._start():
                return self
            self._stop()
        raise PeerError(f"{self.kind.name} does not start:\n{self._output()[-2000:]}")

    def __exit__(self, *_):
        self._stop()

    def _ask_version(self):
        done = subprocess.run(self.kind.version, capture_output=True, text=True, check=False)
        return version_in(done.stdout + done.stderr)

    def _write_joined_certificate(self):
        """HAProxy wants chain and key in one file."""
        path = os.path.join(self.directory, "certificate.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as joined:
            for part in self.certificate:
                with open(part, "rb") as file:
                    joined.write(file.read())

    def _start(self):
        """True when every port accepts."""
        self.ports = tuple(free_port() for _ in self.kind.ways)
        file = os.path.join(self.directory, "configuration")
        with open(file, "w", encoding="utf-8") as text:
            text.write(self.kind.configuration(self.directory, self.certificate, self.servers,
                                               self.ports))
        command = [word.format(file=file, directory=self.directory) for word in self.kind.command]
        with open(os.path.join(self.directory, "output"), "ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "HOME": self.directory, "XDG_DATA_HOME": self.directory,
                     "XDG_CONFIG_HOME": self.directory})
        return all(self._accepts(port) for port in self.ports)

    def _accepts(self, port):
        deadline = time.monotonic() + START_PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def _stop(self):
        if self.process:
            end_process(self.process)
            self.process = None

    def _output(self):
        said = ""
        for name in ("output", "error.log"):
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    said += file.read()
        return said

    def ways(self, ca_file):
        return [Way(f"{self.kind.name} {self.version} {name}",
                    (f"https://lb.example.test:{port}/",), "127.0.0.1", ca_file)
                for name, port in zip(self.kind.ways, self.ports)]
