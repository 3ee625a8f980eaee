# SPDX-License-Identifier: Apache-2.0
"""The web servers of the lab tie the identity to the connection, as IIS does.

If they did not, no test with them could show that a load balancer mixes people up.
"""

import pytest

from dialogue import Dialogue, NtlmHandshake, kerberos_authorization

KERBEROS_KINDS = ["apache", "squid"]
TRANSPORTS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
def connect(domain, servers):
    opened = []

    def open_one(kind, name="iis1", tls=False):
        server = servers[kind, name]
        opened.append(Dialogue(domain, server.https if tls else server.http))
        return opened[-1]

    yield open_one
    for dialogue in opened:
        dialogue.http.close()


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
@TRANSPORTS
def test_anonymous_is_refused_with_the_schemes_on_offer(connect, kind, tls):
    answer = connect(kind, tls=tls).ask()
    assert answer.status == 401
    assert answer.schemes() == {"Negotiate", "NTLM"}
    assert answer.person is None


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
@TRANSPORTS
def test_kerberos_unasked_authenticates_the_connection_and_no_other(domain, connect, kind, tls):
    alice, stranger = connect(kind, tls=tls), connect(kind, tls=tls)
    token = kerberos_authorization(domain, "alice", "iis1")
    assert [alice.ask(authorization=token).person, alice.ask().person] == ["alice", "alice"]
    assert alice.ask("POST", body=b"x" * 100_000).page["body_bytes"] == "100000"
    assert stranger.ask().status == 401
    assert alice.ask().person == "alice"


@TRANSPORTS
def test_ntlm_authenticates_the_connection_and_no_other(domain, connect, tls):
    alice, stranger = connect("squid", tls=tls), connect("squid", tls=tls)
    assert alice.ntlm_login("alice", domain.password("alice")).person == "alice"
    assert [alice.ask().person, alice.ask("POST", body=b"x").person] == ["alice", "alice"]
    assert stranger.ask().status == 401


def test_two_people_on_two_connections_keep_their_own_names(domain, connect):
    alice, bob = connect("squid"), connect("squid")
    alice.ntlm_login("alice", domain.password("alice"))
    bob.ntlm_login("bob", domain.password("bob"))
    names = [(alice.ask().person, bob.ask().person) for _ in range(20)]
    assert names == [("alice", "bob")] * 20


def test_ntlm_legs_on_two_connections_are_refused(domain, connect):
    first, second = connect("squid"), connect("squid")
    handshake = NtlmHandshake("alice", domain.password("alice"))
    challenge = first.ask(authorization=handshake.first())
    answer = second.ask(authorization=handshake.second(challenge))
    assert answer.status == 401
    assert first.ask().person is None


@pytest.mark.parametrize("person,password", [("alice", "Wrong-Pw1!"), ("nobody", "Nobody-Pw1!"),
                                             ("alice", "")])
def test_ntlm_with_wrong_secrets_is_refused(connect, person, password):
    dialogue = connect("squid")
    assert dialogue.ntlm_login(person, password).status == 401
    assert connect("squid").ask().status == 401


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
def test_a_kerberos_token_sent_twice_is_refused(domain, connect, kind):
    token = kerberos_authorization(domain, "carol", "iis1")
    assert connect(kind).ask(authorization=token).person == "carol"
    assert connect(kind).ask(authorization=token).status == 401


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
@pytest.mark.parametrize("value", ["Negotiate", "Negotiate AAAA", "Negotiate YIIB=", "Basic YTpi"])
def test_a_broken_token_is_refused(connect, kind, value):
    answer = connect(kind).ask(authorization=value)
    assert answer.status in (400, 401, 403)
    assert answer.person is None


def test_apache_offers_ntlm_but_accepts_only_kerberos(domain, connect):
    """mod_auth_gssapi names NTLM whatever it is told; tests must not send NTLM clients there."""
    answer = connect("apache").ask(
        authorization=NtlmHandshake("alice", domain.password("alice")).first())
    assert answer.status == 401
    assert not any(line.startswith("NTLM ") for line in answer.challenges)


def test_squid_keeps_the_first_identity_of_a_connection(domain, connect):
    """Why Squid detects mixed-up connections best: bob's own token does not make him bob here."""
    dialogue = connect("squid")
    alice = kerberos_authorization(domain, "alice", "iis1")
    bob = kerberos_authorization(domain, "bob", "iis1")
    assert dialogue.ask(authorization=alice).person == "alice"
    assert dialogue.ask(authorization=bob).person == "alice"


def test_squid_takes_the_name_only_from_the_login(domain, servers):
    """The header Squid hands the name on in cannot be forged by a client."""
    done = domain.run(["curl", "-s", "--ntlm", "-u", f"EXAMPLE\\alice:{domain.password('alice')}",
                       "-H", "X-Lab-Person: bob", servers["squid", "iis1"].http + "/"])
    assert "person: alice\n" in done.stdout
    forged = domain.run(["curl", "-s", "-H", "X-Lab-Person: bob",
                         servers["squid", "iis1"].http + "/healthz"])
    assert "person: \n" in forged.stdout


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
def test_health_page_needs_no_login(domain, servers, kind):
    done = domain.run(["curl", "-s", "-w", "%{http_code}", servers[kind, "iis2"].http + "/healthz"])
    assert done.stdout.endswith("200")
    assert "server: iis2\n" in done.stdout


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
@pytest.mark.parametrize("name", ["iis1", "iis2"])
def test_each_server_names_itself(domain, connect, kind, name):
    answer = connect(kind, name).ask(authorization=kerberos_authorization(domain, "bob", name))
    assert (answer.person, answer.server) == ("bob", name)


@pytest.mark.parametrize("kind", KERBEROS_KINDS)
def test_a_ticket_for_the_public_name_opens_each_server(domain, connect, kind):
    """All names belong to one account, so passthrough of the public name can work."""
    for name in ("iis1", "iis2"):
        token = kerberos_authorization(domain, "alice", "lb")
        assert connect(kind, name).ask(authorization=token).person == "alice"
