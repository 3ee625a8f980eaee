# SPDX-License-Identifier: Apache-2.0
# Stages where nothing is wrong: the doctor may say nothing heavier than a note.
"""The healthy lab, in each of the ways a user can come in."""

from lab.faults.base import ADDRESSES
from lab.faults.place import without
from lab.faults.registry import healthy

# The nodes' own names lead back to the balancer, as redirect and passthrough together need it.
THROUGH_LB = without("iis1", "iis2") + [
    f"host-record={name}.example.test,{name},{ADDRESSES['lb']}" for name in ("iis1", "iis2")]


def everybody_in(s, tls=True):
    s.prove("NTLM logs in", s.ntlm() == 200)
    s.prove("Negotiate with raw NTLM logs in", s.ntlm(scheme="Negotiate") == 200)
    s.prove("Kerberos logs in", s.kerberos() == 200)
    for name in ("iis1", "iis2"):
        s.prove(f"NTLM logs in at {name}", s.ntlm(name, port=443 if tls else 80, tls=tls) == 200)


@healthy("healthy-iis-alone")
def _(s):
    """IIS alone, no load balancer"""
    s.node("iis1", address=ADDRESSES["lb"])
    s.direct = []
    s.prove("NTLM logs in", s.ntlm() == 200)
    s.prove("Kerberos logs in", s.kerberos() == 200)


@healthy("healthy-passthrough")
def _(s):
    """Handfast, passthrough"""
    s.nodes()
    s.handfast("passthrough")
    everybody_in(s)


@healthy("healthy-forward")
def _(s):
    """Handfast, forward over TLS with the same certificate on both sides"""
    s.nodes()
    s.handfast("forward")
    everybody_in(s)


@healthy("healthy-forward-require")
def _(s):
    """Handfast, forward with the same certificate, Extended Protection required"""
    s.nodes(extended_protection="require")
    s.handfast("forward")
    s.prove("NTLM with the binding logs in", s.ntlm(bind="lb-ecdsa") == 200)
    s.prove("NTLM without a binding does not", s.ntlm() == 401)


@healthy("healthy-forward-plain")
def _(s):
    """Handfast, forward in clear to the nodes"""
    s.nodes()
    s.handfast("forward", plain=True)
    everybody_in(s, tls=False)


@healthy("healthy-redirect", records=THROUGH_LB)
def _(s):
    """Handfast, redirect to a node's own name, which is passed through"""
    s.nodes(certificate="wildcard-ecdsa")
    s.handfast("redirect", certificate="wildcard-ecdsa")
    s.prove("the front redirects to a node", ".example.test" in s.ask().one("Location"))
    s.prove("a node's own name logs in through the front", s.ntlm(name="iis1.example.test") == 200)


@healthy("healthy-haproxy-tcp")
def _(s):
    """HAProxy in TCP mode"""
    s.nodes()
    s.haproxy_tcp()
    everybody_in(s)


@healthy("healthy-haproxy-private")
def _(s):
    """HAProxy in HTTP mode with http-reuse never and balance source"""
    s.nodes()
    s.haproxy()
    everybody_in(s)


@healthy("healthy-domain", domain=True)
def _(s):
    """Handfast, passthrough, in a Samba domain, LDAP asked as well"""
    s.nodes()
    s.handfast("passthrough")
    s.options += s.place.ldap_options
    everybody_in(s)


