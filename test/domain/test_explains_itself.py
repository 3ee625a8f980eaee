# SPDX-License-Identifier: Apache-2.0
"""Doctor, verify and the record of each login, at a Handfast with all three modes on one port
before servers nobody here wrote, in a real domain.
"""

import json
import re

import pytest

from lab.domain import names
from test_three_configurations import LISTENER, SERVER_NAMES, certificate, pool

PEOPLE = ("alice", "bob")


def everything(domain, apaches, squids, admin):
    """Forward to Apache and Squid, redirect to Apache's nodes, which come back and are passed through."""
    return f"""
admin: {admin}
listeners:
  - bind: "{LISTENER}"
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{certificate(domain)}]
    routes:
      - {{path: /squid/, forward: squids}}
      - {{path: /nodes/, redirect: apaches}}
      - {{path: /, forward: apaches}}
  - name: nodes
    hosts: [iis1.example.test, iis2.example.test]
    passthrough: apaches
pools:
{pool("apaches", apaches, "tls")}
    tls: {{ca: "{domain.ca}"}}
{pool("squids", squids, "tls")}
    tls: {{ca: "{domain.ca}"}}
"""


@pytest.fixture(scope="module")
def handfast(handfast_binary, domain, servers, serve, tmp_path_factory):
    admin = tmp_path_factory.mktemp("admin") / "admin.sock"
    domain.point(**{name: names.ADDRESSES["lb"] for name in SERVER_NAMES})
    running = serve(everything(domain, *([servers[kind, name] for name in SERVER_NAMES]
                                         for kind in ("apache", "squid")), admin))
    running.admin = admin
    yield running
    running.stop()
    domain.point()


@pytest.fixture
def ask(handfast_binary, domain, accounts):
    """ask(command, ...) -> what it printed as JSON, and its exit status; both people's passwords are at hand."""
    def run(command, *arguments, people=PEOPLE):
        done = domain.run([str(handfast_binary), command, *map(str, arguments), "--json",
                           *accounts(people)])
        assert done.returncode in (0, 1, 2) and done.stdout, done.stderr
        return json.loads(done.stdout), done.returncode
    return run


def test_verify_logs_in_through_every_route(ask, handfast, domain):
    report, status = ask("verify", "-c", handfast.config, "--ca", domain.ca, "--reload", "-s", handfast.admin)
    rows = {(row["mode"], row["way"], row["scheme"]): row for row in report["rows"]}
    assert {mode for mode, _, _ in rows} == {"forward", "redirect", "passthrough"}
    assert status == 0 and report["holds"] and report["was_reloaded"], report
    by_kerberos = [row for (_, _, scheme), row in rows.items() if scheme == "Kerberos"]
    assert len(by_kerberos) == 5 and all(row["outcome"] == "ok" for row in by_kerberos)
    ntlm = [row for (_, way, scheme), row in rows.items() if scheme == "NTLM" and "/squid/" in way]
    assert [row["outcome"] for row in ntlm] == ["ok"]
    for row in rows.values():
        if row["outcome"] == "ok":
            assert row["crowd"]["wrong"] == 0 and row["crowd"]["anonymous_answered"] == 0, row


@pytest.mark.parametrize("path,scheme,expected", [
    # Apache's module names NTLM in its challenge and cannot do it: that is what the doctor must see, and no more.
    ("/", "kerberos", ["type2_missing"]),
    ("/squid/", "ntlm", []),
])
def test_the_doctor_finds_only_what_is_there(ask, handfast, domain, path, scheme, expected):
    report, status = ask("doctor", f"https://lb.example.test{path}", "--ca", domain.ca)
    heavy = [finding for finding in report["findings"] if finding["weight"] in ("cause", "fault")]
    assert [finding["id"] for finding in heavy] == expected, heavy
    assert status == 1 if expected else status in (0, 1)
    front = report["facts"]["ends"][0]
    assert front[scheme]["outcome"] == "ok" and front["isolation"]["wrong"] == 0


def test_the_doctor_names_the_place_that_people_are_redirected_to(ask, domain):
    report, status = ask("doctor", "https://lb.example.test/nodes/", "--ca", domain.ca)
    assert not [finding for finding in report["findings"] if finding["weight"] in ("cause", "fault")]
    assert status == 2 and report["healthy"] is None
    assert re.search(r"handfast doctor https://\S+\.example\.test\S*/nodes/", report["verdict"]), report["verdict"]


@pytest.mark.parametrize("path,client,scheme,expected", [
    ("/squid/", "curl", "ntlm", "success"),
    ("/", "curl", "kerberos", "success"),
])
def test_a_login_has_its_record(handfast_binary, handfast, domain, login, path, client, scheme, expected):
    report = login(client, f"https://lb.example.test{path}", "carol", scheme)
    assert report["person"] == "carol", report
    done = domain.run([str(handfast_binary), "logins", "-s", str(handfast.admin), "--json"])
    assert done.returncode == 0, done.stderr
    newest = json.loads(done.stdout)["logins"][0]
    assert newest["verdict"] == expected
    if scheme == "ntlm":
        assert newest["user"].lower() == "carol" and newest["user_is"] == "authenticated"
    else:
        assert newest["spn"] == "HTTP/lb.example.test" and newest["realm"] == names.REALM
