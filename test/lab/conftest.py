# SPDX-License-Identifier: Apache-2.0
# One embedded domain for all tests of the lab; servers are made by each test as it needs them.
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from lab.embedded.domain import REALM, Domain, password  # noqa: E402
from lab.people.accounts import account_arguments  # noqa: E402


@pytest.fixture(scope="session")
def lab():
    before = os.environ.get("KRB5_CONFIG")
    with Domain() as domain:
        os.environ["KRB5_CONFIG"] = domain.path("krb5.conf")
        yield domain
    if before is None:
        del os.environ["KRB5_CONFIG"]
    else:
        os.environ["KRB5_CONFIG"] = before


@pytest.fixture(scope="session")
def plain(lab):
    """A server without special switches, for tests that do not change it."""
    return lab.iis("iis1")


@pytest.fixture
def accounts(tmp_path):
    """accounts(people) -> the arguments that let a command log in as them, by their passwords."""
    return lambda people: account_arguments(tmp_path, people, REALM, password)


@pytest.fixture
def server(lab):
    """Makes servers that end with the test."""
    made = []

    def make(name="iis1", **switches):
        made.append(lab.iis(name, **switches))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        lab.servers.remove(one)
