# SPDX-License-Identifier: Apache-2.0
# Stages about certificates on both sides of a balancer and what Extended Protection makes of them.
"""Extended Protection and the two certificates (rows 14, 45 to 50)."""

from lab.faults.registry import fault


def bridge(s, front="lb-ecdsa", node="lb-rsa", **nodes):
    """Handfast ends TLS with one certificate, the nodes have another."""
    s.nodes(certificate=node, **nodes)
    s.handfast("forward", certificate=front)
    with s.talk() as front_talk, s.talk("iis1") as node_talk:
        s.prove("two certificates", front_talk.leaf() != node_talk.leaf())


def enforced(s, front="lb-ecdsa", node="lb-rsa"):
    s.prove("with the front's binding NTLM fails", s.ntlm(bind=front) == 401)
    s.prove("with the node's it does not", s.ntlm(bind=node) == 200)
    s.prove("nor directly at the node", s.ntlm("iis1", bind=node) == 200)


@fault("binding-none", "certificate_differs", rows=(45,))
def _(s):
    """another certificate in front; Extended Protection is off"""
    bridge(s)
    s.prove("NTLM logs in", s.ntlm(bind="lb-ecdsa") == 200)


@fault("binding-allow", "binding_mismatch", rows=(14, 45, 46, 47))
def _(s):
    """another certificate in front; Extended Protection is Allow"""
    bridge(s, extended_protection="allow")
    enforced(s)
    s.prove("who says nothing gets in", s.ntlm() == 200)


@fault("binding-require", "binding_mismatch", rows=(14, 45, 46))
def _(s):
    """another certificate in front; Extended Protection is Require"""
    bridge(s, extended_protection="require")
    enforced(s)
    s.prove("who says nothing does not", s.ntlm() == 401)


@fault("binding-haproxy", "binding_mismatch", rows=(14, 45))
def _(s):
    """HAProxy bridges with another certificate; Extended Protection is Require"""
    s.nodes(certificate="lb-rsa", extended_protection="require")
    s.haproxy()
    enforced(s)


@fault("binding-offload", "binding_mismatch", rows=(14, 45))
def _(s):
    """HAProxy speaks HTTP to nodes whose Extended Protection is Allow"""
    s.nodes(extended_protection="allow")
    s.haproxy(plain=True)
    s.prove("with a binding NTLM fails", s.ntlm(bind="lb-ecdsa") == 401)
    s.prove("who says nothing gets in", s.ntlm() == 200)


@fault("proxy-spn-missing", "proxy_spn_missing", rows=(50,))
def _(s):
    """flag Proxy is set, and the list of names lacks the site's"""
    bridge(s, extended_protection="require", proxy=True, spn=["HTTP/intranet.example.test"])
    login = {"bind": "lb-ecdsa"}
    s.prove("the site's name is refused", s.ntlm(spn="HTTP/lb.example.test", **login) == 401)
    s.prove("the listed name is not", s.ntlm(spn="HTTP/intranet.example.test", **login) == 200)


@fault("renewed-one-side", "certificate_renewed_on_one_side", rows=(48,))
def _(s):
    """the front's certificate was renewed, the nodes have the old one"""
    bridge(s, front="lb-ecdsa", node="lb-older")
    s.prove("NTLM logs in", s.ntlm(bind="lb-ecdsa") == 200)


@fault("renewed-one-side-require", "certificate_renewed_on_one_side", rows=(48, 14))
def _(s):
    """as before, and Extended Protection is Require"""
    bridge(s, front="lb-ecdsa", node="lb-older", extended_protection="require")
    enforced(s, node="lb-older")


@fault("dual-certificates", "dual_certificates", rows=(49,))
def _(s):
    """the front has an RSA and an ECDSA certificate, the nodes only the latter"""
    s.nodes()
    s.handfast("forward", certificates=("lb-ecdsa", "lb-rsa"))
    rsa = s.run("openssl", "s_client", "-connect", "127.0.0.30:443", "-servername",
                "lb.example.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256",
                stdin=None, input="")
    s.prove("an RSA one too", "Cipher is ECDHE-RSA" in rsa)


@fault("no-name-certificate", "no_name_certificate_differs", rows=(49, 54))
def _(s):
    """whoever sends no server name gets another certificate"""
    s.nodes()
    s.haproxy(crt=s.stem("other-name") + ".both crt " + s.stem("lb-ecdsa") + ".both")
    with s.talk(name=None) as without, s.talk() as named:
        s.prove("two certificates", without.leaf() != named.leaf())
        s.prove("the right one by name", named.leaf() == s.base.leaf("lb-ecdsa"))


@fault("sni-missing", "sni_missing", rows=(54,))
def _(s):
    """HAProxy sends no server name to nodes that answer by name only"""
    s.nodes(sni_name="lb.example.test")
    s.haproxy(sni=False)
    s.prove("503", s.ask().status == 503)
    s.prove("the node is fine by name", s.ask("iis1").status == 401)


@fault("sni-missing-default", "sni_missing", rows=(54,))
def _(s):
    """HAProxy sends no server name, and the nodes' default certificate is another's"""
    other = s.stem("other-name")
    s.nodes(no_name_cert=f"{other}.pem", no_name_key=f"{other}.key",
            extended_protection="allow", host=["lb.example.test"])
    s.haproxy(sni=False, server="verifyhost lb.example.test")
    s.prove("503", s.ask().status == 503)
    s.prove("the node is fine by name", s.ask("iis1").status == 401)
