# SPDX-License-Identifier: Apache-2.0
# What a server says on a link that rests, at the moment when the client's next request is there
# too. Handfast stands still while both are said, so it hears of both at once.
"""Bytes nobody asked for are not the answer to the next request (RFC 9112 section 11.1)."""

import pytest

from scripted import ok
from tokens import KERBEROS

PLANTED = ok("planted")
ENDS = ("closed", "reset", "cut")


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def to_tls(request):
    return request.param


def rested(it, *lines):
    """A client and its link after one exchange."""
    client = it.client()
    client.ask("GET", "/first", *lines)
    link, _ = it.server.answer()
    assert client.answer().status == 200
    return client, link


def at_once(it, client, link, said, *lines):
    with it.frozen():
        client.ask("GET", "/next", *lines)
        link.send(said)


@pytest.mark.parametrize("said", [PLANTED, PLANTED[:1], b"\r\n"], ids=["answer", "byte", "line"])
def test_a_pinned_client_ends_with_its_link(stage, to_tls, said):
    with stage(to_tls=to_tls) as it:
        client, link = rested(it, KERBEROS)
        at_once(it, client, link, said)
        client.expect_end(*ENDS)
        assert b"/next" not in link.read_rest() and it.is_untouched()
        # of the exchange or of the client, whichever of the two the kernel named first
        assert it.wait_for_log(end="server_unasked")["by"] == "server"


@pytest.mark.parametrize("links", ["dedicated", "shared"])
def test_without_credentials_another_link_is_taken(stage, to_tls, links):
    with stage(to_tls=to_tls, pool={"links": links}) as it:
        client, link = rested(it)
        at_once(it, client, link, PLANTED)
        second, got = it.server.answer(ok("asked"))
        assert got.target == b"/next" and client.answer().body == b"asked"
        assert b"/next" not in link.read_rest()


@pytest.mark.parametrize("links", ["dedicated", "shared"])
def test_what_asks_for_a_login_does_not_go_there_either(stage, to_tls, links):
    with stage(to_tls=to_tls, pool={"links": links}) as it:
        client, link = rested(it)
        at_once(it, client, link, PLANTED, KERBEROS)
        second, got = it.server.answer(ok("asked"))
        assert got.value("Authorization") and client.answer().body == b"asked"
        assert b"/next" not in link.read_rest()


def test_behind_an_answer_before_a_request_that_waits(stage, to_tls):
    """Both requests are there when the answer comes with more behind it."""
    with stage(to_tls=to_tls) as it:
        client, link = rested(it, KERBEROS)
        client.ask("GET", "/asked")
        link.read_request()
        with it.frozen():
            client.ask("GET", "/next")
            link.send(ok("right") + PLANTED)
        assert client.answer().body == b"right"
        client.expect_end(*ENDS)
        assert b"/next" not in link.read_rest()


def test_silence_is_not_disturbed(stage, to_tls):
    """The control: standing still by itself changes nothing."""
    with stage(to_tls=to_tls) as it:
        client, link = rested(it, KERBEROS)
        with it.frozen():
            client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok("asked"))
        assert client.answer().body == b"asked"
