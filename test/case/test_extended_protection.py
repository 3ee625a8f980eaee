# SPDX-License-Identifier: Apache-2.0
# Extended Protection as Handfast sees it coming: what status, metrics and log say of the certificates before and behind
# it, when one side is renewed, and that nobody resumes a session of a certificate that has gone.
"""Verdicts of Extended Protection while servers and sites change their certificates."""

import hashlib
import json
import shutil
import socket
import ssl
import subprocess

import pytest
from serving import HOST, Backend, Serving, until

from lab.balancer import binary

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
ENFORCED = {"same": "passes", "passthrough": "passes", "different": "fails", "plain": "fails", "unbound": "fails",
            "partly": "partly", "unknown": "unknown", "redirect": "elsewhere"}


def serving_context(papers, *names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name in names:
        pair = papers.authority.pair(name)
        context.load_cert_chain(pair.chain, pair.key)
    return context


@pytest.fixture
def backend(papers):
    made = []

    def make(*names):
        made.append(Backend(context=serving_context(papers, *names) if names else None))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def certificate(papers, name):
    pair = papers.authority.pair(name)
    return {"chain": pair.chain, "key": pair.key}


def fingerprint(papers, name):
    with open(papers.authority.pair(name).leaf_der, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def pool(papers, *servers, name="main", check="tls", sni=HOST, tls=True, **health):
    health = {"check": check, "interval": "100ms", "timeout": "5s", **health}
    return {"name": name, "health": health,
            **({"tls": {"ca": papers.ca_file, "name": sni}} if tls else {}),
            "servers": [{"name": f"iis{i}.example.test", "address": f"127.0.0.1:{one.port}"}
                        for i, one in enumerate(servers, 1)]}


def site(papers, *names, **more):
    return {"name": "portal", "hosts": [HOST], "certificates": [certificate(papers, name) for name in names],
            "routes": [{"path": "/", "forward": "main"}], **more}


def config(*pools, sites, plain=False):
    listeners = [{"bind": "127.0.0.1:0", "tls": True}] + ([{"bind": "127.0.0.1:0", "tls": False}] if plain else [])
    return {"workers": 1, "listeners": listeners, "sites": sites, "pools": list(pools), "timeouts": {"drain": "4s"}}


def ways(serving):
    return serving.get("/status")["protection"]


def way(serving, server="iis1.example.test", **more):
    found = [one for one in ways(serving) if one["server"] == server and more.items() <= one.items()]
    assert len(found) == 1, found
    return found[0]


def await_way(serving, verdict, server="iis1.example.test", **more):
    def look():
        found = way(serving, server, **more)
        return found if found["verdict"] == verdict else None
    return until(look, f"{verdict} of {server}")


def in_metrics(serving, **labels):
    return serving.metrics()("handfast_protection", **labels) == 1


# -- verdicts


@pytest.mark.parametrize("shown, verdict", [("lb-ecdsa", "same"), ("lb-again", "different")])
@pytest.mark.parametrize("check", ["tls", "tcp", "http"])
def test_the_certificates_of_both_sides_are_compared(papers, backend, check, shown, verdict):
    server = backend(shown)
    with Serving(config(pool(papers, server, check=check), sites=[site(papers, "lb-ecdsa")])) as serving:
        found = await_way(serving, verdict)
        assert (found["site"], found["mode"], found["client"], found["pool"]) == ("portal", "forward", "tls", "main")
        assert found["where"] == {"none": "passes", "enforced": ENFORCED[verdict], "proxy": "passes",
                                  "cohosting": "passes"}
        assert [one["sha256"] for one in found["site_certificates"]] == [fingerprint(papers, "lb-ecdsa")]
        assert found["server_certificate"]["sha256"] == fingerprint(papers, shown)
        assert found["sentence"] and found["advice"]
        assert in_metrics(serving, site="portal", mode="forward", client="tls", pool="main",
                          server="iis1.example.test", verdict=verdict)


def test_without_checks_nobody_looks_but_links_tell(papers, backend):
    server = backend("lb-again")
    content = config(pool(papers, server, check="none"), sites=[site(papers, "lb-ecdsa")])
    with Serving(content) as serving:
        assert way(serving)["verdict"] == "unknown" and "server_certificate" not in way(serving)
        assert in_metrics(serving, site="portal", mode="forward", client="tls", pool="main",
                          server="iis1.example.test", verdict="unknown")
        assert server.connections == 0
        assert tls_fetch(papers, serving) == 200
        assert await_way(serving, "different")["server_certificate"]["sha256"] == fingerprint(papers, "lb-again")
        server.context = serving_context(papers, "lb-ecdsa")
        # a link that resumes shows nothing and must not be taken for the certificate of before
        until(lambda: tls_fetch(papers, serving) == 200 and way(serving)["verdict"] == "same", "the new certificate")


def test_a_session_with_the_server_hides_no_renewal(papers, backend):
    """Checks and looks always shake hands in full, even when the server lets every session resume."""
    server = backend("lb-ecdsa")
    content = config(pool(papers, server), sites=[site(papers, "lb-ecdsa")])
    with Serving(content) as serving:
        await_way(serving, "same")
        pair = papers.authority.pair("lb-again")
        server.context.load_cert_chain(pair.chain, pair.key)  # the ticket keys stay, as after a renewal in place
        assert await_way(serving, "different")["server_certificate"]["sha256"] == fingerprint(papers, "lb-again")


def test_one_of_two_certificates(papers, backend):
    server, other = backend("lb-ecdsa"), backend("lb-again")
    content = config(pool(papers, server, other), sites=[site(papers, "lb-rsa", "lb-ecdsa")])
    with Serving(content) as serving:
        found = await_way(serving, "partly")
        assert {one["key"] for one in found["site_certificates"]} == {"RSA", "ECDSA"}
        assert found["where"]["enforced"] == "partly"
        await_way(serving, "different", "iis2.example.test")


def test_every_server_has_its_own(papers, backend):
    servers = [backend("lb-ecdsa"), backend("lb-again"), backend("lb-ecdsa")]
    with Serving(config(pool(papers, *servers), sites=[site(papers, "lb-ecdsa")])) as serving:
        for number, verdict in ((1, "same"), (2, "different"), (3, "same")):
            await_way(serving, verdict, f"iis{number}.example.test")
        shown = serving.command("status", "-s", serving.socket_path).stdout
        assert "Extended Protection" in shown
        lines = [line.split()[:6] for line in shown.splitlines() if line.startswith("portal  tls")]
        assert [(line[4], line[5]) for line in lines] == [
            (f"iis{n}.example.test", verdict) for n, verdict in ((1, "same"), (2, "different"), (3, "same"))]


def test_the_other_ways(papers, backend):
    """Passthrough, redirect, plain pools and plain clients need no look at all."""
    server = backend()
    sites = [site(papers, "lb-ecdsa", plain_http="serve",
                  routes=[{"path": "/", "forward": "main"}, {"path": "/b/", "forward": "main"},
                          {"path": "/nodes/", "redirect": "nodes"}]),
             {"name": "nodes", "hosts": ["iis1.example.test"], "passthrough": "nodes"}]
    pools = [pool(papers, server, check="none", tls=False), pool(papers, server, name="nodes", check="none", tls=False)]
    with Serving(config(*pools, sites=sites, plain=True)) as serving:
        found = {(one["site"], one["mode"], one["client"], one["pool"]): one["verdict"] for one in ways(serving)}
        assert found == {("portal", "forward", "tls", "main"): "plain",
                         ("portal", "forward", "plain", "main"): "unbound",
                         ("portal", "redirect", "tls", "nodes"): "redirect",
                         ("nodes", "passthrough", "tls", "nodes"): "passthrough"}
        assert len(ways(serving)) == 4
        for one in ways(serving):
            assert one["where"]["enforced"] == ENFORCED[one["verdict"]]
        assert "handfast: warning" not in serving.errors()
        assert server.connections == 0


def test_a_certificate_for_another_name_is_no_answer(papers, backend):
    """What a server showed for one name says nothing about the name that is asked for after a reload."""
    def choose(sock, name, context):
        sock.context = again if name == "other.example.test" else context

    server = backend("lb-ecdsa")
    again = serving_context(papers, "lb-again")
    server.context.sni_callback = choose
    with Serving(config(pool(papers, server, check="tcp"), sites=[site(papers, "lb-ecdsa")])) as serving:
        await_way(serving, "same")
        serving.change(config(pool(papers, server, check="tcp", sni="other.example.test"),
                              sites=[site(papers, "lb-ecdsa")]))
        await_way(serving, "different")


def test_a_server_that_is_away_keeps_what_it_showed(papers, backend):
    server = backend("lb-ecdsa")
    with Serving(config(pool(papers, server, check="tcp"), sites=[site(papers, "lb-ecdsa")])) as serving:
        await_way(serving, "same")
        server.stop()
        serving.await_verdict("down", "main", "iis1.example.test")
        assert way(serving)["verdict"] == "same"
        server.context = serving_context(papers, "lb-again")
        server.start()
        await_way(serving, "different")


def test_a_server_never_reached_is_unknown(papers, backend):
    server = backend("lb-ecdsa")
    server.stop()
    with Serving(config(pool(papers, server, check="tcp"), sites=[site(papers, "lb-ecdsa")])) as serving:
        serving.await_verdict("down", "main", "iis1.example.test")
        assert way(serving)["verdict"] == "unknown"
        assert "Extended Protection" not in serving.errors()
        server.start()
        await_way(serving, "same")


# -- renewal on one side


def own(papers, tmp_path, name):
    """The site's certificate under a path of its own, so that it can be renewed in place."""
    for ending in ("pem", "key"):
        shutil.copy(f"{papers.authority.directory}/{name}.{ending}", tmp_path / f"site.{ending}")
    return {"chain": str(tmp_path / "site.pem"), "key": str(tmp_path / "site.key")}


def lines_of(serving, verdict):
    return [line for line in serving.log("protection") if line["verdict"] == verdict]


def test_a_server_renewed_alone_is_a_warning(papers, backend):
    server = backend("lb-ecdsa")
    with Serving(config(pool(papers, server), sites=[site(papers, "lb-ecdsa")])) as serving:
        await_way(serving, "same")
        assert "handfast: warning" not in serving.errors()
        server.context = serving_context(papers, "lb-again")
        await_way(serving, "different")
        said = until(lambda: [line for line in serving.errors().splitlines() if "no longer equals" in line], "news")
        assert len(said) == 1 and said[0].startswith("handfast: warning: ")
        assert "server iis1.example.test of pool main" in said[0] and "site portal" in said[0]
        assert "changed at the server only" in said[0] and said[0].count("valid until 20") == 2
        for name in ("lb-ecdsa", "lb-again"):
            assert fingerprint(papers, name)[:16] in said[0]
        line = until(lambda: lines_of(serving, "different"), "a line in the log")[0]
        assert line["before"] == "same" and line["server_sha256"] == fingerprint(papers, "lb-again")[:16]
        assert line["site_sha256"] == fingerprint(papers, "lb-ecdsa")[:16] and line["site"] == "portal"
        server.context = serving_context(papers, "lb-ecdsa")
        await_way(serving, "same")
        assert until(lambda: [one for one in lines_of(serving, "same") if one["before"] == "different"], "the news")


def test_a_site_renewed_alone_is_a_warning(papers, backend, tmp_path):
    server = backend("lb-ecdsa")
    mine = own(papers, tmp_path, "lb-ecdsa")
    content = config(pool(papers, server), sites=[site(papers, certificates=[mine])])
    with Serving(content) as serving:
        await_way(serving, "same")
        serving.reload()
        assert way(serving)["verdict"] == "same" and "no longer" not in serving.errors()  # nothing has changed
        own(papers, tmp_path, "lb-again")
        serving.reload()
        assert way(serving)["verdict"] == "different"
        assert "changed at the load balancer only" in serving.errors()
        server.context = serving_context(papers, "lb-again")
        await_way(serving, "same")


def test_a_difference_at_the_start_is_said_once(papers, backend):
    server = backend("lb-again")
    with Serving(config(pool(papers, server), sites=[site(papers, "lb-ecdsa")])) as serving:
        await_way(serving, "different")
        checks = serving.server("main", "iis1.example.test")["checks_passed"]
        until(lambda: serving.server("main", "iis1.example.test")["checks_passed"] > checks + 2, "more checks")
        said = [line for line in serving.errors().splitlines() if "Extended Protection" in line]
        assert len(said) == 1 and "server's certificate is not the site's" in said[0]
        assert len(lines_of(serving, "different")) == 1


def test_several_machines_behind_one_address_do_not_fill_the_log(papers, backend):
    class Alternating:
        """Another certificate for every connection."""
        contexts = [serving_context(papers, name) for name in ("lb-ecdsa", "lb-again")]

        def wrap_socket(self, *arguments, **options):
            self.contexts.reverse()
            return self.contexts[0].wrap_socket(*arguments, **options)

    server = backend("lb-ecdsa")
    server.context = Alternating()
    with Serving(config(pool(papers, server), sites=[site(papers, "lb-ecdsa")])) as serving:
        until(lambda: "keeps changing" in serving.errors(), "a word about it")
        checks = serving.server("main", "iis1.example.test")["checks_passed"]
        until(lambda: serving.server("main", "iis1.example.test")["checks_passed"] > checks + 5, "more checks")
        assert serving.errors().count("keeps changing") == 1
        assert len(until(lambda: serving.log("protection")[6:] and serving.log("protection"), "the log")) == 7
        assert {way(serving)["verdict"] for _ in range(200)} <= {"same", "different"}  # the status goes on


def test_renewed_on_both_sides_is_the_same_again(papers, backend, tmp_path):
    server = backend("lb-ecdsa")
    mine = own(papers, tmp_path, "lb-ecdsa")
    with Serving(config(pool(papers, server), sites=[site(papers, certificates=[mine])])) as serving:
        await_way(serving, "same")
        server.context = serving_context(papers, "lb-again")
        own(papers, tmp_path, "lb-again")
        serving.reload()
        assert await_way(serving, "same")["server_certificate"]["sha256"] == fingerprint(papers, "lb-again")


# -- sessions of a certificate that has gone


def client_context(papers, version):
    context = ssl.create_default_context(cafile=papers.ca_file)
    context.minimum_version = context.maximum_version = version
    return context


def visit(serving, context, session=None):
    """Resumed or not, the session for the next time, and the certificate that was shown or remembered."""
    raw = socket.create_connection(("127.0.0.1", serving.port), 10)
    with context.wrap_socket(raw, server_hostname=HOST, session=session) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")  # tickets of TLS 1.3 have come by then
        return sock.session_reused, sock.session, sock.getpeercert(binary_form=True)


def tls_fetch(papers, serving):
    visit(serving, client_context(papers, ssl.TLSVersion.TLSv1_3))
    return 200


@pytest.mark.parametrize("version", VERSIONS, ids=["tls1.2", "tls1.3"])
def test_no_session_outlives_the_certificate(papers, backend, tmp_path, version):
    mine = own(papers, tmp_path, "lb-ecdsa")
    content = config(pool(papers, backend(), check="none", tls=False), sites=[site(papers, certificates=[mine])])
    with Serving(content) as serving, open(papers.authority.pair("lb-again").leaf_der, "rb") as renewed:
        context = client_context(papers, version)
        resumed, session, old = visit(serving, context)
        assert not resumed
        assert visit(serving, context, session)[0]
        serving.reload()
        resumed, session, _ = visit(serving, context, session)
        assert resumed, "a reload that leaves the certificate alone keeps sessions"
        own(papers, tmp_path, "lb-again")
        serving.reload()
        resumed, fresh, shown = visit(serving, context, session)
        assert not resumed and shown == renewed.read() != old
        assert visit(serving, context, fresh)[0], "the new certificate has sessions of its own"
        assert not visit(serving, context, session)[0]


def test_another_site_keeps_its_sessions(papers, backend, tmp_path):
    mine = own(papers, tmp_path, "wildcard-ecdsa")
    sites = [site(papers, "lb-ecdsa"),
             {"name": "other", "hosts": ["*.example.test"], "certificates": [mine],
              "routes": [{"path": "/", "forward": "main"}]}]
    with Serving(config(pool(papers, backend(), check="none", tls=False), sites=sites)) as serving:
        context = client_context(papers, ssl.TLSVersion.TLSv1_3)
        _, session, _ = visit(serving, context)
        own(papers, tmp_path, "wildcard-rsa")
        assert "reloaded" in serving.reload()
        assert visit(serving, context, session)[0]


def test_the_status_is_json_all_the_way(papers, backend):
    with Serving(config(pool(papers, backend(), check="none", tls=False), sites=[site(papers, "lb-ecdsa")])) as serving:
        done = serving.command("status", "-s", serving.socket_path, "--json")
        assert json.loads(done.stdout)["protection"] == ways(serving)


# -- before anything is served


def checked(tmp_path, content, *options):
    """Exit status and findings of `handfast check`."""
    file = tmp_path / "handfast.yaml"
    file.write_text(json.dumps(content))
    done = subprocess.run([binary(), "check", "-c", str(file), "--json", *options], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)["findings"]


def found(findings, path):
    return [one for one in findings if one["path"] == path]


def test_check_compares_with_the_servers(papers, backend, tmp_path):
    away = backend("lb-ecdsa")
    away.stop()
    servers = [backend("lb-ecdsa"), backend("lb-again"), backend(), away]
    content = config(pool(papers, *servers, timeout="300ms", interval="1s"), sites=[site(papers, "lb-ecdsa")])
    status, findings = checked(tmp_path, content, "--servers")
    away.start()
    assert status == 0
    same, other, clear, refused = (found(findings, f"pools[0].servers[{i}]")[0] for i in range(4))
    assert [one["severity"] for one in (same, other, clear, refused)] == ["note"] + ["warning"] * 3
    assert fingerprint(papers, "lb-ecdsa")[:16] in same["what"] and not same["advice"]
    for name in ("lb-ecdsa", "lb-again"):
        assert fingerprint(papers, name)[:16] in other["what"]
    assert other["what"].count("valid until 20") == 2 and "(HTTP/lb.example.test)" in other["advice"]
    assert "was not seen" in clear["what"] and "refused the connection" in refused["what"]
    assert checked(tmp_path, content) == (0, [])  # without being asked nobody connects
    assert servers[0].connections == 1


def test_check_finds_the_name_that_has_the_certificate(papers, backend, tmp_path):
    def choose(sock, name, context):
        sock.context = public if name == HOST else context

    server = backend("iis1-ecdsa")
    public = serving_context(papers, "lb-ecdsa")
    server.context.sni_callback = choose
    content = config(pool(papers, server, sni="iis1.example.test"), sites=[site(papers, "lb-ecdsa")])
    finding = found(checked(tmp_path, content, "--servers")[1], "pools[0].servers[0]")[0]
    assert finding["severity"] == "warning" and "write name: lb.example.test under the pool's tls" in finding["advice"]
    content["pools"][0]["tls"]["name"] = HOST
    assert found(checked(tmp_path, content, "--servers")[1], "pools[0].servers[0]")[0]["severity"] == "note"


def test_check_judges_each_site_for_itself(papers, backend, tmp_path):
    """Two sites before one pool: a second look for the one must not spoil what the other is told."""
    sites = [site(papers, "lb-again"),
             {"name": "other", "hosts": ["iis1.example.test"], "certificates": [certificate(papers, "iis1-ecdsa")],
              "routes": [{"path": "/", "forward": "main"}]}]
    content = config(pool(papers, backend("iis1-ecdsa"), sni="iis1.example.test"), sites=sites)
    findings = found(checked(tmp_path, content, "--servers")[1], "pools[0].servers[0]")
    assert [(one["severity"], one["what"].split(",")[0]) for one in findings] == [
        ("warning", "site portal"), ("note", "site other")]


def test_check_asks_nobody_while_there_are_errors(papers, backend, tmp_path):
    server = backend("lb-ecdsa")
    nothing = {"chain": "none.pem", "key": "none.key"}
    broken = config(pool(papers, server), sites=[site(papers, certificates=[nothing])])
    status, findings = checked(tmp_path, broken, "--servers")
    assert status == 1 and not found(findings, "pools[0].servers[0]") and server.connections == 0


def test_check_servers_and_offline_do_not_go_together(tmp_path):
    done = subprocess.run([binary(), "check", "-c", "x.yaml", "--servers", "--offline"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and "usage:" in done.stderr
