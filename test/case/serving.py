# SPDX-License-Identifier: Apache-2.0
# A Handfast with its admin API before servers that a test can make ill and well again. For what runs beside the traffic:
# checks, status, metrics, reload. Owns everything it starts; nothing here waits for a fixed time.
"""with Serving(config(...)) as serving: serving.get("/status"), serving.metrics(), serving.server("main", "iis1")"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from lab.balancer import Balancer, binary

PATIENCE_S = 20
HOST = "lb.example.test"


def until(condition, what="it"):
    """The first value of `condition()` that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {PATIENCE_S} s")


class Backend:
    """A small HTTP/1.1 server. `answer` is a whole answer in bytes, or None: it reads and stays silent. Requests are
    kept in `seen`, first line and Host. TLS with a context. With `speaks` False it hangs up at the first byte."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", context=None, speaks=True):
        self.answer = answer
        self.context = context
        self.speaks = speaks
        self.seen = []
        self.connections = 0
        self.port = 0
        self._open = []
        self._lock = threading.Lock()
        self.start()

    def start(self):
        """Listens, again at the same port after a stop."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self):
        """From now on connections are refused, and those that are open end."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self._open = []

    def _accept(self, listener):
        while True:
            try:
                sock = listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            with self._lock:
                self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            if not self.speaks:
                sock.recv(1)
                sock.close()
                return
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as lines:
                while self._one(sock, lines):
                    pass
        except OSError:
            pass

    def _one(self, sock, lines):
        head = []
        while (line := lines.readline()) != b"\r\n":
            if not line:
                return False
            head.append(line)
        fields = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in head[1:]}
        self.seen.append((head[0].strip().decode(), fields.get(b"host", b"").decode()))
        if self.answer is None:
            lines.read(1)
            return False
        sock.sendall(self.answer)
        return fields.get(b"connection", b"") != b"close"

    def asked(self, start):
        return [seen for seen in self.seen if seen[0].startswith(start)]


def pool(name, *servers, health=None, **options):
    """servers: (name, port)"""
    return {"name": name, "health": health or {"check": "none"}, **options,
            "servers": [{"name": n, "address": f"127.0.0.1:{port}"} for n, port in servers]}


def config(*pools, workers=2, routes=None, **top):
    """One plain site that forwards everything to the first pool."""
    routes = routes or [{"path": "/", "forward": pools[0]["name"]}]
    return {"workers": workers, "listeners": [{"bind": "127.0.0.1:0", "tls": False}],
            "sites": [{"name": "portal", "hosts": [HOST], "plain_http": "serve", "routes": routes}],
            "pools": list(pools), "timeouts": {"drain": "4s", "idle": "60s"}, **top}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


class Metrics:
    """Parsed strictly: each sample belongs to a family whose HELP and TYPE stand before it, once."""

    SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)\Z')
    LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        self.families, self.samples = {}, {}
        assert text.endswith("\n")
        helped, family = set(), None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ", 3)[2]
                assert family not in helped, f"{family} stands there twice"
                assert line.split(" ", 3)[3]
                helped.add(family)
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name == family and kind in ("counter", "gauge", "histogram")
                self.families[name] = kind
            else:
                self._sample(line, family)

    def _sample(self, line, family):
        match = self.SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        name, labels, value = match.groups()
        kind = self.families[family]
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        assert name in [family + end for end in ends], f"{name} stands under {family}"
        assert kind != "counter" or name.endswith("_total"), name
        pairs = tuple(sorted((k, re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), v))
                             for k, v in self.LABEL.findall(labels or "")))
        assert (name, pairs) not in self.samples, f"{line} stands there twice"
        self.samples[name, pairs] = float(value)

    def __call__(self, sample, /, **labels):
        return self.samples[sample, tuple(sorted(labels.items()))]


class Serving(Balancer):
    def __init__(self, content, prefix=(), env=None):
        self.content = {"admin": "admin.sock", "metrics": "127.0.0.1:0", **content}
        super().__init__(json.dumps(self.content), prefix=prefix, env=env)
        self.socket_path = os.path.join(self.directory, "admin.sock")

    @property
    def port(self):
        return self.ports[0]

    @property
    def metrics_port(self):
        return int(re.search(r"metrics at http://\S+:(\d+)/metrics", self.errors())[1])

    def rewrite(self, content):
        """Puts another configuration in place; nobody has read it yet."""
        self.content = {"admin": "admin.sock", "metrics": "127.0.0.1:0", **content}
        self.write(json.dumps(self.content))

    def change(self, content):
        """Reloads with it; what was said."""
        self.rewrite(content)
        return self.reload()

    def ask(self, method, path, body=None):
        """Status, fields and body of an answer of the admin API."""
        connection = UnixConnection(self.socket_path)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path):
        status, fields, body = self.ask("GET", path)
        assert status == 200 and fields["Content-Type"] == "application/json", (status, body)
        return json.loads(body)

    def metrics(self):
        status, _, body = self.ask("GET", "/metrics")
        assert status == 200
        return Metrics(body.decode())

    def server(self, pool_name, server_name):
        """What the status says of one server."""
        for one in self.get("/status")["pools"]:
            for server in one["servers"]:
                if (one["name"], server["name"]) == (pool_name, server_name):
                    return server
        raise AssertionError(f"no server {server_name} of pool {pool_name}")

    def await_verdict(self, verdict, pool_name, server_name, **more):
        """Waits until the status shows it; the server."""
        def look():
            server = self.server(pool_name, server_name)
            wanted = {"verdict": verdict, **more}
            return server if all(server.get(key) == value for key, value in wanted.items()) else None
        return until(look, f"{verdict} of {server_name}")

    def command(self, *words):
        """Runs a subcommand of the binary against this socket."""
        return subprocess.run([binary(), *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def fetch(self, path="/", host=HOST):
        """One request on a connection of its own; status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def __exit__(self, kind, *_):
        super().__exit__(kind)
        if kind is None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def verdicts(self, server_name):
        """The log's lines about a server, in order."""
        return [line for line in self.log("server") if line["server"] == server_name]
