# SPDX-License-Identifier: Apache-2.0
"""Every client logs in directly to the web servers: the measure that later results stand against.

A client that fails here says nothing about a load balancer.
"""

import pytest

from lab.clients import clients

BROWSERS = ("chromium", "firefox")
WITNESSES = {"kerberos": ("apache", "squid"), "ntlm": ("squid",)}


def cases():
    for client, scheme in clients.pairs():
        for kind in WITNESSES[scheme]:
            yield client, scheme, kind, "https"
            # libsoup keeps Kerberos to TLS; a browser takes seconds, and TLS is the harder case.
            if client not in BROWSERS and (client, scheme) != ("libsoup", "kerberos"):
                yield client, scheme, kind, "http"


def pairs_with(scheme):
    return [client for client, s in clients.pairs() if s == scheme]


@pytest.mark.parametrize("client,scheme,kind,transport", cases())
def test_client_logs_in(login, target, client, scheme, kind, transport):
    # Another person and server on plain HTTP, so that a fixed answer could not pass.
    person, server = ("alice", "iis1") if transport == "https" else ("bob", "iis2")
    report = login(client, target(kind, server, transport), person, scheme)
    answers = report["requests"]
    assert report["error"] is None
    assert len(answers) >= (12 if client in BROWSERS else 3)
    assert {(a["status"], a["person"], a["server"]) for a in answers} == {(200, person, server)}
    posts = [answer for answer in answers if answer["method"] == "POST"]
    assert posts and all(post["body_intact"] for post in posts)


@pytest.mark.parametrize("client", pairs_with("ntlm"))
def test_wrong_password_is_refused(login, target, client):
    report = login(client, target("squid"), "alice", "ntlm", password="Wrong-Pw1!")
    assert report["status"] in refusals(client)
    assert not any(entry["person"] for entry in report["requests"])


@pytest.mark.parametrize("client", pairs_with("kerberos"))
def test_without_a_ticket_is_refused(login, target, client):
    report = login(client, target("apache"), "alice", "kerberos", ccache="FILE:/nonexistent")
    assert report["status"] in refusals(client)
    assert not any(entry["person"] for entry in report["requests"])


def refusals(client):
    # 0: a browser may give up without handing the 401 to the program that drives it.
    return (401, 0) if client in BROWSERS else (401,)
