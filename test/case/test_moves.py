#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that are written as names: they are looked up again while the process runs, and one that has moved is followed.

The hosts file of the machine is covered by one of the test's own, in a mount namespace that only this process sees."""

import http.client
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

from lab.balancer import Balancer

NAME = "moving.example.test"
COVERED = ("mount --bind \"$0\" /etc/hosts && exec \"$@\"")
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
        try:
            super().__init__(config, prefix=(*UNSHARE, "sh", "-c", COVERED, self.hosts_file))
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


def config(port, resolve="1s"):
    return f"""
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
