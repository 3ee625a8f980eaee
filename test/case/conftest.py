# SPDX-License-Identifier: Apache-2.0
# Certificates once for the whole run, and a maker of stages. The clients here believe only the
# lab's authority, so what a workplace sets for others is taken out of the environment.
import os
import sys

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


def pytest_terminal_summary(terminalreporter):
    """What the isolation measure counted, and the seed to see the same again."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in report.user_properties:
                if name == "isolation":
                    terminalreporter.write_line(text)
