# SPDX-License-Identifier: Apache-2.0
# Extended Protection through Handfast: every way, every setting of the server, every kind of client, by NTLM and by
# Kerberos, against the documented table and against the verdict that Handfast printed. Runs the matrix once.
import os
import socket

import pytest
import requests
import requests_kerberos
import requests_ntlm

from lab.balancer import Balancer
from lab.embedded.domain import password
from lab.protection import table
from lab.protection.matrix import (CLIENTS, SCHEMES, SETTINGS, WAYS, Cell, cells, configuration, known_verdicts,
                                   measure, start_servers)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "extended-protection.md")

# p(asses), 4: 401, -: there is no such client. Clients in the order matching, different, empty, silent. As Microsoft
# documents what Allow and Require make of each binding; the flag Proxy takes any that is not empty; ProxyCohosting all.
BOUND = {"none": "pppp", "allow": "p44p", "require": "p444", "allow-proxy": "pp4p", "require-proxy": "pp44",
         "require-cohosting": "pppp"}
# Where the server shows another certificate than the client was shown, or none.
UNEQUAL = BOUND | {"allow": "444p", "require": "4444"}
IN_CLEAR = {"none": "-ppp", "allow": "-44p", "require": "-444", "allow-proxy": "-p4p", "require-proxy": "-p44",
            "require-cohosting": "-ppp"}
EXPECTED = {
    "passthrough": ("passthrough", BOUND),
    "forward, same certificate": ("same", BOUND),
    "forward, another certificate": ("different", UNEQUAL),
    "forward, one of two, the server's": ("partly", BOUND),
    "forward, one of two, the other": ("partly", UNEQUAL),
    "forward, plain HTTP to the server": ("plain", UNEQUAL),
    "clients on plain HTTP, too": ("unbound", IN_CLEAR),
    "clients on plain HTTP, TLS to the server": ("unbound", IN_CLEAR),
}


@pytest.fixture(scope="module")
def measured(lab):
    before = list(lab.servers)
    found = measure(lab)
    for server in lab.servers[len(before):]:
        server.stop()
    lab.servers[len(before):] = []
    return found


def test_every_cell_was_measured(measured):
    assert list(measured.passes) == list(cells()) and set(WAYS) == set(EXPECTED)
    # eight ways, six settings, two schemes, four clients; in clear, on two ways, one client less
    assert len(measured.passes) == (8 * 4 - 2) * 6 * 2


@pytest.mark.parametrize("way", EXPECTED)
def test_logins_end_as_documented(measured, way):
    for setting, expected in EXPECTED[way][1].items():
        for scheme in SCHEMES:
            got = "".join({True: "p", False: "4", None: "-"}[measured.passes.get(Cell(way, setting, scheme, client))]
                          for client in CLIENTS)
            assert (setting, scheme, got) == (setting, scheme, expected)


@pytest.mark.parametrize("way", EXPECTED)
def test_handfast_said_so_before(measured, way):
    """The verdict, and what it promises for each setting, is what happens to a client that binds as Windows does."""
    for setting, (_, column) in SETTINGS.items():
        said = measured.verdicts[way, setting]
        assert said["verdict"] == EXPECTED[way][0]
        happened = {measured.passes[Cell(way, setting, scheme, WAYS[way].windows())] for scheme in SCHEMES}
        if said["where"][column] == "partly":
            continue  # judged below, by both clients
        assert happened == {said["where"][column] == "passes"}, (setting, said)
        assert said["where"][column] in ("passes", "fails")


def test_partly_is_what_it_says(measured):
    """Of two certificates one passes and one fails, just where the verdict says partly."""
    ways = [f"forward, one of two, {one}" for one in ("the server's", "the other")]
    for setting, (_, column) in SETTINGS.items():
        said = measured.verdicts[ways[0], setting]["where"][column]
        happened = [measured.passes[Cell(way, setting, "ntlm", "matching")] for way in ways]
        assert happened == ([True, False] if said == "partly" else [True, True])


def test_the_page_shows_what_was_measured(measured):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    assert table.short(measured) in page, "python3 -m lab.protection prints the tables anew"
    assert table.long(measured) in page


# -- clients no one here wrote


@pytest.fixture(scope="module")
def stage(lab):
    """The stage of the matrix again; its own was taken down with it."""
    before = list(lab.servers)
    servers = start_servers(lab)
    with Balancer(configuration(lab, servers), env=lab.env()) as balancer:
        known_verdicts(balancer)
        yield balancer
    for server in lab.servers[len(before):]:
        server.stop()
    lab.servers[len(before):] = []


@pytest.fixture
def web(lab, monkeypatch):
    """requests that reaches every name of the lab and believes its authority alone."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real(
        "127.0.0.1" if str(host).endswith(".example.test") else host, *rest, **more))
    monkeypatch.setenv("KRB5CCNAME", "FILE:" + lab.ticket("alice"))
    with requests.Session() as session:
        session.trust_env = False
        session.verify = lab.ca_file
        yield session


def accepted(web, stage, auth, host, path):
    """In which settings it gets in."""
    got = set()
    for setting in SETTINGS:
        answer = web.get(f"https://{host}:{stage.ports[0]}/{path}{setting}/", auth=auth())
        assert answer.status_code in (200, 401)
        got |= {setting} if answer.status_code == 200 else set()
        web.close()  # each login has a connection of its own
    return got


KINDS = {"same": ("lb.example.test", ""), "different": ("iis2.example.test", ""), "plain": ("lb.example.test", "plain-")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_binds_by_its_own_arithmetic(web, stage, kind):
    """requests-ntlm binds to the certificate it was shown, as Windows does. It names no service (AV pair 9), so under
    Require it cannot pass where the service name is checked."""
    got = accepted(web, stage, lambda: requests_ntlm.HttpNtlmAuth("EXAMPLE\\alice", password("alice")), *KINDS[kind])
    assert got == {"none", "allow-proxy"} | ({"allow", "require"} if kind == "same" else set())


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_says_nothing(web, stage, kind):
    """requests-kerberos on Linux sends no binding: whatever the certificates, only Require keeps it out."""
    got = accepted(web, stage, lambda: requests_kerberos.HTTPKerberosAuth(requests_kerberos.OPTIONAL), *KINDS[kind])
    assert got == {"none", "allow", "allow-proxy", "require-cohosting"}
