# SPDX-License-Identifier: Apache-2.0
# Tokens of real clients and servers, out of the fixtures, under short names. Nothing here makes a
# token of its own.
"""Authorization and WWW-Authenticate lines for scripted logins."""

import base64
import os

FIXTURES = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures", "token"
)


def _value(name):
    with open(os.path.join(FIXTURES, name + ".txt"), encoding="ascii") as file:
        return file.read().strip()


NTLM_1 = "Authorization: " + _value("curl-ntlm.1.request")
NTLM_2 = "WWW-Authenticate: " + _value("curl-ntlm.2.answer")
NTLM_3 = "Authorization: " + _value("curl-ntlm.3.request")
KERBEROS = "Authorization: " + _value("curl-kerberos.1.request")
KERBEROS_PROOF = "WWW-Authenticate: " + _value("curl-kerberos.2.answer")
SPNEGO_1 = "Authorization: " + _value("curl-spnego-ntlm.1.request")
SPNEGO_2 = "WWW-Authenticate: " + _value("curl-spnego-ntlm.2.answer")
SPNEGO_3 = "Authorization: " + _value("curl-spnego-ntlm.3.request")
SPNEGO_4 = "WWW-Authenticate: " + _value("curl-spnego-ntlm.4.answer")
BASIC = "Authorization: Basic YWxpY2U6QWxpY2UtUHcxIQ=="
BEARER = "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."
OFFERS = ("WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM")


def bare(line):
    """The base64 text of a line."""
    return line.split(" ")[2]


def header(name, scheme, token):
    """A line that carries these bytes."""
    return f"{name}: {scheme} {base64.b64encode(token).decode()}"
