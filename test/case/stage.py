# SPDX-License-Identifier: Apache-2.0
# One Handfast between scripted servers and raw clients, for one test. Owns everything it opens;
# at the end Handfast must come back to nothing, no token may stand in what it wrote, and nothing
# may have waited for the drain deadline.
"""with Stage(papers, ...) as stage: client = stage.client(); link = stage.server.accept()"""

import contextlib
import json
import os
import re
import select
import signal
import socket
import ssl
import time

from lab.balancer import Balancer, binary
from scripted import PATIENCE_S, Client, Server

SECRET = re.compile(
    rb"(?i)(?:authorization|authenticate):[ \t]*[a-z0-9-]+[ \t]+([A-Za-z0-9+/]{16,}=*)"
)

with open(binary(), "rb") as program:
    BINARY = program.read()


class Papers:
    """Certificates of a lab authority, and TLS contexts made of them."""

    def __init__(self, authority):
        self.authority = authority
        self.ca_file = authority.ca_file

    def pair(self, name):
        return self.authority.pair(name)

    def trusting(self, alpn=("http/1.1",)):
        context = ssl.create_default_context(cafile=self.ca_file)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # a cut is not a close
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def showing(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        pair = self.pair(name)
        context.load_cert_chain(pair.chain, pair.key)
        return context


class Stage:
    """`pool`, `site`, `route`, `listener`, `timeouts`, `limits` are merged into an ordinary
    configuration, and `edit(config, stage)` may change all of it. servers: how many scripted ones,
    named iis1, iis2, …
    """

    HOST = "lb.example.test"

    def __init__(
        self,
        papers,
        servers=1,
        *,
        workers=1,
        pool=None,
        site=None,
        route=None,
        listener=None,
        timeouts=None,
        limits=None,
        to_tls=False,
        edit=None,
        options=None,
        prefix=(),
        may_be_cut=False,
    ):
        self.papers = papers
        self.options = options  # for `edit`
        self.written = b""  # all that was logged, when it has ended
        self.may_be_cut = may_be_cut
        self.peers = []
        self.servers = []
        for number in range(1, servers + 1):
            context = papers.showing(f"iis{number}-ecdsa") if to_tls else None
            self.servers.append(Server(context))
        self.config = self._config(workers, pool, site, route, listener, timeouts, limits, to_tls)
        if edit:
            edit(self.config, self)
        try:
            self.balancer = Balancer(self.text(), prefix=prefix)
        except BaseException:
            self._close_all()
            raise

    def _config(self, workers, pool, site, route, listener, timeouts, limits, to_tls):
        pair = self.papers.pair("lb-ecdsa")
        config = {
            "workers": workers,
            "listeners": [
                {"bind": "127.0.0.1:0", "tls": True, **(listener or {})},
                {"bind": "127.0.0.1:0", "tls": False, **(listener or {})},
            ],
            "sites": [
                {
                    "name": "portal",
                    "hosts": [self.HOST],
                    "plain_http": "serve",
                    "certificates": [{"chain": pair.chain, "key": pair.key}],
                    "routes": [{"path": "/", "forward": "main", **(route or {})}],
                    **(site or {}),
                }
            ],
            "pools": [
                self.pool(
                    "main",
                    **({"tls": {"ca": self.papers.ca_file}} if to_tls else {}),
                    **(pool or {}),
                )
            ],
            "timeouts": {"drain": "4s", **(timeouts or {})},
        }
        if limits:
            config["limits"] = limits
        return config

    def pool(self, name, servers=None, **options):
        """A pool of scripted servers (all, when none are given), without checks: only the test
        knocks at them.
        """
        chosen = self.servers if servers is None else servers
        return {
            "name": name,
            "health": {"check": "none"},
            **options,
            "servers": [
                {
                    "name": f"iis{self.servers.index(server) + 1}.example.test",
                    "address": f"127.0.0.1:{server.port}",
                }
                for server in chosen
            ],
        }

    def text(self):
        """The configuration as a file: JSON is YAML."""
        return json.dumps(self.config, indent=1)

    # -- what tests use

    @property
    def server(self):
        return self.servers[0]

    @property
    def pid(self):
        return self.balancer.process.pid

    @property
    def port(self):
        return self.balancer.ports[0]

    @property
    def plain_port(self):
        return self.balancer.ports[1]

    def socket(self, port, source=None, address="127.0.0.1"):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(source)
        sock.connect((address, port))
        return sock

    def keep(self, peer):
        self.peers.append(peer)
        return peer

    def client(self, name=HOST, alpn=("http/1.1",), source=None, port=None, context=None):
        """A client that speaks TLS."""
        raw = self.socket(port or self.port, source)
        context = context or self.papers.trusting(alpn)
        return self.keep(
            Client(context.wrap_socket(raw, server_hostname=name, suppress_ragged_eofs=False))
        )

    def plain(self, source=None, port=None, address="127.0.0.1"):
        """A client of the plain listener; with `port`, raw bytes to that listener."""
        return self.keep(Client(self.socket(port or self.plain_port, source, address)))

    def raw(self):
        """Raw bytes to the TLS listener."""
        return self.plain(port=self.port)

    def log(self, what=None):
        return self.balancer.log(what)

    def wait_for_log(self, **wanted):
        """The first log line that has all these."""
        return self.balancer.wait_for_log(
            lambda line: all(line.get(key) == value for key, value in wanted.items()), PATIENCE_S
        )

    def is_untouched(self):
        """No connection waits at any server that accepts connections at all."""
        return all(
            server.is_untouched() for server in self.servers if server.listener.fileno() >= 0
        )

    def knocked(self):
        """The server at which the next connection waits."""
        listeners = {
            server.listener: server for server in self.servers if server.listener.fileno() >= 0
        }
        ready = select.select(list(listeners), [], [], PATIENCE_S)[0]
        assert ready, "no connection came"
        return listeners[ready[0]]

    def drain(self):
        """TERM, and wait until it has arrived everywhere: no listener takes connections any more."""
        self.balancer.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                self.socket(self.plain_port).close()
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue
        raise AssertionError("still listening")

    @property
    def memory_slack_kib(self):
        """How much a test that moves tens of megabytes may add. A sanitizer keeps what was freed
        for a while.
        """
        return 8 * 1024 if b"__asan_init" not in BINARY else 512 * 1024

    @contextlib.contextmanager
    def frozen(self):
        """Handfast stands still: all that happens inside happens to it at once, in that order."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            while not all(state == "T" for state in self._thread_states()):
                pass
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def _thread_states(self):
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/stat", encoding="ascii") as file:
                yield file.read().rpartition(")")[2].split()[0]

    def memory_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self):
        """Descriptors of sockets that Handfast holds."""
        directory = f"/proc/{self.pid}/fd"
        count = 0
        for name in os.listdir(directory):
            try:
                count += os.readlink(f"{directory}/{name}").startswith("socket:")
            except OSError:
                pass
        return count

    # -- the end

    def _close_all(self):
        for peer in self.peers:
            peer.close()
        for server in self.servers:
            server.close()

    def secrets(self):
        """Every token that was on the wire."""
        peers = self.peers + [link for server in self.servers for link in server.links]
        found = set()
        for peer in peers:
            for data in (bytes(peer.sent), bytes(peer.received)):
                found.update(SECRET.findall(data[: 1 << 20]))
        return found

    def check_nothing_leaked(self):
        with open(self.balancer.log_file, "rb") as log, open(
            self.balancer.error_file, "rb"
        ) as errors:
            self.written = log.read() + errors.read()
        for secret in self.secrets():
            for part in (secret, secret[:24], secret[-24:]):
                assert part not in self.written, f"a token is in the log: {part!r}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._close_all()
        self.balancer.stop()
        if not kind:
            self.check_nothing_leaked()
        cut = [line for line in self.log() if line.get("end") == "drained"]
        self.balancer.__exit__(kind)
        assert kind or self.may_be_cut or not cut, f"left until the drain deadline: {cut}"
