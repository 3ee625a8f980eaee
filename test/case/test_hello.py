# SPDX-License-Identifier: Apache-2.0
# The first bytes of a connection to a TLS listener, in every way they can be cut, be missing or
# be something else.
"""Where a hello goes, and what becomes of everything that is no hello."""

import time

import pytest

import hello
from scripted import Client, ok, request
from stage import Papers

HELLOS = hello.fixtures()
ALERT_UNRECOGNIZED_NAME = b"\x15\x03\x01\x00\x02\x02\x70"
ALERT_DECODE_ERROR = b"\x15\x03\x01\x00\x02\x02\x32"


def passing(config, _):
    """www.example.test is passed through, so the server shows which bytes came."""
    config["sites"].append(
        {"name": "pass", "hosts": ["www.example.test", "localhost"], "passthrough": "main"}
    )


def wild(config, stage):
    """www.example.test is terminated here."""
    pair = stage.papers.pair("wildcard-ecdsa")
    config["sites"].append(
        {
            "name": "wild",
            "hosts": ["www.example.test", "*.example.test"],
            "certificates": [{"chain": pair.chain, "key": pair.key}],
            "routes": [{"path": "/", "forward": "main"}],
        }
    )


def arrives(stage, client, data):
    """These very bytes reach the server, and the relay is there both ways."""
    link = stage.server.accept()
    assert link.read(len(data)) == data
    link.send(b"back")
    assert client.read(4) == b"back"
    client.close()
    link.expect_end("closed", "reset")
    link.close()


# ---- whole hellos


@pytest.mark.parametrize("name", [n for n in HELLOS if n != "openssl-no-name"])
def test_hellos_of_real_clients_pass_untouched(stage, name):
    with stage(edit=passing) as it:
        client = it.raw()
        client.send(HELLOS[name])
        arrives(it, client, HELLOS[name])
        line = it.wait_for_log(what="relay")
        assert line["sni"] == ("localhost" if name == "wget" else "www.example.test")
        assert line["bytes_to_server"] == len(HELLOS[name])


@pytest.mark.parametrize("name", [n for n in HELLOS if n not in ("openssl-no-name", "wget")])
def test_hellos_of_real_clients_are_answered(stage, name):
    """A ServerHello comes back: handshake record, message type 2."""
    with stage(edit=wild) as it:
        client = it.raw()
        client.send(HELLOS[name])
        start = client.read(6)
        assert start[0] == 0x16 and start[5] == 2
        client.reset()


def test_what_follows_the_hello_at_once_is_not_lost(stage):
    with stage(edit=passing) as it:
        client = it.raw()
        data = HELLOS["curl"] + b"early data and more" * 1000
        client.send(data)
        arrives(it, client, data)


# ---- cut by segments


def cuts(size):
    return [*range(1, 16), *range(16, size, max(1, size // 24)), size - 1]


@pytest.mark.parametrize("name", ["openssl", "chromium"])
def test_a_hello_cut_anywhere_into_two_segments(stage, name):
    data = HELLOS[name]
    with stage(edit=passing) as it:
        for cut in cuts(len(data)):
            client = it.raw()
            client.send(data[:cut])
            assert client.waits(0.01) and it.is_untouched(), cut
            client.send(data[cut:])
            arrives(it, client, data)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_hello_in_tiny_segments(stage, size):
    with stage(edit=passing) as it:
        client = it.raw()
        for at in range(0, len(HELLOS["curl"]), size):
            client.send(HELLOS["curl"][at : at + size])
            time.sleep(0.0005)
        arrives(it, client, HELLOS["curl"])


# ---- cut by records


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 100, 1000])
@pytest.mark.parametrize("name", ["openssl", "chromium", "firefox"])
def test_a_hello_in_small_records_finds_its_pool(stage, name, size):
    data = hello.recorded(HELLOS[name], size)
    with stage(edit=passing) as it:
        client = it.raw()
        client.send(data)
        arrives(it, client, data)
        assert it.wait_for_log(what="relay")["sni"] == "www.example.test"


def test_a_hello_in_small_records_and_tiny_segments(stage):
    data = hello.recorded(HELLOS["openssl"], 64)
    with stage(edit=passing) as it:
        client = it.raw()
        for at in range(0, len(data), 3):
            client.send(data[at : at + 3])
            time.sleep(0.0005)
        arrives(it, client, data)


@pytest.mark.parametrize("size", [1, 64, 300])
def test_a_hello_in_small_records_is_terminated(stage, size):
    """A whole handshake and a request, over a hello cut into records."""
    with stage() as it:
        it.server.serve()
        client = it.raw()
        shaker = hello.Shaker(it.papers.trusting(), "lb.example.test")
        client.send(hello.recorded(shaker.first, size))
        shaker.finish(client)
        answer = shaker.ask(client, request("GET", "/", "Connection: close"))
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b": /")


@pytest.mark.parametrize("size", [17000, 40000, 60000])
@pytest.mark.parametrize("passed", [True, False], ids=["passed", "terminated"])
def test_a_large_hello(stage, passed, size):
    name = "www.example.test" if passed else "lb.example.test"
    with stage(edit=passing) as it:
        it.server.serve() if not passed else None
        client = it.raw()
        shaker = hello.Shaker(it.papers.trusting(), name, hello.many_protocols(size))
        assert len(shaker.first) > 16384
        client.send(shaker.first[:9000])
        assert client.waits(0.02) and it.is_untouched()
        client.send(shaker.first[9000:])
        if passed:
            arrives(it, client, shaker.first)
            return
        shaker.finish(client)
        assert shaker.tls.selected_alpn_protocol() == "http/1.1"
        assert shaker.ask(client, request("GET", "/", "Connection: close")).startswith(
            b"HTTP/1.1 200 "
        )


def test_a_hello_above_64_kib_is_refused(stage):
    data = hello.recorded(hello.make("www.example.test", hello.many_protocols(60000)), 32)
    assert len(data) > 65536
    with stage(edit=passing) as it:
        client = it.raw()
        client.try_send(data)
        assert client.read_rest() in (ALERT_DECODE_ERROR, b"")  # what lies unread may reset it
        assert client.end in ("closed", "reset")
        it.wait_for_log(end="hello_too_big")
        assert it.is_untouched()


def test_a_hello_that_announces_more_than_64_kib_is_refused_at_once(stage):
    with stage(edit=passing) as it:
        client = it.raw()
        client.send(b"\x16\x03\x01\x40\x00\x01\x02\x00\x00")
        assert client.read_rest() == ALERT_DECODE_ERROR and client.end == "closed"
        it.wait_for_log(end="hello_too_big")


# ---- names


def fresh(stage, name, alpn=("http/1.1",)):
    client = stage.raw()
    client.send(hello.make(name, alpn))
    return client


@pytest.mark.parametrize("name", ["www.example.test", "WWW.EXAMPLE.TEST", "wWw.eXample.Test"])
def test_names_match_in_any_case(stage, name):
    with stage(edit=passing) as it:
        client = fresh(it, name)
        link = it.server.accept()
        assert len(link.read(100)) == 100
        client.close()


def test_a_name_in_upper_case_with_a_dot_behind(stage):
    """What python sends for WWW.EXAMPLE.TEST. — names in DNS end so."""
    with stage(edit=passing) as it:
        client = it.raw()
        client.send(HELLOS["python-upper-dot"])
        arrives(it, client, HELLOS["python-upper-dot"])


def test_no_name_is_refused_with_an_alert(stage):
    with stage() as it:
        client = it.raw()
        client.send(HELLOS["openssl-no-name"])
        rest = client.read_rest()
        assert rest == ALERT_UNRECOGNIZED_NAME or rest[:1] == b"\x15" and rest[-1:] == b"\x70", rest
        assert client.end == "closed"
        it.wait_for_log(what="client", end="hello_no_name")
        assert it.is_untouched()


def test_an_unknown_name_is_refused_with_an_alert(stage):
    with stage() as it:
        client = fresh(it, "elsewhere.example.org")
        rest = client.read_rest()
        assert rest[:1] == b"\x15" and rest[-2:] == b"\x02\x70" and client.end == "closed", rest
        assert it.wait_for_log(end="hello_unknown_name")["sni"] == "elsewhere.example.org"


@pytest.mark.parametrize("name", [None, "elsewhere.example.org"])
def test_a_default_site_takes_them(stage, name):
    with stage(listener={"default_site": "portal"}) as it:
        it.server.serve()
        client = it.keep(Client(it.socket(it.port)))
        shaker = hello.Shaker(hello.lenient(), name)
        client.send(shaker.first)
        shaker.finish(client)
        answer = shaker.ask(
            client, request("GET", "/", "Connection: close", host="elsewhere.example.org")
        )
        assert answer.startswith(b"HTTP/1.1 200 ")


def odd_name(kind):
    """A hello with a server name that no library here would send."""
    if kind == "IPv6":
        named, changed = b"\0\3aaa", b"\0\3::1"
        data = hello.make("aaa")
    else:  # server_name with no name in it, and an unknown extension that fills the gap
        named, changed = b"\0\0\0\x09\0\7\0\0\4aaaa", b"\0\0\0\5\0\3\0\0\0\xfa\xfa\0\0"
        data = hello.make("aaaa")
    assert data.count(named) == 1
    return data.replace(named, changed)


ODD_NAMES = pytest.mark.parametrize("kind", ["IPv6", "empty"])


@ODD_NAMES
def test_an_odd_name_is_refused_with_an_alert(stage, kind):
    with stage() as it:
        client = it.raw()
        client.send(odd_name(kind))
        rest = client.read_rest()
        assert rest[:1] == b"\x15" and rest[-2:] == b"\x02\x70" and client.end == "closed", rest
        if kind == "IPv6":
            assert it.wait_for_log(end="hello_unknown_name")["sni"] == "::1"
        else:
            it.wait_for_log(end="hello_no_name")


@ODD_NAMES
def test_a_default_site_takes_an_odd_name(stage, kind):
    with stage(listener={"default_site": "portal"}) as it:
        client = it.raw()
        client.send(odd_name(kind))
        got = client.read(7)
        assert got[:1] == b"\x16", got  # a ServerHello
        client.reset()


@ODD_NAMES
def test_an_odd_name_is_passed_through_untouched(stage, kind):
    def edit(config, it):
        passing(config, it)
        config["listeners"][0]["default_site"] = "pass"

    with stage(edit=edit) as it:
        client = it.raw()
        data = odd_name(kind)
        client.send(data)
        arrives(it, client, data)


def test_a_default_site_may_be_passed_through(stage):
    def edit(config, it):
        passing(config, it)
        config["listeners"][0]["default_site"] = "pass"

    with stage(edit=edit) as it:
        client = it.raw()
        client.send(HELLOS["openssl-no-name"])
        arrives(it, client, HELLOS["openssl-no-name"])


def test_an_exact_name_wins_over_a_star(stage):
    def edit(config, it):
        wild(config, it)
        config["sites"].append(
            {"name": "pass", "hosts": ["exact.example.test"], "passthrough": "main"}
        )
        config["sites"][1]["hosts"] = ["*.example.test"]

    with stage(edit=edit) as it:
        client = fresh(it, "exact.example.test")
        link = it.server.accept()
        link.read(50)
        client.close()
        client = fresh(it, "other.example.test")
        assert client.read(1) == b"\x16" and it.is_untouched()
        client.reset()
        client = fresh(it, "a.b.example.test")  # a star is one label
        assert client.read(1) == b"\x15"


@pytest.mark.parametrize("which", ["lb-rsa", "lb-ecdsa"])
def test_rsa_and_ecdsa_side_by_side(stage, which):
    def edit(config, it):
        for name in ("lb-rsa", "lb-ecdsa"):
            pair = it.papers.pair(name)
            config["sites"][0]["certificates"].append({"chain": pair.chain, "key": pair.key})
        del config["sites"][0]["certificates"][0]

    with stage(edit=edit) as it:
        context = it.papers.trusting()
        context.maximum_version = 0x0303
        context.set_ciphers(
            "ECDHE-RSA-AES128-GCM-SHA256" if which == "lb-rsa" else "ECDHE-ECDSA-AES128-GCM-SHA256"
        )
        client = it.client(context=context)
        with open(it.papers.pair(which).leaf_der, "rb") as file:
            assert client.socket.getpeercert(binary_form=True) == file.read()
        client.ask()
        it.server.answer()
        assert client.answer().status == 200


@pytest.mark.parametrize("version, word", [(0x0303, "TLSv1.2"), (0x0304, "TLSv1.3")])
def test_versions_and_resumption(stage, version, word):
    with stage() as it:
        it.server.serve()
        context = it.papers.trusting()
        context.minimum_version = context.maximum_version = version
        first = it.client(context=context)
        first.ask()
        assert first.answer().status == 200 and first.socket.version() == word
        session = first.socket.session
        raw = it.socket(it.port)
        again = it.keep(
            Client(
                context.wrap_socket(
                    raw, server_hostname=it.HOST, session=session, suppress_ragged_eofs=False
                )
            )
        )
        again.ask("GET", "/again")
        assert again.answer().status == 200 and again.socket.session_reused
        assert it.wait_for_log(path="/again")["resumed"] is True


@pytest.mark.parametrize("version", [0x0301, 0x0302])
def test_versions_before_1_2_are_refused(stage, version):
    with stage() as it:
        context = hello.lenient()
        context.minimum_version, context.maximum_version = 0x0301, version
        context.set_ciphers("ALL:@SECLEVEL=0")
        client = it.raw()
        client.send(hello.make("lb.example.test", (), context))
        rest = client.read_rest()
        assert rest[:1] == b"\x15" and client.end in ("closed", "reset")
        it.wait_for_log(end="tls_failed")


# ---- not a hello

GARBAGE = {
    "zeros": b"\0" * 100,
    "random": bytes(range(7, 207, 3)),
    "sslv2": b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + b"a" * 37,
    "alert": b"\x15\x03\x01\x00\x02\x01\x00",
    "application data": b"\x17\x03\x03\x00\x05hello",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "proxy v2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\0" * 12,
    "rdp": b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
    "version 4": b"\x16\x04\x00\x00\x05\x01\x00\x00\x01\x00",
    "smb": b"\0\0\0\x45\xffSMBr" + b"\0" * 60,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_closed_with_a_reason(stage, data):
    with stage() as it:
        client = it.raw()
        client.send(data)
        client.expect_end("closed", "reset")
        assert it.wait_for_log(what="client")["end"] in ("not_tls", "hello_bad")
        assert it.is_untouched()


def patched(data, at, value):
    return data[:at] + value + data[at + len(value) :]


BROKEN = {
    "not a client hello": patched(HELLOS["openssl"], 5, b"\x02"),
    "empty record": b"\x16\x03\x01\x00\x00" + HELLOS["openssl"],
    "record too large": b"\x16\x03\x01\x40\x01\x01",
    "alert between records": hello.recorded(HELLOS["openssl"], 100)[:105]
    + b"\x15\x03\x01\x00\x02\x02\x00"
    + hello.recorded(HELLOS["openssl"], 100)[105:],
    "message longer than its content": patched(HELLOS["openssl"], 6, b"\x00\x00\x20"),
    "session id too long": patched(HELLOS["openssl"], 43, b"\xff"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_broken_hellos_are_closed_with_a_reason(stage, data):
    with stage(edit=passing) as it:
        client = it.raw()
        client.send(data)
        assert client.read_rest() == ALERT_DECODE_ERROR and client.end == "closed"
        it.wait_for_log(what="client", end="hello_bad")
        assert it.is_untouched()


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/"),
        request("POST", "/x", body=b"body"),
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PROPFIND /dav HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 100000,
        b"CONNECT lb.example.test:443 HTTP/1.1\r\n\r\n",
    ],
    ids=["get", "post", "options", "1.0", "empty line", "propfind", "long", "connect"],
)
def test_plain_http_is_told_so_in_plain_http(stage, data):
    with stage() as it:
        client = it.raw()
        client.try_send(data)
        answer = client.answer()
        assert answer.status == 400 and answer.says_close() and b"TLS" in answer.body
        assert answer.value("Content-Type").startswith(b"text/plain")
        client.shut()
        client.expect_end("closed", "reset")
        logged = it.wait_for_log(end="http_on_tls_port")
        assert f"Request id: {logged['request']}\n".encode() in answer.body
        assert it.is_untouched()


def test_plain_http_byte_by_byte(stage):
    with stage() as it:
        client = it.raw()
        for byte in b"GET / HTTP/1.1\r\n\r\n":
            if not client.try_send(bytes([byte])) or not client.waits(0.005):
                break
        assert client.answer().status == 400


# ---- too slow, or gone


@pytest.mark.parametrize("sent", [0, 1, 5, 9, 100])
def test_a_hello_that_does_not_come_ends_at_the_timeout(stage, sent):
    with stage(timeouts={"handshake": "300ms"}) as it:
        client = it.raw()
        client.send(HELLOS["curl"][:sent])
        client.expect_end("closed", "reset")
        it.wait_for_log(end="hello_timeout")


def test_a_hello_that_trickles_ends_at_the_timeout(stage):
    """Every byte in time, the whole not; others are served meanwhile."""
    with stage(timeouts={"handshake": "500ms"}, edit=passing) as it:
        client = it.raw()
        for byte in HELLOS["chromium"] * 4:
            if not client.try_send(bytes([byte])) or not client.waits(0.01):
                break
        client.read_rest()
        assert client.end in ("closed", "reset")
        it.wait_for_log(end="hello_timeout")
        other = it.client()
        other.ask()
        it.server.answer()
        assert other.answer().status == 200


def test_a_handshake_that_does_not_go_on_ends_at_the_timeout(stage):
    with stage(timeouts={"handshake": "300ms"}) as it:
        client = it.raw()
        client.send(hello.make("lb.example.test"))
        client.read_rest()
        assert client.end in ("closed", "reset")
        it.wait_for_log(end="tls_timeout")


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("sent", [0, 1, 3, 9, 100])
def test_a_client_that_leaves_within_its_hello(stage, how, sent):
    with stage(timeouts={"handshake": "10m"}) as it:
        before = it.sockets()
        client = it.raw()
        client.send(HELLOS["curl"][:sent])
        assert client.waits(0.02)
        getattr(client, how)()
        for _ in range(500):
            if it.sockets() == before:
                break
            time.sleep(0.01)
        assert it.sockets() == before, "the connection is kept"


@pytest.mark.parametrize("sent", [1, 9, 100])
def test_a_client_that_ends_its_side_within_its_hello_is_closed(stage, sent):
    with stage(timeouts={"handshake": "10m"}) as it:
        client = it.raw()
        client.send(HELLOS["curl"][:sent])
        assert client.waits(0.02)
        client.shut()
        client.expect_end("closed", "reset")


def test_a_client_that_leaves_within_the_handshake(stage):
    with stage() as it:
        client = it.raw()
        client.send(hello.make("lb.example.test"))
        client.read(100)
        client.reset()
        ended = it.wait_for_log(what="client")["end"]
        assert ended in ("client_reset", "tls_failed", "client_left")


def test_a_client_that_does_not_trust_us(stage, papers):
    """Its alert is in the log, so the administrator can tell whose fault it is."""
    assert isinstance(papers, Papers)
    with stage() as it:
        raw = it.keep(Client(it.socket(it.port)))
        shaker = hello.Shaker(hello.ssl.create_default_context(cafile=None), "lb.example.test")
        raw.send(shaker.first)
        with pytest.raises(hello.ssl.SSLError):
            shaker.finish(raw)
        raw.send(shaker.outgoing.read())
        raw.close()
        line = it.wait_for_log(what="client", end="tls_failed")
        assert "unknown ca" in line["problem"].lower()


def test_an_answer_to_the_last_one_proves_the_listener_lives(stage):
    """All of the garbage one after another on one Handfast, then a good client."""
    with stage(edit=passing) as it:
        for data in [*GARBAGE.values(), *BROKEN.values()]:
            client = it.raw()
            client.try_send(data)
            client.read_rest()
        client = it.client()
        client.ask()
        it.server.answer(ok("alive"))
        assert client.answer().body == b"alive"
