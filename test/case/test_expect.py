# SPDX-License-Identifier: Apache-2.0
# A client that waits for "100 Continue" and gets its answer instead: is it told whether the
# connection goes on?
"""Final answers to Expect: 100-continue before the body (RFC 9110 section 10.1.1)."""

import pytest

from scripted import closed_port, ok, request, response
from tokens import NTLM_1, NTLM_2, NTLM_3

ASKS = ("Expect: 100-continue", "Content-Length: 4")


def asked(it, *lines):
    client = it.client()
    client.send(request("POST", "/", *ASKS, *lines))
    link = it.server.accept()
    link.read_head()
    return client, link


@pytest.mark.parametrize("status", [200, 401, 413, 417, 500])
def test_a_server_that_closes_makes_us_close_and_say_so(stage, status):
    with stage() as it:
        client, link = asked(it)
        link.send(response(status, "Connection: close", body=b"no"))
        answer = client.answer()
        assert answer.status == status and answer.says_close() and answer.body == b"no"
        client.expect_end("closed")


def test_a_server_that_goes_on_makes_us_go_on(stage):
    """The control: nothing is announced, the body goes its way, and the next request too."""
    with stage() as it:
        client, link = asked(it)
        link.send(response(413, body=b"no"))
        answer = client.answer()
        assert answer.status == 413 and not answer.says_close()
        client.send(b"body")
        assert link.read(4) == b"body"
        client.ask("GET", "/next")
        assert link.read_request().target == b"/next"
        link.send(ok())
        assert client.answer().status == 200


def test_a_login_that_goes_on_is_not_told_to_close(stage):
    with stage() as it:
        client, link = asked(it, NTLM_1)
        link.send(response(401, NTLM_2))
        assert not client.answer().says_close()
        client.send(b"body")
        assert link.read(4) == b"body"
        client.ask("POST", "/", NTLM_3, body=b"body")
        assert link.read_request().body == b"body"
        link.send(ok())
        assert not client.answer().says_close()


def test_a_body_that_has_begun_is_waited_for(stage):
    with stage() as it:
        client, link = asked(it)
        link.send(b"HTTP/1.1 100 Go on\r\n\r\n")
        assert client.read_head().status == 100
        client.send(b"bo")
        assert link.read(2) == b"bo"
        link.send(response(413, "Connection: close", body=b"no"))
        assert not client.answer().says_close()
        client.send(b"dy")
        client.ask("GET", "/next")
        it.server.answer()
        assert client.answer().status == 200


@pytest.fixture
def deserted(stage):
    """No server is there."""
    holder, port = closed_port()

    def edit(config, it):
        config["pools"][0]["servers"][0]["address"] = f"127.0.0.1:{port}"

    with holder, stage(edit=edit) as it:
        yield it


def test_our_own_answer_says_so_too(deserted):
    client = deserted.client()
    client.send(request("POST", "/", *ASKS))
    answer = client.answer()
    assert answer.status == 502 and answer.says_close()
    client.expect_end("closed")


def test_without_a_body_there_is_nothing_to_wait_for(deserted):
    client = deserted.client()
    for length in ((), ("Content-Length: 0",)):
        client.send(request("GET", "/", "Expect: 100-continue", *length))
        answer = client.answer()
        assert answer.status == 502 and not answer.says_close()
