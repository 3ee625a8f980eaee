# SPDX-License-Identifier: Apache-2.0
"""`handfast verify` against a running Handfast: what works, what does not, and what it says then."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from lab.balancer import Balancer, binary
from lab.demo import configuration
from lab.demo.peers import KINDS, Peer
from lab.embedded.domain import password

import rude

REALM = "EXAMPLE.TEST"
KERBEROS, NTLM, NEGOTIATE = "Kerberos", "NTLM", "Negotiate, NTLM inside"
NAMES = ("iis1.example.test", "iis2.example.test")


def one_route(lab, address, tls=False):
    """A configuration with one forwarded route to one server."""
    pair = lab.certificate("lb-ecdsa")
    return f"""\
listeners:
  - {{bind: "127.0.0.1:0", tls: true}}
admin: "{lab.path('verify.sock')}"
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{{chain: "{pair.chain}", key: "{pair.key}"}}]
    routes:
      - {{path: /, forward: web}}
pools:
  - name: web
{f'    tls: {{ca: "{lab.ca_file}"}}' if tls else ""}
    servers:
      - {{name: iis1.example.test, address: "{address}"}}
"""


def one_passed_through(host, name, iis):
    """One site, of that host, passed through to one server of that name."""
    return f"""\
listeners:
  - {{bind: "127.0.0.1:0", tls: true}}
sites:
  - {{name: nodes, hosts: ["{host}"], passthrough: web}}
pools:
  - name: web
    servers:
      - {{name: {name}, address: "127.0.0.1:{iis.https}"}}
"""


def all_modes(lab, one, two):
    """The demo's: forwarded in clear and over TLS, redirected and passed through."""
    pair = lab.certificate("lb-ecdsa")
    return configuration.handfast(
        "127.0.0.1:0", (pair.chain, pair.key), lab.ca_file,
        [(name, f"127.0.0.1:{iis.http}") for name, iis in zip(NAMES, (one, two))],
        [(name, f"127.0.0.1:{iis.https}") for name, iis in zip(NAMES, (one, two))],
        lab.path("verify.sock"))


@pytest.fixture
def verify(lab, accounts):
    """verify(balancer, ...) -> the finished process."""
    def run(balancer, *arguments, people=("alice", "bob"), file=None, address="127.0.0.1",
            env=None, trusts=True):
        ca = ["--ca", lab.ca_file] if trusts else []
        done = subprocess.run(
            [binary(), "verify", "-c", str(file or balancer.config_file), "--address", address,
             "--port", str(balancer.ports[0]), *ca, "--lanes", "2", *accounts(people),
             *arguments],
            capture_output=True, text=True, check=False, env=env or lab.env())
        assert not any(password(person) in done.stdout + done.stderr for person in people)
        return done
    return run


def rows_of(done):
    report = json.loads(done.stdout)
    return {(row["mode"], row["way"], row["scheme"]): row for row in report["rows"]}


def only(done, scheme):
    """The row of that scheme, where there is one way only."""
    found = [row for row in json.loads(done.stdout)["rows"] if row["scheme"] == scheme]
    assert len(found) == 1
    return found[0]


def test_every_mode_and_scheme_with_a_reload(lab, verify, server, tmp_path):
    page = tmp_path / "page.html"
    with Balancer(all_modes(lab, server("iis1"), server("iis2"))) as balancer:
        done = verify(balancer, "--reload", "--json", "--html", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["holds"] and report["was_reloaded"] and report["accounts"] == 2
    rows = rows_of(done)
    assert len(rows) == 5 * 3
    assert {mode for mode, _, _ in rows} == {"forward", "passthrough", "redirect"}
    for (mode, way, scheme), row in rows.items():
        assert row["outcome"] == "ok", (way, scheme, row["problem"])
        assert row["legs"] == (2 if scheme == KERBEROS else 3) + (mode == "redirect")
        assert row["ms"] > 0 and row["direct_ms"] > 0
        assert row["added_ms"] == pytest.approx(row["ms"] - row["direct_ms"], abs=0.01)
        assert row["crowd"]["right"] == row["crowd"]["exchanges"] - row["crowd"]["anonymous"] > 0
        assert row["crowd"]["wrong"] == row["crowd"]["anonymous_answered"] == 0
        assert row["crowd"]["anonymous"] > 0
        assert row["protection"] == "not enforced"
        assert row["reload"] == "held"
        assert row["reload_between_legs"] == ("" if scheme == KERBEROS else "held")
        assert row["reload_problem"] == ""
    check_page(page.read_text(encoding="utf-8"))


def check_page(text):
    """One page that needs nothing from elsewhere, and is well-formed in what it draws."""
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("<svg") == text.count("</svg>") == 2
    assert text.count("<rect") >= 15 * 3
    assert text.count("<tr class=good>") == 15
    assert not re.search(r"<(script|link|img|iframe|object)\b|\bsrc=|\bhref=|@import|url\(", text)
    assert "Every login works" in text


def test_what_extended_protection_does_to_each_mode(lab, verify, server):
    servers = [server(name, extended_protection="allow") for name in ("iis1", "iis2")]
    with Balancer(all_modes(lab, *servers)) as balancer:
        done = verify(balancer, "--json")
    assert done.returncode == 1
    for (mode, way, scheme), row in rows_of(done).items():
        is_in = mode != "forward"
        assert row["outcome"] == ("ok" if is_in else "refused"), (way, scheme)
        assert row["protection"] == ("enforced, passes" if is_in else "enforced, FAILS")
        assert row["holds"] is is_in
        assert ("crowd" in row) is is_in


def test_a_server_set_for_a_proxy(lab, verify, server):
    iis = server("iis1", extended_protection="require", proxy=True, spn=["HTTP/lb.example.test"])
    with Balancer(one_route(lab, f"127.0.0.1:{iis.https}", tls=True)) as balancer:
        done = verify(balancer, "--json")
    assert done.returncode == 0, done.stdout
    for row in json.loads(done.stdout)["rows"]:
        assert row["protection"] == "enforced for a proxy, passes"


# -- Handfast keeps people apart; what stands behind it may not


def test_people_mixed_up_behind_us_are_seen(lab, verify, server, tmp_path):
    pair = lab.certificate("lb-ecdsa")
    kind = next(kind for kind in KINDS if kind.name == "nginx")
    with Peer(kind, str(tmp_path), (pair.chain, pair.key),
              [("iis1", f"127.0.0.1:{server('iis1').http}")]) as peer:
        with Balancer(one_route(lab, f"127.0.0.1:{peer.ports[1]}", tls=True).replace(
                "    tls: {", "    tls: {name: lb.example.test, ")) as balancer:
            done = verify(balancer, "--json")
            table = verify(balancer)
    assert done.returncode == table.returncode == 1
    for scheme in (KERBEROS, NTLM, NEGOTIATE):
        row = only(done, scheme)
        assert not row["holds"] and row["crowd"]["anonymous_answered"] > 0 and row["crowd"]["sample"]
    assert "MIXED UP" in table.stdout and "was answered as" in table.stdout
    assert "Not every login works" in table.stdout


def test_somebody_answered_as_somebody_else_is_seen(lab, verify):
    """Whether nginx does so to a crowd is chance; a stand-in of ours always does."""
    with rude.Rude(rude.Careless()) as mixed:
        with Balancer(one_route(lab, f"127.0.0.1:{mixed.port}")) as balancer:
            done = verify(balancer, "--json")
            table = verify(balancer)
    assert done.returncode == table.returncode == 1
    row = only(done, NTLM)
    assert row["outcome"] == "ok" and not row["holds"]
    assert row["crowd"]["wrong"] > 0 and row["crowd"]["right"] > 0
    assert row["crowd"]["anonymous_answered"] == 0
    assert set(row["crowd"]["sample"]) <= {"alice was answered as bob", "bob was answered as alice"}
    assert "MIXED UP" in table.stdout and "was answered as" in table.stdout


# -- certificates


def assert_untrusted(done, table, page, said):
    """Logins work, and no row holds."""
    assert done.returncode == table.returncode == 1
    for row in json.loads(done.stdout)["rows"]:
        assert row["outcome"] == "ok" and row["ms"] > 0, row["problem"]
        assert row["holds"] is False
        assert said in row["problem"] and row["certificate_problem"] == row["problem"]
    assert table.stdout.count(said) == 3 and len(re.findall(r"  untrusted  ", table.stdout)) == 3
    assert "Not every login works as it must" in table.stdout
    text = page.read_text(encoding="utf-8")
    assert text.count(said) == text.count("<tr class=bad>") == 3 and "<td>yes" not in text


def test_a_certificate_that_has_expired_does_not_hold(lab, verify, plain, tmp_path):
    page = tmp_path / "page.html"
    good, bad = lab.certificate("lb-ecdsa"), lab.certificate("lb-expired")
    text = one_route(lab, f"127.0.0.1:{plain.http}").replace(good.chain, bad.chain).replace(good.key, bad.key)
    with Balancer(text) as balancer:
        done = verify(balancer, "--json", people=["alice"])
        table = verify(balancer, "--html", str(page), people=["alice"])
    assert_untrusted(done, table, page,
                     "the certificate shown for lb.example.test is not trusted: certificate has expired")


def test_a_certificate_that_nobody_knows_does_not_hold(lab, verify, plain, tmp_path):
    page = tmp_path / "page.html"
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--json", people=["alice"], trusts=False)
        table = verify(balancer, "--html", str(page), people=["alice"], trusts=False)
        known = verify(balancer, "--json", people=["alice"])
    assert_untrusted(done, table, page, "the certificate shown for lb.example.test is not trusted: ")
    assert known.returncode == 0, known.stdout + known.stderr
    assert {row["certificate_problem"] for row in json.loads(known.stdout)["rows"]} == {""}


def test_a_certificate_of_other_names_does_not_hold(lab, verify, server):
    """A server that is passed through to shows what it likes."""
    iis = server("iis1")
    with Balancer(one_passed_through("iis2.example.test", "iis2.example.test", iis)) as balancer:
        done = verify(balancer, "--json", people=["alice"])
    assert done.returncode == 1
    for row in json.loads(done.stdout)["rows"]:
        assert "iis2.example.test is for other names: " in row["certificate_problem"]
        assert "iis1.example.test" in row["certificate_problem"] and not row["holds"]


def test_where_a_redirect_leads_the_certificate_counts_too(lab, verify, server):
    iis, pair = server("iis1"), lab.certificate("lb-ecdsa")
    text = f"""\
listeners:
  - {{bind: "127.0.0.1:0", tls: true}}
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{{chain: "{pair.chain}", key: "{pair.key}"}}]
    routes: [{{path: /, redirect: web}}]
  - {{name: nodes, hosts: [lb2.example.test], passthrough: web}}
pools:
  - name: web
    servers: [{{name: lb2.example.test, address: "127.0.0.1:{iis.https}"}}]
"""
    with Balancer(text) as balancer:
        done = verify(balancer, "--json", people=["alice"])
    rows = rows_of(done)
    assert done.returncode == 1 and {mode for mode, _, _ in rows} == {"redirect", "passthrough"}
    for row in rows.values():
        assert "lb2.example.test is for other names: " in row["certificate_problem"] and not row["holds"]


def test_plain_http_has_no_certificate(lab, verify, plain):
    text = one_route(lab, f"127.0.0.1:{plain.http}").replace("tls: true", "tls: false").replace(
        "    routes:", "    plain_http: serve\n    routes:")
    with Balancer(text) as balancer:
        done = verify(balancer, "--json", people=["alice"], trusts=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {row["certificate_problem"] for row in json.loads(done.stdout)["rows"]} == {""}


def test_nothing_can_be_measured_where_nobody_listens(lab, verify, plain):
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        for options in ([], ["--json"]):
            done = verify(balancer, "--port", "1", *options, people=["alice"])
            assert (done.returncode, done.stdout) == (2, "")
            assert "handfast verify: the load balancer does not answer: " in done.stderr


def test_the_documentation_names_every_key(lab, verify, plain):
    page = (Path(__file__).resolve().parents[2] / "docs/verify.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)(?:\[\])?`", page.split("## For programs")[1]))
    with Balancer(starred(lab, f"127.0.0.1:{plain.http}")) as balancer:
        report = json.loads(verify(balancer, "--json", people=["alice"]).stdout)
    row = report["rows"][0]
    keys = set(report) | set(row) | set(row["crowd"]) | set(report["left_out"][0])
    assert len(keys) > 30 and keys <= told, keys - told


# -- names with stars


def starred(lab, address):
    """The portal, and a site of which nobody can tell the names."""
    pair = lab.certificate("wildcard-ecdsa")
    site = f"""\
  - name: apps
    hosts: ["*.example.test"]
    certificates: [{{chain: "{pair.chain}", key: "{pair.key}"}}]
    routes:
      - {{path: /, forward: web}}
      - {{path: /b/, forward: web}}
pools:
"""
    return one_route(lab, address).replace("pools:\n", site)


def ways_of(done):
    return {row["way"] for row in json.loads(done.stdout)["rows"]}


def test_a_site_of_stars_is_not_tried_and_it_is_said(lab, verify, plain, tmp_path):
    page = tmp_path / "page.html"
    with Balancer(starred(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--json", people=["alice"])
        table = verify(balancer, "--html", str(page), people=["alice"])
    report = json.loads(done.stdout)
    assert report["holds"] and ways_of(done) == {"portal / -> web"}
    what, = report["left_out"]
    assert what["site"] == "apps" and "--host NAME.example.test" in what["why"]
    assert done.returncode == table.returncode == 2
    assert re.search(r"^apps +not tried *$", table.stdout, re.MULTILINE)
    assert "apps was not tried: " in table.stdout and "--host NAME.example.test" in table.stdout
    assert "Every login that was tried works" in table.stdout
    assert "Every login works" not in table.stdout
    assert "--host NAME.example.test" in page.read_text(encoding="utf-8")


def test_what_fails_counts_more_than_what_was_not_tried(lab, verify):
    with Balancer(starred(lab, "127.0.0.1:1")) as balancer:
        done = verify(balancer, people=["alice"])
    assert done.returncode == 1 and "apps was not tried" in done.stdout


def test_a_name_for_a_star(lab, verify, plain):
    with Balancer(starred(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--json", "--host", "IIS1.example.test", people=["alice"])
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["left_out"] == []
    assert ways_of(done) == {"portal / -> web", "apps iis1.example.test/ -> web",
                             "apps iis1.example.test/b/ -> web"}
    assert {row["outcome"] for row in report["rows"]} == {"ok"}
    url, = {row["url"] for row in report["rows"] if row["way"].startswith("apps iis1.example.test/b/")}
    assert url.startswith("https://iis1.example.test:") and url.endswith("/b/")


def test_several_names_each_once(lab, verify, plain):
    with Balancer(starred(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--json", "--host", "iis1.example.test", "--host=iis2.example.test",
                      "--host", "iis1.example.test.", "--host", "lb.example.test", people=["alice"])
    assert ways_of(done) == {f"apps {name}{path} -> web" for name in NAMES for path in ("/", "/b/")} | {
        "portal lb.example.test/ -> web"}
    assert len(json.loads(done.stdout)["rows"]) == 5 * 3


def test_a_name_for_a_star_that_is_passed_through(lab, verify, server):
    iis = server("iis1")
    with Balancer(one_passed_through("*.example.test", "node7", iis)) as balancer:
        none = verify(balancer, "--json", people=["alice"])
        done = verify(balancer, "--json", "--host", "iis1.example.test", people=["alice"])
    assert none.returncode == 2 and not none.stdout
    assert "nodes was not tried: " in none.stderr and "--host NAME.example.test" in none.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert ways_of(done) == {"nodes iis1.example.test -> web"}


@pytest.mark.parametrize("host, said", [
    ("app.elsewhere.test", "no site has the name app.elsewhere.test"),
    ("a.b.example.test", "no site has the name a.b.example.test"),
    ("*.example.test", "not the name of a host: *.example.test"),
    ("iis1.example.test:443", "not the name of a host: iis1.example.test:443"),
    ("", "not the name of a host: "),
])
def test_a_name_that_cannot_be_asked_for(lab, verify, server, host, said):
    iis = server("iis1")
    with Balancer(starred(lab, f"127.0.0.1:{iis.http}")) as balancer:
        done = verify(balancer, "--host", host, people=["alice"])
        assert done.returncode == 2 and said in done.stderr and not done.stdout
        assert not balancer.log("exchange") and not balancer.log("client")


def test_a_route_that_asks_nobody_to_log_in(lab, verify, server):
    iis = server("iis1", no_auth=["/"])
    with Balancer(one_route(lab, f"127.0.0.1:{iis.http}")) as balancer:
        done = verify(balancer, "--json")
    assert done.returncode == 0
    assert {row["outcome"] for row in json.loads(done.stdout)["rows"]} == {"not offered"}


# Kerberos by Negotiate only: what the server itself does not take is no fault of ours.
def test_a_server_that_offers_negotiate_only(lab, verify, server):
    iis = server("iis1", providers="negotiate")
    with Balancer(one_route(lab, f"127.0.0.1:{iis.http}")) as balancer:
        done = verify(balancer, "--json")
    assert done.returncode == 0, done.stdout
    assert only(done, NTLM)["outcome"] == "not offered"
    assert only(done, NEGOTIATE)["outcome"] == only(done, KERBEROS)["outcome"] == "ok"


def test_a_server_that_is_not_there(lab, verify):
    with Balancer(one_route(lab, "127.0.0.1:1")) as balancer:
        done = verify(balancer, "--json")
    assert done.returncode == 1
    for row in json.loads(done.stdout)["rows"]:
        assert row["outcome"] == "failed" and row["ms"] is None and row["direct_ms"] is None
        assert "503" in row["problem"] or "502" in row["problem"]


def test_tickets_without_a_password(lab, verify, plain):
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--as", f"alice@{REALM}", "--ccache", lab.ticket("alice"), "--json",
                      people=())
    assert done.returncode == 0, done.stdout + done.stderr
    assert only(done, KERBEROS)["outcome"] == "ok"
    assert only(done, NTLM)["outcome"] == only(done, NEGOTIATE)["outcome"] == "not tried"
    assert only(done, KERBEROS)["crowd"]["right"] > 0


def test_a_wrong_password_reaches_no_server(lab, verify, server, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n", encoding="utf-8")
    wrong.chmod(0o600)
    iis = server("iis1")
    with Balancer(one_route(lab, f"127.0.0.1:{iis.http}")) as balancer:
        done = verify(balancer, "--as", f"dave@{REALM}", "--password-file", str(wrong), people=())
    assert done.returncode == 2
    assert "dave cannot log in" in done.stderr and "not it" not in done.stderr
    assert "bad-password" not in iis.log()


@pytest.fixture
def no_kdc(lab, tmp_path):
    """An environment in which nobody answers for the KDC."""
    config = tmp_path / "krb5.conf"
    config.write_text(f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\n"
                      f"[realms]\n{REALM} = {{\nkdc = 127.0.0.1:1\n}}\n", encoding="utf-8")
    return {**lab.env(), "KRB5_CONFIG": str(config)}


def test_a_wrong_password_is_tried_twice_where_no_kdc_tells(lab, verify, server, no_kdc, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n", encoding="utf-8")
    wrong.chmod(0o600)
    servers = [server("iis1"), server("iis2")]
    with Balancer(all_modes(lab, *servers)) as balancer:
        done = verify(balancer, "--as", f"dave@{REALM}", "--password-file", str(wrong), people=(),
                      env=no_kdc)
    assert done.returncode == 2
    assert "dave" in done.stderr and "not sent again" in done.stderr
    assert sum(one.log().count("bad-password") for one in servers) == 2


def test_a_good_password_is_used_where_no_kdc_tells(lab, verify, server, no_kdc):
    with Balancer(one_route(lab, f"127.0.0.1:{server('iis1').http}")) as balancer:
        done = verify(balancer, "--json", people=["alice"], env=no_kdc)
    assert only(done, NTLM)["outcome"] == "ok"
    assert only(done, KERBEROS)["outcome"] == "no ticket" and done.returncode == 1


def test_an_error_for_everybody_does_not_hold(lab, verify):
    with rude.Rude(rude.answers(lambda _: rude.status("403 Forbidden"))) as one:
        with Balancer(one_route(lab, f"127.0.0.1:{one.port}")) as balancer:
            done = verify(balancer, "--json")
    assert done.returncode == 1
    for row in json.loads(done.stdout)["rows"]:
        assert row["outcome"] == "rejected" and "403" in row["problem"]


class Forgetful(rude.Ntlm):
    """A server that knows a challenge only as long as nobody has had the balancer reload."""

    def __init__(self):
        super().__init__()
        self.balancer = None

    def reloads(self):
        return self.balancer.errors().count("handfast: reloaded ")

    def __call__(self, connection):
        before = -1
        while (head := rude.read_head(connection)) is not None:
            kind = rude.ntlm_type(head)
            if kind == 3 and self.reloads() == before:
                connection.sendall(self.page())
                continue
            before = self.reloads()
            offer = f"WWW-Authenticate: NTLM {rude.type2()}" if kind == 1 else "WWW-Authenticate: NTLM"
            connection.sendall(rude.status("401 Unauthorized", offer))


def test_a_login_that_is_lost_between_its_legs(lab, verify):
    forgetful = Forgetful()
    with rude.Rude(forgetful) as one:
        with Balancer(one_route(lab, f"127.0.0.1:{one.port}")) as balancer:
            forgetful.balancer = balancer
            done = verify(balancer, "--reload", "--json", people=["alice"])
            table = verify(balancer, "--reload", people=["alice"])
            without = verify(balancer, "--json", people=["alice"])
    row = only(done, NTLM)
    assert row["outcome"] == "ok" and row["reload_between_legs"] == "LOST" and not row["holds"]
    assert row["reload_problem"] == "refused: status 401 after 3 requests"
    assert done.returncode == table.returncode == 1
    line = f"portal / -> web, {NTLM}: the login that stood between its legs during the reload: refused"
    assert line in table.stdout and "LOST" in table.stdout
    assert without.returncode == 0
    assert only(without, NTLM)["reload_between_legs"] == only(without, NTLM)["reload"] == ""


def test_the_table_says_that_it_held_between_the_legs(lab, verify, plain):
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--reload", people=["alice"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("held, between legs too") == 2  # and Kerberos, which has no legs
    assert re.search(r"Kerberos .*  held  ", done.stdout)


def test_a_reload_that_cannot_be_had(lab, verify, plain):
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, "--reload", "-s", lab.path("nobody.sock"), "--json",
                      people=["alice"])
    assert done.returncode == 1
    assert "could not be reloaded" in done.stderr
    assert json.loads(done.stdout)["was_reloaded"] is False
    assert {row["reload"] + row["reload_between_legs"] for row in json.loads(done.stdout)["rows"]} == {""}


def test_a_configuration_with_errors(lab, verify, plain, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("listeners: 7\n", encoding="utf-8")
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        done = verify(balancer, people=["alice"], file=bad)
    assert done.returncode == 2
    assert "bad.yaml:1" in done.stderr


def test_the_page_escapes_what_is_not_ours(lab, verify, plain, tmp_path):
    odd = tmp_path / "<b>&.yaml"
    page = tmp_path / "page.html"
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}")) as balancer:
        with open(balancer.config_file, encoding="utf-8") as file:
            odd.write_text(file.read(), encoding="utf-8")
        done = verify(balancer, "--html", str(page), people=["alice"], file=odd)
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;.yaml" in text and "<b>" not in text


def test_bytes_that_are_no_text(lab, verify, plain, tmp_path):
    """In the name of the configuration, and in what is too long for its place."""
    odd = os.fsencode(tmp_path) + b"/v\xff.yaml"
    with Balancer(one_route(lab, f"127.0.0.1:{plain.http}").replace(
            "name: portal", f"name: \"{'x' * 120}{'ü' * 20}\"")) as balancer:
        with open(balancer.config_file, "rb") as file, open(odd, "wb") as copy:
            copy.write(file.read())
        done = verify(balancer, "--json", people=["alice"], file=os.fsdecode(odd))
    assert done.returncode == 0, done.stderr
    assert "v\ufffd.yaml" in json.loads(done.stdout)["configuration"]


@pytest.mark.parametrize("arguments", [
    [], ["-c", "/nonexistent"], ["-c", "x", "--port", "0"], ["-c", "x", "--lanes", "99"],
    ["-c", "x", "--ldap"], ["-c", "x", "https://lb.example.test/"], ["-c", "x", "--what"],
], ids=["nothing", "no account", "port", "lanes", "foreign", "a URL", "unknown"])
def test_wrong_usage(arguments):
    done = subprocess.run([binary(), "verify", *arguments], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2
    assert done.stderr and not done.stdout
