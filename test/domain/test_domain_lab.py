# SPDX-License-Identifier: Apache-2.0
"""The domain itself: its services answer, and it leaves the host as it found it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.domain import names
from lab.domain.domain import Domain

ROOT = Path(__file__).resolve().parents[2]
HOST_PATHS = ("/etc/hosts", "/etc/resolv.conf", "/etc/krb5.conf", "/etc/samba", "/var/lib/samba",
              "/var/log/samba", "/var/cache/samba", "/run/samba", "/dev/shm")


def test_everyone_can_log_in(domain):
    for person in names.PEOPLE:
        assert Path(domain.ticket(person).removeprefix("FILE:")).stat().st_size > 0


def test_wrong_password_gets_no_ticket(domain):
    done = domain.run(["kinit", "-c", "FILE:/tmp/none", "alice@EXAMPLE.TEST"], input="wrong\n")
    assert done.returncode != 0
    assert "Password incorrect" in done.stderr


@pytest.mark.parametrize("spn", names.SERVICE_SPNS)
def test_service_tickets_are_aes(domain, spn):
    env = {"KRB5CCNAME": domain.ticket("alice")}
    assert domain.run(["kvno", spn], env=env).returncode == 0
    listing = domain.run(["klist", "-e"], env=env).stdout
    entry = listing[listing.index(spn):]
    assert "aes256-cts-hmac-sha1-96" in entry.split("HTTP/")[1]


def test_unknown_service_is_refused(domain):
    done = domain.run(["kvno", "HTTP/other.example.test"],
                      env={"KRB5CCNAME": domain.ticket("alice")})
    assert done.returncode != 0
    assert "not found in Kerberos database" in done.stderr


@pytest.mark.parametrize("name", ["dc1", "iis1", "iis2", "lb"])
def test_dns_knows_the_hosts(domain, name):
    done = domain.run(["/usr/bin/python3", "-c", QUERY_DNS, names.fqdn(name)])
    assert done.stdout.strip() == names.ADDRESSES[name]


# A bare A query: the hosts file must not be what answers.
QUERY_DNS = f"""
import socket, sys
labels = b"".join(bytes([len(l)]) + l.encode() for l in sys.argv[1].split(".")) + bytes(1)
query = bytes.fromhex("1234 0100 0001 0000 0000 0000") + labels + bytes.fromhex("0001 0001")
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.settimeout(5)
udp.sendto(query, ("{names.ADDRESSES["dc1"]}", 53))
answer = udp.recv(512)
at = answer.find(bytes.fromhex("0001 0001"), len(query) - 2)
print(socket.inet_ntoa(answer[at + 10:at + 14]))
"""


def test_ldap_shows_who_owns_the_names(domain):
    done = domain.run(["ldapsearch", "-N", "-Q", "-Y", "GSSAPI", "-LLL", "-o", "ldif-wrap=no",
                       "-H", "ldap://dc1.example.test", "-b", "DC=example,DC=test",
                       "(servicePrincipalName=HTTP/*)", "sAMAccountName", "servicePrincipalName"],
                      env={"KRB5CCNAME": domain.ticket("alice")})
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("sAMAccountName")] == [
        f"sAMAccountName: {names.SERVICE}"]
    assert {line.split(": ")[1] for line in lines if line.startswith("servicePrincipalName")} == \
        set(names.SERVICE_SPNS)


def test_names_can_be_pointed_elsewhere_and_back(domain):
    def address():
        return domain.run(["getent", "hosts", "iis1.example.test"]).stdout.split(" ")[0]

    domain.point(iis1=names.ADDRESSES["lb"])
    try:
        assert address() == names.ADDRESSES["lb"]
    finally:
        domain.point()
    assert address() == names.ADDRESSES["iis1"]


def test_only_loopback_exists_inside(domain):
    links = domain.run(["ip", "-o", "link"]).stdout.splitlines()
    assert len(links) == 1 and " lo: " in links[0]


def test_the_host_is_left_as_it_was():
    before = {path: fingerprint(path) for path in HOST_PATHS}
    with Domain() as other:
        other.apache("iis1")
        other.squid("iis1")
        network = os.readlink(f"/proc/{other.namespace.holder.pid}/ns/net")
        directory = other.directory
        assert living_inside(network)
    assert not living_inside(network)
    assert not directory.exists()
    assert {path: fingerprint(path) for path in HOST_PATHS} == before


def test_nothing_survives_a_caller_that_is_killed():
    program = ("import os, time\nfrom lab.domain.domain import Domain\n"
               "d = Domain(); d.start(); d.squid('iis1')\n"
               "print(os.readlink(f'/proc/{d.namespace.holder.pid}/ns/net'), d.directory)\n"
               "import sys; sys.stdout.flush(); time.sleep(600)\n")
    caller = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE,
                              text=True)
    with caller:
        network, directory = caller.stdout.readline().split()
        assert living_inside(network)
        caller.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while living_inside(network) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not living_inside(network)
    assert not Path(directory).exists()


def living_inside(network):
    """Processes in that network namespace; zombies have left it already."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/net") == network:
                found.append(int(entry))
        except OSError:
            continue
    return found


def fingerprint(path):
    """Names, sizes and times of change below a path, or None."""
    root = Path(path)
    if not root.exists():
        return None
    below = sorted(root.rglob("*")) if root.is_dir() else []
    return [(str(entry), entry.lstat().st_size, entry.lstat().st_mtime_ns)
            for entry in [root, *below]]
