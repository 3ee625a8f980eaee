# SPDX-License-Identifier: Apache-2.0
"""What the doctor's own NTLM and Kerberos clients find out, against servers whose settings are known.

Each test runs `handfast doctor --json` and looks at the facts, not at the findings.
"""

import json
import socket
import subprocess
import time

import pytest

from lab.balancer import binary
from lab.demo.peers import KINDS, Peer
from lab.embedded.domain import password

import rude

REALM = "EXAMPLE.TEST"
PROXY = {"proxy": True, "spn": ["HTTP/iis1.example.test"]}


@pytest.fixture
def doctor(lab, accounts):
    """doctor(url, people, ...) -> the facts. `people`: who it may log in as, by password."""
    def run(url, *arguments, people=("alice", "bob"), env=None):
        done = subprocess.run(
            [binary(), "doctor", url, "--json", "--address", "127.0.0.1", "--ca", lab.ca_file,
             *accounts(people), *arguments],
            capture_output=True, text=True, check=False, env=env or lab.env())
        assert done.returncode in (0, 1), done.stderr
        assert not any(password(person) in done.stdout + done.stderr for person in people)
        return json.loads(done.stdout)["facts"]
    return run


def front(facts):
    return facts["ends"][0]


def url_of(server, host="iis1", **more):
    return server.url(f"{host}.example.test", **more)


def probes(protection, words):
    """The outcomes as a word: "o" let in, "r" refused."""
    return "".join({"ok": "o", "refused": "r"}[protection[word]] for word in words)


# Who gets in, by what is said about the channel: P0 right, P1 random, P2 nothing, P3 zero, P4 right
# and another service; then Kerberos: right, random, nothing, empty.
@pytest.mark.parametrize("settings, ntlm, kerberos", [
    ({}, "ooooo", "oooo"),
    ({"extended_protection": "allow"}, "ororo", "oror"),
    ({"extended_protection": "require"}, "orrro", "orrr"),
    ({"extended_protection": "allow", **PROXY}, "ooorr", "ooor"),
    ({"extended_protection": "require", **PROXY}, "oorrr", "oorr"),
    ({"extended_protection": "require", **PROXY, "proxy_cohosting": True}, "oooor", "oooo"),
], ids=["none", "allow", "require", "allow-proxy", "require-proxy", "require-proxy-cohosting"])
def test_probes_tell_the_setting(doctor, server, settings, ntlm, kerberos):
    found = front(doctor(url_of(server(**settings)), people=["alice"]))["protection"]
    assert probes(found, ("P0", "P1", "P2", "P3", "P4")) == ntlm
    assert probes(found["kerberos"], ("bound", "other", "unbound", "empty")) == kerberos


@pytest.fixture
def peer(lab, tmp_path):
    """peer("nginx", "127.0.0.1:80") -> that balancer as its manual has it, before one server."""
    made = []

    def make(name, address):
        pair = lab.certificate("lb-ecdsa")
        kind = next(kind for kind in KINDS if kind.name == name)
        made.append(Peer(kind, str(tmp_path), (pair.chain, pair.key), [("iis1", address)]))
        return made[-1].__enter__()

    yield make
    for one in made:
        one.__exit__(None, None, None)


def test_the_nodes_certificate_opens_a_bridge(doctor, server, peer):
    node = server(extended_protection="allow")
    balancer = peer("HAProxy", f"127.0.0.1:{node.https} ssl verify none")
    facts = doctor(f"https://lb.example.test:{balancer.ports[0]}/", "--direct",
                   f"iis1=127.0.0.1:{node.https}", people=["alice"])
    assert probes(front(facts)["protection"], ("P0", "P1", "P2", "P3", "P4", "P5")) == "rrorro"
    assert front(facts)["protection"]["P5_node"] == "iis1"
    assert front(facts)["ntlm"]["outcome"] == "refused"
    assert facts["ends"][1]["ntlm"]["outcome"] == "ok"
    assert facts["ends"][1]["protection"]["P0"] == "ok"
    assert "P5" not in facts["ends"][1]["protection"]


def test_a_healthy_server_lets_everybody_in_every_way(doctor, plain):
    found = front(doctor(url_of(plain)))
    assert found["ntlm"]["outcome"] == "ok" and found["ntlm"]["scheme"] == "NTLM"
    assert found["ntlm"]["user_shown"] is True
    assert found["ntlm"]["repeats"] == {
        "tries": 6, "ok": 6, "refused": 0, "no_challenge": 0, "closed": 0, "error": 0}
    assert found["ntlm"]["server"]["dns_computer"] == "iis1.example.test"
    assert found["ntlm"]["server"]["build"] == "10.0.20348"
    assert found["ntlm"]["computers"] == ["iis1.example.test"]
    assert found["ntlm"]["same_connection_computers"] == ["iis1.example.test"]
    assert found["kerberos"]["outcome"] == found["kerberos"]["bare"] == "ok"
    assert found["kerberos"]["mutual"] == "ok" and found["kerberos"]["krb_error"] is None
    assert found["affinity"]["ntlm"]["second_status"] == 200
    assert found["affinity"]["ntlm"]["second_user_shown"] is True
    assert found["affinity"]["ntlm"]["same_computer"] is True
    assert found["affinity"]["kerberos"]["second_status"] == 200
    assert found["isolation"]["accounts"] == 2 and found["isolation"]["exchanges"] > 50
    assert found["isolation"]["wrong"] == found["isolation"]["anonymous_answered"] == 0
    assert found["isolation"]["names_people"] is True


def test_ntlm_in_spnego_where_only_negotiate_is_offered(doctor, server):
    found = front(doctor(url_of(server(providers="negotiate")), people=["alice"]))
    assert (found["ntlm"]["scheme"], found["ntlm"]["outcome"]) == ("Negotiate", "ok")


def test_kerberos_for_each_request(doctor, server):
    found = front(doctor(url_of(server(kerberos="request")), people=["alice"]))
    assert found["affinity"]["kerberos"]["second_status"] == 401
    assert found["affinity"]["kerberos"]["persistent_auth"] == "false"


def test_over_plain_http(doctor, plain):
    found = front(doctor(url_of(plain, tls=False), people=["alice"]))
    assert found["ntlm"]["outcome"] == found["kerberos"]["outcome"] == "ok"


def test_anonymous_access_is_no_login(doctor, server):
    facts = doctor(url_of(server(no_auth=["/"])))
    assert front(facts)["ntlm"]["outcome"] == "not offered"
    assert front(facts)["kerberos"]["outcome"] == "not offered"
    assert "isolation" not in front(facts)


@pytest.mark.parametrize("how", ["cache", "keytab"])
def test_without_a_password_there_is_kerberos_only(doctor, lab, plain, how):
    proof = (["--as", f"alice@{REALM}", "--ccache", lab.ticket("alice")] if how == "cache" else
             ["--as", f"HTTP/iis1.example.test@{REALM}", "--keytab", lab.path("web.keytab")])
    facts = doctor(url_of(plain), *proof, people=())
    assert front(facts)["kerberos"]["outcome"] == "ok"
    assert front(facts)["ntlm"]["outcome"] == "not tried"
    assert "P0" not in front(facts)["protection"]
    assert front(facts)["protection"]["kerberos"]["bound"] == "ok"
    assert ("keytab" in facts["kerberos"]) == (how == "keytab")


def test_tickets_for_the_names_that_clients_ask_for(doctor, plain):
    kerberos = doctor(url_of(plain), people=["alice"])["kerberos"]
    tickets = {ticket["asked"]: ticket for ticket in kerberos["tickets"]}
    assert tickets["host"]["ok"] and tickets["host"]["spn"] == "HTTP/iis1.example.test"
    assert tickets["host"]["etype"] == 18 and tickets["host"]["kvno"] == 1
    for asked in ("port", "short", "host_service"):
        assert not tickets[asked]["ok"]
        assert tickets[asked]["error"]["code"] == 7
        assert tickets[asked]["error"]["name"] == "S_PRINCIPAL_UNKNOWN"
    assert kerberos["client"]["principal"] == f"alice@{REALM}"
    assert [kdc["is_open"] for kdc in kerberos["kdcs"]] == [True]


def test_the_cache_of_the_account_stays_as_it_was(doctor, lab, plain):
    cache = lab.ticket("carol").removeprefix("FILE:")
    with open(cache, "rb") as file:
        before = file.read()
    doctor(url_of(plain), "--as", f"carol@{REALM}", "--ccache", f"FILE:{cache}", people=())
    with open(cache, "rb") as file:
        assert file.read() == before


def test_a_password_the_kdc_refuses_is_sent_to_no_server(doctor, lab, plain, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n", encoding="utf-8")
    wrong.chmod(0o600)
    before = plain.log()
    facts = doctor(url_of(plain), "--as", f"dave@{REALM}", "--password-file", str(wrong), people=())
    assert facts["kerberos"]["client"]["error"]["code"] in (24, 31)
    assert front(facts)["ntlm"]["outcome"] == "not tried"
    assert front(facts)["kerberos"]["outcome"] == "no ticket"
    assert "bad-password" not in plain.log()[len(before):]


@pytest.fixture
def no_kdc(lab, tmp_path):
    """An environment in which nobody answers for the KDC."""
    config = tmp_path / "krb5.conf"
    config.write_text(f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\n"
                      f"[realms]\n{REALM} = {{\nkdc = 127.0.0.1:1\n}}\n", encoding="utf-8")
    return {**lab.env(), "KRB5_CONFIG": str(config)}


# A domain controller may have counted a login that was not answered, or with anything but a page.
LAST = {
    "closes": lambda connection: connection.shutdown(socket.SHUT_RDWR),
    "is silent": lambda connection: connection.recv(1),
    "refuses": lambda connection: connection.sendall(
        rude.status("401 Unauthorized", "WWW-Authenticate: NTLM")),
    "forbids": lambda connection: connection.sendall(rude.status("403 Forbidden")),
    "fails": lambda connection: connection.sendall(rude.status("500 Oops")),
    "leads to a form": lambda connection: connection.sendall(
        rude.status("302 Found", "Location: /login?failed=1")),
}


@pytest.mark.parametrize("last", LAST)
def test_a_password_nobody_vouches_for_is_sent_twice_at_most(doctor, no_kdc, last):
    scenario = rude.Ntlm(LAST[last])
    with rude.Rude(scenario) as one:
        end = front(doctor(f"http://iis1.example.test:{one.port}/", "--patience", "1", "--direct",
                           f"n1=http://127.0.0.1:{one.port}", people=["dave"], env=no_kdc))
    assert scenario.type3 == 2
    words = {"closes": "closed", "is silent": "no answer", "refuses": "refused",
             "forbids": "forbidden", "fails": "failed", "leads to a form": "ok"}
    assert end["ntlm"]["outcome"] in (words[last], "not tried")


def test_a_page_proves_a_password(doctor, no_kdc):
    scenario = rude.Ntlm()
    with rude.Rude(scenario) as one:
        end = front(doctor(f"http://iis1.example.test:{one.port}/", people=["dave"], env=no_kdc))
    assert end["ntlm"]["outcome"] == "ok" and end["ntlm"]["repeats"]["ok"] == 6
    assert scenario.type3 > 6


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "405 Method Not Allowed"])
def test_an_error_for_everybody_is_no_login(doctor, status):
    with rude.Rude(rude.answers(lambda _: rude.status(status))) as one:
        end = front(doctor(f"http://iis1.example.test:{one.port}/", people=["alice"]))
    assert end["ntlm"]["outcome"] == end["kerberos"]["outcome"] == "not offered"


@pytest.mark.parametrize("how, outcome", [(lambda _: None, "closed"),
                                          (lambda connection: connection.recv(1), "no answer")],
                         ids=["closed", "silent"])
def test_silence_is_not_a_closed_connection(doctor, how, outcome):
    def serve(connection):
        rude.read_head(connection)
        how(connection)
    with rude.Rude(serve) as one:
        end = front(doctor(f"http://iis1.example.test:{one.port}/", "--patience", "1",
                           people=["alice"]))
    assert end["ntlm"]["outcome"] == end["kerberos"]["outcome"] == outcome


def test_a_wrong_password_is_tried_twice_where_no_kdc_tells(doctor, no_kdc, server, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n", encoding="utf-8")
    wrong.chmod(0o600)
    one = server()
    facts = doctor(url_of(one), "--as", f"dave@{REALM}", "--password-file", str(wrong), people=(),
                   env=no_kdc)
    assert facts["kerberos"]["client"]["error"]["name"] == "KDC_UNREACHABLE"
    assert [kdc["is_open"] for kdc in facts["kerberos"]["kdcs"]] == [False]
    assert one.log().count("bad-password") == 2, one.log()


def test_a_good_password_is_used_where_no_kdc_tells(doctor, lab, plain, tmp_path):
    config = tmp_path / "krb5.conf"
    config.write_text("[libdefaults]\ndns_lookup_kdc = false\n", encoding="utf-8")
    facts = doctor(url_of(plain), people=["alice"], env={**lab.env(), "KRB5_CONFIG": str(config)})
    assert front(facts)["ntlm"]["outcome"] == "ok"
    assert front(facts)["ntlm"]["repeats"]["ok"] == 6
    assert front(facts)["protection"]["P0"] == "ok"


def test_a_key_the_server_does_not_have(doctor, server):
    found = front(doctor(url_of(server(keytab="iis2", kerberos_errors=True)), people=["alice"]))
    assert found["kerberos"]["outcome"] == "refused"
    assert found["kerberos"]["mutual"] == "absent"
    assert found["kerberos"]["krb_error"]["code"] > 0
    assert found["kerberos"]["krb_error"]["name"]
    assert abs(found["kerberos"]["krb_error"]["time_s"] - time.time()) < 60


def test_clocks(doctor, plain):
    facts = doctor(url_of(plain), people=["alice"])
    sources = {source["name"]: source["offset_s"] for source in facts["clock"]["sources"]}
    assert set(sources) == {"http front", "ntlm front", "kdc"}
    assert all(abs(offset) < 60 for offset in sources.values())
    assert abs(facts["clock"]["own_s"] - time.time()) < 60


# A balancer that shares its connections to the servers gives one person's page to whoever comes next.
# The second run meets connections that the first one left, with people on them.
def test_a_pooling_balancer_mixes_people_up(doctor, server, peer):
    balancer = peer("nginx", f"127.0.0.1:{server().http}")
    for _ in range(2):
        found = front(doctor(f"https://lb.example.test:{balancer.ports[1]}/"))["isolation"]
        assert found["anonymous_answered"] > 0
        assert any("was answered as" in words for words in found["sample"])


def test_somebody_answered_as_somebody_else(doctor):
    """Whether nginx does so to a crowd is chance; a stand-in of ours always does."""
    with rude.Rude(rude.Careless()) as one:
        found = front(doctor(f"http://iis1.example.test:{one.port}/"))["isolation"]
    assert found["names_people"] is True
    assert found["wrong"] > 0 and found["anonymous_answered"] == 0
    assert set(found["sample"]) <= {"alice was answered as bob", "bob was answered as alice"}


# A page that names a colleague to everybody is not that colleague's page.
def test_a_static_page_that_names_a_colleague(doctor):
    class Page(rude.Ntlm):
        def page(self):
            return rude.status("200 OK", body=b"Questions? Ask bob.")
    with rude.Rude(Page()) as one:
        found = front(doctor(f"http://iis1.example.test:{one.port}/"))
    assert found["ntlm"]["outcome"] == "ok" and found["isolation"]["accounts"] == 2
    assert found["isolation"]["names_people"] is False
    assert found["isolation"]["wrong"] == 0 and found["isolation"]["sample"] == []


# nginx without keepalive opens a connection for each request: no login can be finished.
def test_a_balancer_that_closes_between_the_legs(doctor, server, peer):
    balancer = peer("nginx", f"127.0.0.1:{server().http}")
    found = front(doctor(f"https://lb.example.test:{balancer.ports[0]}/", people=["alice"]))
    assert found["ntlm"]["outcome"] == "refused"
    assert found["ntlm"]["repeats"]["ok"] == 0
    assert found["kerberos"]["outcome"] == "ok"


def test_nothing_listens(doctor):
    facts = doctor("https://iis1.example.test:1/", people=["alice"])
    assert front(facts)["tcp"]["is_open"] is False
    assert front(facts)["ntlm"]["outcome"] == "closed"
    assert front(facts)["kerberos"]["outcome"] == "closed"
