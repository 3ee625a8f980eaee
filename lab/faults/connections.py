# SPDX-License-Identifier: Apache-2.0
# Stages where the challenge is right and the login still fails, or succeeds as somebody else: what
# load balancers do to connections, headers and requests.
"""Connections, legs, headers and requests."""

import contextlib
import sys

from lab.faults.registry import fault

COMPUTER = 3  # AV pair: the DNS name of the computer that answers

# The first leg of NTLM as clients begin it: Unicode, NTLM, always sign, extended session security.
TYPE1 = "TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA="
BOTH_LINES = "hdr WWW-Authenticate Negotiate hdr WWW-Authenticate NTLM"


def second_leg(s, to="lb"):
    with s.talk(to) as talk:
        return talk.ntlm("alice")


def computers(s, count=2):
    """Which nodes answer a Type 1 on one connection."""
    with s.talk() as talk:
        return [talk.challenge().get(COMPUTER, b"").decode("utf-16-le") for _ in range(count)]


def ntlm_works_at_nodes(s):
    for name in ("iis1", "iis2"):
        s.prove(f"NTLM logs in at {name}", s.ntlm(name) == 200)


@fault("token-stripped", "type2_missing", rows=(11,))
def _(s):
    """HAProxy puts bare challenges in place of the Type 2"""
    s.nodes()
    token = "{ status 401 } { res.hdr(WWW-Authenticate) -m sub TlRM }"
    s.haproxy(front=[f"http-response return status 401 content-type text/html "
                     f'string "<html></html>" {BOTH_LINES} if {token}'])
    s.prove("challenges without credentials", len(s.ask().all("WWW-Authenticate")) == 2)
    s.prove("no Type 2", second_leg(s)[0].token("NTLM") is None)
    ntlm_works_at_nodes(s)


@fault("close-between-legs", "close_between_legs", rows=(12,))
def _(s):
    """HAProxy closes after every answer (option httpclose)"""
    s.nodes()
    s.haproxy(defaults=["option httpclose"])
    first, third = second_leg(s)
    s.prove("the Type 2 says close", first.token("NTLM") and first.one("Connection") == "close")
    s.prove("no answer to the Type 3", third.status == 0)
    ntlm_works_at_nodes(s)


@fault("http10", "http10", rows=(12,))
def _(s):
    """Apache speaks HTTP/1.0 to its clients (force-response-1.0)"""
    s.nodes()
    s.apache(names=["iis1"], member="disablereuse=On",
             directives=["SetEnv downgrade-1.0 1", "SetEnv force-response-1.0 1",
                         "SetEnv nokeepalive 1"])
    s.direct = s.direct[:1]
    s.prove("HTTP/1.0", s.ask().version == "HTTP/1.0")


@fault("keep-alive-off", "keep_alive_off", rows=(12,))
def _(s):
    """nginx keeps no connection (keepalive_timeout 0), and only Kerberos is offered"""
    s.nodes(providers="negotiate", kerberos="request")
    s.nginx(http=["keepalive_timeout 0;"], location=["proxy_http_version 1.1;"],
            names=["iis1"])
    s.direct = s.direct[:1]
    s.prove("close after a 401", s.ask().one("Connection") == "close")
    s.prove("Kerberos logs in", s.kerberos() == 200)


@fault("nginx-default", "balanced_per_request", rows=(13, 15))
def _(s):
    """nginx as everybody writes it: each request goes to the next node"""
    s.nodes()
    s.nginx()
    s.prove("two nodes on one connection", len(set(computers(s))) == 2)
    s.prove("NTLM fails", s.ntlm() == 401)
    ntlm_works_at_nodes(s)


@fault("nginx-keepalive", "identity_mixed", rows=(13, 15, 21))
def _(s):
    """nginx with keepalive before two nodes: the next request has whoever logged in there"""
    s.nodes()
    s.nginx(upstream=["keepalive 32;"], location=["proxy_http_version 1.1;",
                                                  'proxy_set_header Connection "";'])
    s.prove("two nodes on one connection", len(set(computers(s))) == 2)
    s.prove("nobody is alice", nobody_is_alice(s))
    ntlm_works_at_nodes(s)


@fault("haproxy-server-close", "balanced_per_request", rows=(13,))
def _(s):
    """HAProxy closes towards the node after every request and takes the next (http-server-close)"""
    s.nodes()
    s.haproxy(defaults=["option http-server-close"], balance="roundrobin")
    s.prove("two nodes on one connection", len(set(computers(s))) == 2)
    s.prove("NTLM fails", s.ntlm() == 401)


@fault("legs-split-one-node", "legs_split", rows=(15,))
def _(s):
    """HAProxy takes a new connection to the same node for every request"""
    s.nodes()
    s.haproxy(defaults=["option http-server-close"], names=["iis1"])
    s.direct = s.direct[:1]
    s.prove("one node", set(computers(s)) == {"iis1.example.test"})
    s.prove("NTLM fails", s.ntlm() == 401)
    s.prove("NTLM logs in at iis1", s.ntlm("iis1") == 200)


@fault("wrong-password", "account_password_wrong", rows=(34, 17))
def _(s):
    """the doctor itself is given a wrong password"""
    s.nodes()
    s.handfast("passthrough")
    s.accounts = [("alice", "wrong")]
    s.prove("the KDC refuses it", "Password incorrect" in s.kinit(secret="Not-This-1!")[1]
            or "reauthentication failed" in s.kinit(secret="Not-This-1!")[1])
    s.prove("NTLM is refused", s.ntlm(secret="Not-This-1!") == 401)


@fault("wrong-password-ntlm", "wrong_credentials", rows=(17,), kdc=False, krb5="[libdefaults]\n",
       records=["host-record=lb.example.test,lb,127.0.0.30"])
def _(s):
    """a wrong password at a site of NTLM only, no KDC in sight"""
    s.nodes(providers="ntlm")
    s.handfast("passthrough")
    s.accounts = [("EXAMPLE\\alice", "wrong")]
    s.prove("NTLM is refused", s.ntlm(secret="Not-This-1!") == 401)
    s.prove("the right one is not", s.ntlm() == 200)


@fault("second-account-wrong-ntlm", "second_account_failed", kdc=False, krb5="[libdefaults]\n",
       records=["host-record=lb.example.test,lb,127.0.0.30"])
def _(s):
    """a wrong password of the second account at a site of NTLM only, no KDC in sight"""
    s.nodes(providers="ntlm")
    s.handfast("passthrough")
    s.accounts = [("EXAMPLE\\alice", "alice"), ("EXAMPLE\\bob", "wrong")]
    s.prove("the first logs in", s.ntlm() == 200)
    s.prove("the second is refused", s.ntlm(person="bob", secret="Not-This-1!") == 401)


@fault("one-node-refuses-ntlm", "one_node_refuses_ntlm", rows=(18,))
def _(s):
    """one node of two has lost its trust with the domain"""
    s.nodes(iis2={"users": None})
    s.handfast("passthrough")
    s.prove("iis2 refuses NTLM", (s.ntlm("iis1"), s.ntlm("iis2")) == (200, 401))


def mixed(s, tries=8):
    """Whoever comes next on a connection the balancer keeps: names seen by bob and by nobody."""
    seen = set()
    for _ in range(tries):
        with s.talk() as alice, s.talk() as nobody:
            alice.ntlm("alice")
            answer = nobody.ask("/")
            seen.add(answer.person if answer.status == 200 else answer.status)
    return seen


def nobody_is_alice(s, tries=6):
    """alice with a ticket unasked, then nobody on another connection."""
    for _ in range(tries):
        with s.talk() as alice, s.talk() as nobody:
            alice.ask(authorization=s.kerberos_token("alice"))
            if "alice" in [nobody.ask().person for _ in range(3)]:
                return True
    return False


def somebody_is_another(s):
    """People with tickets unasked, each on a connection of their own; then their next requests."""
    people = ("alice", "bob", "carol", "dave") * 2
    with contextlib.ExitStack() as stack:
        talks = [(person, stack.enter_context(s.talk())) for person in people]
        for person, talk in talks:
            talk.ask(authorization=s.kerberos_token(person))
        return any(talk.ask().person not in (person, None)
                   for _ in range(5) for person, talk in talks)


@fault("haproxy-reuse-safe", "identity_mixed", rows=(21,))
def _(s):
    """HAProxy as it comes (http-reuse safe): a ticket sent unasked leaves its connection to all"""
    s.nodes()
    s.haproxy(reuse="safe", balance="roundrobin")
    s.prove("NTLM logs in", s.ntlm() == 200)
    s.prove("somebody gets another's page", somebody_is_another(s))


@fault("haproxy-reuse-always", "identity_mixed", rows=(21, 22))
def _(s):
    """HAProxy with http-reuse always"""
    s.nodes()
    s.haproxy(reuse="always", names=["iis1"])
    s.direct = s.direct[:1]
    s.prove("somebody gets alice's page", nobody_is_alice(s))


@fault("nginx-keepalive-one-node", "identity_mixed", rows=(21, 22))
def _(s):
    """nginx with keepalive before one node: everybody shares its connections"""
    s.nodes()
    s.nginx(names=["iis1"], upstream=["keepalive 32;"],
            location=["proxy_http_version 1.1;", 'proxy_set_header Connection "";'])
    s.direct = s.direct[:1]
    s.prove("nobody is alice", "alice" in mixed(s))


@fault("apache-one-node", "identity_mixed", rows=(21, 22))
def _(s):
    """Apache mod_proxy as its manual shows it, before one node"""
    s.nodes()
    s.apache(names=["iis1"])
    s.direct = s.direct[:1]
    s.prove("nobody is alice", "alice" in mixed(s))


@fault("caddy-one-node", "identity_mixed", rows=(21, 22))
def _(s):
    """Caddy reverse_proxy before one node"""
    s.nodes()
    s.caddy(names=["iis1"])
    s.direct = s.direct[:1]
    s.prove("nobody is alice", "alice" in mixed(s))


@fault("connection-shared", "connection_shared", rows=(22,))
def _(s):
    """nginx shares a connection somebody logged in on; only one account to look with"""
    s.nodes()
    s.nginx(names=["iis1"], upstream=["keepalive 32;"],
            location=["proxy_http_version 1.1;", 'proxy_set_header Connection "";'])
    s.direct = s.direct[:1]
    s.accounts = s.accounts[:1]
    s.prove("nobody is alice", "alice" in mixed(s))


@fault("ntlm-refused", "ntlm_refused", rows=(23,))
def _(s):
    """NTLM is offered and restricted by policy; Kerberos works"""
    s.nodes(users=None)
    s.handfast("passthrough")
    s.prove("NTLM is refused everywhere",
            [s.ntlm(), s.ntlm("iis1"), s.ntlm("iis2")] == [401, 401, 401])
    s.prove("Kerberos logs in", s.kerberos() == 200)


@fault("single-request", "authenticates_each_request", rows=(38,))
def _(s):
    """authPersistSingleRequest: every request has to log in again"""
    s.nodes(single_request=True)
    s.handfast("passthrough")
    with s.talk() as talk:
        talk.ntlm("alice")
        s.prove("forgotten at once", talk.ask().status == 401)


@fault("kerberos-each-request", "authenticates_each_request", rows=(38,))
def _(s):
    """authPersistNonNTLM is false: every request needs a ticket"""
    s.nodes(kerberos="request")
    s.handfast("passthrough")
    s.kinit("alice")
    said = s.run("curl", "-ski", "--negotiate", "-u", ":", "https://lb.example.test/")
    s.prove("Persistent-Auth: false", "persistent-auth: false" in said.lower())


@fault("token-replayed", "token_replayed", rows=(39,))
def _(s):
    """HAProxy sends a request again when the node is slow (retry-on response-timeout)"""
    s.nodes(kerberos_errors=True, replay_cache=f"{s.scratch}/replays")
    s.haproxy(names=["iis1"], back=["timeout server 700ms", "retries 3",
                                    "retry-on response-timeout"])
    s.direct = s.direct[:1]
    s.url += "slow?ms=1500"
    s.prove("the resent ticket is refused", s.kerberos(url=s.url) in (401, 504))
    with open(f"{s.scratch}/iis1.log", encoding="utf-8") as log:
        s.prove("the node has seen it before", "why=replayed" in log.read())
    s.prove("at the node it is not", s.kerberos("iis1", url=s.url) == 200)


@fault("header-too-small-front", "header_too_small", rows=(40,))
def _(s):
    """HAProxy takes 16 KiB of header (tune.bufsize as it comes)"""
    s.nodes()
    s.haproxy(bufsize=16384)
    big = "Negotiate " + "A" * 20000
    s.prove("20 kB are refused", s.ask(authorization=big).status == 400)
    s.prove("not at the node", s.ask("iis1", authorization=big).status == 401)


@fault("header-too-small-handfast", "header_too_small", rows=(40,))
def _(s):
    """Handfast is told to take 8 KiB of header"""
    s.nodes()
    s.handfast("forward", more="limits: {header_line: 8KiB}\n")
    big = "Negotiate " + "A" * 20000
    s.prove("20 kB are refused", s.ask(authorization=big).status == 431)


@fault("header-too-small-node", "header_too_small", rows=(40,))
def _(s):
    """http.sys takes 16 KiB of header (MaxFieldLength as it comes)"""
    s.nodes(header_limit=16384)
    s.handfast("passthrough")
    big = "Negotiate " + "A" * 20000
    s.prove("20 kB are refused", b"Request Header too long" in s.ask(authorization=big).body)


@fault("mutual-reply-stripped", "mutual_reply_stripped", rows=(41,))
def _(s):
    """HAProxy removes WWW-Authenticate from the 200"""
    s.nodes()
    s.haproxy(front=["http-response del-header WWW-Authenticate if { status 200 }"])
    s.kinit("alice")
    said = s.run("curl", "-ski", "--negotiate", "-u", ":", "https://lb.example.test/")
    s.prove("200 without the server's proof",
            "person: alice" in said and "www-authenticate: negotiate " not in said.lower())


@fault("persistent-auth-stripped", "persistent_auth_stripped")
def _(s):
    """HAProxy removes Persistent-Auth"""
    s.nodes()
    s.haproxy(front=["http-response del-header Persistent-Auth"])
    s.kinit("alice")
    said = s.run("curl", "-ski", "--negotiate", "-u", ":", "https://lb.example.test/")
    s.prove("not there", "person: alice" in said and "persistent-auth" not in said.lower())


@fault("post-fails", "post_fails", rows=(56,))
def _(s):
    """a body on a connection nobody logged in on cuts it"""
    s.nodes(sever_bodies=True)
    s.handfast("passthrough")
    with s.talk() as talk:
        talk.ask(method="POST", body=b"x" * 8192)
        s.prove("cut", talk.has_ended() or talk.ask().status == 0)


@fault("methods-refused", "methods_refused", rows=(57,))
def _(s):
    """HAProxy lets only GET, HEAD and POST through"""
    s.nodes()
    s.haproxy(front=["http-request deny deny_status 405 if !{ method GET HEAD POST }"])
    s.prove("RPC_IN_DATA is refused", s.ask(method="RPC_IN_DATA").status == 405)
    s.prove("not at the node", s.ask("iis1", method="RPC_IN_DATA").status == 401)


@fault("proxy-refused", "proxy_refused")
def _(s):
    """HAProxy refuses whoever came through another proxy"""
    s.nodes()
    s.haproxy(front=["http-request deny if { req.hdr(Via) -m found }"])
    s.prove("403 with Via", s.ask(fields=["Via: 1.1 proxy"]).status == 403)
    s.prove("not without", s.ask().status == 401)


@fault("authorization-denied", "unexplained")
def _(s):
    """a rule of HAProxy lets only Basic and Bearer through: 400 to everything else"""
    s.nodes()
    s.haproxy(front=["acl known req.hdr(Authorization) -m beg -i basic bearer",
                     "http-request deny deny_status 400 if { req.hdr(Authorization) -m found } "
                     "!known"])
    s.prove("asked to log in", s.ask().status == 401)
    s.prove("400 to a Type 1", s.ask(authorization=f"NTLM {TYPE1}").status == 400)
    s.prove("not at the node", s.ask("iis1", authorization=f"NTLM {TYPE1}").token("NTLM"))
    s.prove("400 to a ticket", s.kerberos() == 400)
    ntlm_works_at_nodes(s)


@fault("idle-cut", "idle_cut", rows=(58,), slow=True)
def _(s):
    """HAProxy cuts a connection after eight seconds of silence"""
    s.nodes()
    s.haproxy(defaults=["timeout http-keep-alive 8s"])
    with s.talk() as talk:
        s.prove("NTLM logs in", talk.ntlm("alice")[1].status == 200)
        s.prove("cut after eight seconds", talk.has_ended(12))


@fault("idle-cut-handfast", "idle_cut", rows=(58,), slow=True)
def _(s):
    """Handfast is told to close a connection after eight seconds of silence"""
    s.nodes()
    s.handfast("forward", more="timeouts: {idle: 8s}\n")
    with s.talk() as talk:
        s.prove("NTLM logs in", talk.ntlm("alice")[1].status == 200)
        s.prove("cut after eight seconds", talk.has_ended(12))


@fault("health-check-401", "front_unavailable", rows=(61,))
def _(s):
    """HAProxy counts 401 as a failed health check: no node is left"""
    s.nodes()
    s.haproxy(server="check inter 100ms fall 1 rise 1",
              back=["option httpchk GET /", "http-check expect status 200"])
    s.wait("the nodes are down", lambda: s.ask().status == 503)
    s.prove("the node is fine", s.ask("iis1").status == 401)


@fault("health-check-handfast", "front_unavailable", rows=(61,))
def _(s):
    """Handfast is told that only 200 is healthy: no node is left"""
    s.nodes()
    s.handfast("forward", pool_more="    health: {request: GET /, expect: [200], interval: 100ms, "
                                    "fall: 1}\n")
    s.wait("the nodes are down", lambda: s.ask().status == 503)
    s.prove("the node is fine", s.ask("iis1").status == 401)


@fault("server-name-handfast", "front_unavailable", rows=(54, 61))
def _(s):
    """Handfast is told a name the nodes' certificates do not have"""
    s.nodes(certificate="other-name")
    s.handfast("forward")
    s.direct = [f"{name}=http://{where[:-4]}:80" for name, where in s.node_list()]
    s.wait("no node is taken", lambda: s.ask().status in (502, 503))
    s.prove("the node is fine in clear", s.ask("iis1").status == 401)


@fault("bad-gateway", "front_unavailable", rows=(61,))
def _(s):
    """nginx asks a port where no node listens"""
    s.nodes(ports=(443,))
    s.nginx()
    s.direct = [f"{name}=127.0.0.2{n}:443" for n, name in ((1, "iis1"), (2, "iis2"))]
    s.prove("502", s.ask().status == 502)
    s.prove("the node is fine", s.ask("iis1").status == 401)


@fault("gateway-timeout", "front_unavailable", rows=(61,))
def _(s):
    """the nodes HAProxy knows accept and never answer"""
    s.nodes()
    s.start([sys.executable, "-c", DEAF_NODE], port=81)
    s.haproxy(names=["iis1"], plain=False, back=["timeout server 500ms",
                                                 "server deaf 127.0.0.30:81"],
              server="disabled")
    s.prove("504", s.ask().status == 504)
    s.prove("the node is fine", s.ask("iis1").status == 401)


DEAF_NODE = """
import socket, time
listener = socket.create_server(("127.0.0.30", 81))
kept = []
while True:
    kept.append(listener.accept())
"""
