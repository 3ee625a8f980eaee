# SPDX-License-Identifier: Apache-2.0
# Shared links without any credentials: what one client or one server leaves on them must never
# reach the next client.
"""When a shared link may be used again, and when it must not."""

import pytest

from scripted import chunked, ok, request, response

SHARED = {"links": "shared"}
POISON = b"HTTP/1.1 200 Poison\r\nContent-Length: 6\r\n\r\npoison"


def next_client_is_clean(stage, old):
    """A stranger's request goes over another link than `old`, and its answer is its own."""
    stranger = stage.client()
    stranger.ask("GET", "/stranger")
    link, got = stage.server.answer()
    assert link is not old and got.target == b"/stranger"
    assert stranger.answer().body == b"ok"


def test_a_clean_link_is_used_again(stage):
    with stage(pool=SHARED) as it:
        for turn in range(5):
            client = it.client()
            client.ask("POST", f"/{turn}", body=b"b" * turn)
            link = it.server.links[0] if it.server.links else it.server.accept()
            assert link.read_request().body == b"b" * turn
            link.send(ok(str(turn)))
            assert client.answer().body == str(turn).encode()
            client.close()
        assert it.is_untouched()


@pytest.mark.parametrize(
    "method, data",
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n" + POISON),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n" + POISON),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 51\r\n\r\n" + POISON),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + POISON),
        ("GET", response(200, "Content-Length: 2", body=b"ok") + POISON),
        ("GET", response(200, "Transfer-Encoding: chunked", body=chunked(b"ok")) + POISON),
        ("GET", response(200, "Transfer-Encoding: chunked", body=chunked(b"ok")) + b"\r\n"),
        ("GET", response(200, "Content-Length: 2", body=b"ok") + b"H"),
    ],
    ids=["head", "204", "304", "empty", "length", "chunked", "an empty line", "one byte"],
)
def test_more_than_the_answer_ends_the_link(stage, method, data):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask(method)
        link, _ = it.server.answer(data)
        answer = client.answer(to_head=method == "HEAD")
        assert answer.body in (b"", b"ok")
        link.read_rest()
        assert client.waits(0.05), "the poison came through"
        next_client_is_clean(it, link)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_half_sent_request_ends_the_link(stage, framing, how):
    """The server waits for the rest; what comes next on the link would be taken for it."""
    line, half = (
        ("Content-Length: 100", b"half")
        if framing == "length"
        else ("Transfer-Encoding: chunked", b"64\r\nhalf")
    )
    with stage(pool=SHARED) as it:
        client = it.client()
        client.send(request("POST", "/", line) + half)
        link = it.server.accept()
        link.read_head()
        link.send(ok("early"))
        assert client.answer().body == b"early"
        getattr(client, how)()
        link.read_rest()
        next_client_is_clean(it, link)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_half_read_answer_ends_the_link(stage, how):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(response(200, "Content-Length: 1000000", body=b"half"))
        client.read_until(b"half")
        getattr(client, how)()
        link.try_send(b"x" * 999996)
        link.read_rest()
        next_client_is_clean(it, link)


def test_a_client_that_leaves_before_its_answer_ends_the_link(stage):
    """Its answer would come as that of the next."""
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/mine")
        link = it.server.accept()
        link.read_request()
        client.reset()
        it.wait_for_log(end="client_reset")
        link.try_send(ok("mine"))
        link.read_rest()
        next_client_is_clean(it, link)


def test_an_upgraded_link_is_never_shared(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask("GET", "/", "Connection: Upgrade", "Upgrade: websocket")
        link, _ = it.server.answer(
            b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert client.answer().status == 101
        client.close()
        link.read_rest()
        link.close()
        next_client_is_clean(it, link)


@pytest.mark.parametrize(
    "data",
    [ok("x", "Connection: close"), response(200, "Content-Length: 1", body=b"x", version="1.0")],
    ids=["close", "1.0"],
)
def test_a_link_the_server_will_close_is_not_used_again(stage, data):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer(data)
        assert client.answer().body == b"x"
        next_client_is_clean(it, link)


def test_a_server_that_times_out_does_not_get_its_link_reused(stage):
    with stage(pool=SHARED, timeouts={"server": "300ms"}) as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        assert client.answer().status == 504
        link.try_send(ok("late"))
        next_client_is_clean(it, link)


def test_a_bad_answer_ends_the_link(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.ask()
        link, _ = it.server.answer(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" + POISON
        )
        assert client.answer().status == 502
        next_client_is_clean(it, link)


def test_a_bad_request_body_ends_the_link(stage):
    with stage(pool=SHARED) as it:
        client = it.client()
        client.send(request("POST", "/", "Transfer-Encoding: chunked") + b"3\r\nabc\r\nxyz\r\n")
        link = it.server.accept()
        link.read_rest()
        next_client_is_clean(it, link)


def test_no_more_idle_links_than_allowed_are_kept(stage):
    with stage(pool={**SHARED, "idle_links_max": 1}) as it:
        clients = [it.client() for _ in range(3)]
        for client in clients:
            client.ask()
        links = [it.server.accept() for _ in clients]
        for link in links:
            link.read_request()
        for link in links:
            link.send(ok())
        for client in clients:
            assert client.answer().status == 200
        kept = [link for link in links if link.waits(0.3)]
        assert len(kept) == 1
        client = it.client()
        client.ask("GET", "/again")
        assert kept[0].read_request().target == b"/again"
        kept[0].send(ok())
        assert client.answer().status == 200


def test_links_of_two_pools_are_not_mixed(stage):
    """Even where both pools have the same server."""

    def edit(config, it):
        config["pools"] = [it.pool("a", **SHARED), it.pool("b", **SHARED)]
        config["sites"][0]["routes"] = [
            {"path": "/a/", "forward": "a"},
            {"path": "/b/", "forward": "b"},
        ]

    with stage(edit=edit) as it:
        client = it.client()
        links = []
        for path in ("/a/", "/b/"):
            client.ask("GET", path)
            links.append(it.server.answer()[0])
            assert client.answer().status == 200
        for link, path in zip(links, ("/a/2", "/b/2")):
            other = it.client()
            other.ask("GET", path)
            assert link.read_request().target == path.encode()
            link.send(ok())
            assert other.answer().status == 200
