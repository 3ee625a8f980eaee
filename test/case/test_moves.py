#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that are written as names: they are looked up again while the process runs, and one that has moved is followed.

The hosts file and the resolver's file of the machine are covered by the test's own, in a mount namespace that only this
process sees."""

import http.client
import http.server
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import pytest

from lab.balancer import Balancer, binary
from lab.embedded.authority import Authority, Leaf

NAME = "moving.example.test"
NAME_SERVER = "127.53.53.53"
COVERED = 'mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"'
UNSHARE = ("unshare", "--mount") + (() if os.geteuid() == 0 else ("--map-root-user",))

pytestmark = pytest.mark.skipif(subprocess.run([*UNSHARE, "true"], capture_output=True).returncode != 0,
                                reason="no mount namespaces here")


class Says(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        text = self.server.server_address[0].encode()
        self.send_response(200)
        if self.headers.get("Authorization"):
            self.send_header("Persistent-Auth", "true")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class NameServer:
    """Answers for every name with 127.0.0.1 and an IPv6 address that nobody has; `a` and `aaaa` say how."""

    def __init__(self):
        self.a = self.aaaa = "answer"
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAME_SERVER, 53))
        self.socket.settimeout(0.1)
        self.is_closed = False
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while not self.is_closed:
            try:
                query, peer = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            if reply := self._reply(query):
                self.socket.sendto(reply, peer)

    def _reply(self, query):
        end = 12
        while query[end]:
            end += query[end] + 1
        kind, = struct.unpack(">H", query[end + 1:end + 3])
        how, address = (self.a, socket.inet_aton("127.0.0.1")) if kind == 1 else \
            (self.aaaa, socket.inet_pton(socket.AF_INET6, "2001:db8::7"))
        self.asked.append((kind, how))
        question = query[12:end + 5]
        if how == "silent":
            return None
        if how == "fail":
            return query[:2] + b"\x81\x82" + struct.pack(">4H", 1, 0, 0, 0) + question
        record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(address)) + address
        return query[:2] + b"\x81\x80" + struct.pack(">4H", 1, 1, 0, 0) + question + record

    def wait_until_asked(self, how, count=1):
        deadline = time.monotonic() + 20
        while sum(1 for _, was in self.asked if was == how) < count:
            assert time.monotonic() < deadline, self.asked
            time.sleep(0.02)

    def close(self):
        self.is_closed = True
        self.thread.join()
        self.socket.close()


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host, port=0):
        super().__init__((host, port), Says)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Named(Balancer):
    """A balancer whose hosts file the test writes."""

    def __init__(self, config, *addresses):
        self.own = tempfile.mkdtemp(prefix="handfast-hosts-")
        self.hosts_file = os.path.join(self.own, "hosts")
        self.point_at(*addresses)
        with open(os.path.join(self.own, "resolv.conf"), "w", encoding="utf-8") as file:
            file.write(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
        try:
            super().__init__(config, prefix=(*UNSHARE, "sh", "-c", COVERED, self.own))
        except BaseException:
            shutil.rmtree(self.own)
            raise

    def point_at(self, *addresses):
        with open(self.hosts_file, "w", encoding="utf-8") as file:  # in place: the mount is of this very file
            file.write("127.0.0.1 localhost\n" + "".join(f"{address} {NAME}\n" for address in addresses))

    def stop(self):
        shutil.rmtree(self.own, ignore_errors=True)
        return super().stop()

    def talk(self):
        return http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)

    def ask(self, connection=None, **fields):
        own = connection or self.talk()
        own.request("GET", "/", headers={"Host": "lb.example.test", **fields})
        answer = own.getresponse().read().decode()
        if connection is None:
            own.close()
        return answer

    def moved(self):
        return [line for line in self.log("move")]

    def wait_until_moved(self, count=1):
        return self.wait_for_log(lambda line: line["what"] == "move" and len(self.moved()) >= count, 20)


@pytest.fixture
def pair():
    """Two servers with one port, on two addresses."""
    first = Quiet("127.0.0.1")
    second = Quiet("127.0.0.2", first.server_address[1])
    yield first.server_address[1]
    first.close()
    second.close()


@pytest.fixture
def name_server():
    try:
        made = NameServer()
    except PermissionError:
        pytest.skip("port 53 is not for us")
    yield made
    made.close()


def config(port, resolve="1s", more=""):
    return f"""
{more}
workers: 1
listeners: [{{bind: "127.0.0.1:0", tls: false}}]
timeouts: {{resolve: {resolve}}}
sites:
  - name: portal
    hosts: [lb.example.test]
    plain_http: serve
    routes: [{{path: /, forward: main}}]
pools:
  - name: main
    servers: [{{name: web.test, address: "{NAME}:{port}"}}]
"""


def test_new_clients_follow_a_server_that_has_moved(pair):
    with Named(config(pair), "127.0.0.1") as balancer:
        assert balancer.ask() == "127.0.0.1"
        balancer.point_at("127.0.0.2")
        line = balancer.wait_until_moved()
        assert (line["pool"], line["server"]) == ("main", "web.test")
        assert (line["before"], line["address"]) == (f"127.0.0.1:{pair}", f"127.0.0.2:{pair}")
        assert balancer.ask() == "127.0.0.2"
        assert "server web.test of pool main has moved" in balancer.errors()


def test_a_pinned_client_stays_with_the_server_it_logged_in_at(pair):
    with Named(config(pair), "127.0.0.1") as balancer:
        pinned = balancer.talk()
        assert balancer.ask(pinned, Authorization="Negotiate YWJj") == "127.0.0.1"
        balancer.point_at("127.0.0.2")
        balancer.wait_until_moved()
        assert balancer.ask() == "127.0.0.2"
        assert balancer.ask(pinned) == "127.0.0.1"
        pinned.close()


def test_an_address_that_is_still_listed_is_kept(pair):
    with Named(config(pair), "127.0.0.1") as balancer:
        assert balancer.ask() == "127.0.0.1"
        balancer.point_at("127.0.0.2", "127.0.0.1")
        time.sleep(2.5)  # two looks at least
        assert balancer.moved() == [] and balancer.ask() == "127.0.0.1"
        balancer.point_at("127.0.0.2")
        balancer.wait_until_moved()
        assert balancer.ask() == "127.0.0.2"


def test_a_name_that_no_longer_resolves_keeps_its_address(pair):
    with Named(config(pair), "127.0.0.1") as balancer:
        balancer.point_at()
        time.sleep(2.5)
        assert balancer.moved() == [] and balancer.ask() == "127.0.0.1"
        said = balancer.reload()
        assert "reloaded" in said and balancer.ask() == "127.0.0.1"


def test_a_name_that_never_resolved_is_refused(pair):
    with pytest.raises(RuntimeError, match=f"web.test does not resolve: {NAME}"):
        Named(config(pair)).stop()


def test_a_reload_changes_how_often_names_are_asked_for(pair):
    with Named(config(pair, "1h"), "127.0.0.1") as balancer:
        balancer.point_at("127.0.0.2")
        assert "reloaded" in balancer.reload(config(pair, "1s"))
        assert balancer.ask() == "127.0.0.2"  # a reload asks, too
        balancer.point_at("127.0.0.1")
        assert balancer.wait_until_moved()["address"] == f"127.0.0.1:{pair}"


@pytest.mark.parametrize("how", ["silent", "fail"])
def test_an_answer_for_one_family_does_not_move_a_server_of_the_other(pair, name_server, how):
    """The question for IPv4 goes unanswered, that for IPv6 does not: nothing is known against the address in use."""
    with Named(config(pair)) as balancer:
        assert balancer.ask() == "127.0.0.1"
        name_server.a = how
        name_server.wait_until_asked(how, 3)
        name_server.a = "answer"
        seen = len(name_server.asked)
        while len(name_server.asked) < seen + 4:
            time.sleep(0.05)
        assert balancer.moved() == [] and balancer.ask() == "127.0.0.1"


def test_it_stops_in_the_middle_of_a_look_while_somebody_asks(pair, name_server, tmp_path):
    admin = str(tmp_path / "admin.sock")
    with Named(config(pair, more=f"admin: {admin}")) as balancer:
        name_server.a = name_server.aaaa = "silent"
        name_server.wait_until_asked("silent")
        balancer.process.send_signal(signal.SIGTERM)
        while balancer.process.poll() is None:
            with socket.socket(socket.AF_UNIX) as asking:
                try:
                    asking.settimeout(1)
                    asking.connect(admin)
                    asking.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    asking.recv(65536)
                except OSError:
                    pass
        assert balancer.process.returncode == 0


def test_a_move_takes_no_certificate_that_was_not_reloaded(pair, tmp_path):
    """Renewed files lie on the disk before anybody says that they are meant."""
    authority = Authority(str(tmp_path), "example.test")
    first = authority.make("lb", Leaf(("lb.example.test",)))
    text = config(pair).replace('listeners: [', 'listeners: [{bind: "127.0.0.1:0"}, ')
    text = text.replace("    plain_http: serve", "    plain_http: serve\n"
                        f"    certificates: [{{chain: {first.chain}, key: {first.key}}}]")

    def shown(balancer):
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", balancer.ports[0])) as plain, \
                context.wrap_socket(plain, server_hostname="lb.example.test") as secured:
            return secured.getpeercert(binary_form=True)

    with Named(text, "127.0.0.1") as balancer:
        before = shown(balancer)
        second = authority.make("renewed", Leaf(("lb.example.test",)))
        shutil.copy(second.chain, first.chain)
        shutil.copy(second.key, first.key)
        balancer.point_at("127.0.0.2")
        balancer.wait_until_moved()
        assert shown(balancer) == before
        assert "reloaded" in balancer.reload() and shown(balancer) != before


@pytest.fixture
def starting(name_server, tmp_path):
    """A process that waits for the addresses of its servers before it can serve."""
    name_server.a = name_server.aaaa = "silent"
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    (tmp_path / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n")
    (tmp_path / "handfast.yaml").write_text(config(80))
    with subprocess.Popen([*UNSHARE, "sh", "-c", COVERED, tmp_path, binary(), "serve", "-c",
                           tmp_path / "handfast.yaml"], stderr=subprocess.PIPE, text=True) as process:
        name_server.wait_until_asked("silent")
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_waits_for_names_can_be_stopped(starting, number):
    starting.send_signal(signal.SIGHUP)
    starting.send_signal(number)
    said = starting.communicate(timeout=30)[1]
    assert starting.returncode == 0 and said == "handfast: stopped before it served anybody\n"


def test_a_reload_during_a_start_that_fails_is_harmless(starting):
    """It is heard from the beginning, but there is nothing yet that could be reloaded."""
    starting.send_signal(signal.SIGHUP)
    said = starting.communicate(timeout=30)[1]
    assert starting.returncode == 1 and NAME in said and "Sanitizer" not in said, said
