# SPDX-License-Identifier: Apache-2.0
# HTTP/1.1 as RFC 9110 and 9112 want it, seen from both sides: what a raw client may send and gets
# back, what the scripted server is asked and may answer. What the server received is compared
# byte by byte.
"""Framing, methods, streaming, connections, limits and our own answers."""

import contextlib
import threading
import time

import pytest

from bulk import MIB, Job, drink, pour, stuck
from scripted import Deaf, chunked, ok, request, response
from tokens import KERBEROS


def exchange(stage, client, data, answer=None, to_head=False):
    """Sends the bytes; the request as the server saw it, and the answer as the client saw it."""
    client.send(data)
    link, got = stage.server.answer(answer)
    return got, client.answer(to_head), link


# ---- refused: 400 and close, the reason in the log, nothing reached the server

HOST = b"Host: lb.example.test\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
REFUSED = [
    ("no version", b"GET /\r\n" + HOST + b"\r\n", "request_line_bad"),
    ("http/0.9", b"GET /\r\n\r\n", "request_line_bad"),
    ("two blanks", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", "request_line_bad"),
    ("blank behind", b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", "request_line_bad"),
    ("tab", b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n", None),
    ("lower version", b"GET / http/1.1\r\n" + HOST + b"\r\n", "request_line_bad"),
    ("method not token", b"G{T / HTTP/1.1\r\n" + HOST + b"\r\n", "request_line_bad"),
    ("version 2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", "request_version"),
    ("version 1.2", b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", "request_version"),
    ("relative target", b"GET index.html HTTP/1.1\r\n" + HOST + b"\r\n", "request_target_bad"),
    ("fragment", b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n", "request_target_bad"),
    ("broken escape", b"GET /%4 HTTP/1.1\r\n" + HOST + b"\r\n", "request_target_bad"),
    ("zero byte escape", b"GET /a%00b HTTP/1.1\r\n" + HOST + b"\r\n", "request_target_bad"),
    ("above the root", b"GET /../etc HTTP/1.1\r\n" + HOST + b"\r\n", "request_target_bad"),
    ("connect", b"CONNECT lb.example.test:443 HTTP/1.1\r\n" + HOST + b"\r\n", None),
    ("control byte in target", b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n", None),
    ("high byte in target", b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", "request_target_bad"),
    ("blank before colon", GET + b"X : y\r\n\r\n", "header_bad"),
    ("tab before colon", GET + b"X\t: y\r\n\r\n", "header_bad"),
    ("length, blank before colon", POST + b"Content-Length : 3\r\n\r\nabc", "header_bad"),
    ("no colon", GET + b"Nonsense\r\n\r\n", "header_bad"),
    ("no name", GET + b": y\r\n\r\n", "header_bad"),
    ("zero byte", GET + b"X: a\0b\r\n\r\n", "header_bad"),
    ("control byte", GET + b"X: a\x0bb\r\n\r\n", "header_bad"),
    ("delete byte", GET + b"X: a\x7fb\r\n\r\n", "header_bad"),
    ("folded", GET + b"X: a\r\n b\r\n\r\n", "header_folded"),
    ("folded by tab", GET + b"X: a\r\n\tb\r\n\r\n", "header_folded"),
    ("folded first", b"GET / HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n", "header_folded"),
    ("bare lf", b"GET / HTTP/1.1\n" + HOST + b"\r\n", "bare_cr_lf"),
    ("bare lf in field", GET + b"X: a\nY: b\r\n\r\n", "bare_cr_lf"),
    ("bare lf at the end", GET + b"\n", "bare_cr_lf"),
    ("bare cr in field", GET + b"X: a\rY: b\r\n\r\n", "bare_cr_lf"),
    ("bare cr in line", b"GET /\r HTTP/1.1\r\n" + HOST + b"\r\n", "bare_cr_lf"),
    ("no host", b"GET / HTTP/1.1\r\nX: y\r\n\r\n", "host_missing"),
    ("host twice", b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", "host_repeated"),
    ("host empty", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "host_bad"),
    ("host of two", b"GET / HTTP/1.1\r\nHost: lb.example.test, evil\r\n\r\n", "host_bad"),
    ("host with path", b"GET / HTTP/1.1\r\nHost: lb.example.test/x\r\n\r\n", "host_bad"),
    ("host with user", b"GET / HTTP/1.1\r\nHost: a@lb.example.test\r\n\r\n", "host_bad"),
    ("host with bad port", b"GET / HTTP/1.1\r\nHost: lb.example.test:99999\r\n\r\n", "host_bad"),
    (
        "authority differs",
        b"GET http://evil.example.test/ HTTP/1.1\r\n" + HOST + b"\r\n",
        "host_mismatch",
    ),
    (
        "authority port differs",
        b"GET http://lb.example.test:81/ HTTP/1.1\r\n" + HOST + b"\r\n",
        "host_mismatch",
    ),
    (
        "other scheme",
        b"GET ftp://lb.example.test/ HTTP/1.1\r\n" + HOST + b"\r\n",
        "request_target_bad",
    ),
    (
        "both framings",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "framing_ambiguous",
    ),
    (
        "both framings turned",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "framing_ambiguous",
    ),
    (
        "two lengths",
        POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        "framing_ambiguous",
    ),
    (
        "same length twice",
        POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "framing_ambiguous",
    ),
    ("list of lengths", POST + b"Content-Length: 3, 3\r\n\r\nabc", "length_bad"),
    ("signed length", POST + b"Content-Length: +3\r\n\r\nabc", "length_bad"),
    ("negative length", POST + b"Content-Length: -1\r\n\r\n", "length_bad"),
    ("hex length", POST + b"Content-Length: 0x3\r\n\r\nabc", "length_bad"),
    ("empty length", POST + b"Content-Length:\r\n\r\n", "length_bad"),
    ("length with blank", POST + b"Content-Length: 1 2\r\n\r\n", "length_bad"),
    ("huge length", POST + b"Content-Length: 99999999999999999999\r\n\r\n", "length_bad"),
    ("other encoding", POST + b"Transfer-Encoding: gzip\r\n\r\n", "encoding_bad"),
    ("list of encodings", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "encoding_bad"),
    ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", "encoding_bad"),
    (
        "encoding repeated",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "encoding_bad",
    ),
    ("encoding hidden", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", "header_bad"),
    ("encoding quoted", POST + b'Transfer-Encoding: "chunked"\r\n\r\n', "encoding_bad"),
    ("encoding identity", POST + b"Transfer-Encoding: identity\r\n\r\n", "encoding_bad"),
    (
        "encoding in 1.0",
        b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n",
        "encoding_bad",
    ),
    ("bad upgrade", GET + b"Connection: Upgrade\r\nUpgrade: (x)\r\n\r\n", "upgrade_bad"),
]


@pytest.mark.parametrize(
    "data, reason", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_and_closed(stage, data, reason):
    status = 505 if reason == "request_version" else 400
    with stage() as it:
        client = it.plain()
        client.send(data + b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = client.answer()
        assert answer.status == status and answer.says_close(), answer.head
        logged = it.wait_for_log(what="exchange", status=status)
        assert reason is None or logged["end"] == reason
        assert logged["end"].encode() in answer.body
        assert f"Request id: {logged['request']}\n".encode() in answer.body
        client.shut()
        client.expect_end("closed", "reset")
        assert it.is_untouched()


def test_refused_over_tls_as_well(stage):
    with stage() as it:
        client = it.client()
        client.send(b"GET / HTTP/1.1\r\nHost: lb.example.test\r\nX : y\r\n\r\n")
        answer = client.answer()
        assert answer.status == 400 and answer.says_close()
        client.expect_end("closed")
        assert it.is_untouched()


BAD_CHUNKS = {
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "letters": b"xyz\r\nabc\r\n0\r\n\r\n",
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "signed": b"+3\r\nabc\r\n0\r\n\r\n",
    "negative": b"-3\r\nabc\r\n0\r\n\r\n",
    "blank first": b" 3\r\nabc\r\n0\r\n\r\n",
    "blank behind": b"3 \r\nabc\r\n0\r\n\r\n",
    "bare lf": b"3\nabc\r\n0\r\n\r\n",
    "bare lf after data": b"3\r\nabc\n0\r\n\r\n",
    "too long": b"3\r\nabcd\r\n0\r\n\r\n",
    "too short": b"4\r\nabc\r\n0\r\n\r\n",
    "cr in size": b"3\r\r\nabc\r\n0\r\n\r\n",
    "overflow": b"ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
    "wraps": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "endless extension": b"3;" + b"a" * 100000 + b"\r\nabc\r\n0\r\n\r\n",
    "zero byte in extension": b"3;\0\r\nabc\r\n0\r\n\r\n",
    "lf in extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "host in trailer": b"3\r\nabc\r\n0\r\nHost: evil\r\n\r\n",
    "length in trailer": b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
    "encoding in trailer": b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "credentials in trailer": b"3\r\nabc\r\n0\r\nAuthorization: Negotiate x\r\n\r\n",
    "trailer without colon": b"3\r\nabc\r\n0\r\nNonsense\r\n\r\n",
    "trailer folded": b"3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n",
    "trailer with bare lf": b"3\r\nabc\r\n0\r\nX: a\n\r\n",
    "endless trailers": b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks_end_the_exchange(stage, body):
    """What came before may have been passed on, but never a complete request, and the server's link
    is given up.
    """
    with stage() as it:
        client = it.plain()
        client.try_send(
            request("POST", "/", "Transfer-Encoding: chunked") + body + request("GET", "/smuggled")
        )
        link = it.server.accept()
        answer = client.answer_or_end()
        assert (
            answer is None
            or answer.status == 400
            and answer.says_close()
            and b"chunk_bad" in answer.body
        )
        rest = link.read_rest()
        assert (
            b"/smuggled" not in rest
            and not rest.endswith(b"0\r\n\r\n")
            and link.end in ("closed", "reset")
        )
        it.wait_for_log(end="chunk_bad")


@pytest.mark.parametrize(
    "size", ["3", "03", "000000003", "3;x", "3;x=y", '3;x="a;b"', '3;x="\\""', "3;;"]
)
def test_odd_but_valid_chunks_pass_as_they_came(stage, size):
    body = size.encode() + b"\r\nabc\r\n0\r\n\r\n"
    with stage() as it:
        got, answer, _ = exchange(
            it, it.plain(), request("POST", "/", "Transfer-Encoding: chunked") + body
        )
        assert got.wire_body == body and answer.status == 200


# ---- requests as they pass


@pytest.mark.parametrize(
    "method",
    [
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "PROPFIND",
        "MKCOL",
        "LOCK",
        "M-SEARCH",
        "RPC_IN_DATA",
        "RPC_OUT_DATA",
        "RDG_IN_DATA",
        "RDG_OUT_DATA",
        "get",
        "X!#$%&'*+-.^_`|~9",
    ],
)
def test_any_method_passes(stage, method):
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), request(method, "/x", body=b"abc"))
        assert (
            got.start == f"{method} /x HTTP/1.1".encode()
            and got.body == b"abc"
            and answer.status == 200
        )


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/a/b?c=d&e",
        "/?",
        "/%41%2f%2F",
        "//double//slash/",
        "/a/./b/../c",
        "/*",
        "/a;b=c",
        "/a|b",
        "/a\\b",
        "/[x]",
        "/'\"<>",
        "/" + "a" * 8000,
        "/?" + "q" * 60000,
    ],
    ids=lambda t: t[:12],
)
def test_targets_pass_as_they_came(stage, target):
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), request("GET", target))
        assert got.target == target.encode() and answer.status == 200


def test_options_asterisk(stage):
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), request("OPTIONS", "*"))
        assert got.start == b"OPTIONS * HTTP/1.1" and answer.status == 200


@pytest.mark.parametrize(
    "target, seen",
    [
        ("https://lb.example.test/a?b", "/a?b"),
        ("https://lb.example.test", "/"),
        ("HTTPS://LB.example.test:443/x", "/x"),
        ("https://lb.example.test?q", "/?q"),
    ],
)
def test_absolute_form_becomes_origin_form(stage, target, seen):
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), request("GET", target, host="lb.example.test"))
        assert (
            got.target == seen.encode()
            and got.value("Host") == b"lb.example.test"
            and answer.status == 200
        )


def test_empty_lines_before_a_request_are_skipped(stage):
    with stage() as it:
        client = it.client()
        _, answer, link = exchange(it, client, b"\r\n\r\n" + request("POST", "/1", body=b"x"))
        assert answer.status == 200
        client.send(b"\r\n" + request("GET", "/2"))
        assert link.read_request().target == b"/2"
        link.send(ok())
        assert client.answer().status == 200


def test_a_head_may_come_byte_by_byte(stage):
    with stage() as it:
        client = it.plain()
        data = request("POST", "/slow", "X-Odd: 1", body=b"abc")
        client.send_slowly(data)
        _, got = it.server.answer()
        assert (
            got.start == b"POST /slow HTTP/1.1"
            and got.body == b"abc"
            and client.answer().status == 200
        )


def test_an_answer_may_come_byte_by_byte(stage):
    with stage() as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send_slowly(
            b"HTTP/1.1 103 Hints\r\n\r\n"
            + response(
                200, "Transfer-Encoding: chunked", body=chunked(b"ab", b"c", trailers=["X: y"])
            )
        )
        answer = client.answer()
        assert (
            answer.body == b"abc"
            and answer.trailers == [b"X: y"]
            and [i.status for i in answer.interim] == [103]
        )


@pytest.mark.parametrize("to_tls", [False, True], ids=["plain", "tls"])
def test_chunked_both_ways_with_trailers(stage, to_tls):
    there = chunked(b"hello", b"w" * 70000, trailers=["X-Sum: abc", "x-other: d"])
    back = chunked(b"a" * 100000, b"z", trailers=["Server-Timing: x"])
    with stage(to_tls=to_tls) as it:
        data = (
            request(
                "POST", "/", "Transfer-Encoding: chunked", "Trailer: X-Sum, x-other", "TE: trailers"
            )
            + there
        )
        got, answer, _ = exchange(
            it, it.client(), data, response(200, "Transfer-Encoding: chunked", body=back)
        )
        assert got.wire_body == there and got.trailers == [b"X-Sum: abc", b"x-other: d"]
        assert answer.wire_body == back and got.value("Trailer") == b"X-Sum, x-other"


# ---- answers as they pass


@pytest.mark.parametrize(
    "status, lines",
    [
        (200, ["Content-Length: 1000"]),
        (200, ["Transfer-Encoding: chunked"]),
        (404, ["Content-Length: 5"]),
        (200, []),
    ],
)
def test_head_has_no_body(stage, status, lines):
    head = "\r\n".join([f"HTTP/1.1 {status} X", *lines]).encode() + b"\r\n\r\n"
    with stage() as it:
        client = it.client()
        got, answer, link = exchange(it, client, request("HEAD", "/"), head, to_head=True)
        assert got.method == b"HEAD" and answer.status == status
        assert [line.encode() for line in lines] == [
            line for line in answer.lines if line in answer.lines
        ][: len(lines)]
        client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


@pytest.mark.parametrize(
    "status, lines",
    [
        (204, []),
        (304, ["ETag: x"]),
        (304, ["Content-Length: 500"]),
        (205, ["Content-Length: 0"]),
        (204, ["Content-Length: 0"]),
    ],
)
def test_statuses_without_a_body(stage, status, lines):
    data = "\r\n".join([f"HTTP/1.1 {status} X", *lines]).encode() + b"\r\n\r\n"
    with stage() as it:
        client = it.client()
        _, answer, link = exchange(it, client, request("GET", "/"), data)
        assert answer.status == status and answer.body == b""
        client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


def test_interim_answers_pass_in_order(stage):
    with stage() as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
        assert client.read_head().lines == [b"Link: </a>"]
        assert client.read_head().status == 102
        link.send(ok())
        assert client.answer().status == 200


def test_interim_answers_are_not_for_http_1_0(stage):
    with stage() as it:
        client = it.client()
        client.ask(version="1.0")
        it.server.answer(b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" + ok())
        assert client.answer().interim == []


@pytest.mark.parametrize("reason", ["OK", "", "Sehr gut \xfc", "Two  blanks"])
def test_reason_phrases_pass(stage, reason):
    with stage() as it:
        client = it.client()
        client.ask()
        it.server.answer(response(200, reason=reason))
        assert client.answer().start == f"HTTP/1.1 200 {reason}".encode("latin-1")


def test_a_status_line_without_reason_and_blank(stage):
    with stage() as it:
        client = it.client()
        client.ask()
        it.server.answer(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok")
        assert client.answer().status == 200


BAD_ANSWERS = {
    "garbage": (b"\x16\x03\x01 hello\r\n\r\n", "response_bad"),
    "http/2": (b"HTTP/2.0 200 OK\r\n\r\n", "response_bad"),
    "no version": (b"200 OK\r\n\r\n", "response_bad"),
    "status of two": (b"HTTP/1.1 20 OK\r\n\r\n", "response_bad"),
    "status of four": (b"HTTP/1.1 2000 OK\r\n\r\n", "response_bad"),
    "status 099": (b"HTTP/1.1 099 X\r\n\r\n", "response_bad"),
    "bare lf": (b"HTTP/1.1 200 OK\nX: y\n\n", "response_bad"),
    "bare cr": (b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "response_bad"),
    "folded": (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "response_bad"),
    "blank before colon": (b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "response_bad"),
    "zero byte": (b"HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n", "response_bad"),
    "both framings": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "response_framing",
    ),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "response_framing",
    ),
    "bad length": (b"HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc", "response_framing"),
    "gzip": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "response_framing"),
    "unasked 101": (
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        "response_bad",
    ),
    "endless line": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000 + b"\r\n\r\n", "response_too_big"),
    "endless head": (
        b"HTTP/1.1 200 OK\r\n"
        + b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 4000
        + b"\r\n",
        "response_too_big",
    ),
    "nothing": (b"", "server_closed"),
    "half a head": (b"HTTP/1.1 200 OK\r\nX: ", "server_closed"),
    "half a status line": (b"HTTP/1", "server_closed"),
}


@pytest.mark.parametrize("data, reason", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_a_bad_answer_is_a_502(stage, data, reason):
    with stage() as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        if link.try_send(data):
            with contextlib.suppress(OSError):
                link.shut()
        answer = client.answer()
        assert answer.status == 502 and reason.encode() in answer.body
        logged = it.wait_for_log(status=502, end=reason)
        assert (
            f"Request id: {logged['request']}\n".encode() in answer.body
            and logged["by"] == "server"
        )
        link.close()


@pytest.mark.parametrize(
    "line, sent",
    [
        ("Content-Length: 100", b"half"),
        ("Transfer-Encoding: chunked", b"5\r\nhel"),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\nxyz\r\n"),
    ],
)
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_cut_answer_never_looks_complete(stage, tls, how, line, sent):
    with stage() as it:
        client = it.client() if tls else it.plain()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(response(200, line, body=sent))
        if b"xyz" not in sent:
            client.read_until(b"\r\n\r\n")
        getattr(link, how)()
        client.read_rest()
        assert client.end in ("reset", "cut") if tls else client.end == "reset"
        assert it.wait_for_log(status=200)["end"] in (
            "response_cut",
            "response_framing",
            "server_reset",
        )


def test_an_answer_until_close_is_passed_and_closed(stage):
    with stage() as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall that ")
        head = client.read_head()
        assert head.says_close() and head.values("Content-Length") == []
        client.read_until(b"all that ")
        link.send(b"comes")
        link.close()
        assert client.read_rest() == b"comes" and client.end == "closed"


def test_an_answer_until_close_that_is_reset_does_not_look_complete(stage):
    with stage() as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        client.read_until(b"half")
        link.reset()
        assert client.read_rest() == b"" and client.end in ("reset", "cut")


# ---- pipelining and early answers


def test_pipelined_requests_are_served_in_order_one_at_a_time(stage):
    with stage() as it:
        client = it.client()
        client.send(b"".join(request("POST", f"/{n}", body=b"b" * n) for n in range(6)))
        link = it.server.accept()
        for n in range(6):
            got = link.read_request()
            assert got.target == f"/{n}".encode() and got.body == b"b" * n
            assert link.waits(0.02)
            link.send(ok(str(n)))
        assert [client.answer().body for _ in range(6)] == [str(n).encode() for n in range(6)]


def test_two_hundred_pipelined_requests(stage):
    with stage() as it:
        it.server.serve()
        client = it.client()
        client.send(b"".join(request("GET", f"/{n}") for n in range(200)))
        for n in range(200):
            assert client.answer().body.endswith(f": /{n}".encode())


def test_pipelined_behind_a_refusal_are_not_served(stage):
    with stage() as it:
        client = it.client()
        client.send(request("GET", "/1") + b"BAD\r\n\r\n" + request("GET", "/2"))
        link, _ = it.server.answer()
        assert client.answer().status == 200 and client.answer().status == 400
        client.expect_end("closed", "reset")
        assert b"/2" not in link.received


def test_pipelined_behind_close_are_not_served(stage):
    with stage() as it:
        client = it.client()
        client.send(request("GET", "/1", "Connection: close") + request("GET", "/2"))
        link, _ = it.server.answer()
        assert client.answer().says_close()
        client.expect_end("closed", "reset")
        link.read_rest()
        assert b"/2" not in link.received


def test_an_early_answer_and_the_rest_of_the_body(stage):
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/", "Content-Length: 100000") + b"b" * 10)
        link = it.server.accept()
        head = link.read_head()
        link.send(ok("early"))
        assert client.answer().body == b"early"
        client.send(b"b" * 99990 + request("GET", "/next"))
        assert len(link.read(100000)) == 100000 and head.value("Content-Length") == b"100000"
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


def test_an_answer_that_streams_while_the_request_streams(stage):
    """As RD Gateway and MAPI do: both bodies at once, neither waits for the other's end."""
    with stage() as it:
        client = it.client()
        client.send(request("RPC_IN_DATA", "/", "Transfer-Encoding: chunked"))
        link = it.server.accept()
        link.read_head()
        link.send(response(200, "Transfer-Encoding: chunked"))
        client.read_until(b"\r\n\r\n")
        for n in range(5):
            piece = b"4\r\nab%02d\r\n" % n
            client.send(piece)
            assert link.read(len(piece)) == piece
            link.send(piece)
            assert client.read(len(piece)) == piece
        client.send(b"0\r\n\r\n")
        assert link.read(5) == b"0\r\n\r\n"
        link.send(b"0\r\n\r\n")
        assert client.read(5) == b"0\r\n\r\n"
        client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


# ---- the end of connections


def test_a_client_that_says_close(stage):
    with stage() as it:
        client = it.client()
        got, answer, link = exchange(it, client, request("GET", "/", "Connection: close"))
        assert got.values("Connection") == [] and answer.says_close()
        client.expect_end("closed")
        link.expect_end("closed", "reset")


def test_a_server_that_says_close(stage):
    """Without a pin that is no reason to close the client."""
    with stage() as it:
        client = it.client()
        _, answer, link = exchange(it, client, request("GET", "/"), ok("x", "Connection: close"))
        assert not answer.says_close()
        link.expect_end("closed", "reset")
        _, answer, _ = exchange(it, client, request("GET", "/2"))
        assert answer.status == 200


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_client_that_ends_its_side_still_gets_its_answer(stage, tls):
    with stage() as it:
        client = it.plain()
        client.send(request("GET", "/", body=b"abc"))
        if not tls:
            client.shut()
        link = it.server.accept()
        assert link.read_request().body == b"abc"
        link.send(ok("late"))
        assert client.answer().body == b"late"
        if not tls:
            client.expect_end("closed")
            link.expect_end("closed", "reset")


def test_a_client_that_leaves_in_its_body(stage):
    with stage() as it:
        client = it.client()
        client.send(request("POST", "/", "Content-Length: 100") + b"half")
        link = it.server.accept()
        link.read_head()
        link.read(4)
        client.close()
        link.read_rest()
        assert link.end in ("closed", "reset")
        assert it.wait_for_log(what="exchange")["end"] in ("client_left", "client_reset")


def test_a_client_that_leaves_in_its_head(stage):
    with stage() as it:
        client = it.plain()
        client.send(b"GET / HTTP/1.1\r\nHo")
        client.close()
        it.wait_for_log(end="client_left")
        assert it.is_untouched()


# ---- HTTP/1.0


def test_an_http_1_0_client_is_closed_after_its_answer(stage):
    with stage() as it:
        client = it.client()
        got, answer, _ = exchange(it, client, request("GET", "/", version="1.0"))
        assert got.start == b"GET / HTTP/1.1" and answer.says_close()
        client.expect_end("closed")


def test_an_http_1_0_client_may_keep_alive(stage):
    with stage() as it:
        client = it.client()
        _, answer, link = exchange(
            it, client, request("GET", "/", "Connection: Keep-Alive", version="1.0")
        )
        assert answer.value("Connection").lower() == b"keep-alive"
        client.ask("GET", "/2", version="1.0")
        assert link.read_request().target == b"/2"
        link.send(ok())
        assert client.answer().says_close()


OLD = b"GET /old HTTP/1.0\r\n\r\n"
PATTERN = {"hosts": ["*.example.test"]}


def test_an_http_1_0_client_without_host_of_a_wildcard_is_known_by_its_server_name(stage):
    with stage(site=PATTERN) as it:
        got, _, _ = exchange(it, it.client(), OLD)
        assert got.values("Host") == [b"lb.example.test"]


@pytest.mark.parametrize("hosts, name", [(["*.example.test", "www.example.org"], b"www.example.org")])
def test_a_host_that_is_no_pattern_goes_before_the_server_name(stage, hosts, name):
    with stage(site={"hosts": hosts}) as it:
        got, _, _ = exchange(it, it.client(), OLD)
        assert got.values("Host") == [name]


def test_a_pattern_is_never_sent_as_host(stage):
    with stage(site=PATTERN, listener={"default_site": "portal"}) as it:
        client = it.plain()
        client.send(OLD)
        answer = client.answer()
        assert answer.status == 400 and b"host_unnamed" in answer.body and it.is_untouched()


def test_an_http_1_0_client_without_host(stage):
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), b"GET /old HTTP/1.0\r\n\r\n")
        assert got.value("Host") == b"lb.example.test" and answer.status == 200


def test_chunks_are_undone_for_http_1_0(stage):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", "Connection: keep-alive", version="1.0")
        it.server.answer(
            response(
                200,
                "Transfer-Encoding: chunked",
                "Trailer: X",
                body=chunked(b"hello ", b"world" * 9000, trailers=["X: y"]),
            )
        )
        answer = client.answer()
        assert answer.values("Transfer-Encoding") == [] and answer.says_close()
        assert answer.body == b"hello " + b"world" * 9000 and client.end == "closed"


def test_an_http_1_0_server_with_a_length(stage):
    with stage() as it:
        client = it.client()
        _, answer, link = exchange(
            it, client, request(), response(200, "Content-Length: 2", body=b"ok", version="1.0")
        )
        assert (
            answer.start.startswith(b"HTTP/1.1 ")
            and not answer.says_close()
            and answer.body == b"ok"
        )
        link.expect_end("closed", "reset")


def test_an_http_1_0_server_that_keeps_alive(stage):
    with stage() as it:
        client = it.client()
        data = response(
            200, "Content-Length: 2", "Connection: keep-alive", body=b"ok", version="1.0"
        )
        _, answer, link = exchange(it, client, request(), data)
        assert answer.body == b"ok"
        client.ask("GET", "/2")
        assert link.read_request().target == b"/2"
        link.send(data)
        assert client.answer().status == 200


# ---- fields of one hop, and those that say who asks


def test_hop_by_hop_fields_stay_behind(stage):
    lines = [
        "Connection: X-Mine, keep-alive",
        "X-Mine: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "Upgrade: websocket",
        "X-Kept: 2",
    ]
    with stage() as it:
        got, _, _ = exchange(it, it.client(), request("GET", "/", *lines))
        for name in ("Connection", "X-Mine", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade"):
            assert got.values(name) == [], name
        assert got.value("X-Kept") == b"2"


def test_hop_by_hop_fields_of_answers_stay_behind(stage):
    with stage() as it:
        _, answer, _ = exchange(
            it,
            it.client(),
            request(),
            ok(
                "x",
                "Connection: keep-alive, x-private",
                "X-Private: 1",
                "Keep-Alive: timeout=5",
                "Upgrade: h2c",
                "X-Kept: 2",
            ),
        )
        for name in ("Connection", "X-Private", "Keep-Alive", "Upgrade"):
            assert answer.values(name) == [], name
        assert answer.value("X-Kept") == b"2"


@pytest.mark.parametrize(
    "name, line",
    [
        ("Authorization", KERBEROS),
        ("Host", None),
        ("Content-Length", "Content-Length: 3"),
        ("X-Forwarded-For", None),
        ("Proxy-Authorization", "Proxy-Authorization: Basic Zm9vOmJhcg=="),
        ("Persistent-Auth", "Persistent-Auth: true"),
        ("Cookie", "Cookie: a=b"),
        ("Front-End-Https", None),
    ],
)
def test_connection_cannot_strip_what_must_arrive(stage, name, line):
    with stage() as it:
        lines = [line] if line else []
        got, answer, _ = exchange(
            it, it.client(), request("POST", "/", f"Connection: {name}, close", *lines, body=b"abc")
        )
        if name == "Cookie":
            assert (
                got.values(name) == []
            )  # the control: what is of no account to us is the sender's to drop
        else:
            assert len(got.values(name)) == 1 and got.body == b"abc"
        assert answer.status == 200


@pytest.mark.parametrize(
    "name", ["WWW-Authenticate", "Proxy-Authenticate", "Persistent-Auth", "Content-Length"]
)
def test_connection_cannot_strip_what_must_come_back(stage, name):
    with stage() as it:
        _, answer, _ = exchange(
            it,
            it.client(),
            request(),
            response(
                401,
                f"Connection: {name}",
                "WWW-Authenticate: NTLM",
                "Proxy-Authenticate: Basic realm=x",
                "Persistent-Auth: true",
                body=b"abc",
            ),
        )
        assert len(answer.values(name)) == 1 and answer.body == b"abc"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_forwarding_fields_are_set_and_those_of_clients_overwritten(stage, tls):
    lies = [
        "X-Forwarded-For: 192.0.2.1",
        "x-forwarded-for: 192.0.2.2",
        "X-Forwarded-Proto: gopher",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Port: 1",
        "Front-End-Https: maybe",
        "X-ARR-SSL: 1",
        "X-ARR-LOG-ID: 1",
        "X-Original-URL: /admin",
    ]
    with stage() as it:
        client = it.client() if tls else it.plain()
        got, answer, _ = exchange(
            it, client, request("GET", "/", *lies, host="lb.example.test:8443")
        )
        assert got.values("X-Forwarded-For") == [b"127.0.0.1"]
        assert got.values("X-Forwarded-Proto") == [b"https" if tls else b"http"]
        assert got.values("X-Forwarded-Host") == [b"lb.example.test:8443"]
        assert got.values("X-Forwarded-Port") == [str(it.port if tls else it.plain_port).encode()]
        assert got.values("Front-End-Https") == ([b"on"] if tls else [])
        for name in ("X-ARR-SSL", "X-ARR-LOG-ID", "X-Original-URL"):
            assert got.values(name) == []
        assert answer.status == 200


CLAIMS = [
    "X_Forwarded_For",  # CGI and ISAPI variables show it like X-Forwarded-For
    "x_forwarded-for",
    "X-Forwarded_Proto",
    "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "X_FORWARDED_ANYTHING",
    "Front_End_Https",
    "X-ARR-ClientCert",
    "X_ARR_SSL",
    "X-Rewrite-URL",
    "X-Original_URL",
    "Forwarded",
]


@pytest.mark.parametrize("name", CLAIMS)
def test_no_other_claim_of_a_client_reaches_the_server(stage, name):
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), request("GET", "/", f"{name}: forged.example"))
        assert answer.status == 200 and b"forged.example" not in got.head


@pytest.mark.parametrize("name", CLAIMS)
def test_what_else_a_trusted_proxy_claims_passes(stage, name):
    with stage(site={"trusted_proxies": ["127.0.0.1"]}) as it:
        got, _, _ = exchange(it, it.client(), request("GET", "/", f"{name}: outer.example"))
        assert f"{name}: outer.example\r\n".encode() in got.head


@pytest.mark.parametrize(
    "line",
    [
        "X_Custom_Header: a",
        "X-Forwarded: b",
        "X-Arrival: c",
        "Front-End-Http: d",
        "X-Original-URLs: e",
        "forwarded-by: f",
        "xforwarded-for: g",
        "X-Requested-With: XMLHttpRequest",
    ],
)
def test_what_is_no_claim_passes_as_it_came(stage, line):
    with stage() as it:
        got, _, _ = exchange(it, it.client(), request("GET", "/", line))
        assert f"{line}\r\n".encode() in got.head


@pytest.mark.parametrize(
    "trusted", [["127.0.0.1"], ["127.0.0.0/8"], ["192.0.2.0/24", "127.0.0.1/32"]]
)
def test_a_trusted_proxy_is_believed_and_extended(stage, trusted):
    with stage(site={"trusted_proxies": trusted}) as it:
        got, _, _ = exchange(
            it,
            it.client(),
            request(
                "GET",
                "/",
                "X-Forwarded-For: 192.0.2.1",
                "X-Forwarded-Proto: http",
                "X-Forwarded-Host: outer.example",
                "X-Forwarded-Port: 80",
            ),
        )
        assert b", ".join(got.values("X-Forwarded-For")) == b"192.0.2.1, 127.0.0.1"
        assert got.values("X-Forwarded-Proto") == [b"http"] and got.values("X-Forwarded-Host") == [
            b"outer.example"
        ]
        assert got.values("X-Forwarded-Port") == [b"80"]


def test_a_trusted_proxy_that_says_nothing_gets_the_fields_set(stage):
    with stage(site={"trusted_proxies": ["127.0.0.1"]}) as it:
        got, _, _ = exchange(it, it.client(), request())
        assert got.values("X-Forwarded-For") == [b"127.0.0.1"] and got.values(
            "X-Forwarded-Proto"
        ) == [b"https"]
        assert got.values("Front-End-Https") == [b"on"]


def test_a_proxy_elsewhere_is_not_trusted(stage):
    with stage(site={"trusted_proxies": ["192.0.2.0/24", "127.0.0.2"]}) as it:
        got, _, _ = exchange(it, it.client(), request("GET", "/", "X-Forwarded-For: 192.0.2.1"))
        assert got.values("X-Forwarded-For") == [b"127.0.0.1"]


# ---- upgrade

WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
)


@pytest.mark.parametrize("to_tls", [False, True], ids=["to plain", "to tls"])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_after_101_bytes_pass_both_ways(stage, tls, to_tls):
    with stage(to_tls=to_tls) as it:
        client = it.client() if tls else it.plain()
        client.ask("GET", "/chat", *WEBSOCKET)
        link = it.server.accept()
        got = link.read_request()
        assert (
            got.value("Upgrade") == b"websocket" and got.value("Connection").lower() == b"upgrade"
        )
        link.send(
            b"HTTP/1.1 101 Now\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: y\r\n\r\nfirst"
        )
        answer = client.answer()
        assert (
            answer.status == 101
            and answer.value("Upgrade") == b"websocket"
            and answer.value("X") == b"y"
        )
        assert client.read(5) == b"first"
        client.send(b"\0\1GET / HTTP/1.1\r\n\r\n")
        assert link.read(20) == b"\0\1GET / HTTP/1.1\r\n\r\n"[:20]
        blob = bytes(range(256)) * 2000
        sender = threading.Thread(target=link.send, args=(blob,))
        sender.start()
        assert client.read(len(blob)) == blob
        sender.join()
        link.close()
        client.read_rest()
        assert client.end in ("closed", "cut", "reset")
        client.close()
        line = it.wait_for_log(what="relay")
        assert line["mode"] == "upgrade" and line["bytes_to_client"] >= len(blob)


def test_bytes_sent_with_the_upgrade_request_arrive_after_101(stage):
    with stage() as it:
        client = it.client()
        client.send(request("GET", "/", *WEBSOCKET) + b"impatient")
        link = it.server.accept()
        link.read_request()
        assert link.waits(0.1)
        link.send(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert client.answer().status == 101 and link.read(9) == b"impatient"


def test_an_upgrade_the_server_declines(stage):
    with stage() as it:
        client = it.client()
        got, answer, link = exchange(it, client, request("GET", "/", *WEBSOCKET), response(403))
        assert answer.status == 403
        client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


def test_an_upgrade_over_a_pin_ends_with_it(stage):
    with stage() as it:
        client = it.client()
        _, _, link = exchange(it, client, request("GET", "/", KERBEROS), ok("alice"))
        client.ask("GET", "/", *WEBSOCKET)
        link.read_request()
        link.send(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert client.answer().status == 101
        client.send(b"ping")
        assert link.read(4) == b"ping"
        client.close()
        link.expect_end("closed", "reset")


# ---- limits and timeouts


def test_sixty_four_kilobytes_in_one_line_pass(stage):
    with stage() as it:
        line = "X-Big: " + "a" * (65536 - 7)
        got, answer, _ = exchange(it, it.client(), request("GET", "/", line))
        assert line.encode() in got.lines and answer.status == 200


@pytest.mark.parametrize(
    "lines, reason",
    [
        (["X-Big: " + "a" * 65530], "header_too_big"),
        ([f"X-{n}: " + "a" * 60000 for n in range(3)], "head_too_big"),
        ([f"X-{n}: y" for n in range(300)], "head_too_big"),
    ],
    ids=["line", "head", "fields"],
)
def test_more_than_the_limits_is_a_431(stage, lines, reason):
    with stage() as it:
        client = it.client()
        client.try_send(request("GET", "/", *lines))
        answer = client.answer()
        assert answer.status == 431 and answer.says_close() and reason.encode() in answer.body
        it.wait_for_log(end=reason, status=431)
        assert it.is_untouched()


def test_limits_can_be_set(stage):
    with stage(limits={"header_line": "1KiB", "header": "4KiB"}) as it:
        client = it.client()
        client.ask("GET", "/", "X: " + "a" * 1100)
        assert client.answer().status == 431
        client = it.client()
        client.ask("GET", "/", *[f"X-{n}: " + "a" * 900 for n in range(5)])
        assert client.answer().status == 431
        _, answer, _ = exchange(it, it.client(), request("GET", "/", "X: " + "a" * 1000))
        assert answer.status == 200


@pytest.mark.parametrize(
    "data, status",
    [(request("POST", "/", body=b"a" * 1025), 413), (request("POST", "/", body=b"a" * 1024), 200)],
)
def test_a_body_limit(stage, data, status):
    with stage(limits={"body": "1KiB"}) as it:
        it.server.serve()
        client = it.client()
        client.send(data)
        answer = client.answer()
        assert answer.status == status and answer.says_close() == (status == 413)


def test_a_body_limit_counts_chunks(stage):
    with stage(limits={"body": "1KiB"}) as it:
        client = it.client()
        client.send(
            request("POST", "/", "Transfer-Encoding: chunked") + chunked(b"a" * 600, b"b" * 600)
        )
        link = it.server.accept()
        answer = client.answer()
        assert answer.status == 413 and b"body_too_big" in answer.body
        link.read_rest()
        assert not link.received.endswith(b"0\r\n\r\n")


def test_a_head_that_does_not_come_is_a_408(stage):
    with stage(timeouts={"header": "300ms"}) as it:
        client = it.client()
        client.send(b"GET / HTTP/1.1\r\nHost: lb")
        answer = client.answer()
        assert answer.status == 408 and answer.says_close() and b"request_timeout" in answer.body
        client.expect_end("closed")
        it.wait_for_log(end="request_timeout", status=408)


def test_a_head_that_trickles_is_a_408_as_well(stage):
    """Each byte in time, the whole not."""
    with stage(timeouts={"header": "300ms"}) as it:
        client = it.plain()
        began = time.monotonic()
        for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 5000:
            if not client.try_send(bytes([byte])) or not client.waits(0.02):
                break
        assert client.answer().status == 408 and time.monotonic() - began < 60


def test_a_body_that_stalls_ends(stage):
    with stage(timeouts={"stall": "300ms"}) as it:
        client = it.client()
        client.send(request("POST", "/", "Content-Length: 100") + b"half")
        link = it.server.accept()
        link.read_head()
        client.read_rest()
        assert client.end in ("closed", "reset", "cut")
        link.read_rest()
        it.wait_for_log(end="client_stalled")


def test_a_server_that_does_not_answer_is_a_504(stage):
    with stage(timeouts={"server": "300ms"}) as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        answer = client.answer()
        assert answer.status == 504 and b"server_timeout" in answer.body
        link.expect_end("closed", "reset")
        it.wait_for_log(end="server_timeout", status=504)


def test_a_server_that_cannot_be_connected_in_time_is_a_504(stage):
    deaf = Deaf()

    def edit(config, _):
        config["pools"][0]["servers"] = [
            {"name": "deaf.example.test", "address": f"127.0.0.1:{deaf.port}"}
        ]

    with contextlib.closing(deaf), stage(edit=edit, timeouts={"connect": "300ms"}) as it:
        client = it.client()
        client.ask()
        answer = client.answer()
        assert answer.status == 504 and b"connect_timeout" in answer.body


def test_an_answer_that_stalls_ends_with_a_reset(stage):
    with stage(timeouts={"stall": "300ms"}) as it:
        client = it.client()
        client.ask()
        link = it.server.accept()
        link.read_request()
        link.send(response(200, "Content-Length: 100", body=b"half"))
        client.read_until(b"half")
        client.expect_end("reset", "cut")
        link.expect_end("closed", "reset")


def test_an_idle_client_is_closed(stage):
    with stage(timeouts={"idle": "1s"}) as it:
        client = it.client()
        _, answer, link = exchange(it, client, request())
        assert answer.status == 200
        client.expect_end("closed")
        link.expect_end("closed", "reset")


def test_a_shared_link_that_idles_is_closed(stage):
    with stage(pool={"links": "shared"}, timeouts={"link_idle": "1s"}) as it:
        client = it.client()
        _, _, link = exchange(it, client, request())
        link.expect_end("closed", "reset")
        _, answer, _ = exchange(it, client, request("GET", "/2"))
        assert answer.status == 200


# ---- routing and our own answers


def test_no_route_is_a_404(stage):
    with stage(route={"path": "/app/"}) as it:
        client = it.client()
        client.ask("GET", "/elsewhere")
        answer = client.answer()
        assert answer.status == 404 and b"no_route" in answer.body and not answer.says_close()
        _, answer, _ = exchange(it, client, request("GET", "/app/x"))
        assert answer.status == 200


@pytest.mark.parametrize(
    "path, found",
    [
        ("/app", True),
        ("/app/", True),
        ("/app/x", True),
        ("/application", False),
        ("/ap", False),
        ("/a%70p/x", True),
        ("/x/../app/", True),
        ("/app/../x", False),
        ("/app%2fx", True),
    ],
)
def test_routes_match_whole_segments_of_what_the_server_will_see(stage, path, found):
    with stage(route={"path": "/app/"}) as it:
        it.server.serve()
        client = it.client()
        client.ask("GET", path)
        assert client.answer().status == (200 if found else 404)


def test_the_longest_route_wins(stage):
    def edit(config, it):
        config["pools"] = [it.pool("a", [it.servers[0]]), it.pool("b", [it.servers[1]])]
        config["sites"][0]["routes"] = [
            {"path": "/", "forward": "a"},
            {"path": "/b/", "forward": "b"},
        ]

    with stage(servers=2, edit=edit) as it:
        for server in it.servers:
            server.serve()
        client = it.client()
        for path, server in (("/", 0), ("/b", 1), ("/b/x", 1), ("/bb", 0)):
            client.ask("GET", path)
            assert f" of {it.servers[server].port}:".encode() in client.answer().body


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_host_of_no_site_is_a_421(stage, tls):
    with stage() as it:
        client = it.client() if tls else it.plain()
        client.ask(host="other.example.test")
        answer = client.answer()
        assert answer.status == 421 and b"no_site" in answer.body
        assert it.is_untouched()


def test_a_host_of_another_site_is_a_421_over_tls(stage):
    def edit(config, it):
        pair = it.papers.pair("iis1-ecdsa")
        config["sites"].append(
            {
                "name": "other",
                "hosts": ["iis1.example.test"],
                "routes": [{"path": "/", "forward": "main"}],
                "certificates": [{"chain": pair.chain, "key": pair.key}],
            }
        )

    with stage(edit=edit) as it:
        client = it.client()
        client.ask(host="iis1.example.test")
        answer = client.answer()
        assert answer.status == 421 and b"misdirected" in answer.body
        client = it.client(name="iis1.example.test")
        _, answer, _ = exchange(it, client, request(host="iis1.example.test"))
        assert answer.status == 200


def test_no_healthy_server_is_a_503_with_retry_after(stage):
    def edit(config, _):
        config["pools"][0]["servers"][0]["weight"] = 0

    with stage(edit=edit) as it:
        client = it.client()
        client.ask("HEAD", "/")
        answer = client.answer(to_head=True)
        assert answer.status == 503 and answer.value("Retry-After").isdigit()
        client.ask("GET", "/")
        assert b"no_server" in client.answer().body


def test_a_full_server_is_a_503(stage):
    def edit(config, _):
        config["pools"][0]["servers"][0]["links_max"] = 1

    with stage(edit=edit) as it:
        exchange(it, it.client(), request())
        client = it.client()
        client.ask()
        assert client.answer().status == 503


def test_a_server_with_a_wrong_certificate_is_a_502(stage):
    with stage(to_tls=True) as it:
        it.server.context = it.papers.showing("iis2-ecdsa")
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        with contextlib.suppress(OSError):
            it.server.accept()
        answer = client.answer()
        assert answer.status == 502 and b"server_certificate" in answer.body
        it.wait_for_log(end="server_certificate", status=502)


def test_our_own_answers_keep_the_connection_where_they_can(stage):
    with stage() as it:
        client = it.client()
        client.ask(host="other.example.test")
        assert client.answer().status == 421
        _, answer, _ = exchange(it, client, request())
        assert answer.status == 200


def test_our_own_answer_to_a_request_with_a_body(stage):
    with stage(route={"path": "/app/"}) as it:
        client = it.client()
        client.send(request("POST", "/none", body=b"b" * 100000) + request("GET", "/app/"))
        assert client.answer().status == 404
        it.server.answer()
        assert client.answer().status == 200


# ---- bodies: sizes, memory, backpressure

SIZES = [0, 1, 16384, MIB]


@pytest.mark.parametrize("to_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_bodies_of_every_size_arrive(stage, to_tls, size, framing):
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    wire = (
        chunked(body[: size // 2], body[size // 2 :])
        if framing == "chunked" and size > 1
        else chunked(body)
        if size
        else chunked()
    )
    line, data = (
        (f"Content-Length: {size}", body)
        if framing == "length"
        else ("Transfer-Encoding: chunked", wire)
    )
    with stage(to_tls=to_tls) as it:
        it.server.serve(
            lambda link, message: response(200, line, body=data)
            if message.body == body
            else response(500)
        )
        client = it.client()
        for _ in range(2):
            client.send(request("PUT", "/", line) + data)
            answer = client.answer()
            assert answer.status == 200 and answer.body == body


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_sixty_four_megabytes_up_in_bounded_memory(stage, tls):
    size = 64 * MIB
    with stage() as it:
        client = it.client() if tls else it.plain()
        client.send(request("POST", "/", f"Content-Length: {size}"))
        link = it.server.accept()
        link.read_head()
        before = it.memory_kib()
        upload = Job(pour, client, size)
        half = drink(link, size // 2)
        grown = it.memory_kib() - before
        rest = drink(link, size - size // 2)
        assert upload.result() and half == rest and grown < it.memory_slack_kib, grown
        link.send(ok())
        assert client.answer().status == 200


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_sixty_four_megabytes_down_in_bounded_memory(stage, tls):
    size = 64 * MIB
    with stage() as it:
        client = it.client() if tls else it.plain()
        client.ask()
        link = it.server.accept()
        link.read_head()
        before = it.memory_kib()
        link.send(response(200, f"Content-Length: {size}"))
        client.read_until(b"\r\n\r\n")
        download = Job(pour, link, size)
        half = drink(client, size // 2)
        grown = it.memory_kib() - before
        rest = drink(client, size - size // 2)
        assert download.result() and half == rest and grown < it.memory_slack_kib, grown
        client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_slow_reader_stops_the_writer(stage, direction):
    """Nobody reads: the writer is held up by full buffers, not by our memory; then everything
    arrives.
    """
    size = 512 * MIB
    with stage() as it:
        client = it.plain()
        client.send(request("POST", "/", f"Content-Length: {size if direction == 'up' else 0}"))
        link = it.server.accept()
        link.read_head()
        before = it.memory_kib()
        if direction == "down":
            link.send(response(200, f"Content-Length: {size}"))
            client.read_until(b"\r\n\r\n")
        writer, reader = (client, link) if direction == "up" else (link, client)
        sent = stuck(writer)
        assert sent < 64 * MIB and it.memory_kib() - before < it.memory_slack_kib
        buffered = len(reader.take_buffered(sent))
        left = sent - buffered
        while left:
            left -= len(reader.socket.recv(min(left, 1 << 18)))
        writer.socket.send(b"more")
        assert reader.socket.recv(4) == b"more"


def test_a_slow_reader_does_not_hold_up_others(stage):
    with stage() as it:
        slow = it.plain()
        slow.ask()
        link = it.server.accept()
        link.read_head()
        link.send(response(200, "Content-Length: 1000000000"))
        stuck(link)
        _, answer, _ = exchange(it, it.client(), request())
        assert answer.status == 200


def test_many_clients_at_once(stage):
    with stage(workers=2) as it:
        it.server.serve()
        clients = [it.client() for _ in range(60)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.ask("GET", f"/{turn}/{number}")
            for number, client in enumerate(clients):
                assert client.answer().body.endswith(f": /{turn}/{number}".encode())
        assert len({bytes(c.received).split(b"link ")[1].split(b" ")[0] for c in clients}) == 60


# ---- long paths


@pytest.mark.parametrize("size", [8 * 1024, 8 * 1024 + 1, 60 * 1024])
def test_a_path_may_fill_its_line(stage, size):
    path = "/" + "a" * (size - 1)
    with stage() as it:
        got, answer, _ = exchange(it, it.client(), request("GET", path + "?q"))
        assert got.target == path.encode() + b"?q" and answer.status == 200


def test_a_long_path_is_routed_as_a_short_one(stage):
    """What stands at its end counts."""
    path = "/up/" + "%61" * 15000 + "/../../down/" + "b" * 9000
    with stage(route={"path": "/down/"}) as it:
        client = it.client()
        got, answer, _ = exchange(it, client, request("GET", path))
        assert got.target == path.encode() and answer.status == 200
        client.ask("GET", "/up/" + "c" * 20000)
        assert client.answer().status == 404


def test_a_path_beyond_what_can_be_read_is_said_to_be(stage):
    with stage(limits={"header_line": "256KiB", "header": "512KiB"}) as it:
        client = it.client()
        client.ask("GET", "/" + "a" * (64 * 1024))
        answer = client.answer()
        assert answer.status == 414 and b"target_too_long" in answer.body
        assert answer.start.endswith(b" URI Too Long") and it.is_untouched()
        got, answer, _ = exchange(it, client, request("GET", "/?" + "q" * (100 * 1024)))
        assert answer.status == 200 and len(got.target) == 100 * 1024 + 2
