# SPDX-License-Identifier: Apache-2.0
# Certificates once for the whole run, and a maker of stages. The clients here believe only the
# lab's authority, so what a workplace sets for others is taken out of the environment.
import atexit
import os
import shutil
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, ROOT)
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(ROOT, "lab", "embedded"))

from authority import Authority  # noqa: E402
from stage import Papers, Stage  # noqa: E402

for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def papers(tmp_path_factory):
    authority = Authority(str(tmp_path_factory.mktemp("tls")), "example.test")
    authority.make_all()
    return Papers(authority)


@pytest.fixture
def stage(papers):
    """stage(...) makes a Stage; use it with `with`."""

    def make(*arguments, **options):
        return Stage(papers, *arguments, **options)

    return make


# What the sanitizers of a binary that has them write, one file for each process that did wrong: a
# leak in a command or in a start that a test wants to fail would otherwise be seen by nobody.
REPORTS = tempfile.mkdtemp(prefix="handfast-sanitizers-")
os.chmod(REPORTS, 0o777)
atexit.register(shutil.rmtree, REPORTS, ignore_errors=True)
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
    os.environ[name] = ":".join(filter(None, [os.environ.get(name), f"log_path={REPORTS}/report"]))


def take_reports():
    text = ""
    for file in sorted(os.listdir(REPORTS)):
        path = os.path.join(REPORTS, file)
        with open(path, encoding="utf-8", errors="replace") as report:
            text += report.read()
        os.remove(path)
    return text


@pytest.fixture(autouse=True)
def sanitizers_are_silent():
    yield
    said = take_reports()
    assert not said, said


@pytest.fixture(autouse=True, scope="session")
def sanitizers_stay_silent():
    """What ended with the last test of a module, or after all."""
    yield
    said = take_reports()
    assert not said, said


def pytest_terminal_summary(terminalreporter):
    """What the isolation measure counted, and the seed to see the same again."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in report.user_properties:
                if name == "isolation":
                    terminalreporter.write_line(text)
