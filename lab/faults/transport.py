# SPDX-License-Identifier: Apache-2.0
# Stages below HTTP: ports, TLS, certificates, protocols.
"""TCP, TLS, HTTP/2 and HTTP/3 (rows 51 to 55 and what has no row)."""

import ssl

from lab.faults.registry import fault
from lab.faults.stage import GONE


@fault("front-closed", "front_closed")
def _(s):
    """nothing listens at the front"""
    s.nodes()
    s.prove("refused", GONE in s.run("curl", "-skS", s.url))


@fault("node-closed", "node_closed")
def _(s):
    """nothing listens at one node of two"""
    s.node("iis1")
    s.handfast("passthrough")
    s.prove("refused", GONE in s.run("curl", "-skS", "https://127.0.0.22/"))
    s.prove("iis1 is there", s.ask("iis1").status == 401)


@fault("plain-on-tls-port", "plain_on_tls_port")
def _(s):
    """HAProxy speaks HTTP in clear on port 443"""
    s.nodes()
    s.haproxy(front_tls=False, bind=" ")
    s.prove("HTTP in clear", s.ask(tls=False).status == 401)
    s.prove("no TLS", "wrong version number" in s.run("curl", "-skS", s.url))


@fault("tls-on-plain-port", "tls_on_plain_port")
def _(s):
    """the URL says http://, and the port speaks TLS"""
    s.nodes()
    s.handfast("passthrough")
    s.url = "http://lb.example.test:443/"
    said = s.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", s.url)
    s.prove("no login in clear", "401" not in said)
    s.prove("TLS is answered there", s.ask().status == 401)


@fault("answer-malformed", "answer_malformed")
def _(s):
    """a header line of the 401 has a blank in its name"""
    s.nodes()
    s.script("bad-head")
    s.url = "http://lb.example.test:443/"
    said = s.run("curl", "-sSi", s.url)
    s.prove("both challenges, and a line that is none", "NTLM" in said and "X My Header: v" in said)


@fault("tls-fails", "tls_fails")
def _(s):
    """HAProxy knows no certificate for the name (strict-sni)"""
    s.nodes()
    s.haproxy(crt=s.stem("other-name") + ".both", bind="strict-sni")
    said = s.run("curl", "-skS", s.url)
    s.prove("an alert", "alert" in said or "unrecognized name" in said)


@fault("tls-old", "tls_old")
def _(s):
    """HAProxy speaks nothing newer than TLS 1.1"""
    s.nodes()
    s.haproxy(bind="alpn http/1.1 ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1 ciphers ALL:@SECLEVEL=0")
    with s.talk(newest=ssl.TLSVersion.TLSv1_1) as talk:
        s.prove("TLS 1.1", talk.tls_version() == "TLSv1.1")
    s.prove("not TLS 1.2", "HTTP" not in s.run("curl", "-skSi", s.url))


CERTIFICATES = (
    ("expired", "certificate_expired", "lb-expired", "certificate has expired",
     "the certificate has expired"),
    ("not-yet-valid", "certificate_not_yet_valid", "lb-not-yet", "not yet valid",
     "the certificate is not yet valid"),
    ("wrong-name", "certificate_name", "other-name", "no alternative certificate subject name",
     "the certificate does not cover the site's name"),
    ("untrusted", "certificate_untrusted", "lb-untrusted", "unable to get local issuer",
     "nobody here trusts who issued the certificate"),
)


def _bad_certificate(certificate, sentence):
    def build(s):
        s.nodes(certificate=certificate)
        s.handfast("passthrough")
        said = s.run("curl", "-sS", "--cacert", s.ca_file, s.url)
        s.prove(sentence, sentence in said)
    return build


for _name, _finding, _certificate, _sentence, _words in CERTIFICATES:
    _build = _bad_certificate(_certificate, _sentence)
    _build.__doc__ = _words
    fault(_name, _finding)(_build)


@fault("h2-haproxy", "h2_offered", rows=(51,))
def _(s):
    """HAProxy offers HTTP/2 on a name with Windows authentication"""
    s.nodes()
    s.haproxy(bind="alpn h2,http/1.1")
    with s.talk(alpn="h2,http/1.1") as talk:
        s.prove("h2", talk.alpn == "h2")
    s.prove("NTLM logs in with HTTP/1.1", s.ntlm() == 200)


@fault("h2-iis", "h2_offered", rows=(51,))
def _(s):
    """the nodes offer HTTP/2, and the passthrough cannot take it away"""
    s.nodes(http2=True)
    s.handfast("passthrough")
    with s.talk(alpn="h2,http/1.1") as talk:
        s.prove("h2", talk.alpn == "h2")


@fault("alt-svc", "alt_svc", rows=(52,))
def _(s):
    """HAProxy advertises HTTP/3"""
    s.nodes()
    s.haproxy(front=["http-response set-header Alt-Svc 'h3=\":443\"; ma=86400'"])
    s.prove("Alt-Svc", "h3" in s.ask().one("Alt-Svc"))


@fault("large-hello", "large_hello_fails", rows=(53,))
def _(s):
    """a router reads the server name from the first segment only"""
    s.nodes()
    s.script("first-segment", "127.0.0.21")
    s.direct = s.direct[:1]
    s.prove("NTLM logs in", s.ntlm() == 200)
    long = ",".join(["http/1.1"] + [f"filler-{n:03}-{'x' * 200}" for n in range(12)])
    try:
        with s.talk(alpn=long):
            answered = True
    except OSError:
        answered = False
    s.prove("a long hello gets no answer", not answered)


@fault("client-certificate", "client_certificate_asked", rows=(55,))
def _(s):
    """the nodes ask for a client certificate in the handshake"""
    s.nodes(ask_client_certificate=True)
    s.handfast("passthrough")
    said = s.run("openssl", "s_client", "-connect", "127.0.0.30:443", "-servername",
                 "lb.example.test", "-tls1_2", input="")
    s.prove("asked", "Client Certificate Types" in said)


@fault("client-certificate-haproxy", "client_certificate_asked", rows=(55,))
def _(s):
    """HAProxy asks for a client certificate (verify optional)"""
    s.nodes()
    s.haproxy(bind=f"alpn http/1.1 verify optional ca-file {s.base.ca_file}")
    said = s.run("openssl", "s_client", "-connect", "127.0.0.30:443", "-servername",
                 "lb.example.test", "-tls1_2", input="")
    s.prove("asked", "Client Certificate Types" in said)


@fault("client-certificate-required-nginx", "client_certificate_required", rows=(55,))
def _(s):
    """nginx demands a client certificate (ssl_verify_client on)"""
    s.nodes()
    s.nginx(server=[f"ssl_client_certificate {s.base.ca_file};", "ssl_verify_client on;"])
    answer = s.ask()
    s.prove("400 without one", answer.status == 400
            and b"No required SSL certificate was sent" in answer.body)
    s.prove("the node asks for none", s.ask("iis1").status == 401)


# What IIS answers then, as its documentation of the status codes has it.
PAGE_403_7 = ("<h2>HTTP Error 403.7 - Forbidden</h2><h3>The page you are attempting to access "
              "requires your browser to have a Secure Sockets Layer (SSL) client certificate that "
              "the Web server recognizes.</h3>")


@fault("client-certificate-required", "client_certificate_required", rows=(55,))
def _(s):
    """the site demands a client certificate: Apache with SSLVerifyClient, and the page of IIS"""
    s.nodes()
    s.apache(names=["iis1"], member="disablereuse=On",
             directives=["SSLVerifyClient optional", f"SSLCACertificateFile {s.base.ca_file}",
                         "<Location />", "Require ssl-verify-client",
                         f"ErrorDocument 403 '{PAGE_403_7}'", "</Location>"])
    s.direct = s.direct[:1]
    answer = s.ask()
    s.prove("403.7 without one", answer.status == 403 and b"403.7" in answer.body)
    s.prove("the node asks for none", s.ask("iis1").status == 401)
