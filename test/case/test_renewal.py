# SPDX-License-Identifier: Apache-2.0
# What becomes of connections that are open when a reload brings another certificate: a login on them would be bound to
# the one that has gone. They end by themselves, without anybody losing an answer or a login; all others stay.
"""Clients of before a renewal: who is ended, how, and who is not."""

import socket
import ssl
import subprocess
import threading

import hello
import pytest
from scripted import ok, request, response
from serving import HOST, Backend, Serving, config, pool, until
from tokens import KERBEROS, KERBEROS_PROOF, NTLM_1, NTLM_2, NTLM_3, OFFERS

from lab.embedded.domain import NETBIOS_DOMAIN, Domain, password
from lab.people.logins import NtlmLogin, Person
from lab.people.ntlm import channel_binding
from lab.people.web import Closed, Connection, Target

END = "certificate_changed"
ASKED = response(401, *OFFERS)
CONTINUED = response(401, NTLM_2)
PROVED = ok("in", KERBEROS_PROOF)
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
OTHER = "other.example.test"


def certificates(stage, *names):
    pairs = [stage.papers.pair(name) for name in names]
    return [{"chain": pair.chain, "key": pair.key} for pair in pairs]


def with_another_site(config, stage):
    """A site whose certificate no test here changes, and servers' names that are passed through."""
    config["sites"].append({"name": "other", "hosts": ["*.example.test"],
                            "certificates": certificates(stage, "wildcard-ecdsa"),
                            "routes": [{"path": "/", "forward": "main"}]})


def renew(stage, *names):
    """Another certificate for the portal, and the word of the reload."""
    stage.config["sites"][0]["certificates"] = certificates(stage, *(names or ["lb-again"]))
    said = stage.balancer.reload(stage.text())
    assert "handfast: reloaded " in said, said
    return said


def is_said(said):
    return "another certificate" in said


def ask(stage, client, answer, *lines, link=None):
    """One request on that client, answered so; the link it came on and what the client was told."""
    client.ask("GET", "/", *lines)
    link = link or stage.server.accept()
    link.read_request()
    link.send(answer)
    return link, client.answer()


def half(client, target="/", *lines):
    """The first half of a request, so that the client does not rest; the bytes of the second."""
    whole = request("GET", target, *lines)
    client.send(whole[:20])
    return whole[20:]


# -- who is ended


@pytest.mark.parametrize("version", VERSIONS, ids=["tls1.2", "tls1.3"])
def test_a_client_at_rest_is_ended_politely(stage, papers, version):
    context = papers.trusting()
    context.minimum_version = context.maximum_version = version
    with stage() as it:
        client = it.client(context=context)
        link, answer = ask(it, client, ok())
        assert not answer.says_close()
        assert is_said(renew(it))
        client.expect_end("closed")  # close_notify, then FIN; never a reset
        link.expect_end("closed")


def test_a_client_that_was_asked_to_log_in_is_ended(stage):
    with stage() as it:
        client = it.client()
        link, answer = ask(it, client, ASKED)
        assert answer.status == 401 and not answer.says_close()
        renew(it)
        client.expect_end("closed")
        link.expect_end("closed")


def test_a_client_that_has_not_asked_yet_is_ended(stage):
    with stage() as it:
        client = it.client()
        renew(it)
        client.expect_end("closed")
        assert it.is_untouched()


def test_the_next_answer_says_close(stage):
    """Whoever asks before it is their turn has the whole answer, and is told."""
    with stage() as it:
        client = it.client()
        link, _ = ask(it, client, ok())
        client.ask("GET", "/next")
        link.read_request()  # now it is under way
        renew(it)
        link.send(ok("the next"))
        answer = client.answer()
        assert answer.status == 200 and answer.body == b"the next" and answer.says_close()
        client.expect_end("closed")


def test_an_answer_under_way_is_completed(stage):
    with stage() as it:
        client, length = it.client(), 300_000
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(response(200, f"Content-Length: {length}", body=b"a" * 1000))
        head = client.read_head()
        assert not head.says_close()
        assert client.read(1000) == b"a" * 1000
        renew(it)
        link.send(b"b" * (length - 1000))
        assert client.read(length - 1000) == b"b" * (length - 1000)
        client.expect_end("closed")  # it rests now


def test_a_body_under_way_is_taken_to_its_end(stage):
    with stage() as it:
        client = it.client()
        client.send(b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 9\r\n\r\nfirst" % it.HOST.encode())
        link = it.server.accept()
        link.read_until(b"first")
        renew(it)
        client.send(b"last")
        assert link.read(4) == b"last"
        link.send(ok("taken"))
        answer = client.answer()
        assert answer.body == b"taken" and answer.says_close()
        client.expect_end("closed")


def test_our_own_answer_says_close_too(stage):
    def elsewhere(config, _):
        config["sites"][0]["routes"].append({"path": "/away/", "redirect": "main"})

    with stage(edit=elsewhere) as it:
        client = it.client()
        link, _ = ask(it, client, ok())
        rest = half(client, "/away/")
        renew(it)
        client.send(rest)
        answer = client.answer()
        assert answer.status == 302 and answer.says_close()
        client.expect_end("closed")
        link.expect_end("closed")


# -- who is about to come


def test_a_hello_under_way_is_answered_with_the_new_certificate(stage, papers):
    with stage() as it:
        shaker = hello.Shaker(papers.trusting(), it.HOST)
        raw = it.raw()
        it.server.serve()
        raw.send(shaker.first[:100])
        renew(it)
        raw.send(shaker.first[100:])
        shaker.finish(raw)
        with open(papers.pair("lb-again").leaf_der, "rb") as renewed:
            assert shaker.tls.getpeercert(binary_form=True) == renewed.read()
        answers = shaker.ask(raw, request() + request("GET", "/", "Connection: close"))
        assert answers.count(b"HTTP/1.1 200 ") == 2 and answers.count(b"\r\nConnection: close\r\n") == 1


def test_a_handshake_under_way_is_finished_and_serves_one_request(stage, papers):
    """What was shown cannot be taken back, but nothing is asked twice on it."""
    with stage() as it:
        it.server.serve()
        shaker = hello.Shaker(papers.trusting(), it.HOST)
        raw = it.raw()
        raw.send(shaker.first)
        raw.socket.recv(1, socket.MSG_PEEK)  # its certificate is on its way
        renew(it)
        shaker.finish(raw)
        with open(papers.pair("lb-ecdsa").leaf_der, "rb") as before:
            assert shaker.tls.getpeercert(binary_form=True) == before.read()
        answer = shaker.ask(raw, request())
        assert answer.startswith(b"HTTP/1.1 200 ") and b"\r\nConnection: close\r\n" in answer


# -- who is not


def test_others_are_not_touched(stage):
    with stage(edit=with_another_site) as it:
        witness, other, plain = it.client(), it.client(name=OTHER), it.plain()
        hosts = {witness: it.HOST, other: OTHER, plain: it.HOST}
        for one, host in hosts.items():
            one.ask(host=host)
            it.server.answer()
            assert one.answer().status == 200
        renew(it)
        witness.expect_end("closed")
        for one in (other, plain):
            one.ask(host=hosts[one])
            link, _ = it.server.answer()  # it follows the reload, as ever
            assert one.answer().status == 200
            one.ask(host=hosts[one])
            link.read_request()
            link.send(ok())
            answer = one.answer()
            assert answer.status == 200 and not answer.says_close()


def test_a_relay_is_not_touched(stage):
    def nodes(config, it):
        config["sites"].append({"name": "nodes", "hosts": ["iis2.example.test"], "passthrough": "nodes"})
        config["pools"] = [it.pool("main", it.servers[:1]), it.pool("nodes", it.servers[1:])]

    with stage(2, edit=nodes) as it:
        witness = it.client()
        ask(it, witness, ok())
        through, first = it.servers[1], hello.make("iis2.example.test")
        raw = it.raw()
        raw.send(first)
        link = through.accept(handshake=False)
        assert link.read(len(first)) == first
        renew(it)
        witness.expect_end("closed")
        for one, other in ((raw, link), (link, raw)):
            one.send(b"whatever it is")
            assert other.read(14) == b"whatever it is"


@pytest.mark.parametrize("renewed", [("lb-ecdsa",), ("lb-ecdsa", "lb-rsa"), ("lb-rsa", "lb-ecdsa")],
                         ids=["the same", "one more", "one more before it"])
def test_as_long_as_the_site_shows_its_certificate_nobody_is_ended(stage, renewed):
    with stage() as it:
        client = it.client()
        link, _ = ask(it, client, ASKED)
        for _ in range(3):
            assert not is_said(renew(it, *renewed))
        assert client.waits(1.5)
        _, answer = ask(it, client, ASKED, link=link)
        assert not answer.says_close()


def test_one_of_two_is_renewed(stage, papers):
    """Only those are ended who were shown the one that has gone."""
    def of_kind(kind):
        context = papers.trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the cipher tells the kind of key
        context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
        return context

    def both(config, it):
        config["sites"][0]["certificates"] = certificates(it, "lb-ecdsa", "lb-rsa")

    with stage(edit=both) as it:
        rsa, ecdsa = it.client(context=of_kind("RSA")), it.client(context=of_kind("ECDSA"))
        link, _ = ask(it, rsa, ASKED)
        ask(it, ecdsa, ASKED)
        assert is_said(renew(it, "lb-again", "lb-rsa"))
        ecdsa.expect_end("closed")
        _, answer = ask(it, rsa, ASKED, link=link)
        assert not answer.says_close()


def test_a_session_that_was_resumed_counts_for_its_certificate(stage, papers):
    context = papers.trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with stage() as it:
        first = it.client(context=context)
        ask(it, first, ok())
        raw = it.socket(it.port)
        second = context.wrap_socket(raw, server_hostname=it.HOST, session=first.socket.session)
        assert second.session_reused
        assert not is_said(renew(it, "lb-ecdsa"))
        second.settimeout(1.5)
        with pytest.raises(TimeoutError):
            second.recv(1)
        renew(it)
        second.settimeout(15)
        assert second.recv(1) == b""
        second.close()


def test_back_to_the_certificate_of_before(stage):
    """Two reloads in one breath: the site shows what this client has seen."""
    with stage() as it:
        client = it.client()
        link, _ = ask(it, client, PROVED, KERBEROS)
        renew(it)
        renew(it, "lb-ecdsa")
        _, answer = ask(it, client, ASKED, link=link)
        assert answer.status == 401 and not answer.says_close()
        assert client.waits(1.5)


# -- logins


def test_whoever_is_logged_in_stays(stage):
    with stage() as it:
        witness, person = it.client(), it.client()
        ask(it, witness, ok())
        link, answer = ask(it, person, PROVED, KERBEROS)
        for _ in range(2):
            renew(it)
            for _ in range(2):
                _, answer = ask(it, person, ok("still"), link=link)
                assert answer.body == b"still" and not answer.says_close()
            if witness:
                witness.expect_end("closed")
                witness = None
        assert person.waits()


def test_whoever_is_asked_to_log_in_again_is_told_to_come_anew(stage):
    """The server has forgotten the person; what would be sent on this connection is bound to what has gone."""
    with stage() as it:
        person = it.client()
        link, _ = ask(it, person, PROVED, KERBEROS)
        renew(it)
        _, answer = ask(it, person, ASKED, link=link)
        assert answer.status == 401 and answer.says_close()
        assert answer.values("WWW-Authenticate") == [b"Negotiate", b"NTLM"]
        person.expect_end("closed")


def test_between_two_legs_nothing_happens(stage):
    with stage() as it:
        witness, person = it.client(), it.client()
        ask(it, witness, ok())
        link, answer = ask(it, person, CONTINUED, NTLM_1)
        assert not answer.says_close()
        renew(it)
        witness.expect_end("closed")
        assert person.waits()
        _, answer = ask(it, person, ok("in"), NTLM_3, link=link)
        assert answer.body == b"in" and not answer.says_close()
        _, answer = ask(it, person, ok("still"), link=link)
        assert answer.body == b"still" and not answer.says_close()
        assert person.waits(1.5)


def test_an_answer_with_a_token_never_says_close(stage):
    with stage() as it:
        person = it.client()
        person.ask("GET", "/", NTLM_1)
        link = it.server.accept()
        link.read_request()
        renew(it)
        link.send(CONTINUED)
        answer = person.answer()
        assert answer.status == 401 and not answer.says_close()
        assert person.waits(1.5)
        _, answer = ask(it, person, ok("in"), NTLM_3, link=link)
        assert answer.body == b"in" and not answer.says_close()


def test_a_login_that_is_refused_ends_the_connection(stage):
    """The next attempt shakes hands anew, and is bound to the certificate that servers have."""
    with stage() as it:
        person = it.client()
        link, _ = ask(it, person, CONTINUED, NTLM_1)
        renew(it)
        _, answer = ask(it, person, ASKED, NTLM_3, link=link)
        assert answer.status == 401 and answer.says_close()
        person.expect_end("closed")
        assert it.wait_for_log(what="login")["legs"][-1]["status"] == 401


def test_the_asked_are_no_logins_that_failed(stage):
    with stage() as it:
        client = it.client()
        ask(it, client, ASKED)
        renew(it)
        client.expect_end("closed")
    assert b'"login"' not in it.written


def test_somebody_is_logged_in_on_another_link_of_the_same_client(stage):
    def two(config, it):
        config["sites"][0]["routes"].append({"path": "/b/", "forward": "second"})
        config["pools"] = [it.pool("main", it.servers[:1]), it.pool("second", it.servers[1:])]

    with stage(2, edit=two) as it:
        person, witness = it.client(), it.client()
        ask(it, witness, ok())
        first, _ = ask(it, person, PROVED, KERBEROS)
        renew(it)
        witness.expect_end("closed")
        person.ask("GET", "/b/")
        second, _ = it.servers[1].answer(ok("open to all"))
        answer = person.answer()
        assert answer.status == 200 and not answer.says_close()
        person.ask("GET", "/b/")
        second.read_request()
        second.send(ASKED)
        answer = person.answer()
        assert answer.status == 401 and answer.says_close()
        person.expect_end("closed")
        first.expect_end("closed")


def test_a_client_that_has_given_its_link_back_is_ended(stage):
    with stage(pool={"links": "shared"}) as it:
        client = it.client()
        client.ask()
        it.server.answer()
        assert client.answer().status == 200
        renew(it)
        client.expect_end("closed")


# -- where it can be seen


def test_the_ends_are_counted_and_it_is_said_once(papers):
    server = Backend()
    content = config(pool("main", ("iis.test", server.port)), workers=2)
    content["listeners"][0]["tls"] = True

    def showing(name):
        pair = papers.pair(name)
        content["sites"][0]["certificates"] = [{"chain": pair.chain, "key": pair.key}]
        return content

    with Serving(showing("lb-ecdsa")) as serving:
        clients = []
        for _ in range(8):  # on both workers
            target = Target(f"https://{HOST}:{serving.port}", "127.0.0.1", papers.ca_file)
            clients.append(Connection(target))
            assert clients[-1].ask("/").status == 200
        assert not is_said(serving.change(showing("lb-ecdsa")))
        assert all(not one.ask("/").closes for one in clients)
        said = serving.change(showing("lb-again"))
        assert [line for line in said.splitlines() if is_said(line) and "site portal" in line]
        told = sum(one.ask("/").closes for one in clients[:2])  # the others rest
        assert told == 2
        until(lambda: serving.metrics()("handfast_ends_total", end=END, by="nobody") == 8, "the end of all")
        until(lambda: serving.get("/status")["clients"] == 0)
        for one in clients:
            one.close()
    server.stop()


# -- clients that are not ours


def test_curl_goes_on_with_another_connection(stage):
    """Told by the first answer that it is the last, it opens another connection for its second request."""
    with stage() as it:
        links = []

        def serve():
            link = it.server.accept()
            link.read_request()
            renew(it)
            link.send(ok("one"))
            links.append(link)
            link, _ = it.server.answer(ok("two"))
            links.append(link)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://{it.HOST}:{it.port}/"
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "20", "--cacert", it.papers.ca_file,
             "--resolve", f"{it.HOST}:{it.port}:127.0.0.1", "-w", " %{http_code} %{num_connects}\n", url, url],
            capture_output=True, text=True, check=False)
        thread.join(20)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split() == ["one", "200", "1", "two", "200", "1"]


@pytest.fixture(scope="module")
def domain():
    with Domain() as lab:
        yield lab


def test_logins_pass_again_where_the_binding_is_enforced(domain, papers):
    """Both sides renewed: bound to what its old connection was shown, a login is refused; on the next it passes."""
    def content(name):
        pair = domain.certificate(name)
        made = config(pool("main", ("iis1.example.test", servers[name].https),
                           tls={"ca": domain.ca_file, "name": HOST}))
        made["listeners"][0]["tls"] = True
        made["sites"][0]["certificates"] = [{"chain": pair.chain, "key": pair.key}]
        return made

    def log_in(connection, first=0):
        person = Person("alice", NETBIOS_DOMAIN, password("alice"), None)
        login = NtlmLogin(person, binding=channel_binding(connection.certificate()), spn=f"HTTP/{HOST}")
        connection.send(connection.request_bytes("/", login.first())[first:])
        answer = connection.receive()
        assert answer.status == 401 and answer.token("NTLM") and not answer.closes
        return connection.ask("/", login.next(answer.token("NTLM")))

    servers = {name: domain.iis("iis1", certificate=name, extended_protection="require", no_auth=["/open/"])
               for name in ("lb-ecdsa", "lb-again")}
    with Serving(content("lb-ecdsa")) as serving:
        target = Target(f"https://{HOST}:{serving.port}", "127.0.0.1", domain.ca_file)
        person, guest, late = (Connection(target) for _ in range(3))
        answer = log_in(person)
        assert answer.status == 200 and answer.field("person") == "alice"
        for one in (guest, late):
            assert one.ask("/open/").status == 200
        late.send(late.request_bytes("/")[:20])  # so that it does not rest
        serving.change(content("lb-again"))
        with pytest.raises(Closed):
            guest.receive()
        assert person.ask("/still").field("person") == "alice"
        answer = log_in(late, first=20)
        assert answer.status == 401 and answer.closes  # refused, and told to come anew
        again = Connection(target)
        answer = log_in(again)
        assert answer.status == 200 and answer.field("person") == "alice"
        for one in (person, guest, late, again):
            one.close()
