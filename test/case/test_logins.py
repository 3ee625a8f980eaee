# SPDX-License-Identifier: Apache-2.0
# What became of a login, for each verdict: the legs pass between a raw client and a scripted
# server, and the record stands in the log, in the metrics, in the admin API and in the command.
"""test_VERDICT…: the record of a login that ends so."""

import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from lab.balancer import binary
from scripted import PATIENCE_S, closed_port, ok, response
from tokens import (
    BASIC,
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
    header,
)

TO_TLS = {"to_tls": True}
NODE = "iis1.example.test"  # the server's name, and the one the captured tickets are for


def record(stage, **wanted):
    """The record of the next login that ends like this."""
    return stage.wait_for_log(what="login", **wanted)


def logins(stage):
    return stage.log("login")


def refused(*lines):
    return response(401, *(lines or OFFERS), body=b"no")


def leg(client, server, line, answer, link=None, path="/", **options):
    """One request and its answer; the link it went over."""
    client.ask("GET", path, *([line] if line else []), **options)
    if link is None:
        link = server.accept()
    link.read_request()
    link.send(answer)
    client.answer()
    return link


def ntlm(client, server, last, **options):
    """Three messages of NTLM; the last answer is `last`."""
    link = leg(client, server, None, refused(), **options)
    leg(client, server, NTLM_1, refused(CHALLENGE), link, **options)
    return leg(client, server, NTLM_3, last, link, **options)


def token(line):
    return base64.b64decode(bare(line))


def with_pairs(line, pairs):
    """That NTLM message with other AV pairs behind its NTLMv2 response, which stands last then:
    (id, bytes). What they say was signed by the client, which is not checked here.
    """
    message = bytearray(token(line))
    length, _, offset = struct.unpack_from("<HHI", message, 20)
    response_front = bytes(message[offset : offset + 44])
    listed = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
    changed = response_front + listed + bytes(8)
    struct.pack_into("<HHI", message, 20, len(changed), len(changed), len(message))
    return header("Authorization", "NTLM", bytes(message) + changed)


def as_user(line, name, field="Authorization"):
    """That NTLM message with another user in it: anybody can write one."""
    message, user = bytearray(token(line)), utf16(name)
    if not struct.unpack_from("<I", message, 60)[0] & 1:  # not Unicode
        user = name.encode()
    struct.pack_into("<HHI", message, 36, len(user), len(user), len(message))
    return header(field, "NTLM", bytes(message) + user)


def utf16(text):
    return text.encode("utf-16-le")


def challenge_of(*pairs):
    """The captured challenge with these AV pairs; its own have the clock of another day."""
    message = bytearray(token(NTLM_2))
    listed = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
    listed += bytes(4)
    struct.pack_into("<HHI", message, 40, len(listed), len(listed), len(message))
    return header("WWW-Authenticate", "NTLM", bytes(message) + listed)


CHALLENGE = challenge_of((1, utf16("IIS1")), (3, utf16(NODE)), (5, utf16("forest.test")))


def binding_of(certificate):
    """The channel binding to that certificate (DER, signed with SHA-256)."""
    data = b"tls-server-end-point:" + hashlib.sha256(certificate).digest()
    return hashlib.md5(bytes(16) + struct.pack("<I", len(data)) + data).digest()


# ---- somebody is let in


def test_success_of_ntlm(stage):
    with stage() as it:
        client = it.client()
        ntlm(client, it.server, ok("alice"))
        line = record(it)
        assert line["verdict"] == "success" and "remarks" not in line
        assert line["scheme"] == "ntlm" and line["via"] == "ntlm"
        assert (line["domain"], line["user"]) == ("EXAMPLE", "alice")
        assert line["user_is"] == "authenticated"
        assert line["server_name"] == NODE and line["server_build"] == "6.1.0"
        assert line["forest"] == "forest.test" and "skew_s" not in line
        assert line["offered"] == ["ntlm", "negotiate"]
        assert [(one["sent"], one["status"], one.get("got")) for one in line["legs"]] == [
            ("nothing", 401, None),
            ("type1", 401, "type2"),
            ("type3", 200, None),
        ]
        assert line["legs"][0]["at_ms"] <= line["legs"][1]["at_ms"] <= line["legs"][2]["at_ms"]
        assert line["site"] == "portal" and line["server"] == NODE and line["pool"] == "main"
        assert line["host"] == "lb.example.test" and line["channel_binding"] == "absent"
        client.ask("GET", "/more")  # as the same person: no other login
        it.server.links[0].read_request()
        it.server.links[0].send(ok("more"))
        assert client.answer().status == 200
    assert it.written.count(b'"what":"login"') == 1


def test_success_of_kerberos(stage):
    with stage(site={"hosts": [NODE]}) as it:
        leg(it.plain(), it.server, KERBEROS, ok("alice", KERBEROS_PROOF), host=NODE)
        line = record(it)
        assert line["verdict"] == "success" and "remarks" not in line and "user" not in line
        assert line["scheme"] == "kerberos" and line["via"] == "negotiate"
        assert line["spn"] == "HTTP/" + NODE and line["realm"] == "EXAMPLE.TEST"
        assert line["etype"] == 18 and line["sender_etype"] == 18 and line["kvno"] == 1
        assert line["ticket_bytes"] == 452 and line["mechs"] == ["kerberos"]


def test_success_of_ntlm_where_kerberos_was_on_offer(stage):
    with stage(site={"hosts": [NODE]}) as it:
        client = it.plain()
        link = leg(client, it.server, SPNEGO_1, refused(SPNEGO_2), host=NODE)
        leg(client, it.server, SPNEGO_3, ok("alice", SPNEGO_4), link, host=NODE)
        line = record(it)
        # the captured challenge is of another day
        assert line["verdict"] == "success" and line["remarks"] == ["ntlm_for_kerberos", "clock"]
        assert line["scheme"] == "ntlm" and line["via"] == "negotiate"
        assert line["spn"] == "HTTP/" + NODE and line["mechs"] == ["ntlm"]
        assert line["client_build"] == "6.2.0"


def test_success_with_another_name_is_remarked_on(stage):
    with stage() as it:
        leg(it.client(), it.server, KERBEROS, ok("alice", KERBEROS_PROOF))
        line = record(it)
        assert line["verdict"] == "success" and line["remarks"] == ["name_of_server"]


def test_every_login_has_its_record(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, KERBEROS, ok("alice", KERBEROS_PROOF))
        leg(client, it.server, KERBEROS, ok("alice", KERBEROS_PROOF), link)
        leg(client, it.server, KERBEROS, refused(), link)
        first, second, third = (record(it, attempt=number) for number in (1, 2, 3))
        found = [line["verdict"] for line in (first, second, third)]
        assert found == ["success", "success", "name_of_server"]


# ---- a name is authenticated when the answer proves it, and not before


def test_credentials_for_a_proxy_name_nobody(stage):
    """Web servers do not look at them: the name is another one's."""
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, None, refused())
        leg(client, it.server, NTLM_1, refused(CHALLENGE), link)
        client.ask("GET", "/", NTLM_3, as_user(NTLM_3, "administrator", "Proxy-Authorization"))
        assert link.read_request().value("Proxy-Authorization")
        link.send(ok("alice"))
        client.answer()
        line = record(it)
        assert (line["verdict"], line["user"], line["user_is"]) == (
            "success", "alice", "authenticated")
        login = it.wait_for_log(what="exchange", status=200)["login"]
        assert (login["user"], login["user_is"]) == ("alice", "authenticated")


def test_credentials_for_a_proxy_alone_are_no_login(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, None, refused())
        leg(client, it.server, NTLM_1, refused(CHALLENGE), link)
        forged = as_user(NTLM_3, "administrator", "Proxy-Authorization")
        leg(client, it.server, forged, ok("for anybody"), link)
        line = record(it)
        assert line["verdict"] == "client_left" and "user" not in line
        assert "login" not in it.wait_for_log(what="exchange", status=200)


def test_the_challenge_of_a_proxy_is_none_of_the_server(stage):
    with stage() as it:
        client = it.client()
        challenge = CHALLENGE.replace("WWW-", "Proxy-")
        link = leg(client, it.server, NTLM_1, response(407, challenge, body=b"no"))
        leg(client, it.server, as_user(NTLM_3, "administrator"), ok("for anybody"), link)
        found = [record(it, attempt=number) for number in (1, 2)]
        assert [line["verdict"] for line in found] == ["ntlm_refused", "not_asked"]
        assert found[1]["user_is"] == "claimed"


def last_leg(stage, path, answer):
    """The last message of somebody else's login, to that path; what was logged of it."""
    client = stage.client()
    link = leg(client, stage.server, None, refused(), path="/private?a=1")
    leg(client, stage.server, NTLM_1, refused(CHALLENGE), link, path="/private?a=1")
    leg(client, stage.server, as_user(NTLM_3, "administrator"), answer, link, path=path)
    client.close()
    login = stage.wait_for_log(what="exchange", link=record(stage)["link"],
                               status=int(answer.split()[1]))["login"]
    return record(stage), login


@pytest.mark.parametrize(
    "path,status,verdict",
    [("/private?a=1", 200, "success"), ("/private?a=1", 304, "success"),
     ("/private?a=2", 200, "unproven"), ("/private", 200, "unproven"),
     ("/web.config", 404, "unproven"), ("/private?a=1", 404, "unproven"),
     ("/private?a=1", 500, "unproven"), ("/private?a=1", 403, "forbidden")],
)
def test_an_answer_that_anybody_gets_proves_nothing(stage, path, status, verdict):
    with stage() as it:
        line, login = last_leg(it, path, response(status, body=b"" if status == 304 else b"page"))
        assert (line["verdict"], line["user"]) == (verdict, "administrator")
        is_in = "authenticated" if verdict == "success" else "claimed"
        assert line["user_is"] == login["user_is"] == is_in


def test_another_method_proves_nothing(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        client.ask("POST", "/", NTLM_3, "Content-Length: 0")
        link.read_request()
        link.send(ok("for anybody"))
        client.answer()
        line = record(it)
        assert (line["verdict"], line["user_is"]) == ("unproven", "claimed")


def test_a_ticket_where_anybody_may_come_in(stage):
    with stage(site={"hosts": [NODE]}) as it:
        leg(it.plain(), it.server, KERBEROS, ok("for anybody"), host=NODE)
        assert record(it)["verdict"] == "unproven"


def test_a_ticket_that_was_asked_for(stage):
    with stage(site={"hosts": [NODE]}) as it:
        client = it.plain()
        link = leg(client, it.server, None, refused(), host=NODE)
        leg(client, it.server, KERBEROS, ok("alice"), link, host=NODE)
        assert record(it)["verdict"] == "success"
        leg(client, it.server, KERBEROS, ok("alice", "Persistent-Auth: true"), link, host=NODE)
        assert record(it, attempt=2)["verdict"] == "success"


# ---- nobody is judged


def test_not_asked(stage):
    with stage() as it:
        leg(it.client(), it.server, NTLM_1, ok("come in"))
        assert record(it)["verdict"] == "not_asked"


def test_not_read(stage):
    with stage() as it:
        leg(it.client(), it.server, KERBEROS, response(503, body=b"later"))
        line = record(it)
        assert line["verdict"] == "not_read" and line["legs"][0]["status"] == 503


def test_interrupted(stage):
    with stage(timeouts={"drain": "500ms"}, may_be_cut=True) as it:
        client = it.client()
        leg(client, it.server, NTLM_1, refused(CHALLENGE))
        it.drain()
        assert client.read_rest() == b""
        assert record(it)["verdict"] == "interrupted"


# ---- the client


def test_no_credentials(stage):
    with stage() as it:
        client = it.client()
        leg(client, it.server, None, refused())
        client.close()
        line = record(it)
        assert line["verdict"] == "no_credentials" and line["scheme"] == "none"
        assert line["end"] == "client_closed" and line["offered"] == ["ntlm", "negotiate"]


def test_no_credentials_however_often_it_is_asked(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, None, refused())
        for _ in range(11):
            leg(client, it.server, None, refused(), link)
        client.close()
        line = record(it)
        assert line["verdict"] == "no_credentials"
        assert len(line["legs"]) == 8 and line["leg_count"] == 12


def test_no_record_for_those_who_log_in_otherwise(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, None, refused(*OFFERS, 'WWW-Authenticate: Basic realm="x"'))
        leg(client, it.server, BASIC, ok(), link)
        client.close()
        other = it.client()
        leg(other, it.server, None, ok("for anybody"))
        other.close()
        last = it.client()
        leg(last, it.server, KERBEROS, ok())
        assert record(it)["attempt"] == 2  # the first was forgotten


def test_no_record_where_another_login_is_refused(stage):
    with stage() as it:
        basic = refused(*OFFERS, 'WWW-Authenticate: Basic realm="x"')
        client = it.client()
        link = leg(client, it.server, None, basic)
        leg(client, it.server, BASIC, basic, link)
        client.close()
        leg(it.client(), it.server, KERBEROS, ok())
        assert record(it)["attempt"] == 2  # the first was forgotten
        assert len(logins(it)) == 1


def test_no_record_of_two_logins_in_one_request(stage):
    with stage() as it:
        client = it.client()
        leg(client, it.server, None, refused())
        client.ask("GET", "/", NTLM_1, NTLM_1)
        assert client.answer().status == 400
        client.close()
        other = it.client()
        leg(other, it.server, NTLM_1, refused(CHALLENGE))
        other.ask("GET", "/", NTLM_3, NTLM_3)
        assert other.answer().status == 400
        other.close()
        line = record(it)
        assert line["attempt"] == 2 and line["verdict"] == "client_left"
        assert len(line["legs"]) == 1 and len(logins(it)) == 1


def test_no_record_where_the_server_closes_with_its_question(stage):
    """Such clients log in on a connection of their own: NTLM from HTTP/1.0 servers."""
    with stage() as it:
        client = it.client()
        leg(client, it.server, None, refused(*OFFERS, "Connection: close"))
        client.expect_end("closed", "cut")
        ntlm(it.client(), it.server, ok())
        assert record(it)["verdict"] == "success"
        assert len(logins(it)) == 1


def test_client_left(stage):
    with stage() as it:
        client = it.client()
        leg(client, it.server, NTLM_1, refused(CHALLENGE))
        client.close()
        line = record(it)
        assert line["verdict"] == "client_left" and line["end"] == "client_closed"


def test_client_left_to_ask_something_else(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        leg(client, it.server, None, ok(), link)
        assert record(it)["verdict"] == "client_left"


def test_client_left_to_begin_anew(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        leg(client, it.server, NTLM_1, refused(CHALLENGE), link)
        assert record(it, attempt=1)["verdict"] == "client_left"
        leg(client, it.server, NTLM_3, ok(), link)
        assert record(it, attempt=2)["verdict"] == "success"


def test_wrong_credentials(stage):
    with stage() as it:
        ntlm(it.client(), it.server, refused())
        line = record(it)
        assert line["verdict"] == "wrong_credentials" and line["user"] == "alice"
        assert line["user_is"] == "claimed" and line["remarks"] == ["binding_absent"]


def test_token_bad(stage):
    with stage() as it:
        leg(it.client(), it.server, "Authorization: NTLM ????", refused())
        assert record(it)["verdict"] == "token_bad"


# ---- NTLM


def test_legs_split(stage):
    with stage() as it:
        first = it.client()
        leg(first, it.server, NTLM_1, refused(CHALLENGE))
        leg(it.client(), it.server, NTLM_3, refused())
        line = record(it, attempt=2)
        assert line["verdict"] == "legs_split" and line["challenge_of"] == NODE
        first.close()
        assert record(it, attempt=1)["verdict"] == "client_left"


def test_other_server(stage):
    """A balancer behind us gave the legs to two servers: the names in the tokens tell."""
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        other = with_pairs(NTLM_3, [(3, utf16("iis2.example.test"))])
        leg(client, it.server, other, refused(), link)
        line = record(it)
        assert line["verdict"] == "other_server"
        assert (line["server_name"], line["challenge_of"]) == (NODE, "iis2.example.test")


def test_ntlm_refused(stage):
    with stage() as it:
        leg(it.client(), it.server, NTLM_1, refused())
        assert record(it)["verdict"] == "ntlm_refused"


def test_ntlm_for_kerberos(stage):
    with stage() as it:
        leg(it.client(), it.server, SPNEGO_1, refused("WWW-Authenticate: Negotiate"))
        assert record(it)["verdict"] == "ntlm_for_kerberos"


# ---- Kerberos


@pytest.mark.parametrize(
    "error,verdict",
    [(34, "krb_repeat"), (32, "krb_ticket_time"), (41, "krb_modified"), (45, "krb_key"),
     (35, "krb_wrong_service"), (60, "krb_error")],
)
def test_kerberos_errors(stage, error, verdict):
    with stage(site={"hosts": [NODE]}) as it:
        line = "WWW-Authenticate: Negotiate " + kerberos_error(error, 0)
        leg(it.plain(), it.server, KERBEROS, refused(line), host=NODE)
        found = record(it)
        assert found["verdict"] == verdict and found["krb_error"] == error
        assert abs(found["skew_s"]) < 60


def der(tag, content):
    length = bytes([len(content)])
    if len(content) > 127:
        length = bytes([0x82, len(content) >> 8, len(content) & 255])
    return bytes([tag]) + length + content


def kerberos_error(code, ahead_s):
    """A KRB-ERROR (RFC 4120 section 5.9.1) of a server whose clock is ahead."""
    stamp = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + ahead_s)).encode()
    fields = [
        der(0xA0, der(2, b"\5")),
        der(0xA1, der(2, b"\x1e")),
        der(0xA4, der(0x18, stamp)),
        der(0xA5, der(2, b"\0")),
        der(0xA6, der(2, bytes([code]))),
        der(0xA9, der(0x1B, b"EXAMPLE.TEST")),
        der(0xAA, der(0x30, der(0xA0, der(2, b"\3")) + der(0xA1, der(0x30, der(0x1B, b"HTTP"))))),
    ]
    return base64.b64encode(der(0x7E, der(0x30, b"".join(fields)))).decode()


def test_clock(stage):
    with stage(site={"hosts": [NODE]}) as it:
        line = "WWW-Authenticate: Negotiate " + kerberos_error(37, 1200)
        leg(it.plain(), it.server, KERBEROS, refused(line), host=NODE)
        found = record(it)
        assert found["verdict"] == "clock" and abs(found["skew_s"] - 1200) < 60


def test_clock_of_a_challenge(stage):
    """The captured challenge is of another day."""
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(NTLM_2))
        leg(client, it.server, NTLM_3, refused(), link)
        line = record(it)
        assert line["verdict"] == "clock" and abs(line["skew_s"]) > 300


@pytest.mark.parametrize("clock", [1 << 63, (1 << 64) - 1])
def test_a_clock_of_no_year(stage, clock):
    with stage() as it:
        client = it.client()
        pairs = (3, utf16(NODE)), (7, struct.pack("<Q", clock))
        link = leg(client, it.server, NTLM_1, refused(challenge_of(*pairs)))
        leg(client, it.server, NTLM_3, ok(), link)
        line = record(it)
        assert line["verdict"] == "success" and "skew_s" not in line


def test_name_of_server(stage):
    with stage() as it:
        leg(it.client(), it.server, KERBEROS, refused())
        line = record(it)
        assert line["verdict"] == "name_of_server" and line["spn"] == "HTTP/" + NODE


def test_name_other(stage):
    def rename(config, _):
        config["pools"][0]["servers"][0]["name"] = "web7.example.test"

    with stage(edit=rename) as it:
        leg(it.client(), it.server, KERBEROS, refused())
        assert record(it)["verdict"] == "name_other"


def test_kerberos_refused(stage):
    with stage(site={"hosts": [NODE]}) as it:
        leg(it.plain(), it.server, KERBEROS, refused(), host=NODE)
        assert record(it)["verdict"] == "kerberos_refused"


# ---- channel bindings


def bound(stage, binding, last=None, client=None):
    """A login with that binding in its last message (None: none) is refused; its record."""
    client = client or stage.client()
    link = leg(client, stage.server, NTLM_1, refused(CHALLENGE))
    pairs = [(3, utf16(NODE))] + ([(10, binding)] if binding is not None else [])
    leg(client, stage.server, with_pairs(NTLM_3, pairs), last or refused(), link)
    client.close()
    return link


def certificates(stage):
    """DER of our certificate and of the server's."""
    def read(name):
        with open(stage.papers.pair(name).chain, encoding="ascii") as file:
            text = file.read()
        block = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.S)[1]
        return base64.b64decode(block)

    return read("lb-ecdsa"), read("iis1-ecdsa")


@pytest.mark.parametrize(
    "which,verdict,word",
    [("front", "binding_front", "front"), ("back", "wrong_credentials", "back"),
     ("other", "binding_other", "other"), ("zero", "binding_zero", "zero"),
     (None, "wrong_credentials", "absent")],
)
def test_bindings(stage, which, verdict, word):
    with stage(**TO_TLS) as it:
        front, back = certificates(it)
        made = {"front": binding_of(front), "back": binding_of(back), "other": b"0123456789abcdef",
                "zero": bytes(16), None: None}
        bound(it, made[which])
        line = record(it)
        assert (line["verdict"], line["channel_binding"]) == (verdict, word)
        assert bool(line.get("remarks")) == (which is None)


def test_a_binding_that_this_server_has_taken_is_no_cause(stage):
    with stage(**TO_TLS) as it:
        front, _ = certificates(it)
        bound(it, binding_of(front))
        bound(it, binding_of(front), ok("alice"))
        bound(it, binding_of(front))
        found = [record(it, attempt=number)["verdict"] for number in (1, 2, 3)]
        assert found == ["binding_front", "success", "wrong_credentials"]


@pytest.mark.parametrize("status", [404, 403])
def test_a_binding_that_nobody_looked_at_is_not_taken(stage, status):
    with stage(**TO_TLS) as it:
        front, _ = certificates(it)
        bound(it, binding_of(front), response(status, body=b"not here"))
        bound(it, binding_of(front))
        assert record(it, attempt=2)["verdict"] == "binding_front"


def test_a_binding_to_us_where_the_server_has_no_tls(stage):
    with stage() as it:
        front, _ = certificates(it)
        bound(it, binding_of(front))
        line = record(it)
        assert line["verdict"] == "wrong_credentials" and line["remarks"] == ["binding_front"]


# ---- the server and the way to it


def test_server_closed_between_legs(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        link.close()
        client.expect_end("closed", "cut")
        line = record(it)
        assert line["verdict"] == "server_closed" and line["end"] == "link_lost"


def test_server_closed_with_its_challenge(stage):
    with stage() as it:
        client = it.client()
        leg(client, it.server, NTLM_1, refused(CHALLENGE, "Connection: close"))
        client.expect_end("closed", "cut")
        assert record(it)["verdict"] == "server_closed"


def test_server_closed_instead_of_an_answer(stage):
    with stage() as it:
        client = it.client()
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        client.ask("GET", "/", NTLM_3)
        link.read_request()
        link.reset()
        client.answer_or_end()
        assert record(it)["verdict"] == "server_closed"


def test_server_silent(stage):
    with stage(timeouts={"server": "300ms"}) as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        it.server.accept().read_request()
        assert client.answer().status == 504
        line = record(it)
        assert line["verdict"] == "server_silent" and line["end"] == "server_timeout"


def test_not_delivered(stage):
    holder, port = closed_port()

    def elsewhere(config, _):
        config["pools"][0]["servers"][0]["address"] = f"127.0.0.1:{port}"

    with holder, stage(edit=elsewhere) as it:
        client = it.client()
        client.ask("GET", "/", KERBEROS)
        assert client.answer().status == 502
        line = record(it)
        assert line["verdict"] == "not_delivered" and line["end"] == "connect_refused"


@pytest.mark.parametrize("is_said", [False, True])
def test_the_server_had_closed_before_the_credentials(stage, is_said):
    """The client is closed at once and asks again; the record says that the ticket went nowhere."""
    with stage(pool={"links": "dedicated"}) as it:
        client = it.client()
        link = leg(client, it.server, KERBEROS, ok("alice", KERBEROS_PROOF))
        it.balancer.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, it.balancer.process.pid, os.WSTOPPED)
        client.ask("GET", "/", KERBEROS)  # it is read before the server's end of the link
        if is_said:
            link.send(ok("unasked"))
        else:
            link.close()
        it.balancer.process.send_signal(signal.SIGCONT)
        client.expect_end("closed", "cut")
        line = record(it, attempt=2)
        assert line["verdict"] == "server_closed"
        assert line["end"] == ("server_unasked" if is_said else "link_lost")
        assert line["legs"][0]["sent"] == "ap_req" and "status" not in line["legs"][0]


# ---- limits


def test_head_too_big(stage):
    with stage(limits={"header_line": "2KiB"}) as it:
        client = it.client()
        client.ask("GET", "/", "Authorization: Negotiate " + "A" * 4000)
        assert client.answer().status == 431
        line = record(it)
        assert line["verdict"] == "head_too_big" and line["end"] == "header_too_big"
        assert line["site"] == "portal" and line["via"] == "negotiate"


def test_a_big_head_without_a_login_is_none(stage):
    with stage(limits={"header_line": "2KiB"}) as it:
        for line in ("Cookie: a=", "X-Authorization: Negotiate ", "Authorization: Bearer "):
            client = it.client()
            client.ask("GET", "/", line + "A" * 4000)
            assert client.answer().status == 431, line
        leg(it.client(), it.server, KERBEROS, ok())
        assert record(it)["attempt"] == 1


def test_head_too_big_after_the_challenge(stage):
    with stage(limits={"header_line": "2KiB"}) as it:
        client = it.client()
        leg(client, it.server, None, refused())
        client.ask("GET", "/", "Authorization: Negotiate " + "A" * 4000)
        assert client.answer().status == 431
        line = record(it)
        assert line["verdict"] == "head_too_big" and len(line["legs"]) == 2


def test_head_too_big_for_the_server(stage):
    with stage() as it:
        leg(it.client(), it.server, KERBEROS, response(431, body=b"too big"))
        assert record(it)["verdict"] == "head_too_big_for_server"


def test_through_proxy(stage):
    with stage() as it:
        client = it.client()
        client.ask("GET", "/", "Via: 1.1 proxy", KERBEROS)
        assert client.answer().status == 403
        line = record(it)
        assert line["verdict"] == "through_proxy" and line["spn"] == "HTTP/" + NODE


# ---- where they are shown


def asked(stage, query=""):
    """GET /logins of the admin socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(stage.config["admin"])
        sock.sendall(f"GET /logins{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        while more := sock.recv(65536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture
def admin(stage, tmp_path):
    def make(**options):
        def edit(config, _):
            config["admin"] = str(tmp_path / "admin.sock")

        return stage(edit=edit, **options)

    return make


def three_logins(it):
    """One that succeeds, one without credentials, one that is refused, in this order."""
    ntlm(it.client(), it.server, ok("alice"))
    record(it, attempt=1)
    client = it.client()
    leg(client, it.server, None, refused())
    client.close()
    record(it, attempt=2)
    leg(it.client(), it.server, KERBEROS, refused())
    record(it, attempt=3)


def test_the_admin_api_shows_the_newest_first(admin):
    with admin() as it:
        assert asked(it) == (200, {"logins": [], "left_out": 0, "newest": 0})
        three_logins(it)
        status, answer = asked(it)
        assert status == 200 and answer["left_out"] == 0
        shown = answer["logins"]
        assert [x["attempt"] for x in shown] == [3, 2, 1]
        assert shown[0]["seq"] > shown[1]["seq"] > shown[2]["seq"]
        assert "mend" not in shown[2] and shown[2]["says"] == "the server accepted the login"
        assert "setspn" in shown[0]["mend"] and shown[0]["ended"].endswith("Z")
        logged = next(line for line in logins(it) if line["attempt"] == 1)
        assert {k: v for k, v in logged.items() if k not in ("time", "what")} == {
            k: v for k, v in shown[2].items() if k not in ("seq", "ended", "says")
        }


CHOICES = {
    "?user=ALICE": [1],
    "?user=bob": [],
    "?site=portal": [3, 2, 1],
    "?site=other": [],
    "?verdict=no_credentials": [2],
    "?failed": [3, 2],
    "?failed&verdict=success": [],
    "?user=%61lice&site=portal": [1],
    "?after=0": [3, 2, 1],
    "?after=99999999999999999": [],
    "?": [3, 2, 1],
}


def test_the_admin_api_chooses(admin):
    with admin() as it:
        three_logins(it)
        for query, found in CHOICES.items():
            status, answer = asked(it, query)
            assert status == 200, query
            assert [x["attempt"] for x in answer["logins"]] == found, query


def test_after_a_record_come_only_younger_ones(admin):
    with admin() as it:
        three_logins(it)
        newest = asked(it)[1]["logins"]
        younger = asked(it, f"?after={newest[1]['seq']}")[1]["logins"]
        assert [x["attempt"] for x in younger] == [3]
        answer = asked(it, f"?after={newest[0]['seq'] - 1}&user=bob")[1]
        assert answer == {"logins": [], "left_out": 0, "newest": newest[0]["seq"]}


def test_the_admin_api_refuses_what_it_does_not_know(admin):
    with admin() as it:
        for query in ("name=x", "user=%zz", "user=%6", "user=%00", "failed=1", "after=x",
                      "user=" + "a" * 300):
            status, answer = asked(it, "?" + query)
            assert status == 400 and answer["error"], query


def test_the_last_ones_are_kept(admin):
    with admin() as it:
        client = it.client()
        link = leg(client, it.server, KERBEROS, ok())
        for _ in range(299):
            leg(client, it.server, KERBEROS, ok(), link)
        record(it, attempt=300)
        shown = asked(it)[1]
        assert [x["attempt"] for x in shown["logins"]] == list(range(300, 44, -1))
        assert shown["left_out"] == 0


def test_a_client_that_begins_again_and_again_drives_out_nobody(admin):
    with admin() as it:
        ntlm(it.client(), it.server, ok("alice"))
        record(it, attempt=1)
        client = it.client()
        link = leg(client, it.server, None, refused())
        for _ in range(300):
            leg(client, it.server, NTLM_1, refused(CHALLENGE), link)
        other = it.client()
        leg(other, it.server, NTLM_1, ok("for anybody"))
        record(it, verdict="not_asked")
        leg(client, it.server, NTLM_3, refused(), link)
        record(it, verdict="wrong_credentials")
        shown = asked(it)[1]["logins"]
        assert [(x["verdict"], x.get("repeated")) for x in shown] == [
            ("wrong_credentials", None),
            ("not_asked", None),
            ("client_left", 299),
            ("success", None),
        ]
        assert len(logins(it)) == 302  # the log has all
        assert "299 times" in command(it)[1]


def test_logins_are_counted(admin):
    with admin() as it:
        three_logins(it)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(it.config["admin"])
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            text = b""
            while more := sock.recv(65536):
                text += more
        row = r'handfast_login_attempts_total\{(.*?)\} ([1-9]\d*)'
        counted = dict(re.findall(row, text.decode()))
        assert counted == {
            'scheme="ntlm",verdict="success"': "1",
            'scheme="none",verdict="no_credentials"': "1",
            'scheme="kerberos",verdict="name_of_server"': "1",
        }


# ---- the command


def command(stage, *arguments):
    done = subprocess.run(
        [binary(), "logins", "-s", stage.config["admin"], *arguments],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_prints_a_table_and_what_mends(admin):
    with admin() as it:
        assert command(it) == (0, "no logins\n", "")
        three_logins(it)
        status, text, _ = command(it)
        lines = text.splitlines()
        assert status == 0 and lines[0].split() == [
            "ended", "address", "user", "scheme", "host", "server", "verdict", "remarks"]
        assert "EXAMPLE\\alice" in lines[1] and "success" in lines[1]
        assert "no_credentials" in lines[2] and "name_of_server" in lines[3]
        assert "no_credentials: the server asked for a login and the client sent nothing" in lines
        assert "success:" not in text
        status, text, _ = command(it, "--failed", "--verdict", "no_credentials")
        assert "alice" not in text and text.count("lb.example.test") == 1
        shown = json.loads(command(it, "--json", "--user", "alice")[1])
        assert [x["attempt"] for x in shown["logins"]] == [1]


def test_the_command_shows_no_name_that_turns_the_line(admin):
    with admin() as it:
        client = it.client()
        turned = bytearray(token(NTLM_3))
        struct.pack_into("<I", turned, 60, struct.unpack_from("<I", turned, 60)[0] & ~2 | 1)
        unicode = header("Authorization", "NTLM", bytes(turned))
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        leg(client, it.server, as_user(unicode, "\u202enimda\u2066"), refused(), link)
        assert record(it)["user"] == "\ufffdnimda\ufffd"
        assert "\ufffdnimda\ufffd" in command(it)[1]


def test_the_command_shows_what_a_client_writes_without_control_characters(admin):
    with admin() as it:
        client = it.client()
        message = bytearray(token(NTLM_3))
        length, _, offset = struct.unpack_from("<HHI", message, 36)
        message[offset : offset + length] = b"\x1b[2Jx"  # as long as the name was
        link = leg(client, it.server, NTLM_1, refused(CHALLENGE))
        leg(client, it.server, header("Authorization", "NTLM", bytes(message)), refused(), link)
        record(it)
        status, text, _ = command(it)
        assert status == 0 and "\x1b" not in text and "[2J" in text


def test_the_command_watches(admin):
    with admin() as it:
        leg(it.client(), it.server, KERBEROS, ok())
        record(it, attempt=1)
        with subprocess.Popen(
            [binary(), "logins", "-s", it.config["admin"], "--watch", "--json"],
            stdout=subprocess.PIPE, text=True,
        ) as watching:
            try:
                # what was there before is not printed, so it must have asked once
                time.sleep(1)
                leg(it.client(), it.server, KERBEROS, refused())
                line = json.loads(watching.stdout.readline())
                assert line["attempt"] == 2 and line["verdict"] == "name_of_server"
            finally:
                watching.kill()


@contextlib.contextmanager
def watching(socket_path, *arguments):
    """The command, watching; its lines come by `stdout` and `stderr`."""
    with subprocess.Popen(
        [binary(), "logins", "-s", socket_path, "--watch", "--json", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


AWAY = "handfast: waiting for Handfast to come back\n"


def test_the_command_goes_on_watching_after_a_restart(admin, tmp_path):
    path = str(tmp_path / "admin.sock")
    with contextlib.ExitStack() as stack:
        with admin() as it:
            process = stack.enter_context(watching(path))
            time.sleep(1)  # it must have asked once
            leg(it.client(), it.server, KERBEROS, refused())
            assert json.loads(process.stdout.readline())["attempt"] == 1
        assert "no running Handfast answers here" in process.stderr.readline()
        assert process.stderr.readline() == AWAY
        time.sleep(1)
        with admin() as it:
            leg(it.client(), it.server, KERBEROS, ok())
            line = json.loads(process.stdout.readline())
            assert (line["attempt"], line["verdict"]) == (1, "unproven")
        assert "no running Handfast answers here" in process.stderr.readline()
        assert process.stderr.readline() == AWAY  # and nothing between: it is said once a time
        assert process.poll() is None


def told(*seqs):
    """What GET /logins answers of these: (seq, attempt)."""
    return {
        "logins": [{"seq": seq, "attempt": attempt, "verdict": "success"} for seq, attempt in reversed(seqs)],
        "left_out": 0,
        "newest": max(seqs)[0] if seqs else 0,
    }


@contextlib.contextmanager
def scripted_admin(path, answers):
    """Gives these answers, one to each question, None closing without a word; the last for ever.
    The list that it yields gets what was asked.
    """
    asked = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)

    def serve():
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with link:
                line = link.recv(65536).split(b"\r\n")[0].decode()
                answer = answers[min(len(asked), len(answers) - 1)]
                asked.append(line)
                body = json.dumps(answer).encode()
                if answer is not None:
                    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


@pytest.mark.parametrize("after, printed", [
    (told((70_000_000, 1), (80_000_000, 2)), [1, 2]),  # the machine began anew, and so did its clock
    (told((900_000_000, 5), (910_000_000, 1)), [1]),  # it goes on: attempts alone began anew
    (told((100_000_000, 4), (900_000_000, 5), (901_000_000, 6)), [6]),  # the same process: the old is old
])
def test_the_command_tells_what_is_new_after_a_pause(tmp_path, after, printed):
    path = str(tmp_path / "admin.sock")
    before = told((890_000_000, 4), (900_000_000, 5))
    last = told(*[(one["seq"], one["attempt"]) for one in reversed(after["logins"])],
                (after["newest"] + 1, 99))
    answers = [before, None, None, None, after, after, last]
    with scripted_admin(path, answers), watching(path) as process:
        lines = []
        while not lines or lines[-1] != 99:
            lines.append(json.loads(process.stdout.readline())["attempt"])
        assert lines == [*printed, 99]
        process.kill()
        assert process.stderr.read().count(AWAY) == 1


def test_the_command_watches_nothing_that_was_never_there(tmp_path):
    with watching(str(tmp_path / "none.sock")) as process:
        out, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1 and out == ""
        assert "no running Handfast answers here" in errors and AWAY not in errors


def test_the_command_knows_the_verdicts(tmp_path):
    def ask(verdict, *options):
        done = subprocess.run(
            [binary(), "logins", "-s", str(tmp_path / "none.sock"), "--verdict", verdict, *options],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )
        return done.returncode, done.stdout, done.stderr.strip()

    status, out, errors = ask("nonsense")
    assert (status, out) == (2, "")
    assert errors.startswith("handfast: no verdict is called 'nonsense'; there are success, unproven, ")
    assert "krb_modified" in errors
    assert ask("sucess")[2] == "handfast: no verdict is called 'sucess'; perhaps success (docs/logins.md)"
    status, out, errors = ask("binding", "--watch")
    assert (status, out) == (2, "")
    assert errors == ("handfast: no verdict is called 'binding'; perhaps binding_front, binding_other, "
                      "binding_zero, binding_absent (docs/logins.md)")
    for real in ("success", "Success"):
        assert ask(real)[0] == 1  # nobody answers, but it was asked


def test_the_command_says_that_no_such_site_is_configured(admin):
    with admin() as it:
        leg(it.client(), it.server, KERBEROS, ok())
        record(it, attempt=1)
        missing = (1, "", "handfast: no site 'nosuch' is configured\n")
        assert command(it, "--site", "nosuch") == missing
        for name in ("portal", "Portal"):
            status, text, errors = command(it, "--site", name)
            assert (status, errors) == (0, "") and "unproven" in text
        assert command(it, "--site", "portal", "--user", "nobody") == (0, "no logins\n", "")
        with watching(it.config["admin"], "--site", "nosuch") as process:
            assert process.stderr.readline() == missing[2]
            time.sleep(1)
            assert process.poll() is None  # a reload may bring it


def test_the_logins_of_a_site_that_is_gone_are_shown(admin):
    with admin() as it:
        leg(it.client(), it.server, KERBEROS, ok())
        record(it, attempt=1)
        it.config["sites"][0]["name"] = "renamed"
        it.balancer.reload(it.text())
        status, text, errors = command(it, "--site", "portal")
        assert status == 0 and "unproven" in text
        assert errors == "handfast: no site 'portal' is configured\n"


def test_the_command_and_its_words(admin):
    with admin() as it:
        for words, status in (
            (["--nonsense"], 2), (["more"], 2), (["--user"], 2), (["--help"], 0)
        ):
            code, text, errors = command(it, *words)
            assert code == status and ("usage: handfast logins" in text + errors), words
        assert "--watch" in command(it, "--help")[1]
        assert command(it, "--user", "a" * 500)[0] == 1
