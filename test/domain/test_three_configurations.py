# SPDX-License-Identifier: Apache-2.0
"""Every client logs in through Handfast, in every configuration, as the person it is.

One Handfast at a time stands at lb.example.test:443, before both web servers of one kind. What the
same clients do without it is in test_clients_direct.py.
"""

from dataclasses import dataclass

import pytest

from dialogue import Dialogue, kerberos_authorization
from lab.clients import clients
from lab.domain import names
from test_clients_direct import BROWSERS

PUBLIC = "https://lb.example.test"
LISTENER = f"{names.ADDRESSES['lb']}:443"
SERVER_NAMES = ("iis1", "iis2")


# The configurations: functions from the lab to the text of handfast.yaml.

def passthrough(domain, servers):
    return f"""
listeners:
  - bind: "{LISTENER}"
sites:
  - name: portal
    hosts: [lb.example.test]
    passthrough: web
pools:
{pool("web", servers, "tls")}"""


def forward_tls(domain, servers):
    return f"""
listeners:
  - bind: "{LISTENER}"
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{certificate(domain)}]
    routes:
      - {{path: /, forward: web}}
pools:
{pool("web", servers, "tls")}
    tls: {{ca: "{domain.ca}"}}
"""


def forward_plain(domain, servers):
    return f"""
listeners:
  - bind: "{LISTENER}"
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{certificate(domain)}]
    routes:
      - {{path: /, forward: web}}
pools:
{pool("web", servers, "plain")}"""


def redirect(domain, servers):
    return f"""
listeners:
  - bind: "{LISTENER}"
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{certificate(domain)}]
    routes:
      - {{path: /, redirect: web}}
  - name: nodes
    hosts: [iis1.example.test, iis2.example.test]
    passthrough: web
pools:
{pool("web", servers, "tls")}"""


def certificate(domain):
    chain, key = domain.certificate("lb", "ecdsa")
    return f'{{chain: "{chain}", key: "{key}"}}'


def pool(name, servers, door):
    lines = [f"  - name: {name}", "    servers:"]
    lines += [f'      - {{name: {names.fqdn(server.name)}, address: "{getattr(server, door)}"}}'
              for server in servers]
    return "\n".join(lines)


CONFIGURATIONS = {f.__name__: f for f in (passthrough, forward_tls, forward_plain, redirect)}


@dataclass
class Front:
    """A running Handfast and what it stands before."""

    configuration: str
    kind: str
    handfast: object

    def explain(self, report):
        return f"{report}\n--- handfast\n{self.handfast.log()[-3000:]}"


class Fronts:
    """The Handfast in use; another one takes its place when a test wants another configuration."""

    def __init__(self, domain, servers, serve):
        self.domain = domain
        self.servers = servers
        self.serve = serve
        self.current = None

    def choose(self, configuration, kind):
        if (self.current is None
                or (self.current.configuration, self.current.kind) != (configuration, kind)):
            self.stop()
            self.current = self.start(configuration, kind)
        return self.current

    def start(self, configuration, kind):
        behind = [self.servers[kind, name] for name in SERVER_NAMES]
        if configuration == "redirect":
            # The names a client is sent to lead to Handfast again.
            self.domain.point(**{name: names.ADDRESSES["lb"] for name in SERVER_NAMES})
        handfast = self.serve(CONFIGURATIONS[configuration](self.domain, behind))
        return Front(configuration, kind, handfast)

    def stop(self):
        self.domain.point()
        if self.current:
            ended, self.current = self.current, None
            ended.handfast.stop()


@pytest.fixture(scope="module")
def fronts(handfast_binary, domain, servers, serve):
    owner = Fronts(domain, servers, serve)
    yield owner
    owner.stop()


@pytest.fixture
def front(request, fronts):
    return fronts.choose(*request.param)


def logins():
    """(front, client, scheme): Kerberos before Apache and Squid, NTLM before Squid."""
    for configuration in CONFIGURATIONS:
        for client, scheme in clients.pairs():
            if scheme == "kerberos":
                yield (configuration, "apache"), client, scheme
        for client, scheme in clients.pairs():
            # A browser takes seconds, and has logged in by Kerberos before Apache already.
            if scheme == "ntlm" or client not in BROWSERS:
                yield (configuration, "squid"), client, scheme


def with_scheme(scheme):
    kind = "apache" if scheme == "kerberos" else "squid"
    return [((configuration, kind), client) for configuration in CONFIGURATIONS
            for client, other in clients.pairs() if other == scheme and client not in BROWSERS]


each_front = pytest.mark.parametrize(
    "front", [(configuration, "squid") for configuration in CONFIGURATIONS], indirect=True,
    ids="-".join)


def front_id(value):
    return "-".join(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("front,client,scheme", logins(), indirect=["front"], ids=front_id)
def test_the_person_who_logs_in_is_the_person_served(front, login, client, scheme):
    report = login(client, PUBLIC + "/", "alice", scheme)
    assert report["error"] is None, front.explain(report)
    assert {entry["status"] for entry in report["requests"]} == {200}, front.explain(report)
    assert {entry["person"] for entry in report["requests"]} == {"alice"}, front.explain(report)
    for entry in report["requests"]:
        assert entry["server"] in SERVER_NAMES
        assert entry.get("body_intact", True), front.explain(report)
        if front.configuration == "redirect":
            assert entry["url"].startswith(f"https://{names.fqdn(entry['server'])}/")
        else:
            assert entry["url"].startswith(PUBLIC)


def assert_nobody_is_served(report, front):
    """Refused by a 401, or the client gave up on its own after one (it says so in "error")."""
    assert report["status"] == 401 or report["error"], front.explain(report)
    assert not any(entry["person"] for entry in report["requests"]), front.explain(report)
    assert 200 not in {entry["status"] for entry in report["requests"]}, front.explain(report)


@pytest.mark.parametrize("front,client", with_scheme("ntlm"), indirect=["front"], ids=front_id)
def test_a_wrong_password_is_refused(front, login, client):
    report = login(client, PUBLIC + "/", "alice", "ntlm", password="Wrong-Pw1!")
    assert_nobody_is_served(report, front)


@pytest.mark.parametrize("front,client", with_scheme("kerberos"), indirect=["front"],
                         ids=front_id)
def test_without_a_ticket_is_refused(front, login, client):
    report = login(client, PUBLIC + "/", "alice", "kerberos", ccache="FILE:/nonexistent")
    assert_nobody_is_served(report, front)


@each_front
def test_many_people_at_once_keep_their_own_names(front, domain):
    """Ten by NTLM, ten by Kerberos unasked, and strangers between them, request by request."""
    if front.configuration == "redirect":
        address, name = "https://iis1.example.test", "iis1"
    else:
        address, name = PUBLIC, "lb"
    people = names.PEOPLE[:20]
    connections = {person: Dialogue(domain, address, through="lb") for person in people}
    strangers = [Dialogue(domain, address, through="lb") for _ in range(5)]
    for index, person in enumerate(people):
        if index % 2:
            answer = connections[person].ntlm_login(person, domain.password(person))
        else:
            answer = connections[person].ask(
                authorization=kerberos_authorization(domain, person, name))
        assert answer.person == person, front.handfast.log()[-4000:]
    for _ in range(10):
        assert {person: connections[person].ask().person for person in people} == {
            person: person for person in people}
        assert [stranger.ask().status for stranger in strangers] == [401] * 5
    for index, person in enumerate(people[:10]):
        connections[person].http.close()
        late = Dialogue(domain, address, through="lb")
        assert late.ask().status == 401
        assert connections[people[10 + index]].ask().person == people[10 + index]
        late.http.close()
    for dialogue in [*connections.values(), *strangers]:
        dialogue.http.close()
