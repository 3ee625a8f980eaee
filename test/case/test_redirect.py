# SPDX-License-Identifier: Apache-2.0
# Redirect: a client is sent to a server's own name, and a plain listener sends to https. Where it
# is sent to is read from the answer's bytes.
"""Status, Location, balance, and what is said when nobody can take the client."""

import pytest

from scripted import request

CHECKED = {"health": {"check": "tcp", "interval": "100ms", "timeout": "1s", "rise": 1, "fall": 1}}


def sending(config, it):
    """/chat/ is redirected to the servers' names, which come back as passthrough."""
    config["sites"][0]["routes"] = [{"path": "/chat/", "redirect": "main", **(it.options or {})}]
    config["sites"].append(
        {
            "name": "nodes",
            "hosts": ["iis1.example.test", "iis2.example.test"],
            "passthrough": "main",
        }
    )


@pytest.mark.parametrize(
    "method, status",
    [
        ("GET", 302),
        ("HEAD", 302),
        ("POST", 307),
        ("PUT", 307),
        ("DELETE", 307),
        ("PROPFIND", 307),
        ("OPTIONS", 307),
        ("get", 307),
    ],
)
def test_the_status_goes_by_the_method(stage, method, status):
    with stage(edit=sending) as it:
        client = it.client()
        client.ask(method, "/chat/x", body=b"abc" if method == "POST" else None)
        answer = client.answer(to_head=method == "HEAD")
        assert answer.status == status and not answer.says_close()
        assert answer.value("Location") == f"https://iis1.example.test:{it.port}/chat/x".encode()
        assert it.is_untouched()
        client.ask("GET", "/chat/again")
        assert client.answer().status == 302


@pytest.mark.parametrize("method, status", [("GET", 303), ("POST", 308)])
def test_the_status_can_be_set(stage, method, status):
    with stage(
        edit=sending, options={"redirect_status_safe": 303, "redirect_status_other": 308}
    ) as it:
        client = it.client()
        client.ask(method, "/chat/")
        assert client.answer().status == status


@pytest.mark.parametrize(
    "target",
    [
        "/chat/",
        "/chat",
        "/chat/a/b?c=d&e=%20f",
        "/chat/%41%2f?x=/y",
        "/chat/?",
        "/chat//b/../c",
        "/CHAT/x",
        "/chat/" + "a" * 3000 + "?" + "q" * 3000,
    ],
)
def test_path_and_query_are_kept_as_sent(stage, target):
    with stage(edit=sending) as it:
        client = it.client()
        client.ask("GET", target)
        assert (
            client.answer().value("Location")
            == f"https://iis1.example.test:{it.port}{target}".encode()
        )


@pytest.mark.parametrize("target", ["/chat/\r\nSet-Cookie: a=b", "/chat/\nX: y", "/chat/\x01"])
def test_nothing_can_be_put_into_the_location(stage, target):
    with stage(edit=sending) as it:
        client = it.client()
        client.send(request("GET", target))
        answer = client.answer()
        assert answer.values("Set-Cookie") == [] and answer.values("X") == []


def test_absolute_form_is_redirected_by_its_path(stage):
    with stage(edit=sending) as it:
        client = it.client()
        client.ask("GET", "https://lb.example.test/chat/x?y")
        assert (
            client.answer().value("Location")
            == f"https://iis1.example.test:{it.port}/chat/x?y".encode()
        )


@pytest.mark.parametrize("port, text", [(443, ""), (8443, ":8443")])
def test_a_plain_listener_names_the_port_of_https(stage, port, text):
    """Its own port speaks no TLS."""
    with stage(edit=sending, listener={"redirect_port": port}) as it:
        client = it.plain()
        client.ask("GET", "/chat/x")
        answer = client.answer()
        assert answer.status == 302
        assert answer.value("Location") == f"https://iis1.example.test{text}/chat/x".encode()


def test_the_port_of_a_server_goes_before_that_of_a_plain_listener(stage):
    def edit(config, it):
        sending(config, it)
        config["pools"][0]["servers"][0]["redirect_port"] = 9443

    with stage(edit=edit, listener={"redirect_port": 8443}) as it:
        client = it.plain()
        client.ask("GET", "/chat/x")
        assert client.answer().value("Location") == b"https://iis1.example.test:9443/chat/x"


@pytest.mark.parametrize("port, text", [(8443, ":8443"), (443, "")])
def test_the_port_can_be_set_and_443_is_not_said(stage, port, text):
    def edit(config, it):
        sending(config, it)
        config["pools"][0]["servers"][0]["redirect_port"] = port

    with stage(edit=edit) as it:
        client = it.client()
        client.ask("GET", "/chat/")
        assert (
            client.answer().value("Location") == f"https://iis1.example.test{text}/chat/".encode()
        )


def test_the_pools_balance_chooses(stage):
    with stage(servers=2, edit=sending) as it:
        client = it.client()
        seen = []
        for _ in range(6):
            client.ask("GET", "/chat/")
            seen.append(client.answer().value("Location").split(b".")[0])
        assert seen.count(b"https://iis1") == seen.count(b"https://iis2") == 3


def test_by_source_the_same_client_is_sent_to_the_same_server(stage):
    with stage(servers=2, edit=sending, pool={"balance": "source"}) as it:
        seen = set()
        for _ in range(4):
            client = it.client()
            client.ask("GET", "/chat/")
            seen.add(client.answer().value("Location"))
        assert len(seen) == 1


def test_only_healthy_servers_are_named(stage):
    with stage(servers=2, edit=sending, pool=CHECKED) as it:
        it.servers[1].serve()
        it.servers[0].refuse()
        it.wait_for_log(what="server", server="iis1.example.test", verdict="down")
        client = it.client()
        for _ in range(4):
            client.ask("GET", "/chat/")
            assert client.answer().value("Location").startswith(b"https://iis2.")


def test_no_healthy_server_is_a_503_with_retry_after(stage):
    with stage(edit=sending, pool=CHECKED) as it:
        it.server.refuse()
        it.wait_for_log(what="server", server="iis1.example.test", verdict="down")
        client = it.client()
        client.ask("GET", "/chat/")
        answer = client.answer()
        assert (
            answer.status == 503
            and answer.value("Retry-After").isdigit()
            and answer.values("Location") == []
        )
        it.wait_for_log(path="/chat/", status=503, end="no_server")


def test_the_log_says_redirect(stage):
    with stage(edit=sending) as it:
        client = it.client()
        client.ask("GET", "/chat/x")
        client.answer()
        line = it.wait_for_log(path="/chat/x")
        assert (line["mode"], line["status"], line["pool"], line["end"]) == (
            "redirect",
            302,
            "main",
            "redirected",
        )


def test_a_redirected_client_comes_back_through_the_same_port(stage):
    """The whole way: 302, then the server's own name passed through."""
    with stage(
        to_tls=True, edit=lambda config, it: (sending(config, it), config["pools"][0].pop("tls"))
    ) as it:
        it.server.serve()
        client = it.client()
        client.ask("GET", "/chat/x")
        location = client.answer().value("Location").decode()
        host, _, port = location.split("/")[2].partition(":")
        again = it.client(name=host, port=int(port))
        with open(it.papers.pair("iis1-ecdsa").leaf_der, "rb") as file:
            assert again.socket.getpeercert(binary_form=True) == file.read()
        again.ask("GET", "/chat/x", host=host)
        assert again.answer().body.endswith(b": /chat/x")


# ---- the plain listener

PLAIN = {"plain_http": "redirect"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_plain_http_is_sent_to_https(stage, method):
    with stage(site=PLAIN) as it:
        client = it.plain()
        client.ask(method, "/a?b=c", body=b"x" if method == "POST" else None)
        answer = client.answer(to_head=method == "HEAD")
        assert answer.status == 308 and answer.value("Location") == b"https://lb.example.test/a?b=c"
        assert it.is_untouched()


def test_the_port_of_host_is_not_taken_over(stage):
    with stage(site=PLAIN) as it:
        client = it.plain()
        client.ask(host=f"LB.example.test:{it.plain_port}")
        assert client.answer().value("Location").lower() == b"https://lb.example.test/"


def test_status_and_port_of_the_redirect_to_https_can_be_set(stage):
    with stage(site=PLAIN, listener={"redirect_status": 301, "redirect_port": 8443}) as it:
        client = it.plain()
        client.ask("GET", "/x")
        answer = client.answer()
        assert (
            answer.status == 301 and answer.value("Location") == b"https://lb.example.test:8443/x"
        )


def test_an_unknown_host_is_not_redirected(stage):
    """Or anyone could have us send anyone anywhere."""
    with stage(site=PLAIN) as it:
        client = it.plain()
        client.ask(host="evil.example.org")
        answer = client.answer()
        assert answer.status == 421 and answer.values("Location") == []


def test_a_default_site_of_the_plain_listener(stage):
    with stage(site=PLAIN, listener={"default_site": "portal"}) as it:
        client = it.plain()
        client.ask("GET", "/x", host="10.0.0.1")
        assert client.answer().status in (308, 421)


NAMELESS = pytest.mark.parametrize(
    "data",
    [
        request("GET", "/x", host="10.0.0.1"),
        request("GET", "/x", host="[::1]:80"),
        b"GET /x HTTP/1.0\r\n\r\n",
    ],
    ids=["IPv4", "IPv6", "none"],
)


@NAMELESS
def test_a_pattern_is_no_name_to_be_sent_to(stage, data):
    site = {**PLAIN, "hosts": ["*.example.test"]}
    with stage(site=site, listener={"default_site": "portal"}) as it:
        client = it.plain()
        client.send(data)
        answer = client.answer()
        assert answer.status == 400 and answer.values("Location") == []
        assert b"host_unnamed" in answer.body and b"*" not in answer.body


@NAMELESS
def test_the_first_host_that_is_no_pattern_is_named(stage, data):
    site = {**PLAIN, "hosts": ["*.example.test", "www.example.org", "lb.example.test"]}
    with stage(site=site, listener={"default_site": "portal"}) as it:
        client = it.plain()
        client.send(data)
        assert client.answer().value("Location") == b"https://www.example.org/x"


def test_a_site_may_serve_plain_http(stage):
    with stage(site={"plain_http": "serve"}) as it:
        client = it.plain()
        client.ask("GET", "/x")
        _, got = it.server.answer()
        assert got.target == b"/x" and client.answer().status == 200


def test_a_site_that_is_passed_through_redirects_plain_http(stage):
    def edit(config, it):
        config["sites"] = [{"name": "nodes", "hosts": ["iis1.example.test"], "passthrough": "main"}]

    with stage(edit=edit) as it:
        client = it.plain()
        client.ask("GET", "/x", host="iis1.example.test")
        answer = client.answer()
        assert answer.status == 308 and answer.value("Location") == b"https://iis1.example.test/x"


def test_tls_on_the_plain_listener_is_not_understood(stage):
    with stage() as it:
        client = it.plain()
        client.send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n")
        assert client.answer().status == 400
        assert it.is_untouched()
