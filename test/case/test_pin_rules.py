# SPDX-License-Identifier: Apache-2.0
# The eleven rules of the pin, each by its number. Which connection a request came on is what the
# scripted server saw, never what Handfast says.
"""test_rule_N_…: rule N of the pin."""

import select
import socket

import pytest

from scripted import Deaf, Server, chunked, closed_port, ok, request, response
from tokens import (
    BASIC,
    BEARER,
    KERBEROS,
    KERBEROS_PROOF,
    NTLM_1,
    NTLM_2,
    NTLM_3,
    OFFERS,
    SPNEGO_1,
    SPNEGO_2,
    SPNEGO_3,
    SPNEGO_4,
    bare,
)


SHARED = {"links": "shared"}
TOKEN = bare(KERBEROS)


def first_link(stage, target="/first"):
    """An anonymous client is answered and its link waits for anybody, in a shared pool."""
    client = stage.client()
    client.ask("GET", target)
    link, _ = stage.server.answer()
    assert client.answer().status == 200
    return client, link


def log_in(client, server, target="/login"):
    """Three legs of NTLM; the link they went over."""
    client.ask("GET", target, NTLM_1)
    link, _ = server.answer(response(401, NTLM_2, body=b"leg"))
    assert client.answer().status == 401
    client.ask("GET", target, NTLM_3)
    assert link.read_request().values("Authorization") == [NTLM_3.split(": ")[1].encode()]
    link.send(ok("alice"))
    assert client.answer().body == b"alice"
    return link


def between_legs(client, server):
    """The first leg and its challenge are through; the link."""
    client.ask("GET", "/legs", NTLM_1)
    link, _ = server.answer(response(401, NTLM_2, body=b"leg"))
    answer = client.answer()
    assert answer.status == 401 and not answer.says_close()
    return link


def last_leg(client, link):
    client.ask("GET", "/legs", NTLM_3)
    assert link.read_request().value("Authorization")
    link.send(ok("alice"))
    answer = client.answer()
    assert answer.body == b"alice"
    return answer


def pinned(stage, client=None):
    """A client with a pin, made by one unasked Kerberos token; client and link."""
    client = client or stage.client()
    client.ask("GET", "/pin", KERBEROS)
    link, _ = stage.server.answer(ok("alice", KERBEROS_PROOF))
    assert client.answer().body == b"alice"
    return client, link


def expect_on(link, client, target):
    """A request of this client arrives on that link and is answered."""
    client.ask("GET", target)
    assert link.read_request().target == target.encode()
    link.send(ok(target))
    assert client.answer().body == target.encode()


# ---- rule 1: decide before the first byte


def test_rule_1_without_credentials_a_shared_pool_shares(stage):
    """The control: what the other tests say does not happen can happen."""
    with stage(pool=SHARED) as it:
        _, link = first_link(it)
        expect_on(link, it.client(), "/second")
        assert it.is_untouched()


def test_rule_1_dedicated_is_the_default_and_never_shares(stage):
    with stage() as it:
        first, link = first_link(it)
        second = it.client()
        second.ask("GET", "/second")
        other, _ = it.server.answer()
        assert other is not link and second.answer().status == 200
        expect_on(link, first, "/again")


def test_rule_1_a_dedicated_link_ends_with_its_client(stage):
    with stage() as it:
        first, link = first_link(it)
        first.close()
        assert link.expect_end("closed", "reset")
        second = it.client()
        second.ask("GET", "/second")
        it.server.answer()
        assert second.answer().status == 200


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: NTLM {bare(NTLM_1)}",
        f"Authorization: ntlm {bare(NTLM_1)}",
        f"authorization: Ntlm {bare(NTLM_3)}",
        f"Authorization: Negotiate {TOKEN}",
        f"AUTHORIZATION: NEGOTIATE {TOKEN}",
        f"Authorization: nEgOtIaTe {TOKEN}",
        f"Authorization: Nego2 {TOKEN}",
        f"Authorization: NEGO2 {TOKEN}",
        f"Authorization: Kerberos {TOKEN}",
        f"Authorization: kerberos {TOKEN}",
        "Authorization: Negotiate",
        "Authorization: NTLM",
        "Authorization:Negotiate not*base64",
        f"Authorization:\t Negotiate\t{TOKEN}",
        BASIC,
        BEARER,
        'Authorization: Digest username="alice", nonce="x"',
        "Authorization: Made-Up",
        "Authorization:",
        f"Proxy-Authorization: NTLM {bare(NTLM_1)}",
        "Proxy-Authorization: Basic YWxpY2U6",
    ],
    ids=lambda line: line[:26].replace(" ", "_"),
)
def test_rule_1_credentials_end_sharing_before_the_first_byte(stage, line):
    """The request with credentials comes on a link of its own; nobody else's request ever comes on
    that link.
    """
    with stage(pool=SHARED) as it:
        _, shared = first_link(it)
        client = it.client()
        client.ask("GET", "/mine", line)
        own, got = it.server.answer()
        assert own is not shared and line.encode() in got.lines
        assert client.answer().status == 200
        expect_on(shared, it.client(), "/stranger")
        expect_on(own, client, "/mine/again")
        client.close()
        own.expect_end("closed", "reset")
        expect_on(shared, it.client(), "/stranger/again")
        assert it.is_untouched()


@pytest.mark.parametrize(
    "proof",
    [(), (KERBEROS_PROOF,), ("WWW-Authenticate: Negotiate",)],
    ids=["silent", "with proof", "bare"],
)
def test_rule_1_kerberos_unasked_and_answered_200(stage, proof):
    """No 401 is ever seen, and yet the server knows the connection as alice's from now on."""
    with stage(pool=SHARED) as it:
        alice = it.client()
        alice.ask("GET", "/", KERBEROS)
        link, _ = it.server.answer(ok("alice", *proof))
        assert alice.answer().body == b"alice"
        stranger = it.client()
        stranger.ask("GET", "/stranger")
        other, _ = it.server.answer(response(401, *OFFERS))
        assert other is not link and stranger.answer().status == 401
        expect_on(link, alice, "/still/alice")


@pytest.mark.parametrize("status", [200, 401, 404])
@pytest.mark.parametrize(
    "challenge",
    [
        "WWW-Authenticate: NTLM",
        "WWW-Authenticate: negotiate",
        "www-authenticate: Nego2",
        "WWW-Authenticate: KERBEROS",
        KERBEROS_PROOF,
        'WWW-Authenticate: Basic realm="a, b", Negotiate',
    ],
    ids=["NTLM", "negotiate", "Nego2", "KERBEROS", "token", "behind Basic"],
)
def test_rule_1_a_challenge_on_any_status_pins(stage, status, challenge):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/asks")
        link, _ = it.server.answer(
            response(status, challenge, body=b"" if status == 204 else b"told")
        )
        assert client.answer().status == status
        stranger = it.client()
        stranger.ask("GET", "/stranger")
        other, got = it.server.answer()
        assert other is not link and got.target == b"/stranger" and stranger.answer().status == 200
        expect_on(link, client, "/asks/again")


@pytest.mark.parametrize("count", [7, 8, 30])
def test_rule_1_a_challenge_behind_many_others_pins(stage, count):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        others = [f'WWW-Authenticate: Digest realm="{n}"' for n in range(count)]
        link, _ = it.server.answer(response(401, *others, "WWW-Authenticate: Negotiate"))
        assert len(client.answer().values("WWW-Authenticate")) == count + 1
        stranger = it.client()
        stranger.ask("GET", "/stranger")
        other, _ = it.server.answer()
        assert other is not link and stranger.answer().status == 200


def test_rule_1_a_proxy_challenge_pins(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer(response(407, "Proxy-Authenticate: NTLM"))
        assert client.answer().status == 407
        stranger = it.client()
        stranger.ask("GET", "/stranger")
        other, _ = it.server.answer()
        assert other is not link and stranger.answer().status == 200
        expect_on(link, client, "/again")


def test_rule_1_a_challenge_of_another_kind_does_not_pin(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer(response(401, 'WWW-Authenticate: Basic realm="Negotiate, NTLM"'))
        assert client.answer().status == 401
        expect_on(link, it.client(), "/stranger")


def test_rule_1_the_second_authorization_line_counts(stage):
    with stage(pool=SHARED) as it:
        _, shared = first_link(it)
        client = it.plain()
        client.ask("GET", "/two", BASIC, KERBEROS)
        if select.select([client.socket, it.server.listener], [], [], 20)[0] == [client.socket]:
            assert client.answer().status == 400
        else:
            own, _ = it.server.answer()
            assert own is not shared and client.answer().status == 200
        expect_on(shared, it.client(), "/stranger")


def test_rule_1_credentials_later_leave_the_shared_link(stage):
    """A client that was served on a shared link logs in: on another link, while a stranger uses the
    first.
    """
    with stage(pool=SHARED) as it:
        client, shared = first_link(it)
        own = log_in(client, it.server)
        assert own is not shared
        expect_on(shared, it.client(), "/stranger")
        expect_on(own, client, "/as/alice")


def test_rule_1_a_link_that_waits_for_its_answer_is_nobody_elses(stage):
    with stage(pool=SHARED) as it:
        slow = it.client()
        slow.ask("GET", "/slow")
        busy = it.server.accept()
        busy.read_request()
        quick = it.client()
        quick.ask("GET", "/quick")
        it.server.answer()
        assert quick.answer().status == 200
        busy.send(ok("slow"))
        assert slow.answer().body == b"slow"


def test_rule_1_legs_of_spnego_stay_on_one_link_beside_others(stage):
    with stage(pool=SHARED) as it:
        alice = it.client()
        alice.ask("GET", "/", SPNEGO_1)
        link, _ = it.server.answer(response(401, SPNEGO_2))
        alice.answer()
        others = [it.client() for _ in range(3)]
        for other in others:
            other.ask("GET", "/other")
        answered = {it.server.answer()[0] for _ in others}
        assert link not in answered and [o.answer().status for o in others] == [200] * 3
        alice.ask("GET", "/", SPNEGO_3)
        assert link.read_request().value("Authorization")
        link.send(ok("alice", SPNEGO_4))
        assert alice.answer().body == b"alice"


# ---- rule 2: never back


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
def test_rule_2_client_gone_closes_the_link(stage, pool, how):
    with stage(pool=pool) as it:
        client, link = pinned(it)
        getattr(client, how)()
        link.expect_end("closed", "reset")
        stranger = it.client()
        stranger.ask("GET", "/stranger")
        other, _ = it.server.answer()
        assert other is not link and stranger.answer().status == 200


def test_rule_2_client_gone_between_legs_closes_the_link(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        link = between_legs(client, it.server)
        client.close()
        link.expect_end("closed", "reset")


def test_rule_2_client_gone_while_the_answer_is_awaited(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        link = it.server.accept()
        link.read_request()
        client.reset()
        link.expect_end("closed", "reset")
        it.wait_for_log(end="client_reset")


def test_rule_2_client_gone_in_the_middle_of_the_answer(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        link = it.server.accept()
        link.read_request()
        link.send(response(200, "Content-Length: 100", body=b"half"))
        client.read_until(b"half")
        client.reset()
        link.expect_end("closed", "reset")


@pytest.mark.parametrize("how", ["close", "reset", "shut"])
@pytest.mark.parametrize("to_tls", [False, True], ids=["plain", "tls"])
def test_rule_2_link_gone_while_idle_closes_the_client_at_once(stage, to_tls, how):
    with stage(to_tls=to_tls) as it:
        client, link = pinned(it)
        getattr(link, how)()
        client.expect_end("closed", "reset", "cut")
        it.wait_for_log(what="client", end="link_lost")


def test_rule_2_link_gone_while_the_next_head_arrives(stage):
    with stage() as it:
        client, link = pinned(it)
        client.send(b"GET /next HTTP/1.1\r\nHost: lb.exam")
        link.close()
        client.expect_end("closed", "reset", "cut")
        assert it.is_untouched()


def test_rule_2_link_that_speaks_unasked_is_given_up(stage):
    with stage() as it:
        client, link = pinned(it)
        link.send(ok("nobody asked"))
        client.expect_end("closed", "reset", "cut")
        link.expect_end("closed", "reset")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_rule_2_link_gone_in_flight_finishes_the_answer_then_closes(stage, framing):
    body = b"b" * 40000
    wire = body if framing == "length" else chunked(body)
    line = f"Content-Length: {len(body)}" if framing == "length" else "Transfer-Encoding: chunked"
    with stage() as it:
        client, link = pinned(it)
        client.ask("GET", "/last")
        link.read_request()
        link.send(response(200, line, body=wire[:100]))
        client.read_until(wire[:50])
        link.send(wire[100:])
        link.close()
        assert client.read(len(wire) - 50) == wire[50:]
        client.expect_end("closed")


@pytest.mark.parametrize("how", ["close", "reset", "shut"])
def test_rule_2_server_closes_right_after_the_401(stage, how):
    """The client must not go on with the second leg on a connection that knows nothing of the
    first.
    """
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", NTLM_1)
        link = it.server.accept()
        link.read_request()
        link.send(response(401, NTLM_2, body=b"leg"))
        if how == "reset":
            assert client.answer().body == b"leg"
            link.reset()
        else:
            getattr(link, how)()
            assert client.answer().body == b"leg"
        client.expect_end("closed", "reset", "cut")
        assert it.is_untouched()


def test_rule_2_server_says_close_on_the_401(stage):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", NTLM_1)
        link, _ = it.server.answer(response(401, NTLM_2, "Connection: close", body=b"leg"))
        answer = client.answer()
        assert answer.status == 401 and answer.says_close()
        client.expect_end("closed")
        link.expect_end("closed", "reset")


def test_rule_2_answer_cut_short_resets_the_client(stage):
    with stage() as it:
        client, link = pinned(it)
        client.ask("GET", "/cut")
        link.read_request()
        link.send(response(200, "Content-Length: 100", body=b"half"))
        client.read_until(b"half")
        link.close()
        client.expect_end("reset", "cut")
        it.wait_for_log(end="response_cut")


def test_rule_2_a_link_without_credentials_may_go_and_the_client_stays(stage):
    with stage() as it:
        client, link = first_link(it)
        link.close()
        assert client.waits()
        client.ask("GET", "/next")
        other, _ = it.server.answer()
        assert other is not link and client.answer().status == 200


def test_rule_2_a_pin_lost_beside_another_exchange_finishes_that_first(stage):
    def two_pools(config, it):
        config["sites"][0]["routes"].append({"path": "/b/", "forward": "b"})
        config["pools"][0]["servers"] = it.pool("x", [it.servers[0]])["servers"]
        config["pools"].append(it.pool("b", [it.servers[1]]))

    with stage(servers=2, edit=two_pools) as it:
        client, link = pinned(it)
        client.ask("GET", "/b/slow")
        other = it.servers[1].accept()
        other.read_request()
        link.close()
        assert client.waits()
        other.send(ok("finished"))
        assert client.answer().body == b"finished"
        client.expect_end("closed")
        other.expect_end("closed", "reset")


# ---- rule 3: identity by number


def test_rule_3_the_same_address_and_port_is_not_the_same_client(stage):
    with stage(pool=SHARED) as it:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            source = probe.getsockname()
        alice = it.client(source=source)
        _, link = pinned(it, alice)
        alice.reset()
        link.expect_end("closed", "reset")
        stranger = it.client(source=source)
        stranger.ask("GET", "/stranger")
        other, _ = it.server.answer(response(401, *OFFERS))
        assert other is not link and stranger.answer().status == 401
        assert stranger.socket.getsockname() == source


@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
def test_rule_3_descriptors_and_memory_used_again_carry_no_identity(stage, pool):
    """Clients come and go, so that numbers of descriptors and addresses of objects repeat."""
    with stage(pool=pool) as it:
        seen = set()
        for _ in range(12):
            alice, own = pinned(it)
            waiting = it.client()
            legs = between_legs(waiting, it.server)
            alice.close()
            own.expect_end("closed", "reset")
            stranger = it.client()
            stranger.ask("GET", "/stranger")
            link = it.server.accept() if pool == {} or not seen else next(iter(seen))
            assert link is not own and link is not legs
            assert link.read_request().target == b"/stranger"
            link.send(response(401, 'WWW-Authenticate: Basic realm="x"'))
            assert stranger.answer().status == 401
            stranger.close()
            if pool == {}:
                link.expect_end("closed", "reset")
            seen.add(link)
            last_leg(waiting, legs)
            waiting.close()
            legs.expect_end("closed", "reset")


# ---- rule 4: nothing is replayed


@pytest.mark.parametrize(
    "method, body", [("GET", None), ("POST", b"pay 100"), ("PUT", b"x"), ("DELETE", None)]
)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_rule_4_a_request_on_a_lost_pin_is_not_sent_again(stage, how, method, body):
    with stage(servers=2) as it:
        client = it.client()
        client.ask("GET", "/pin", KERBEROS)
        link, _ = it.knocked().answer(ok("alice"))
        client.answer()
        client.ask(method, "/once", body=body)
        assert link.read_request().body == (body or b"")
        getattr(link, how)()
        client.expect_end("closed", "reset", "cut")
        assert it.is_untouched()
        it.wait_for_log(path="/once", end="link_lost")


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"pay 100")])
@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
def test_rule_4_a_server_that_closes_without_an_answer_is_not_asked_again(
    stage, pool, method, body
):
    with stage(servers=2, pool=pool) as it:
        client = it.client()
        client.ask(method, "/once", body=body)
        link = it.knocked().accept()
        link.read_request()
        link.close()
        answer = client.answer()
        assert answer.status == 502 and b"server_closed" in answer.body
        assert it.is_untouched()


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"pay 100")])
def test_rule_4_an_idle_shared_link_that_closes_under_a_request_is_not_replaced(
    stage, method, body
):
    with stage(pool=SHARED) as it:
        _, link = first_link(it)
        client = it.client()
        client.ask(method, "/once", body=body)
        assert link.read_request().target == b"/once"
        link.close()
        answer = client.answer_or_end()
        assert answer is None or answer.status == 502
        assert it.is_untouched()


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"pay 100")])
@pytest.mark.parametrize("line", [(), (KERBEROS,)], ids=["anonymous", "kerberos"])
def test_rule_4_a_refused_connect_goes_to_another_server(stage, line, method, body):
    """Every client in turn; about half of them are first sent to the server that refuses."""
    with stage(servers=2) as it:
        it.servers[0].refuse()
        for _ in range(4):
            client = it.client()
            client.ask(method, "/once", *line, body=body)
            _, got = it.servers[1].answer()
            assert (
                got.body == (body or b"")
                and [li.encode() for li in line if li.encode() not in got.lines] == []
            )
            assert client.answer().status == 200
        assert it.is_untouched()


def test_rule_4_a_connect_that_times_out_goes_to_another_server(stage):
    deaf = Deaf()

    def edit(config, it):
        config["pools"][0]["servers"].insert(
            0, {"name": "deaf.example.test", "address": f"127.0.0.1:{deaf.port}"}
        )

    try:
        with stage(edit=edit, timeouts={"connect": "200ms"}) as it:
            for _ in range(2):
                client = it.client()
                client.ask("POST", "/once", NTLM_1, body=b"body")
                link, got = it.server.answer(response(401, NTLM_2))
                assert got.body == b"body" and client.answer().status == 401
                client.close()
                link.expect_end("closed", "reset")
    finally:
        deaf.close()


def test_rule_4_a_tls_handshake_that_fails_goes_to_another_server(stage):
    """Not a byte of the request was sent yet."""
    with stage(servers=2, to_tls=True) as it:
        for _ in range(2):
            client = it.client()
            client.ask("POST", "/once", KERBEROS, body=b"body")
            if it.knocked() is it.servers[0]:
                it.servers[0].accept(handshake=False).reset()
            _, got = it.servers[1].answer()
            assert got.body == b"body" and client.answer().status == 200


def test_rule_4_no_server_can_be_reached(stage):
    with stage() as it:
        it.server.refuse()
        client = it.client()
        client.ask("POST", "/", NTLM_1, body=b"body")
        answer = client.answer()
        assert (
            answer.status == 502
            and b"connect_refused" in answer.body
            and not answer.values("WWW-Authenticate")
        )
        it.wait_for_log(end="connect_refused", status=502)


# ---- rule 5: no one steps between the legs


def test_rule_5_no_close_is_added_to_a_401_with_a_token(stage):
    with stage() as it:
        client = it.client()
        link = between_legs(client, it.server)
        last_leg(client, link)


def test_rule_5_drain_waits_between_the_legs(stage):
    with stage() as it:
        client = it.client()
        link = between_legs(client, it.server)
        it.drain()
        assert client.waits(1)
        assert last_leg(client, link).says_close()
        client.expect_end("closed")
        link.expect_end("closed", "reset")
        assert it.balancer.process.wait(20) == 0


def test_rule_5_drain_in_the_first_leg_adds_no_close(stage):
    """The drain comes while the server still thinks about its challenge."""
    with stage() as it:
        client = it.client()
        client.ask("GET", "/legs", NTLM_1)
        link = it.server.accept()
        link.read_request()
        it.drain()
        assert client.waits(0.5)
        link.send(response(401, NTLM_2, body=b"leg"))
        answer = client.answer()
        assert answer.status == 401 and not answer.says_close()
        assert last_leg(client, link).says_close()
        client.expect_end("closed")


def test_rule_5_drain_waits_through_three_legs_of_spnego(stage):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", SPNEGO_1)
        link, _ = it.server.answer(response(401, SPNEGO_2))
        client.answer()
        it.drain()
        client.ask("GET", "/", SPNEGO_1)
        link.read_request()
        link.send(response(401, SPNEGO_2))
        assert not client.answer().says_close()
        client.ask("GET", "/", SPNEGO_3)
        link.read_request()
        link.send(ok("alice", SPNEGO_4))
        assert client.answer().says_close()
        client.expect_end("closed")


def test_rule_5_drain_closes_who_is_not_between_legs(stage):
    with stage() as it:
        client, link = pinned(it)
        it.drain()
        client.expect_end("closed")
        link.expect_end("closed", "reset")
        assert it.balancer.process.wait(20) == 0


def test_rule_5_drain_ends_at_its_deadline_all_the_same(stage):
    with stage(may_be_cut=True, timeouts={"drain": "1s"}) as it:
        client = it.client()
        between_legs(client, it.server)
        it.drain()
        client.expect_end("closed", "reset", "cut")
        assert it.balancer.process.wait(20) == 0


def test_rule_5_reload_between_the_legs_changes_nothing(stage):
    with stage(servers=2) as it:
        it.config["pools"][0]["servers"] = it.pool("x", [it.servers[0]])["servers"]
        assert "reload" in it.balancer.reload(it.text())
        client = it.client()
        link = between_legs(client, it.servers[0])
        it.config["pools"][0]["servers"] = it.pool("x", [it.servers[1]])["servers"]
        it.balancer.reload(it.text())
        last_leg(client, link)
        expect_on(link, client, "/still")
        newcomer = it.client()
        newcomer.ask("GET", "/new")
        it.servers[1].answer()
        assert newcomer.answer().status == 200


def test_rule_5_reload_keeps_a_pin_whose_pool_and_site_are_gone(stage):
    with stage(servers=2) as it:
        it.config["pools"][0]["servers"] = it.pool("x", [it.servers[0]])["servers"]
        it.balancer.reload(it.text())
        client, link = pinned(it)
        it.config["pools"] = [it.pool("renamed", [it.servers[1]])]
        it.config["sites"][0].update(name="renamed", routes=[{"path": "/", "forward": "renamed"}])
        it.balancer.reload(it.text())
        expect_on(link, client, "/still")


def test_rule_5_reload_moves_clients_without_a_pin(stage):
    with stage(servers=2) as it:
        it.config["pools"][0]["servers"] = it.pool("x", [it.servers[0]])["servers"]
        it.balancer.reload(it.text())
        client = it.client()
        client.ask("GET", "/old")
        it.servers[0].answer()
        assert client.answer().status == 200
        it.config["pools"][0]["servers"] = it.pool("x", [it.servers[1]])["servers"]
        it.balancer.reload(it.text())
        client.ask("GET", "/new")
        _, got = it.servers[1].answer()
        assert got.target == b"/new" and client.answer().status == 200


def test_rule_5_a_bad_file_changes_nothing(stage):
    with stage() as it:
        client = it.client()
        link = between_legs(client, it.server)
        said = it.balancer.reload(it.text().replace('"pools"', '"polos"'))
        assert "polos" in said
        last_leg(client, link)
        newcomer = it.client()
        newcomer.ask("GET", "/new")
        it.server.answer()
        assert newcomer.answer().status == 200


def test_rule_5_the_idle_timeout_waits_between_the_legs(stage):
    with stage(timeouts={"idle": "1s"}) as it:
        client = it.client()
        link = between_legs(client, it.server)
        bystander = it.client()
        bystander.ask("GET", "/bystander")
        it.server.answer()
        bystander.answer()
        bystander.expect_end("closed")  # the timeout is at work
        assert client.waits(0.5)
        last_leg(client, link)
        client.expect_end("closed")  # and after the last leg it counts again
        link.expect_end("closed", "reset")


# ---- rule 6: another host or pool is another link


def two_pools(config, it):
    config["pools"] = [
        it.pool("a", [it.servers[0]], **it.options),
        it.pool("b", [it.servers[1]], **it.options),
    ]
    config["sites"][0]["routes"] = [
        {"path": "/a/", "forward": "a"},
        {"path": "/b/", "forward": "b"},
    ]


@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
def test_rule_6_two_pools_on_one_client_connection_are_two_pins(stage, pool):
    with stage(servers=2, options=pool, edit=two_pools) as it:
        client = it.client()
        first = log_in(client, it.servers[0], "/a/login")
        second = log_in(client, it.servers[1], "/b/login")
        expect_on(first, client, "/a/1")
        expect_on(second, client, "/b/1")
        expect_on(first, client, "/a/2")
        client.close()
        first.expect_end("closed", "reset")
        second.expect_end("closed", "reset")


@pytest.mark.parametrize("lost", [0, 1])
def test_rule_6_one_pin_lost_closes_the_client_and_the_other(stage, lost):
    with stage(servers=2, options={}, edit=two_pools) as it:
        client = it.client()
        links = [
            log_in(client, it.servers[0], "/a/login"),
            log_in(client, it.servers[1], "/b/login"),
        ]
        links[lost].close()
        client.expect_end("closed", "reset", "cut")
        links[1 - lost].expect_end("closed", "reset")


@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
def test_rule_6_two_hosts_on_one_client_connection_are_two_links(stage, pool):
    def two_hosts(config, it):
        pair = it.papers.pair("wildcard-ecdsa")
        config["sites"][0].update(
            hosts=["a.example.test", "b.example.test"],
            certificates=[{"chain": pair.chain, "key": pair.key}],
        )

    with stage(pool=pool, edit=two_hosts) as it:
        client = it.client(name="a.example.test")
        client.ask("GET", "/1", KERBEROS, host="a.example.test")
        first, _ = it.server.answer(ok("alice"))
        assert client.answer().body == b"alice"
        client.ask("GET", "/2", host="b.example.test")
        second, got = it.server.answer()
        assert (
            second is not first
            and got.value("Host") == b"b.example.test"
            and client.answer().status == 200
        )
        client.ask("GET", "/3", host="A.Example.Test")
        assert first.read_request().value("Host") == b"A.Example.Test"
        first.send(ok())
        assert client.answer().status == 200


def test_rule_6_more_pins_than_a_client_may_have_are_refused(stage):
    with stage(servers=2, options={}, edit=two_pools, limits={"links_per_client": 1}) as it:
        client = it.client()
        log_in(client, it.servers[0], "/a/login")
        client.ask("GET", "/b/", KERBEROS)
        answer = client.answer()
        assert answer.status == 503 and b"link_limit" in answer.body
        assert it.is_untouched()


# ---- rule 7: hands off


def test_rule_7_request_lines_pass_as_they_came(stage):
    lines = [
        "user-AGENT:  Odd   spacing\tinside ",
        "Authorization: NTLM " + bare(NTLM_1),
        "ACCEPT: */*",
        "x-Custom-Thing:nospace",
        "Cookie: a=1",
        "cookie: b=2",
        "X-Empty:",
        "accept-language: \xe9",
        'If-None-Match: "x"',
        "Accept: text/html",
        "Content-Type: a/b",
        "content-LENGTH: 3",
    ]
    with stage() as it:
        client = it.client()
        client.send(
            request("POST", "/a%2Fb/../c?d=%20e", *lines, host="LB.Example.Test:8443", body=b"abc")
        )
        _, got = it.server.answer()
        assert got.start == b"POST /a%2Fb/../c?d=%20e HTTP/1.1"
        sent = [b"Host: LB.Example.Test:8443"] + [line.encode("latin-1") for line in lines]
        assert got.lines[: len(sent)] == sent and got.body == b"abc"
        assert client.answer().status == 200


@pytest.mark.parametrize("status", [200, 401, 403, 404, 407, 500, 503])
def test_rule_7_answer_lines_pass_as_they_came(stage, status):
    lines = [
        "content-TYPE: text/html",
        "Server: Microsoft-IIS/10.0",
        "WWW-Authenticate: Negotiate",
        "www-Authenticate: NTLM",
        'WWW-AUTHENTICATE: Basic realm="x"',
        "X-Powered-By:ASP.NET",
        'WWW-Authenticate: Digest realm="a", nonce="b"',
        "Persistent-Auth: true",
        "Set-Cookie: a=1",
        "set-cookie: b=2; path=/",
        "Date:  Sun,  odd",
        "Proxy-Support: Session-Based-Authentication",
        "Content-Length: 9",
    ]
    with stage() as it:
        client = it.client()
        client.ask()
        it.server.answer(response(status, *lines, body=b"401 body\n", reason="Odd  Reason"))
        answer = client.answer()
        assert answer.start == f"HTTP/1.1 {status} Odd  Reason".encode()
        assert answer.lines == [line.encode() for line in lines] and answer.body == b"401 body\n"


@pytest.mark.parametrize("to_tls", [False, True], ids=["plain", "tls"])
def test_rule_7_sixty_kilobytes_of_authorization(stage, to_tls):
    token = "YIIC" + "A" * (60 * 1024)
    with stage(to_tls=to_tls) as it:
        client = it.client()
        client.ask("GET", "/", f"Authorization: Negotiate {token}")
        _, got = it.server.answer()
        assert got.value("Authorization") == f"Negotiate {token}".encode()
        assert client.answer().status == 200


def test_rule_7_sixty_kilobytes_of_challenge(stage):
    token = "oYIC" + "A" * (60 * 1024)
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        it.server.answer(ok("x", f"WWW-Authenticate: Negotiate {token}"))
        assert client.answer().value("WWW-Authenticate") == f"Negotiate {token}".encode()


@pytest.mark.parametrize("framing", ["length", "chunked", "empty"])
def test_rule_7_the_body_of_a_401_keeps_its_framing(stage, framing):
    body = {
        "length": b"<html>no</html>",
        "chunked": chunked(b"<html>", b"no</html>"),
        "empty": b"",
    }[framing]
    line = "Transfer-Encoding: chunked" if framing == "chunked" else f"Content-Length: {len(body)}"
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", NTLM_1)
        link, _ = it.server.answer(response(401, NTLM_2, line, body=body))
        answer = client.answer()
        assert answer.wire_body == body and line.encode() in answer.lines
        client.ask("GET", "/", NTLM_3)
        link.read_request()
        link.send(ok())
        assert client.answer().status == 200


def test_rule_7_our_own_answers_never_ask_for_credentials(stage):
    with stage() as it:
        it.server.refuse()
        for target, status in (("/", 502), ("/%00", 400)):
            client = it.client()
            client.ask("GET", target, KERBEROS)
            answer = client.answer()
            assert answer.status == status and not answer.values("WWW-Authenticate")


# ---- rule 8: early answers travel


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_rule_8_a_401_travels_while_the_body_still_comes(stage, framing):
    line = "Transfer-Encoding: chunked" if framing == "chunked" else "Content-Length: 200000"
    body = b"b" * 200000
    wire = chunked(body[:100000], body[100000:]) if framing == "chunked" else body
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/upload", NTLM_1, line) + wire[:70000])
        link = it.server.accept()
        head = link.read_head()
        link.send(response(401, NTLM_2, body=b"early"))
        answer = client.answer()
        assert answer.status == 401 and answer.body == b"early" and not answer.says_close()
        client.send(wire[70000:])
        link.read_body(head)
        assert head.wire_body == wire  # the server reads on, both stay in step
        client.ask("POST", "/upload", NTLM_3, body=b"again")
        assert link.read_request().body == b"again"
        link.send(ok())
        assert client.answer().status == 200


def test_rule_8_a_401_with_close_travels_and_the_body_is_read_on(stage):
    """As IIS does with a POST that comes unauthenticated: answer, close; the client must see the
    answer all the same.
    """
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/upload", "Content-Length: 300000") + b"b" * 1000)
        link = it.server.accept()
        link.read_head()
        link.send(response(401, *OFFERS, "Connection: close", body=b"early"))
        link.close()
        answer = client.answer()
        assert answer.status == 401 and answer.body == b"early" and answer.says_close()
        assert client.try_send(b"b" * 299000)
        client.expect_end("closed")


def test_rule_8_an_early_413_and_close(stage):
    with stage() as it:
        client = it.client()
        client.send(request("PUT", "/big", "Content-Length: 50000000") + b"b" * 100000)
        link = it.server.accept()
        link.read_head()
        link.read(100000)
        link.send(response(413, "Connection: close", body=b"too big"))
        link.close()
        answer = client.answer()
        assert answer.status == 413 and answer.body == b"too big"


@pytest.mark.parametrize("status", [401, 413])
def test_rule_8_an_early_answer_before_a_reset_travels(stage, status):
    """A server that closes with our bytes unread resets the link; its answer came before that and
    counts.
    """
    with stage() as it:
        client = it.client()
        client.send(request("PUT", "/big", "Content-Length: 5000000") + b"b" * 1000)
        link = it.server.accept()
        link.read_head()
        link.read(1000)
        with it.frozen():  # all this happens in one turn, the client's bytes first
            client.send(b"b" * 10000)
            link.send(response(status, *OFFERS, "Connection: close", body=b"early"))
            link.reset()
        answer = client.answer()
        assert answer.status == status and answer.body == b"early"


def test_rule_8_a_body_without_end_is_read_only_up_to_a_limit(stage):
    with stage(limits={"unread_body": "64KiB"}) as it:
        client = it.client()
        client.send(request("POST", "/endless", "Transfer-Encoding: chunked") + b"1\r\na\r\n")
        link = it.server.accept()
        link.read_head()
        link.send(response(403, body=b"early"))
        assert client.answer().status == 403
        chunk = b"8000\r\n" + b"b" * 0x8000 + b"\r\n"
        link.socket.settimeout(0.01)
        sent = 0
        while client.try_send(chunk):
            sent += len(chunk)
            try:
                link.socket.recv(1 << 20)
            except OSError:
                pass
            assert sent < 1 << 26, "an endless body was taken"


def test_rule_8_expect_is_the_servers_to_answer(stage):
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/", "Expect: 100-continue", "Content-Length: 4"))
        link = it.server.accept()
        head = link.read_head()
        assert head.value("Expect") == b"100-continue" and client.waits()
        link.send(b"HTTP/1.1 100 Go on\r\nX-Said: yes\r\n\r\n")
        interim = client.read_head()
        assert interim.start == b"HTTP/1.1 100 Go on" and interim.value("X-Said") == b"yes"
        client.send(b"body")
        assert link.read(4) == b"body"
        link.send(ok())
        assert client.answer().status == 200
        expect_on(link, client, "/next")


def test_rule_8_expect_refused_and_the_body_is_sent_all_the_same(stage):
    """Clients do so within a login, because the next leg needs this very connection."""
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/", "Expect: 100-continue", NTLM_1, "Content-Length: 4"))
        link = it.server.accept()
        link.read_head()
        link.send(response(401, NTLM_2))
        assert client.answer().status == 401
        client.send(b"body")
        assert link.read(4) == b"body"
        client.ask("POST", "/", NTLM_3, body=b"body")
        assert link.read_request().body == b"body"
        link.send(ok())
        assert client.answer().status == 200


def test_rule_8_expect_refused_and_the_client_leaves(stage):
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/", "Expect: 100-continue", "Content-Length: 4"))
        link = it.server.accept()
        link.read_head()
        link.send(response(401, *OFFERS))
        assert client.answer().status == 401
        client.close()
        link.expect_end("closed", "reset")


# ---- rule 9: HTTP/1.1 towards Windows authentication


@pytest.mark.parametrize(
    "offer, chosen", [(("h2", "http/1.1"), "http/1.1"), (("http/1.1",), "http/1.1"), ((), None)]
)
def test_rule_9_alpn_never_chooses_h2(stage, offer, chosen):
    with stage() as it:
        client = it.client(alpn=offer)
        assert client.socket.selected_alpn_protocol() == chosen
        client.ask()
        it.server.answer()
        assert client.answer().status == 200


def test_rule_9_a_client_that_speaks_h2_all_the_same_is_refused(stage):
    with stage() as it:
        client = it.client()
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        assert client.answer().status in (400, 505)
        assert it.is_untouched()


@pytest.mark.parametrize("line", ['Alt-Svc: h3=":443"; ma=86400', "alt-svc: clear"])
def test_rule_9_no_alt_svc_passes(stage, line):
    with stage() as it:
        client = it.client()
        client.ask()
        it.server.answer(ok("x", line, "X-Kept: yes"))
        answer = client.answer()
        assert answer.values("Alt-Svc") == [] and answer.value("X-Kept") == b"yes"


def test_rule_9_servers_are_offered_http_1_1_only(stage):
    with stage(to_tls=True) as it:
        it.server.context.set_alpn_protocols(["h2", "http/1.1"])
        client = it.client()
        client.ask()
        link, _ = it.server.answer()
        assert link.socket.selected_alpn_protocol() in (None, "http/1.1")
        assert client.answer().status == 200


# ---- rule 10: a shared client is not a person

PROXY_LINES = [
    "Via: 1.1 squid",
    "via: 1.1 x",
    "Forwarded: for=192.0.2.7",
    "X-Forwarded-For: 192.0.2.7",
    "X_Forwarded_For: 192.0.2.7",
    "x-forwarded_for: 192.0.2.7",
    "Via:",
]


@pytest.mark.parametrize("sign", PROXY_LINES)
@pytest.mark.parametrize(
    "line",
    [
        NTLM_1,
        KERBEROS,
        f"Authorization: nego2 {TOKEN}",
        f"authorization: KERBEROS {TOKEN}",
        f"Proxy-Authorization: NTLM {bare(NTLM_1)}",
        "Authorization: Negotiate",
    ],
    ids=["ntlm", "negotiate", "nego2", "kerberos", "proxy-ntlm", "bare"],
)
def test_rule_10_a_login_through_a_proxy_is_refused(stage, sign, line):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/through", sign, line)
        answer = client.answer()
        assert (
            answer.status == 403
            and b"login_through_proxy" in answer.body
            and b"proxy" in answer.body
        )
        logged = it.wait_for_log(end="login_through_proxy", status=403)
        assert f"Request id: {logged['request']}\n".encode() in answer.body
        assert it.is_untouched() and not answer.values("WWW-Authenticate")


@pytest.mark.parametrize(
    "lines",
    [
        (BASIC, KERBEROS),
        ("Proxy-Authorization: " + NTLM_1.split(": ")[1], BASIC),
        (BASIC, "Proxy-Authorization: " + NTLM_1.split(": ")[1]),
    ],
    ids=["second line", "proxy first", "proxy second"],
)
def test_rule_10_credentials_beside_others_are_seen(stage, lines):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", "Via: 1.1 squid", *lines)
        assert client.answer().status in (400, 403)
        assert it.is_untouched()


def test_rule_10_a_trusted_proxy_is_refused_as_well(stage):
    with stage(site={"trusted_proxies": ["127.0.0.1"]}) as it:
        client = it.client()
        client.ask("GET", "/", "X-Forwarded-For: 192.0.2.7", KERBEROS)
        assert client.answer().status == 403
        assert it.is_untouched()


@pytest.mark.parametrize("sign", PROXY_LINES)
def test_rule_10_without_windows_credentials_a_proxy_may_ask(stage, sign):
    with stage() as it:
        client = it.client()
        for line in ((), (BASIC,), (BEARER,)):
            client.ask("GET", "/", sign, *line)
            link = it.server.links[-1] if it.server.links else it.server.accept()
            link.read_request()
            link.send(ok())
            assert client.answer().status == 200


def test_rule_10_the_site_can_declare_one_connection_per_client(stage):
    with stage(site={"proxy_before": "one-connection-per-client"}) as it:
        client = it.client()
        for sign in PROXY_LINES:
            client.ask("GET", "/", sign, KERBEROS)
            link = it.server.links[-1] if it.server.links else it.server.accept()
            assert link.read_request().value("Authorization")
            link.send(ok())
            assert client.answer().status == 200


# ---- rule 11: secrets never leave. Every stage looks through all that was logged; here are the
# ways that carry most.


def test_rule_11_a_login_is_logged_without_its_tokens(stage):
    with stage() as it:
        client = it.client()
        log_in(client, it.server)
        line = it.wait_for_log(path="/login", status=200)
        login = line["login"]
        assert (login["user"], login["domain"], login["workstation"]) == (
            "alice",
            "EXAMPLE",
            "WORKSTATION",
        )
        assert login["scheme"] == "ntlm" and login["user_is"] == "authenticated"
        assert len(it.secrets()) == 3


def test_rule_11_a_ticket_is_logged_by_its_service_only(stage):
    with stage() as it:
        client, _ = pinned(it)
        login = it.wait_for_log(path="/pin", status=200)["login"]
        assert login["scheme"] == "kerberos" and login["spn"] == "HTTP/iis1.example.test"
        assert login["realm"] == "EXAMPLE.TEST" and "user" not in login
        assert len(it.secrets()) == 2


def test_rule_11_a_claimed_name_is_said_to_be_claimed(stage):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/claim", NTLM_3)
        it.server.answer(response(401, *OFFERS))
        assert client.answer().status == 401
        assert it.wait_for_log(path="/claim")["login"]["user_is"] == "claimed"


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/", "Bad Name: x", KERBEROS),
        request("GET", "/", KERBEROS, host=None),
        request("GET", "/", KERBEROS, "Content-Length: 1", "Transfer-Encoding: chunked"),
        request("GET", "/", KERBEROS, "Via: 1.1 x"),
        request("GET", "/", KERBEROS, "X: " + "a" * 70000),
        request("GET", f"/?token={TOKEN}", KERBEROS),
        request("GET", "/", BASIC, "Via: 1.1 x"),
        request("GET", "/", f"{KERBEROS}, {KERBEROS}"),
    ],
    ids=["bad", "no host", "ambiguous", "proxy", "too big", "query", "basic", "twice"],
)
def test_rule_11_refusals_and_failures_do_not_show_tokens(stage, data):
    with stage() as it:
        it.server.refuse()
        client = it.client()
        assert client.try_send(data)
        assert client.answer().status >= 400
        assert it.secrets() or BASIC.encode() in data
        it.check_nothing_leaked()
    with_password = b"YWxpY2U6QWxpY2UtUHcxIQ"
    assert with_password not in str(it.written).encode()


def test_rule_11_a_token_longer_than_any_buffer_is_not_logged(stage):
    token = "TlRMTVNTUAADAAAA" + "Q" * 50000
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", f"Authorization: NTLM {token}")
        it.server.answer(response(401, *OFFERS))
        assert client.answer().status == 401
        it.wait_for_log(path="/")
        it.check_nothing_leaked()


def test_a_server_that_is_never_started_is_never_asked():
    """The control of `is_untouched`: a server that somebody connects to is not untouched."""
    server = Server()
    assert server.is_untouched()
    with socket.create_connection(("127.0.0.1", server.port)):
        assert not server.is_untouched()
    server.close()
    holder, port = closed_port()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    holder.close()
