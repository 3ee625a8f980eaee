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
    report = login(client, target(kind, "iis1", transport), "alice", scheme)
    assert report["error"] is None
    assert [entry["status"] for entry in report["requests"]] == [200] * len(report["requests"])
    assert {entry["person"] for entry in report["requests"]} == {"alice"}
    assert {entry["server"] for entry in report["requests"]} == {"iis1"}


@pytest.mark.parametrize("client,scheme", clients.pairs())
def test_client_makes_several_requests_and_posts_arrive_whole(login, target, client, scheme):
    report = login(client, target(WITNESSES[scheme][0], "iis2"), "bob", scheme)
    posts = [entry for entry in report["requests"] if entry["method"] == "POST"]
    assert len(report["requests"]) >= (12 if client in BROWSERS else 3)
    assert posts and all(entry["body_intact"] for entry in posts)
    assert (report["person"], report["server"]) == ("bob", "iis2")


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
