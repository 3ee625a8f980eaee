# SPDX-License-Identifier: Apache-2.0
"""The proxies under measurement: their configurations made from templates, started and stopped.

Each runs alone on the proxy's core with one worker, no access log, and its doors on ports of the
kernel's choosing: pass (TCP by SNI), http and tls (forward), login (forward to the stand-in of
IIS). Every started process is stopped by
the object that started it.
"""

import os
import re
import shutil
import signal
import socket
import string
import subprocess
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
DESCRIPTORS = 18000


def free_ports(count):
    """Ports free on loopback now; held together so that they differ."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def put_first(pid):
    """Real-time priority for a process (0: this one) and what it starts, where that is permitted.

    Proxies, load, origin and stand-in all have the same. It is for machines that do other work
    too: a nice value would only count within one session.
    """
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass


def pinned(core):
    """A preexec function that keeps the child on one core, before everything else there."""
    def settle():
        os.sched_setaffinity(0, {core})
        put_first(0)
    return settle


class Product:
    """One proxy. Subclasses say how it is found, configured and started."""

    name = ""
    template = ""
    doors = ("pass", "http", "tls", "login")

    def __init__(self, binary):
        self.binary = binary
        self.process = None
        self.ports = {}
        self.log = None

    @classmethod
    def find(cls):
        """An object for the installed product, or None."""
        binary = shutil.which(cls.name) or shutil.which(f"/usr/sbin/{cls.name}")
        return cls(binary) if binary else None

    def version(self):
        raise NotImplementedError

    def command(self, config):
        raise NotImplementedError

    def values(self, world, idle_clients):
        """Extra template values; idle_clients > 0 asks for one link for each client."""
        return {}

    def start(self, world, core, idle_clients=0):
        """Starts on one core and waits until all doors answer."""
        directory = Path(world.directory) / f"{self.name}-{time.monotonic_ns()}"
        directory.mkdir()
        self.ports = dict(zip(self.doors, free_ports(len(self.doors))))
        values = dict(world.values, directory=directory, descriptors=DESCRIPTORS)
        values.update({f"{door}_port": port for door, port in self.ports.items()})
        values.update(self.values(world, idle_clients))
        config = directory / self.template
        text = (BENCH / "peers" / self.template).read_text()
        config.write_text(string.Template(text).substitute(values))
        self.log = directory / "output"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(self.command(config), stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output,
                                            preexec_fn=pinned(core))
        self.await_doors()

    def await_doors(self, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        for port in self.ports.values():
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if self.process.poll() is not None or time.monotonic() > deadline:
                        said = self.said()
                        self.stop()
                        raise RuntimeError(f"{self.name} did not start:\n{said}") from None
                    time.sleep(0.05)
        time.sleep(0.3)

    def said(self):
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-2000:] if self.log else ""

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class HAProxy(Product):
    name = "haproxy"
    template = "haproxy.cfg"

    def version(self):
        said = subprocess.run([self.binary, "-v"], capture_output=True, text=True, check=True)
        return re.search(r"version (\S+)", said.stdout).group(1)

    def command(self, config):
        return [self.binary, "-db", "-f", str(config)]

    def values(self, world, idle_clients):
        return {"http_reuse": "never" if idle_clients else "safe"}


class Nginx(Product):
    name = "nginx"
    template = "nginx.cfg"
    doors = ("pass", "http", "tls")

    def version(self):
        said = subprocess.run([self.binary, "-v"], capture_output=True, text=True, check=True)
        return re.search(r"nginx/(\S+)", said.stderr).group(1)

    def command(self, config):
        return [self.binary, "-c", str(config), "-p", str(config.parent)]

    def values(self, world, idle_clients):
        # nginx has no link of a client's own. As many server addresses as clients, taken in turn,
        # leave it with as many idle links as clients, which is the same work for its memory.
        hosts = ["127.0.0.1"]
        if idle_clients:
            hosts = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(idle_clients)]
        servers = "\n".join(f"        server {host}:{world.values['origin_http']};"
                            for host in hosts)
        return {"web_servers": servers, "web_keepalive": max(256, idle_clients),
                "nginx_stream_module": "/usr/lib/nginx/modules/ngx_stream_module.so"}


class Handfast(Product):
    name = "handfast"
    template = "handfast.yaml"

    @classmethod
    def find(cls):
        """The one just built; else one that is installed."""
        built = sorted(BENCH.parent.glob("build*/src/handfast"),
                       key=lambda path: path.stat().st_mtime)
        return cls(str(built[-1])) if built else super().find()

    def version(self):
        said = subprocess.run([self.binary, "--version"], capture_output=True, text=True,
                              check=True)
        return said.stdout.strip().split()[-1]

    def command(self, config):
        return [self.binary, "serve", "-c", str(config)]
