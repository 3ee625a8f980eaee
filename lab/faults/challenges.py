# SPDX-License-Identifier: Apache-2.0
# Stages where no challenge, or a wrong one, comes: the first answer already tells.
"""No or wrong challenge (rows 1 to 10)."""

from lab.faults.registry import fault

OFFERS = ["Negotiate", "NTLM"]


@fault("anonymous", "anonymous_enabled", rows=(1,))
def _(s):
    """anonymous authentication is enabled on the nodes"""
    s.nodes(no_auth=["/"])
    s.handfast("passthrough")
    s.prove("200 without credentials", s.ask().status == 200)


@fault("challenge-stripped", "challenge_stripped", rows=(2,))
def _(s):
    """HAProxy removes WWW-Authenticate from the 401"""
    s.nodes()
    s.haproxy(front=["http-response del-header WWW-Authenticate if { status 401 }"])
    answer = s.ask()
    s.prove("401 without a challenge", (answer.status, answer.all("WWW-Authenticate")) == (401, []))
    s.prove("the node offers both", s.ask("iis1").all("WWW-Authenticate") == OFFERS)


@fault("page-replaced", "challenge_stripped", rows=(2,))
def _(s):
    """HAProxy answers every 401 with an error page of its own"""
    s.nodes()
    s.haproxy(front=['http-response return status 401 content-type text/html string '
                     '"<html><body>Please call the help desk.</body></html>" if { status 401 }'])
    answer = s.ask()
    s.prove("its own page, no challenge",
            b"help desk" in answer.body and not answer.all("WWW-Authenticate"))


@fault("networks-kept-out", "front_refuses")
def _(s):
    """HAProxy lets in other networks than this one"""
    s.nodes()
    s.haproxy(front=["http-request deny deny_status 403 unless { src 10.20.0.0/16 }"])
    s.prove("403 from the balancer", s.ask().status == 403)
    s.prove("the node offers both", s.ask("iis1").all("WWW-Authenticate") == OFFERS)


@fault("path-not-routed", "front_refuses")
def _(s):
    """Handfast has a route for another path only"""
    s.nodes()
    s.handfast(path="/portal")
    s.prove("404 from the balancer", s.ask().status == 404)
    s.prove("401 where it has a route", s.ask(path="/portal").status == 401)


@fault("basic-only", "windows_auth_off", rows=(3,))
def _(s):
    """Windows authentication is off, Basic is on"""
    s.nodes(logon="basic")
    s.handfast("passthrough")
    s.prove("only Basic", s.ask().all("WWW-Authenticate") == ['Basic realm="intranet"'])


@fault("forms-login", "windows_auth_off", rows=(3,))
def _(s):
    """Windows authentication is off, a login form is shown"""
    s.nodes(logon="forms")
    s.handfast("passthrough")
    s.prove("a redirect to a form", "/login.aspx" in s.ask().one("Location"))


@fault("only-ntlm", "only_ntlm", rows=(4,))
def _(s):
    """the provider Negotiate was removed"""
    s.nodes(providers="ntlm")
    s.handfast("passthrough")
    s.prove("only NTLM", s.ask().all("WWW-Authenticate") == ["NTLM"])


@fault("only-negotiate", "only_negotiate", rows=(5,),
       accounts=("delprinc -force HTTP/lb.example.test",))
def _(s):
    """the provider NTLM was removed, and there is no ticket to be had"""
    s.nodes(providers="negotiate", users=None)
    s.handfast("passthrough")
    s.prove("only Negotiate", s.ask().all("WWW-Authenticate") == ["Negotiate"])
    s.prove("no ticket", "not found in Kerberos database" in s.ticket())


@fault("only-negotiate-works", "only_negotiate", rows=(5,), note=True)
def _(s):
    """the provider NTLM was removed; who has a ticket gets in"""
    s.nodes(providers="negotiate")
    s.handfast("passthrough")
    s.prove("only Negotiate", s.ask().all("WWW-Authenticate") == ["Negotiate"])
    s.prove("Kerberos logs in", s.kerberos() == 200)


@fault("providers-reversed", "providers_reversed", rows=(6,))
def _(s):
    """NTLM stands before Negotiate"""
    s.nodes(providers="ntlm,negotiate")
    s.handfast("passthrough")
    s.prove("NTLM first", s.ask().all("WWW-Authenticate") == ["NTLM", "Negotiate"])


@fault("challenges-merged", "challenges_merged", rows=(7,))
def _(s):
    """HAProxy joins the challenges into one line"""
    s.nodes()
    bare = "{ status 401 } { res.hdr(WWW-Authenticate) -m str NTLM }"
    s.haproxy(front=[f'http-response set-header WWW-Authenticate "Negotiate, NTLM" if {bare}'])
    s.prove("one line", s.ask().all("WWW-Authenticate") == ["Negotiate, NTLM"])
    s.prove("NTLM still logs in", s.ntlm() == 200)


@fault("ssl-required", "ssl_required", rows=(8,))
def _(s):
    """the site requires SSL, HAProxy takes it away"""
    s.nodes(require_tls=True)
    s.haproxy(plain=True)
    answer = s.ask()
    s.prove("403.4", answer.status == 403 and b"403.4" in answer.body)


@fault("http-links", "http_links", rows=(9,))
def _(s):
    """the application redirects to http:// because HAProxy does not tell it of TLS"""
    s.nodes(http_links=True)
    s.haproxy(plain=True)
    s.prove("to http://", s.ask().one("Location").startswith("http://lb.example.test"))


@fault("redirect-loop", "http_links", rows=(9,))
def _(s):
    """the application redirects to https:// for ever because HAProxy does not tell it of TLS"""
    s.nodes(redirect_to_tls=True)
    s.haproxy(plain=True)
    s.prove("to where one is already", s.ask().one("Location") == "https://lb.example.test/")


@fault("host-rewritten", "host_rewritten", rows=(10,))
def _(s):
    """HAProxy rewrites Host to a name no site is bound to"""
    s.nodes(host=["lb.example.test"])
    s.haproxy(back=["http-request set-header Host web-farm.internal"])
    answer = s.ask()
    s.prove("http.sys refuses the name",
            answer.status == 400 and "HTTPAPI" in answer.one("Server"))
    s.prove("the node knows the site's name", s.ask("iis1").status == 401)


@fault("host-rewritten-nginx", "host_rewritten", rows=(10,))
def _(s):
    """nginx sends the upstream's name as Host"""
    s.nodes(host=["lb.example.test"])
    s.nginx(location=["proxy_set_header Host $proxy_host;"])
    s.prove("http.sys refuses the name", b"Invalid Hostname" in s.ask().body)


@fault("one-node-differs", "node_differs")
def _(s):
    """one node of two offers only Negotiate"""
    s.nodes(iis2={"providers": "negotiate"})
    s.handfast("passthrough")
    s.prove("iis2 differs", s.ask("iis2").all("WWW-Authenticate") == ["Negotiate"]
            and s.ask("iis1").all("WWW-Authenticate") == OFFERS)


@fault("one-node-anonymous", "node_differs")
def _(s):
    """one node of two lets everybody in"""
    s.nodes(iis2={"no_auth": ["/"]})
    s.handfast("passthrough")
    s.prove("iis2 differs", (s.ask("iis1").status, s.ask("iis2").status) == (401, 200))
