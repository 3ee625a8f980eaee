# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the domain tests: one running domain and its web servers for the whole run.

    domain          the running lab (lab/domain/domain.py)
    servers         all four web servers: servers["apache", "iis1"], ...
    target          (kind, name, scheme of the URL) -> the base URL a client is given
    serve           serve(config_text) starts `$HANDFAST serve -c FILE` inside the domain

Only tests that use `serve` need Handfast: they are skipped while $HANDFAST, the path of the
binary, is unset. Everything else fails rather than skips when it cannot run.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

# pylint: disable=wrong-import-position
from lab.clients import clients
from lab.domain import names
from lab.domain.domain import Domain
from lab.people.accounts import account_arguments

STOP_PATIENCE_S = 20


@pytest.fixture(scope="session")
def handfast_binary(tmp_path_factory):
    """A copy of the binary, so that a build beside the run changes nothing.

    Name this fixture first, and a skipped test does not start the domain.
    """
    if not os.environ.get("HANDFAST"):
        pytest.skip("HANDFAST is not set: no binary to test")
    return shutil.copy2(os.environ["HANDFAST"], tmp_path_factory.mktemp("binary"))


@pytest.fixture(scope="session")
def domain():
    clients.packages()
    with Domain() as running:
        yield running


@pytest.fixture(scope="session")
def servers(domain):
    started = {}
    for name in ("iis1", "iis2"):
        started["apache", name] = domain.apache(name)
        started["squid", name] = domain.squid(name)
    return started


@pytest.fixture(scope="session")
def target(servers):
    """The URL of a web server as clients use it; replace this to put something in front."""
    def choose(kind, name="iis1", scheme="https"):
        server = servers[kind, name]
        return (server.https if scheme == "https" else server.http) + "/"
    return choose


@pytest.fixture
def login(domain):
    """login(client, url, person, scheme) -> the client's report, see lab/clients/report.py."""
    def run(client, url, person, scheme, **secrets):
        return clients.run(domain, client, url, person, scheme, **secrets)
    return run


@pytest.fixture
def accounts(tmp_path):
    """accounts(people) -> the arguments that let a command log in as them, by their passwords."""
    return lambda people: account_arguments(tmp_path, people, names.REALM, names.password)


class Handfast:
    """One running `handfast serve` inside the domain."""

    def __init__(self, domain, binary, directory, config_text):
        self.config = directory / "handfast.yaml"
        self.config.write_text(config_text, encoding="utf-8")
        self.output = directory / "handfast.log"
        with open(self.output, "w", encoding="utf-8") as log:
            self.process = domain.popen([binary, "serve", "-c", self.config],
                                        cwd=directory, stdout=log, stderr=subprocess.STDOUT)

    def log(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """TERM, as an administrator would; fails unless it ends by itself and with status 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"handfast does not stop:\n{self.log()[-4000:]}")
        assert status == 0, f"handfast ended with {status}:\n{self.log()[-4000:]}"


@pytest.fixture(scope="module")
def serve(handfast_binary, domain, tmp_path_factory):
    """serve(config_text, address, port) -> a Handfast that accepts on address:port.

    It lives until the test module ends or until its stop() is called. Relative paths in the
    configuration start from a directory of its own; `handfast.log` there has its output.
    """
    running = []

    def start(config_text, address="lb", port=443):
        handfast = Handfast(domain, handfast_binary, tmp_path_factory.mktemp("handfast"),
                            config_text)
        running.append(handfast)
        try:
            domain.wait_for_port(address, port, child=handfast.process)
        except (RuntimeError, TimeoutError):
            pytest.fail(f"handfast does not start:\n{handfast.log()[-4000:]}")
        return handfast

    yield start
    for handfast in running:
        if handfast.process.returncode is None:
            handfast.stop()
