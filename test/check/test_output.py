# SPDX-License-Identifier: Apache-2.0
"""What a command prints arrives whole, or the command fails and says so: /dev/full takes nothing.

Commands that ask a running Handfast are asked of a socket here, which answers as one would.
"""

import json
import os
import socket
import subprocess
import threading

import pytest

HANDFAST = os.environ.get("HANDFAST", "")

CONFIG = """
listeners: [{bind: "127.0.0.1:8443"}]
sites:
  - name: portal
    hosts: [lb.example.com]
    certificates: [{chain: lb.pem, key: lb.key}]
    routes: [{path: /, forward: intranet}]
pools:
  - name: intranet
    servers: [{name: iis1.example.com, address: "127.0.0.1:1"}]
"""


def run(*arguments, out):
    assert HANDFAST, "HANDFAST must name the binary"
    return subprocess.run([HANDFAST, *map(str, arguments)], stdout=out, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)


def run_into_nothing(*arguments):
    with open("/dev/full", "wb") as full:
        return run(*arguments, out=full)


def assert_lost(done):
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    reason = ": No space left on device"  # known when the last piece is among those that were lost
    assert last.removesuffix(reason) == "handfast: what was printed could not be written whole"


@pytest.fixture(name="config")
def make_config(tmp_path):
    path = tmp_path / "handfast.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture(name="admin")
def make_admin(tmp_path):
    """Answers every question with the same object, which holds what any of the commands looks for."""
    body = json.dumps({"pools": [], "logins": [], "pins": [], "newest": 0, "state": "running"}).encode()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "admin"))
    listener.listen(4)

    def answer():
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with link:
                link.recv(65536)
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                             % (len(body), body))

    thread = threading.Thread(target=answer)
    thread.start()
    yield tmp_path / "admin"
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


@pytest.mark.parametrize("arguments", [
    ["plan", "-c", "FILE"],
    ["check", "--offline", "-c", "FILE"],
    ["check", "--offline", "--json", "-c", "FILE"],
    ["check", "--explain"],
    ["--help"],
    ["--version"],
    ["plan", "--help"],
], ids=" ".join)
def test_a_full_disk_is_no_success(arguments, config):
    assert_lost(run_into_nothing(*[config if word == "FILE" else word for word in arguments]))


@pytest.mark.parametrize("command", ["status", "logins", "pins"])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_a_full_disk_under_an_answer(command, options, admin):
    assert run(command, "-s", admin, *options, out=subprocess.DEVNULL).returncode == 0
    assert_lost(run_into_nothing(command, "-s", admin, *options))


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_a_full_disk_under_the_doctor(options, tmp_path):
    facts = tmp_path / "facts.json"
    with open(facts, "wb") as out:
        run("doctor", "--save", facts, "http://127.0.0.1:1/", out=subprocess.DEVNULL)
    assert_lost(run_into_nothing("doctor", "--facts", facts, *options))


def test_a_closed_output_is_no_success(config):
    done = subprocess.run(["sh", "-c", 'exec "$0" plan -c "$1" >&-', HANDFAST, str(config)], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "could not be written whole" in done.stderr


def test_nothing_to_print_needs_no_output(config, tmp_path):
    done = run_into_nothing("plan", "-c", config, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
