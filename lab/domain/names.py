# SPDX-License-Identifier: Apache-2.0
"""The cast of the lab domain: who is in it, what the hosts are called, which secrets they have.

Only facts, no behaviour. The snapshot is rebuilt whenever this file changes. The passwords guard
nothing: the domain exists only inside a private network namespace and dies with it.
"""

REALM = "EXAMPLE.TEST"
DOMAIN = "EXAMPLE"
DNS_DOMAIN = "example.test"

ADDRESSES = {
    "dc1": "127.0.0.10",
    "iis1": "127.0.0.21",
    "iis2": "127.0.0.22",
    "lb": "127.0.0.30",
}

PEOPLE = ["alice", "bob", "carol"] + [f"person{number:02d}" for number in range(1, 51)]

# One account owns the HTTP names of every web server, as a load-balanced IIS farm needs it.
SERVICE = "svc-iis"
SERVICE_SPNS = [f"HTTP/{name}.{DNS_DOMAIN}" for name in ("lb", "iis1", "iis2")]

ADMIN_PASSWORD = "Admin-Pw1!lab"
SERVICE_PASSWORD = "Svc-Iis-Pw1!lab"

# Certificates: every web server's covers its own name and the public one, because passthrough
# shows the server's certificate to clients that asked for the public name.
CERTIFICATE_NAMES = {
    "lb": ["lb"],
    "iis1": ["iis1", "lb"],
    "iis2": ["iis2", "lb"],
    "dc1": ["dc1"],
}


def fqdn(name):
    """'iis1' -> 'iis1.example.test'."""
    return f"{name}.{DNS_DOMAIN}"


def password(person):
    """The password of a person: 'alice' -> 'Alice-Pw1!'."""
    return f"{person.capitalize()}-Pw1!"
