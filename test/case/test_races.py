# SPDX-License-Identifier: Apache-2.0
# Things that happen at the same moment, and connections that end at every step of a login.
# Handfast is stopped while they happen, so that it finds them all at once, in the order the test
# chose: the same race every time.
"""Order in which events are found, and a close or a reset at every step."""

import signal

import pytest

from scripted import Gone, ok, request, response
from test_pin_rules import SHARED, pinned
from tokens import KERBEROS, NTLM_1, NTLM_2, NTLM_3, OFFERS

ENDS = ("closed", "reset", "cut")


def orders(*names):
    return pytest.mark.parametrize(
        "order", [names, names[::-1]], ids=lambda order: " first, ".join(order[:2])
    )


def at_once(stage, order, **deeds):
    """All the deeds, in that order, while Handfast stands still."""
    with stage.frozen():
        for name in order:
            deeds[name]()


def stranger_is_a_stranger(stage, *old):
    """A new client without credentials gets a link that was never anybody's."""
    stranger = stage.client()
    stranger.ask("GET", "/stranger")
    while True:
        link = stage.server.accept()
        try:
            assert link.read_request().target == b"/stranger"
            break
        except Gone:
            continue
    assert link not in old
    link.send(response(401, *OFFERS))
    assert stranger.answer().status == 401
    stranger.close()


# ---- two things in one turn


@orders("link", "client")
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"pay 100")])
def test_the_pin_is_lost_as_the_next_request_comes(stage, order, how, method, body):
    """The request must not be sent on a new link, which would not know who asks."""
    with stage() as it:
        client, link = pinned(it)
        at_once(
            it,
            order,
            link=getattr(link, how),
            client=lambda: client.ask(method, "/next", body=body),
        )
        rest = client.read_rest()
        assert rest == b"" and client.end in ENDS
        assert it.is_untouched()
        stranger_is_a_stranger(it, link)


@orders("answer", "client")
def test_the_last_answer_the_servers_end_and_the_next_request(stage, order):
    with stage() as it:
        client, link = pinned(it)
        client.ask("GET", "/last")
        link.read_request()
        at_once(
            it,
            order,
            answer=lambda: (link.send(ok("last")), link.close()),
            client=lambda: client.ask("GET", "/next"),
        )
        assert client.answer().body == b"last"
        assert client.read_rest() == b"" and client.end in ENDS
        assert it.is_untouched()


@orders("server", "client")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_server_leaves_behind_its_challenge_as_the_last_leg_comes(stage, order, how):
    """Impatient clients may answer a challenge they have seen the head of."""
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/", NTLM_1)
        link = it.server.accept()
        link.read_request()
        link.send(response(401, NTLM_2, body=b"leg"))
        assert client.answer().status == 401
        at_once(it, order, server=getattr(link, how), client=lambda: client.ask("GET", "/", NTLM_3))
        assert client.read_rest() == b"" and client.end in ENDS
        assert it.is_untouched()
        stranger_is_a_stranger(it, link)


@orders("answer", "client")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_the_client_leaves_as_its_login_succeeds(stage, order, how):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        link = it.server.accept()
        link.read_request()
        at_once(it, order, answer=lambda: link.send(ok("alice")), client=getattr(client, how))
        link.expect_end("closed", "reset")
        stranger_is_a_stranger(it, link)


@orders("alice", "stranger")
def test_alice_and_a_stranger_ask_at_once_and_one_shared_link_waits(stage, order):
    with stage(pool=SHARED) as it:
        first = it.client()
        first.ask("GET", "/first")
        shared, _ = it.server.answer()
        first.answer()
        alice, stranger = it.client(), it.client()
        at_once(
            it,
            order,
            alice=lambda: alice.ask("GET", "/alice", KERBEROS),
            stranger=lambda: stranger.ask("GET", "/stranger"),
        )
        assert shared.read_request().target == b"/stranger"
        own = it.server.accept()
        assert own.read_request().target == b"/alice"
        own.send(ok("alice"))
        shared.send(ok("stranger"))
        assert alice.answer().body == b"alice" and stranger.answer().body == b"stranger"


@orders("link", "client")
@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"pay 100")])
def test_a_shared_link_ends_as_a_request_is_given_to_it(stage, order, method, body):
    """Served on another link or told that it failed; never sent twice."""
    with stage(pool=SHARED) as it:
        first = it.client()
        first.ask()
        link, _ = it.server.answer()
        first.answer()
        client = it.plain()
        at_once(it, order, link=link.close, client=lambda: client.ask(method, "/once", body=body))
        if order[0] == "link":
            again, got = it.server.answer()
            assert (
                got.target == b"/once"
                and got.body == (body or b"")
                and client.answer().status == 200
            )
        else:
            it.server.serve()
            answer = client.answer_or_end()
            assert answer is None or answer.status in (200, 502)
        seen = [link for link in it.server.links if b" /once " in link.received]
        assert len(seen) <= 1


def test_two_answers_where_one_was_asked_for(stage):
    """The second belongs to nobody: it must never become the answer to the next request."""
    with stage() as it:
        client = it.client()
        client.ask("GET", "/one")
        link = it.server.accept()
        link.read_request()
        link.send(ok("one") + ok("two"))
        assert client.answer().body == b"one"
        client.ask("GET", "/two")
        other, got = it.server.answer()
        assert other is not link and got.target == b"/two"
        assert client.answer().body == b"ok"


@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
def test_an_answer_before_it_was_asked_for(stage, pool):
    """A server (or somebody in between) that speaks first on an idle link."""
    with stage(pool=pool) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer()
        client.answer()
        link.send(ok("poison"))
        link.expect_end("closed", "reset")
        client.ask("GET", "/next")
        _, got = it.server.answer()
        assert got.target == b"/next" and client.answer().body == b"ok"


@orders("poison", "client")
def test_an_answer_before_it_was_asked_for_in_the_same_turn(stage, order):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer()
        client.answer()
        other = it.client()
        at_once(
            it,
            order,
            poison=lambda: link.send(ok("poison", "X-From: before")),
            client=lambda: other.ask("GET", "/next"),
        )
        if order[0] == "poison":
            _, got = it.server.answer()
            assert got.target == b"/next" and other.answer().body == b"ok"


@orders("drain", "client")
def test_the_drain_comes_with_the_last_leg(stage, order):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", NTLM_1)
        link, _ = it.server.answer(response(401, NTLM_2))
        assert client.answer().status == 401
        at_once(
            it,
            order,
            drain=lambda: it.balancer.process.send_signal(signal.SIGTERM),
            client=lambda: client.ask("GET", "/", NTLM_3),
        )
        assert link.read_request().value("Authorization")
        link.send(ok("alice"))
        assert client.answer().body == b"alice"
        client.expect_end("closed")


@orders("reload", "client")
def test_the_reload_comes_with_the_last_leg(stage, order):
    with stage(servers=2) as it:
        client = it.client()
        client.ask("GET", "/", NTLM_1)
        link, _ = it.knocked().answer(response(401, NTLM_2))
        assert client.answer().status == 401
        it.config["pools"] = [
            it.pool("main", [server for server in it.servers if server is not link.server])
        ]
        it.balancer.write(it.text())
        at_once(
            it,
            order,
            reload=lambda: it.balancer.process.send_signal(signal.SIGHUP),
            client=lambda: client.ask("GET", "/", NTLM_3),
        )
        assert link.read_request().value("Authorization")
        link.send(ok("alice"))
        assert client.answer().body == b"alice"


# ---- an end at every step of a login


class Login:
    """NTLM in small steps; `go(n)` takes the first n of them."""

    def __init__(self, stage):
        self.stage = stage
        self.client = self.link = None

    def go(self, count):
        for step in self.STEPS[:count]:
            step(self)

    def connect(self):
        self.client = self.stage.client()

    def half_first_leg(self):
        self.client.send(request("GET", "/", NTLM_1)[:60])

    def first_leg(self):
        self.client.send(request("GET", "/", NTLM_1)[60:])
        self.link = self.stage.server.accept()
        assert self.link.read_request().value("Authorization")

    def half_challenge(self):
        self.link.send(response(401, NTLM_2, "X-Late: yes", body=b"leg")[:-30])

    def challenge(self):
        self.link.send(response(401, NTLM_2, "X-Late: yes", body=b"leg")[-30:])
        assert self.client.answer().body == b"leg"

    def half_last_leg(self):
        self.client.send(request("POST", "/", NTLM_3, body=b"body")[:200])

    def last_leg(self):
        self.client.send(request("POST", "/", NTLM_3, body=b"body")[200:])
        assert self.link.read_request().body == b"body"

    def half_answer(self):
        self.link.send(ok("alice's page")[:-3])
        self.client.read_until(b"alice's p")

    def answer(self):
        self.link.send(ok("alice's page")[-3:])
        assert self.client.read(3) == b"age"

    STEPS = (
        connect,
        half_first_leg,
        first_leg,
        half_challenge,
        challenge,
        half_last_leg,
        last_leg,
        half_answer,
        answer,
    )


@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    "step", range(1, len(Login.STEPS) + 1), ids=[step.__name__ for step in Login.STEPS]
)
def test_the_client_leaves_at_every_step(stage, step, how, pool):
    with stage(pool=pool) as it:
        login = Login(it)
        login.go(step)
        getattr(login.client, how)()
        if how == "close" and step in (
            7,
            8,
        ):  # it may only have ended its side: the answer is still brought
            login.link.send(ok("alice's page") if step == 7 else b"age")
        if login.link:
            login.link.read_rest()
            assert login.link.end in ("closed", "reset")
        assert it.is_untouched()
        stranger_is_a_stranger(it, login.link)


@pytest.mark.parametrize("pool", [{}, SHARED], ids=["dedicated", "shared"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    "step", range(3, len(Login.STEPS) + 1), ids=[step.__name__ for step in Login.STEPS[2:]]
)
def test_the_server_leaves_at_every_step(stage, step, how, pool):
    """The client hears of it at once: by an answer that is no challenge and no page of alice's, or
    by the end alone.
    """
    with stage(pool=pool) as it:
        login = Login(it)
        login.go(step)
        getattr(login.link, how)()
        rest = login.client.read_rest()
        assert login.client.end in ENDS
        assert rest == b"" or rest.startswith((b"HTTP/1.1 502 ", b"HTTP/1.1 401 ")), rest
        if step not in (3, 4, 7):
            assert rest == b""
        assert it.is_untouched()
        stranger_is_a_stranger(it, login.link)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_a_login_in_pieces_of_any_size(stage, size):
    """Every byte of every leg in a segment of its own, in both directions."""
    with stage(pool=SHARED) as it:
        client = it.plain()
        for line, challenge in (
            (NTLM_1, response(401, NTLM_2, body=b"leg")),
            (NTLM_3, ok("alice")),
        ):
            client.send_slowly(request("POST", "/", line, body=b"body"), size)
            link = it.server.links[0] if it.server.links else it.server.accept()
            got = link.read_request()
            assert line.encode() in got.lines and got.body == b"body"
            link.send_slowly(challenge, size)
            answer = client.answer()
        assert answer.body == b"alice" and len(it.server.links) == 1


@pytest.mark.parametrize("to_tls", [False, True], ids=["plain", "tls"])
def test_a_ticket_larger_than_the_servers_window_arrives_whole(stage, to_tls):
    """The write is cut many times before all of it is through."""
    token = "YIIC" + "".join(f"{n:08d}" for n in range(7500))
    with stage(to_tls=to_tls) as it:
        it.server.listener.setsockopt(1, 8, 2048)  # SOL_SOCKET, SO_RCVBUF
        client = it.client()
        client.ask("GET", "/", f"Authorization: Negotiate {token}")
        link = it.server.accept()
        assert client.waits(0.2)
        assert link.read_request().value("Authorization") == f"Negotiate {token}".encode()
        link.send(ok())
        assert client.answer().status == 200
