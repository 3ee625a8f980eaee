# SPDX-License-Identifier: Apache-2.0
# What became of logins of real clients (curl, requests-ntlm) at the stand-in for IIS, through
# Handfast: the record of each has the right verdict.
import json
import os
import subprocess

import pytest

from lab.balancer import Balancer
from lab.embedded.domain import password

LB = "lb.example.test"
NODE = "iis1.example.test"
RIGHT = f"EXAMPLE\\alice:{password('alice')}"
WRONG = "EXAMPLE\\alice:not-this-one"

# requests-ntlm binds its login to the certificate it was shown; every name is this machine.
REQUESTS_NTLM = """
import socket, sys
import requests
from cryptography.hazmat.backends import default_backend
from requests_ntlm import HttpNtlmAuth

default_backend()  # MD4
known = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **options: known("127.0.0.1", *more, **options)
url, ca, person, password = sys.argv[1:]
with requests.Session() as session:
    session.trust_env, session.verify = False, ca
    session.auth = HttpNtlmAuth(person, password)
    print(session.get(url, timeout=20).status_code)
"""


def certificate(lab, name):
    pair = lab.certificate(name)
    return {"chain": pair.chain, "key": pair.key}


@pytest.fixture
def front(lab):
    """Makes a Handfast before one server; it shows a certificate of its own, or the named one."""
    made = []

    def make(server, tls=True, shows="wildcard-ecdsa"):
        pool = {"name": "intranet", "health": {"check": "none"}, "servers": [
            {"name": NODE, "address": f"127.0.0.1:{server.https if tls else server.http}"}]}
        if tls:
            pool["tls"] = {"ca": lab.ca_file}
        made.append(Balancer(json.dumps({
            "workers": 1,
            "listeners": [{"bind": "127.0.0.1:0", "tls": True}],
            "sites": [{"name": "portal", "hosts": [LB, NODE], "certificates": [certificate(lab, shows)],
                       "routes": [{"path": "/", "forward": "intranet"}]}],
            "pools": [pool],
        })))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        one.__exit__(None)


def url(balancer, host=LB):
    return f"https://{host}:{balancer.ports[0]}/"


def record(balancer):
    """The record of the last login, which must be the only one since the stage was made."""
    line = balancer.wait_for_log(lambda line: line.get("what") == "login", 10)
    assert len(balancer.log("login")) == 1
    return line


def curl(lab, balancer, *arguments, host=LB, **options):
    done = lab.curl(url(balancer, host), "-o", os.devnull, "-w", "%{http_code}", *arguments, **options)
    return done.stdout.decode()


def requests_ntlm(lab, balancer, secret):
    done = subprocess.run(
        ["/usr/bin/python3", "-c", REQUESTS_NTLM, url(balancer), lab.ca_file, "EXAMPLE\\alice", secret],
        capture_output=True, text=True, timeout=60, check=False, env=lab.env())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_kerberos(lab, plain, front):
    balancer = front(plain)
    assert curl(lab, balancer, "--negotiate", "-u", ":", person="alice") == "200"
    line = record(balancer)
    assert line["verdict"] == "success" and "remarks" not in line
    assert line["scheme"] == "kerberos" and line["spn"] == f"HTTP/{LB}" and line["etype"] == 18
    assert line["realm"] == "EXAMPLE.TEST" and "user" not in line


def test_ntlm(lab, plain, front):
    balancer = front(plain, tls=False)
    assert curl(lab, balancer, "--ntlm", "-u", RIGHT) == "200"
    line = record(balancer)
    assert line["verdict"] == "success" and (line["user"], line["user_is"]) == ("alice", "authenticated")
    assert [one["sent"] for one in line["legs"]] == ["type1", "type3"]
    assert line["server_name"] == NODE and abs(line["skew_s"]) < 60


def test_wrong_password(lab, plain, front):
    balancer = front(plain)
    assert curl(lab, balancer, "--ntlm", "-u", WRONG) == "401"
    line = record(balancer)
    assert line["verdict"] == "wrong_credentials" and line["user_is"] == "claimed"


def test_nothing_sent(lab, plain, front):
    balancer = front(plain)
    assert curl(lab, balancer) == "401"
    line = record(balancer)
    assert line["verdict"] == "no_credentials" and line["offered"] == ["ntlm", "negotiate"]


def test_a_ticket_for_the_server_that_it_takes(lab, plain, front):
    """As with an alias (CNAME) for the site: the client asks for the name behind it."""
    balancer = front(plain)
    assert curl(lab, balancer, "--negotiate", "-u", ":", "-H", f"Host: {LB}", host=NODE, person="alice") == "200"
    line = record(balancer)
    assert line["verdict"] == "success" and line["remarks"] == ["name_of_server"]


@pytest.mark.parametrize("says_why", [False, True])
def test_a_ticket_for_the_server_that_it_refuses(lab, server, front, says_why):
    balancer = front(server(keytab="lb", kerberos_errors=says_why))
    assert curl(lab, balancer, "--negotiate", "-u", ":", "-H", f"Host: {LB}", host=NODE, person="alice") == "401"
    line = record(balancer)
    assert line["verdict"] == "name_of_server" and line["spn"] == f"HTTP/{NODE}"
    assert ("krb_error" in line) == says_why


def test_a_ticket_for_the_site_under_another_account(lab, server, front):
    balancer = front(server(keytab="iis1", kerberos_errors=True))
    assert curl(lab, balancer, "--negotiate", "-u", ":", person="alice") == "401"
    line = record(balancer)
    assert (line["verdict"], line["krb_error"]) == ("krb_wrong_service", 35)  # KRB_AP_ERR_NOT_US


def test_extended_protection_refuses_another_certificate(lab, server, front):
    balancer = front(server(extended_protection="require"))
    assert requests_ntlm(lab, balancer, password("alice")) == "401"
    line = record(balancer)
    assert (line["verdict"], line["channel_binding"]) == ("binding_front", "front")


def test_extended_protection_takes_the_same_certificate(lab, server, front):
    balancer = front(server(extended_protection="require", certificate="wildcard-ecdsa"))
    assert requests_ntlm(lab, balancer, password("alice")) == "200"
    line = record(balancer)
    assert (line["verdict"], line["channel_binding"]) == ("success", "both")


def test_a_wrong_password_under_extended_protection(lab, server, front):
    balancer = front(server(extended_protection="require", certificate="wildcard-ecdsa"))
    assert requests_ntlm(lab, balancer, "not-this-one") == "401"
    line = record(balancer)
    assert (line["verdict"], line["channel_binding"]) == ("wrong_credentials", "both")


def test_a_client_that_says_nothing_where_binding_is_required(lab, server, front):
    """curl's own NTLM knows no binding: the verdict cannot tell that from a wrong password, and says so."""
    balancer = front(server(extended_protection="require", certificate="wildcard-ecdsa"))
    assert curl(lab, balancer, "--ntlm", "-u", RIGHT) == "401"
    line = record(balancer)
    assert line["verdict"] == "wrong_credentials" and line["remarks"] == ["binding_absent"]
