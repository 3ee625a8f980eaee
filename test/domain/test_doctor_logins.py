# SPDX-License-Identifier: Apache-2.0
"""The doctor's own clients log in to servers nobody here wrote, in a real domain: Apache with
mod_auth_gssapi for Kerberos, Squid with Samba's ntlm_auth for both.
"""

import json

import pytest

from lab.domain import names


@pytest.fixture
def doctor(handfast_binary, domain, accounts):
    """doctor(url, ...) -> the facts."""
    def run(url, *arguments, people=()):
        done = domain.run([str(handfast_binary), "doctor", url, "--json", "--ca", str(domain.ca),
                           *accounts(people), *arguments])
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)["facts"]
    return run


def front(facts):
    return facts["ends"][0]


def test_ntlm_by_password(doctor, target):
    found = front(doctor(target("squid"), people=["alice", "bob"]))["ntlm"]
    assert (found["outcome"], found["user_shown"]) == ("ok", True)
    assert found["repeats"]["ok"] == 6
    assert found["server"]["domain"] == names.DOMAIN


def test_kerberos_by_password(doctor, target):
    facts = doctor(target("apache"), people=["alice", "bob"])
    found = front(facts)["kerberos"]
    assert (found["outcome"], found["mutual"], found["user_shown"]) == ("ok", "ok", True)
    assert found["bare"] == "ok"
    tickets = {ticket["asked"]: ticket for ticket in facts["kerberos"]["tickets"]}
    assert tickets["host"]["ok"] and tickets["host"]["kvno"] > 0


def test_kerberos_by_cache(doctor, domain, target):
    facts = doctor(target("apache"), "--as", f"bob@{names.REALM}", "--ccache", domain.ticket("bob"))
    assert front(facts)["kerberos"]["outcome"] == "ok"
    assert front(facts)["ntlm"]["outcome"] == "not tried"


def test_kerberos_by_keytab(doctor, domain, target):
    keytab = domain.directory / "tickets" / "carol.keytab"
    done = domain.run(["ktutil"], input=f"add_entry -password -p carol@{names.REALM} -k 1 -f\n"
                                        f"{names.password('carol')}\nwrite_kt {keytab}\n")
    assert done.returncode == 0, done.stderr
    facts = doctor(target("apache"), "--as", f"carol@{names.REALM}", "--keytab", str(keytab))
    assert front(facts)["kerberos"]["outcome"] == "ok"
    assert facts["kerberos"]["keytab"][0]["principal"] == f"carol@{names.REALM}"


def test_nobody_is_mixed_up(doctor, target):
    found = front(doctor(target("squid"), people=["alice", "bob"]))["isolation"]
    assert found["accounts"] == 2 and found["exchanges"] > 50
    assert found["wrong"] == found["anonymous_answered"] == 0
