# SPDX-License-Identifier: Apache-2.0
# Extended Protection, measured: stand-ins for IIS in every setting, Handfast in every way before them, clients that say
# four different things about their channel, by NTLM and by Kerberos. Says what happened; what should is told apart.
"""with Domain() as domain: measured = measure(domain)"""

import base64
import hashlib
import json
import os
import ssl
import subprocess
import time
from typing import NamedTuple

import gssapi
from authority import Leaf  # of the embedded lab
from gssapi.raw import ChannelBindings

from lab.balancer import Balancer, binary
from lab.embedded.domain import password
from lab.people import ntlm
from lab.people.logins import SPNEGO, NtlmLogin, Person
from lab.people.web import Connection, Target

PATIENCE_S = 20
HOSTS = ("lb.example.test", "iis1.example.test", "iis2.example.test")
SPNS = [f"HTTP/{host}" for host in HOSTS]
# How a server is set, as on IIS; then the column of the documented table it belongs to.
SETTINGS = {
    "none": ({}, "none"),
    "allow": ({"extended_protection": "allow"}, "enforced"),
    "require": ({"extended_protection": "require"}, "enforced"),
    "allow-proxy": ({"extended_protection": "allow", "proxy": True, "spn": SPNS}, "proxy"),
    "require-proxy": ({"extended_protection": "require", "proxy": True, "spn": SPNS}, "proxy"),
    "require-cohosting": (
        {"extended_protection": "require", "proxy": True, "proxy_cohosting": True, "spn": SPNS}, "cohosting"),
}
# What a client says of its channel: bound to the certificate it was shown, bound to another, that it knows of bindings
# and has no channel, or nothing.
CLIENTS = ("matching", "different", "empty", "silent")
SCHEMES = ("ntlm", "kerberos")


class Way(NamedTuple):
    """How clients come and where they are taken. `spn_host`: whose service they ask for."""

    site: str
    pool: str  # its name begins so
    spn_host: str
    host: str = ""  # empty: spn_host
    path: str = ""  # begins so
    tls: bool = True
    ciphers: str = ""  # to be shown one certificate of two

    def windows(self):
        """What Windows clients say on this way: in clear, that there is no channel."""
        return "matching" if self.tls else "empty"


ECDSA, RSA = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"
WAYS = {
    "passthrough": Way("pass-", "encrypted-", HOSTS[0], host="{}.pass.example.test"),
    "forward, same certificate": Way("same", "encrypted-", HOSTS[0]),
    "forward, another certificate": Way("different", "encrypted-", HOSTS[2]),
    "forward, one of two, the server's": Way("both", "encrypted-", HOSTS[1], ciphers=ECDSA),
    "forward, one of two, the other": Way("both", "encrypted-", HOSTS[1], ciphers=RSA),
    "forward, plain HTTP to the server": Way("same", "plain-", HOSTS[0], path="plain-"),
    "clients on plain HTTP, too": Way("same", "plain-", HOSTS[0], path="plain-", tls=False),
    "clients on plain HTTP, TLS to the server": Way("same", "encrypted-", HOSTS[0], tls=False),
}


class Cell(NamedTuple):
    way: str
    setting: str
    scheme: str
    client: str


class Measured(NamedTuple):
    passes: dict  # Cell to True or False
    verdicts: dict  # (way, setting) to what the status says of it


# ---- the stage


def start_servers(domain):
    """One stand-in for each setting, all with one certificate."""
    domain.authority.make("farm", Leaf((*HOSTS[:2], "*.pass.example.test")))
    return {name: domain.iis(f"iis-{name}"[:15], certificate="farm", **switches)
            for name, (switches, _) in SETTINGS.items()}


def certificate(domain, name):
    pair = domain.certificate(name)
    return {"chain": pair.chain, "key": pair.key}


def routes():
    return [route for name in SETTINGS for route in ({"path": f"/{name}/", "forward": f"encrypted-{name}"},
                                                     {"path": f"/plain-{name}/", "forward": f"plain-{name}"})]


def sites(domain):
    def forwarding(name, host, *certificates, **more):
        return {"name": name, "hosts": [host], "certificates": [certificate(domain, one) for one in certificates],
                "routes": routes(), **more}

    return [forwarding("same", HOSTS[0], "farm", plain_http="serve"), forwarding("different", HOSTS[2], "iis2-ecdsa"),
            forwarding("both", HOSTS[1], "farm", "iis1-rsa"),
            *({"name": f"pass-{name}", "hosts": [f"{name}.pass.example.test"], "passthrough": f"encrypted-{name}"}
              for name in SETTINGS)]


def pools(domain, servers):
    for name, server in servers.items():
        yield {"name": f"encrypted-{name}", "tls": {"ca": domain.ca_file}, "health": {"check": "tls", "interval": "1s"},
               "servers": [{"name": HOSTS[0], "address": f"127.0.0.1:{server.https}"}]}
        yield {"name": f"plain-{name}", "health": {"check": "none"},
               "servers": [{"name": HOSTS[0], "address": f"127.0.0.1:{server.http}"}]}


def configuration(domain, servers):
    return json.dumps({
        "workers": 1, "admin": "admin.sock", "timeouts": {"drain": "4s"},
        "listeners": [{"bind": "127.0.0.1:0", "tls": True}, {"bind": "127.0.0.1:0", "tls": False}],
        "sites": sites(domain), "pools": list(pools(domain, servers))})


# ---- the clients


class Clients:
    """Alice, who logs in as she is told."""

    def __init__(self, domain):
        self.domain = domain
        self.alice = Person("alice", "EXAMPLE", password("alice"), domain.directory)
        self.plain_config = domain.path("krb5.conf")
        self.aware_config = domain.path("aware.conf")
        with open(self.plain_config, encoding="utf-8") as file:
            text = file.read()
        with open(self.aware_config, "w", encoding="utf-8") as file:
            file.write(text.replace("[libdefaults]", "[libdefaults]\n    client_aware_channel_bindings = true"))

    def log_in(self, way, setting, scheme, client, ports):
        """True when the server lets her in, False when it answers 401."""
        connection = self.connect(way, setting, ports)
        try:
            login = self.ntlm if scheme == "ntlm" else self.kerberos
            answer = login(connection, way, f"/{way.path}{setting}/", client)
        finally:
            connection.close()
        if answer.status == 200 and answer.field("person") == "alice":
            return True
        assert answer.status == 401, answer
        return False

    def connect(self, way, setting, ports):
        host = way.host.format(setting) or way.spn_host
        url = f"https://{host}:{ports[0]}" if way.tls else f"http://{host}:{ports[1]}"
        target = Target(url, "127.0.0.1", self.domain.ca_file, timeout=PATIENCE_S)
        if way.ciphers:
            target.context.maximum_version = ssl.TLSVersion.TLSv1_2
            target.context.set_ciphers(way.ciphers)
        return Connection(target)

    @staticmethod
    def shown(connection, client):
        """The certificate this client binds to: the one it was shown, or bytes that are none."""
        return connection.certificate() if client == "matching" else os.urandom(64)

    def ntlm(self, connection, way, path, client):
        binding = None
        if client == "empty":
            binding = ntlm.EMPTY_BINDING
        elif client != "silent":
            binding = ntlm.channel_binding(self.shown(connection, client))
        login = NtlmLogin(self.alice, binding=binding, spn=f"HTTP/{way.spn_host}")
        answer = connection.ask(path, login.first())
        assert answer.status == 401, answer
        return connection.ask(path, login.next(answer.token("NTLM")))

    def kerberos(self, connection, way, path, client):
        bindings = None
        if client in ("matching", "different"):
            digest = hashlib.sha256(self.shown(connection, client)).digest()
            bindings = ChannelBindings(application_data=b"tls-server-end-point:" + digest)
        os.environ["KRB5_CONFIG"] = self.aware_config if client == "empty" else self.plain_config
        try:
            context = gssapi.SecurityContext(
                name=gssapi.Name(f"HTTP@{way.spn_host}", gssapi.NameType.hostbased_service),
                creds=self.alice.credentials(), mech=SPNEGO, usage="initiate", channel_bindings=bindings,
                flags=gssapi.RequirementFlag.mutual_authentication)
            token = context.step()
        finally:
            os.environ["KRB5_CONFIG"] = self.plain_config
        return connection.ask(path, f"Negotiate {base64.b64encode(token).decode()}")


# ---- the measure


def status(balancer):
    done = subprocess.run([binary(), "status", "--json", "-s", os.path.join(balancer.directory, "admin.sock")],
                          capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    return json.loads(done.stdout)["protection"]


def known_verdicts(balancer):
    """What the status says once every certificate was seen."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = status(balancer)
        if all(one["verdict"] != "unknown" for one in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"not all certificates were seen: {found}")


def verdicts_of(found):
    verdicts = {}
    for name, way in WAYS.items():
        for setting in SETTINGS:
            site = way.site + setting if way.site.endswith("-") else way.site
            fits = [one for one in found if (one["site"], one["pool"], one["client"]) == (
                site, way.pool + setting, "tls" if way.tls else "plain")]
            assert len(fits) == 1, (name, setting, fits)
            verdicts[name, setting] = fits[0]
    return verdicts


def cells():
    for name, way in WAYS.items():
        for setting in SETTINGS:
            for scheme in SCHEMES:
                for client in CLIENTS:
                    if way.tls or client != "matching":  # in clear no certificate is shown
                        yield Cell(name, setting, scheme, client)


def measure(domain):
    servers = start_servers(domain)
    with Balancer(configuration(domain, servers), env=domain.env()) as balancer:
        clients = Clients(domain)
        verdicts = verdicts_of(known_verdicts(balancer))
        passes = {cell: clients.log_in(WAYS[cell.way], cell.setting, cell.scheme, cell.client, balancer.ports)
                  for cell in cells()}
    return Measured(passes, verdicts)
