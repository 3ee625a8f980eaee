# SPDX-License-Identifier: Apache-2.0
# Checks of servers as an operator sees them: which server is up, why one is down, who gets clients meanwhile.
import ssl

import pytest
from serving import Backend, Serving, config, pool, until

# The timeout is far above the interval, so that a busy machine does not make a server look ill.
FAST = {"interval": "100ms", "timeout": "10s", "rise": 2, "fall": 2}
EMPTY = b"\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def backend():
    made = []

    def make(*arguments, **options):
        made.append(Backend(*arguments, **options))
        return made[-1]
    yield make
    for one in made:
        try:
            one.stop()
        except OSError:
            pass


def health(**options):
    return {**FAST, **options}


def one(server, **options):
    return config(pool("main", ("iis1.test", server.port), health=health(**options)))


def test_a_server_that_refuses_is_down_and_says_why(backend):
    server = backend()
    server.stop()
    with Serving(one(server, check="tcp")) as serving:
        found = serving.await_verdict("down", "main", "iis1.test")
        assert found["why"] == "connect_refused" and found["since"]
        assert serving.fetch()[0] == 503
        line = serving.wait_for_log(lambda line: line["what"] == "server")
        assert (line["verdict"], line["before"], line["why"]) == ("down", "untried", "connect_refused")
        assert (line["pool"], line["address"]) == ("main", f"127.0.0.1:{server.port}")
        assert "server iis1.test of pool main is down: the server refused the connection" in serving.errors()


def test_down_and_up_again_with_rise_and_fall(backend):
    server = backend()
    with Serving(one(server, request="GET /healthz", rise=3, fall=4)) as serving:
        serving.await_verdict("up", "main", "iis1.test")
        assert serving.fetch() == (200, b"ok")
        server.answer = b"HTTP/1.1 500 Broken" + EMPTY
        found = serving.await_verdict("down", "main", "iis1.test")
        assert (found["why"], found["detail"]) == ("health_status", "status 500")
        assert serving.fetch()[0] == 503
        server.answer = b"HTTP/1.1 204 Fine\r\n\r\n"
        assert "why" not in serving.await_verdict("up", "main", "iis1.test")
        until(lambda: len(serving.verdicts("iis1.test")) == 3)
        first, second, third = serving.verdicts("iis1.test")
        assert (first["verdict"], first["checks"]) == ("up", 1)
        assert (second["verdict"], second["checks"]) == ("down", 4)
        assert (third["verdict"], third["checks"]) == ("up", 3)


def test_the_request_is_the_one_configured(backend):
    server = backend()
    with Serving(one(server, request="HEAD /alive?deep=1", host="portal.test")) as serving:
        serving.await_verdict("up", "main", "iis1.test")
        assert server.seen[0] == ("HEAD /alive?deep=1 HTTP/1.1", "portal.test")


def test_the_name_of_the_server_is_the_host_by_default(backend):
    server = backend()
    with Serving(one(server, check="http")) as serving:
        serving.await_verdict("up", "main", "iis1.test")
        assert server.seen[0] == ("GET / HTTP/1.1", "iis1.test")


@pytest.mark.parametrize("answer, expect, verdict, detail", [
    (b"HTTP/1.1 200 OK" + EMPTY, None, "up", None),
    (b"HTTP/1.1 399 Odd" + EMPTY, None, "up", None),
    (b"HTTP/1.1 302 Found\r\nLocation: /" + EMPTY, None, "up", None),
    (b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM" + EMPTY, None, "up", None),
    (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM" + EMPTY, None, "up", None),
    (b"HTTP/1.1 401 No\r\nwww-authenticate: Basic realm=\"x\"" + EMPTY, None, "up", None),
    (b"HTTP/1.1 401 No" + EMPTY, None, "down", "status 401 without a scheme"),
    (b"HTTP/1.1 401 No\r\nWWW-Authenticate:" + EMPTY, None, "down", "status 401 without a scheme"),
    (b"HTTP/1.1 401 No" + EMPTY, [200, 401], "up", None),
    (b"HTTP/1.1 403 No" + EMPTY, None, "down", "status 403"),
    (b"HTTP/1.1 404 No" + EMPTY, [404], "up", None),
    (b"HTTP/1.1 200 OK" + EMPTY, [204], "down", "status 200"),
    (b"HTTP/1.1 503 Later" + EMPTY, None, "down", "status 503"),
    (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK" + EMPTY, None, "up", None),
    (b"HTTP/1.1 101 Other\r\nUpgrade: x\r\n\r\n", None, "down", "status 101"),
])
def test_which_answers_are_healthy(backend, answer, expect, verdict, detail):
    server = backend(answer)
    options = {"expect": expect} if expect else {}
    with Serving(one(server, check="http", **options)) as serving:
        found = serving.await_verdict(verdict, "main", "iis1.test")
        assert found.get("detail") == detail


@pytest.mark.parametrize("answer, why", [
    (b"220 mail.test ESMTP\r\n\r\n", "response_bad"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "response_framing"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000 + b"\r\n\r\n", "response_too_big"),
    (b"HTTP/1.1 200 OK\n\n", "response_bad"),
    (None, "server_timeout"),
])
def test_answers_that_are_none(backend, answer, why):
    server = backend(answer)
    timeout = "10s" if answer else "200ms"
    with Serving(one(server, check="http", timeout=timeout)) as serving:
        assert serving.await_verdict("down", "main", "iis1.test")["why"] == why


def test_a_server_that_hangs_up_is_down(backend):
    server = backend(speaks=False)
    with Serving(one(server, check="http")) as serving:
        assert serving.await_verdict("down", "main", "iis1.test")["why"] in ("server_reset", "server_closed")


def test_tcp_asks_for_a_connection_only(backend):
    server = backend(speaks=False)
    with Serving(one(server, check="tcp")) as serving:
        serving.await_verdict("up", "main", "iis1.test")
        assert server.seen == []


# -- TLS

def tls_pool(papers, port, name="iis1.example.test", **options):
    return config(pool("main", (name, port), health=health(**options), tls={"ca": papers.ca_file}))


def test_http_over_the_tls_of_the_pool(backend, papers):
    server = backend(context=papers.showing("iis1-ecdsa"))
    with Serving(tls_pool(papers, server.port, request="GET /healthz")) as serving:
        serving.await_verdict("up", "main", "iis1.example.test")
        assert server.asked("GET /healthz")
        assert serving.fetch() == (200, b"ok")


def test_a_certificate_of_another_name_is_down(backend, papers):
    server = backend(context=papers.showing("iis2-ecdsa"))
    with Serving(tls_pool(papers, server.port, request="GET /healthz")) as serving:
        found = serving.await_verdict("down", "main", "iis1.example.test")
        assert found["why"] == "server_certificate" and "ostname mismatch" in found["detail"]
        assert server.seen == []


def test_tls_check_in_a_pool_with_tls_verifies(backend, papers):
    server = backend(context=papers.showing("iis2-ecdsa"))
    with Serving(tls_pool(papers, server.port)) as serving:
        assert serving.get("/status")["pools"][0]["check"] == "tls"
        assert serving.await_verdict("down", "main", "iis1.example.test")["why"] == "server_certificate"


def test_tls_check_in_a_pool_without_tls_asks_for_a_handshake_only(backend, papers):
    server = backend(context=papers.showing("iis2-ecdsa"))
    with Serving(config(pool("main", ("iis1.example.test", server.port), health=health(check="tls")))) as serving:
        serving.await_verdict("up", "main", "iis1.example.test")
        assert server.seen == []


def test_no_tls_where_tls_is_expected_is_down(backend, papers):
    server = backend()  # waits for a line that never ends
    with Serving(tls_pool(papers, server.port, timeout="200ms")) as serving:
        found = serving.await_verdict("down", "main", "iis1.example.test")
        assert (found["why"], found["detail"]) == ("server_tls_failed", "it did not come to an end in time")
    server = backend(speaks=False)
    with Serving(tls_pool(papers, server.port)) as serving:
        found = serving.await_verdict("down", "main", "iis1.example.test")
        assert found["why"] in ("server_tls_failed", "server_reset")


def test_a_server_that_wants_newer_tls_than_ours_does_not_stop_the_checks(backend, papers):
    context = papers.showing("iis1-ecdsa")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = backend(context=context)
    with Serving(tls_pool(papers, server.port)) as serving:
        serving.await_verdict("up", "main", "iis1.example.test")


# -- who gets clients

def test_clients_go_to_the_one_that_is_up(backend):
    ill, well = backend(b"HTTP/1.1 500 Ill" + EMPTY), backend()
    servers = config(pool("main", ("ill.test", ill.port), ("well.test", well.port), health=health(check="http")))
    with Serving(servers) as serving:
        serving.await_verdict("down", "main", "ill.test")
        serving.await_verdict("up", "main", "well.test")
        ill.seen.clear()
        assert [serving.fetch("/who") for _ in range(6)] == [(200, b"ok")] * 6
        assert len(well.asked("GET /who")) == 6 and not ill.asked("GET /who")


def test_without_checks_a_server_is_used_and_never_asked(backend):
    server = backend(b"HTTP/1.1 500 Ill" + EMPTY)
    with Serving(config(pool("main", ("iis1.test", server.port), health={"check": "none"}))) as serving:
        assert serving.fetch()[0] == 500
        assert serving.server("main", "iis1.test")["verdict"] == "untried"
        assert len(server.seen) == 1
        assert serving.verdicts("iis1.test") == []


def test_a_401_to_a_client_marks_nobody(backend):
    """Health looks at its own checks and at connects; what clients are answered says nothing about a server."""
    server = backend(b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM" + EMPTY)
    with Serving(one(server, check="tcp")) as serving:
        serving.await_verdict("up", "main", "iis1.test")
        for _ in range(10):
            assert serving.fetch()[0] == 401
        found = serving.server("main", "iis1.test")
        assert (found["verdict"], found["avoided"], found["connect_errors"]) == ("up", False, 0)


def test_connects_that_fail_mark_a_server_as_avoided(backend):
    server = backend()
    server.stop()
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        for _ in range(3):
            assert serving.fetch()[0] == 502
        found = serving.server("main", "iis1.test")
        assert (found["verdict"], found["avoided"], found["connect_errors"]) == ("untried", True, 3)
        server.start()
        assert serving.fetch() == (200, b"ok")  # the only one there is is asked all the same
        assert not serving.server("main", "iis1.test")["avoided"]


# -- over a reload

def test_a_kept_server_keeps_its_verdict_and_a_new_one_is_checked_at_once(backend):
    first, second = backend(), backend()
    first.stop()
    before = config(pool("main", ("iis1.test", first.port), health=health(check="tcp", interval="1h")))
    after = config(pool("main", ("iis1.test", first.port), ("iis2.test", second.port),
                        health=health(check="tcp", interval="1h")))
    with Serving(before) as serving:
        was = serving.await_verdict("down", "main", "iis1.test")
        assert "reloaded" in serving.change(after)
        serving.await_verdict("up", "main", "iis2.test")
        found = serving.server("main", "iis1.test")
        assert (found["verdict"], found["since"], found["checks_failed"]) == ("down", was["since"], 1)


def test_a_removed_server_is_left_alone(backend):
    first, second = backend(), backend()
    both = config(pool("main", ("iis1.test", first.port), ("iis2.test", second.port), health=health(check="http")))
    with Serving(both) as serving:
        serving.await_verdict("up", "main", "iis1.test")
        serving.await_verdict("up", "main", "iis2.test")
        assert "reloaded" in serving.change(one(first, check="http"))
        count = len(second.seen)
        seen = len(first.seen)
        until(lambda: len(first.seen) >= seen + 4)
        assert len(second.seen) <= count + 1  # one may have been on its way


def test_a_reload_that_ends_the_checks_makes_the_server_used_again(backend):
    server = backend(b"HTTP/1.1 500 Ill" + EMPTY)
    with Serving(one(server, check="http")) as serving:
        serving.await_verdict("down", "main", "iis1.test")
        assert "reloaded" in serving.change(one(server, check="none"))
        assert serving.server("main", "iis1.test")["verdict"] == "untried"
        assert serving.fetch()[0] == 500


def test_a_changed_check_counts_from_the_reload_on(backend):
    server = backend(b"HTTP/1.1 404 No" + EMPTY)
    with Serving(one(server, request="GET /")) as serving:
        serving.await_verdict("down", "main", "iis1.test")
        assert "reloaded" in serving.change(one(server, request="GET /", expect=[404]))
        serving.await_verdict("up", "main", "iis1.test")


def test_many_servers_are_all_checked(backend):
    """More than may be checked at one time."""
    server = backend()
    names = [(f"s{n}.test", server.port) for n in range(600)]
    with Serving(config(pool("main", *names, health=health(check="tcp", interval="1h")))) as serving:
        until(lambda: all(one["verdict"] == "up" for one in serving.get("/status")["pools"][0]["servers"]))
