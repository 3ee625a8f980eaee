# SPDX-License-Identifier: Apache-2.0
# What the service manager is told: ready, alive, stopping. A socket of the test's own stands in for it.
import os
import re
import signal
import socket

import pytest
from serving import Serving, config, pool, until

from lab.balancer import ROOT

UNIT = os.path.join(ROOT, "etc", "handfast.service")


class Manager:
    """Everything that was told, in order."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def env(self, **more):
        env = {key: value for key, value in os.environ.items() if not key.startswith("WATCHDOG")}
        return {**env, "NOTIFY_SOCKET": self.path, **more}

    def listen(self, seconds=0.0):
        self.socket.settimeout(seconds or 0.001)
        try:
            while True:
                self.told += self.socket.recv(4096).decode().split("\n")
        except TimeoutError:
            return self.told

    def wait_for(self, word):
        until(lambda: word in self.listen(), word)


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.socket.close()


def content():
    return config(pool("main", ("iis1.test", 9)))


def test_ready_when_it_serves_and_stopping_when_it_ends(manager):
    with Serving(content(), env=manager.env()) as serving:
        manager.wait_for("READY=1")
        assert serving.fetch()[0] == 502
        assert "STOPPING=1" not in manager.listen()
    assert "STOPPING=1" in manager.listen()
    assert not [one for one in manager.told if one.startswith("WATCHDOG")]


def test_alive_again_and_again(manager):
    with Serving(content(), env=manager.env(WATCHDOG_USEC="150000")):
        until(lambda: manager.listen().count("WATCHDOG=1") >= 5)


def test_no_sign_of_life_from_one_that_stands_still(manager):
    with Serving(content(), env=manager.env(WATCHDOG_USEC="60000")) as serving:
        manager.wait_for("WATCHDOG=1")
        serving.process.send_signal(signal.SIGSTOP)
        until(lambda: _state(serving.process.pid) == "T")
        manager.listen()
        count = len(manager.told)
        assert len(manager.listen(0.5)) == count
        serving.process.send_signal(signal.SIGCONT)
        until(lambda: len(manager.listen()) > count)


def test_a_watchdog_that_is_due_while_everything_is_taken_down(manager):
    """The timer fired between the end of the workers and its own."""
    for _ in range(8):
        with Serving(content(), env=manager.env(WATCHDOG_USEC="3000")):
            manager.wait_for("READY=1")


def _state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0]


def test_the_watchdog_of_another_process_is_none_of_ours(manager):
    with Serving(content(), env=manager.env(WATCHDOG_USEC="60000", WATCHDOG_PID="1")):
        manager.wait_for("READY=1")
        manager.listen(0.3)
        assert not [one for one in manager.told if one.startswith("WATCHDOG")]


def test_patience_is_asked_for_while_a_reload_looks_up_names(manager):
    with Serving(content(), env=manager.env(WATCHDOG_USEC="30000000")) as serving:
        assert "reloaded" in serving.reload()
        manager.wait_for("WATCHDOG_USEC=900000000")
        manager.wait_for("WATCHDOG_USEC=30000000")


def test_it_does_not_say_ready_when_it_cannot_start(manager):
    broken = content()
    broken["listeners"][0]["bind"] = "192.0.2.1:81"
    with pytest.raises(RuntimeError, match="192.0.2.1:81"):
        Serving(broken, env=manager.env())
    assert manager.listen() == []


def test_the_unit_fits_the_program():
    """Every command line in it is one that the binary takes, and it asks for no more than it needs."""
    with open(UNIT, encoding="utf-8") as file:
        lines = [line.strip() for line in file if "=" in line and not line.startswith("#")]
    options = [tuple(line.split("=", 1)) for line in lines]
    values = dict(options)
    assert values["Type"] == "notify" and values["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert values["RuntimeDirectory"] == "handfast" and int(values["LimitNOFILE"]) >= 65536
    assert values["AmbientCapabilities"] == values["CapabilityBoundingSet"] == "CAP_NET_BIND_SERVICE"
    assert values["ProtectSystem"] == "strict" and values["NoNewPrivileges"] == "yes"
    commands = [value for name, value in options if name.startswith("ExecStart")]
    assert len(commands) == 2
    with Serving(content()) as serving:
        for command in commands:
            words = re.sub(r"/etc/handfast/handfast.yaml", serving.config_file, command).split()
            assert words[0] == "/usr/bin/handfast"
            if words[1] == "check":
                assert serving.command(*words[1:]).returncode == 0
            else:
                assert words[1:] == ["serve", "-c", serving.config_file]
