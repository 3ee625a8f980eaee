# SPDX-License-Identifier: Apache-2.0
# TLS towards the servers of a pool: whom Handfast believes, what it says, and what the end of
# such a link means.
"""Verification, SNI, resumption and closure of links that speak TLS."""

import contextlib
import ssl

import pytest

from lab.embedded.authority import Authority, Leaf
from scripted import Gone, ok, request
from tokens import KERBEROS


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """An authority nobody told Handfast about, with the same names."""
    authority = Authority(str(tmp_path_factory.mktemp("strangers")), "example.test")
    authority.make("iis1-ecdsa", Leaf(("iis1.example.test",)))
    authority.make("expired", Leaf(("iis1.example.test",), not_before_days=-30, not_after_days=-1))
    return authority


def context_of(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.chain, pair.key)
    return context


def refused(stage, reason="server_certificate"):
    """A request with credentials fails, and not a byte of it reaches the server."""
    client = stage.client()
    client.ask("GET", "/", KERBEROS)
    with contextlib.suppress(OSError, Gone):
        link = stage.server.accept()
        link.read(1)
        raise AssertionError("the request was sent")
    answer = client.answer()
    assert answer.status == 502 and reason.encode() in answer.body, answer.body
    return stage.wait_for_log(status=502, end=reason)


def accepted(stage):
    client = stage.client()
    client.ask("GET", "/", KERBEROS)
    link, got = stage.server.answer()
    assert got.value("Authorization") and client.answer().status == 200
    return link


def test_a_server_of_another_name_is_not_believed(stage):
    with stage(to_tls=True) as it:
        it.server.context = it.papers.showing("iis2-ecdsa")
        refused(it)


def test_a_server_of_an_unknown_authority_is_not_believed(stage, strangers):
    with stage(to_tls=True) as it:
        it.server.context = context_of(strangers.pair("iis1-ecdsa"))
        refused(it)


def test_a_server_with_an_expired_certificate_is_not_believed(stage, papers):
    papers.authority.make(
        "iis1-expired", Leaf(("iis1.example.test",), not_before_days=-30, not_after_days=-1)
    )
    with stage(to_tls=True) as it:
        it.server.context = it.papers.showing("iis1-expired")
        refused(it)


def test_a_wildcard_is_believed(stage):
    with stage(to_tls=True) as it:
        it.server.context = it.papers.showing("wildcard-ecdsa")
        accepted(it)


@pytest.mark.parametrize("name", ["iis1-rsa", "iis1-ecdsa"])
def test_rsa_and_ecdsa_are_believed(stage, name):
    with stage(to_tls=True) as it:
        it.server.context = it.papers.showing(name)
        accepted(it)


def test_verification_can_be_turned_off(stage, strangers):
    with stage(pool={"tls": {"verify": False}}) as it:
        it.server.context = context_of(strangers.pair("expired"))
        accepted(it)


def test_without_a_ca_of_its_own_the_labs_authority_is_not_believed(stage):
    """The control of the others: they believe because `ca` says so."""
    with stage(pool={"tls": {}}) as it:
        it.server.context = it.papers.showing("iis1-ecdsa")
        refused(it)


@pytest.mark.parametrize(
    "options, name",
    [({}, "iis1.example.test"), ({"name": "iis2.example.test"}, "iis2.example.test")],
)
def test_the_name_that_is_asked_for(stage, papers, options, name):
    seen = []
    with stage(pool={"tls": {"ca": papers.ca_file, **options}}) as it:
        it.server.context = papers.showing(f"{name[:4]}-ecdsa")
        it.server.context.sni_callback = lambda sock, asked, context: seen.append(asked)
        accepted(it)
        assert seen == [name]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_second_link_resumes(stage, version):
    with stage(to_tls=True) as it:
        it.server.context.minimum_version = it.server.context.maximum_version = version
        assert not accepted(it).socket.session_reused
        assert accepted(it).socket.session_reused


def test_a_session_is_not_resumed_with_another_server(stage):
    with stage(servers=2, to_tls=True) as it:
        for _ in range(2):
            client = it.client()
            client.ask()
            link, _ = it.knocked().answer()
            assert client.answer().status == 200 and not link.socket.session_reused


def test_a_server_that_speaks_no_tls(stage):
    with stage(pool={"tls": {"verify": False}}) as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        link = it.server.accept()
        link.send(b"HTTP/1.1 400 Bad\r\n\r\n")
        answer = client.answer()
        assert answer.status == 502 and b"server_tls_failed" in answer.body
        assert KERBEROS.split()[2].encode() not in link.received


def test_a_server_without_tls_is_not_spoken_tls_to(stage):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/plain")
        link, _ = it.server.answer()
        assert bytes(link.received).startswith(b"GET /plain ") and client.answer().status == 200


def test_a_handshake_that_does_not_go_on_is_a_504(stage):
    with stage(to_tls=True, timeouts={"connect": "300ms"}) as it:
        client = it.client()
        client.ask()
        link = it.server.accept(handshake=False)
        assert client.answer().status == 504
        link.read_rest()


def test_an_answer_until_close_needs_the_close_of_tls(stage):
    """Without close_notify anybody on the way could have cut it: it must not look complete."""
    with stage(to_tls=True) as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        client.read_until(b"half")
        link.close()  # TCP ends, TLS does not
        assert client.read_rest() == b"" and client.end in ("reset", "cut")
        line = it.wait_for_log(what="exchange")
        assert line["end"] == "response_cut" and line["by"] == "server"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_an_http10_client_sees_the_cut_too(stage, tls):
    with stage(to_tls=True) as it:
        client = it.client() if tls else it.plain()
        client.ask(version="1.0")
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        client.read_until(b"half")
        link.close()
        assert client.read_rest() == b"" and client.end in ("reset", "cut")


def test_in_clear_the_end_of_tcp_is_the_end(stage):
    with stage() as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 200 OK\r\n\r\nwhole")
        client.read_until(b"whole")
        link.close()
        assert client.read_rest() == b"" and client.end == "closed"
        assert it.wait_for_log(what="exchange")["end"] == "done"


def upgraded(it):
    client = it.client()
    client.ask("GET", "/chat", "Connection: Upgrade", "Upgrade: x")
    link = it.server.accept()
    link.read_request()
    link.send(b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhalf")
    assert client.answer().status == 101
    return client, link


def test_what_is_relayed_after_101_is_cut_where_the_server_was(stage):
    with stage(to_tls=True) as it:
        client, link = upgraded(it)
        link.close()
        assert client.read_rest() == b"half" and client.end == "cut"
        line = it.wait_for_log(what="relay")
        assert line["end"] == "relay_cut" and line["by"] == "server"


def test_what_is_relayed_after_101_is_cut_where_the_client_was(stage):
    with stage(to_tls=True) as it:
        client, link = upgraded(it)
        client.read_until(b"half")
        client.send(b"and")
        assert link.read(3) == b"and"
        client.close()
        assert link.read_rest() == b"" and link.end == "cut"
        assert it.wait_for_log(what="relay")["end"] == "relay_done"


def test_what_is_relayed_after_101_ends_as_tls_says(stage):
    with stage(to_tls=True) as it:
        client, link = upgraded(it)
        link.socket.settimeout(0.5)
        with contextlib.suppress(OSError):
            link.socket.unwrap()
        assert client.read_rest() == b"half" and client.end == "closed"
        client.close()
        assert it.wait_for_log(what="relay")["end"] == "relay_done"


def test_an_answer_until_close_that_tls_closes(stage):
    with stage(to_tls=True) as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 200 OK\r\n\r\nwhole")
        client.read_until(b"whole")
        link.socket.settimeout(0.5)
        with contextlib.suppress(OSError):
            link.socket.unwrap()
        assert client.read_rest() == b"" and client.end == "closed"


def test_an_answer_with_a_length_does_not_need_it(stage):
    with stage(to_tls=True) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer(ok("whole"))
        link.close()
        assert client.answer().body == b"whole"
        client.ask("GET", "/next")
        it.server.answer()
        assert client.answer().status == 200


def test_tickets_that_come_late_are_no_answer(stage):
    """A server may send session tickets with its first answer or at any time; they are not data."""
    with stage(to_tls=True) as it:
        it.server.context.minimum_version = ssl.TLSVersion.TLSv1_3
        it.server.context.num_tickets = 5
        client = it.client()
        for turn in range(3):
            client.send(request("GET", f"/{turn}"))
            link = it.server.links[0] if it.server.links else it.server.accept()
            link.read_request()
            link.send(ok(str(turn)))
            assert client.answer().body == str(turn).encode()
