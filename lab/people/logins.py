# SPDX-License-Identifier: Apache-2.0
# Who can log in and how: the kinds of login the measure knows, each a maker of tokens for one
# person. A login object serves one handshake and is thrown away with it.
"""Logins: Kerberos by GSSAPI from a person's own ticket, NTLMv2 by ntlm.py."""

import base64
import os
import subprocess
import threading

import gssapi

from . import ntlm

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
# krb: a token on the first request, unasked. krb401: after the 401. nego: raw NTLM in Negotiate.
KINDS = ("krb", "krb401", "ntlm", "nego")


class Person:
    """A name with its secrets. Tickets are fetched on first use into `ccaches`."""

    def __init__(self, name, domain, password, ccaches):
        self.name = name
        self.domain = domain
        self.key = ntlm.nt_hash(password)
        self.ccache = os.path.join(ccaches, f"{name}.ccache") if ccaches else None
        self._password = password
        self._credentials = None
        self._lock = threading.Lock()

    def credentials(self):
        with self._lock:
            if self._credentials is None:
                if not os.path.exists(self.ccache):
                    self._kinit()
                self._credentials = gssapi.Credentials(
                    usage="initiate", store={"ccache": f"FILE:{self.ccache}"}
                )
            return self._credentials

    def _kinit(self):
        subprocess.run(
            ["kinit", "-c", f"FILE:{self.ccache}", self.name], input=self._password + "\n",
            text=True, check=True, capture_output=True,
        )


def read_people(path, ccaches):
    """People from lines DOMAIN:user:password."""
    people = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                domain, name, password = line.rstrip("\n").split(":", 2)
                people.append(Person(name, domain, password, ccaches))
    return people


class KerberosLogin:
    """One leg: a fresh AP-REQ; then the server's proof, if it sends one, is checked."""

    scheme = "Negotiate"

    def __init__(self, person, host):
        name = gssapi.Name(f"HTTP@{host}", gssapi.NameType.hostbased_service)
        self.context = gssapi.SecurityContext(
            name=name, creds=person.credentials(), mech=SPNEGO, usage="initiate",
            flags=gssapi.RequirementFlag.mutual_authentication,
        )

    def first(self):
        return self._header(self.context.step())

    def next(self, text):
        """The answer to a challenge that carries a token, or None when there is nothing to say."""
        out = self.context.step(base64.b64decode(text))
        return self._header(out) if out else None

    def server_proves(self, text):
        """True when the token on the final answer belongs to this very login."""
        try:
            self.context.step(base64.b64decode(text))
        except gssapi.exceptions.GSSError:
            return False
        return self.context.complete

    def _header(self, token):
        return f"{self.scheme} {base64.b64encode(token).decode()}"


class NtlmLogin:
    """Two legs, under NTLM or raw under Negotiate."""

    def __init__(self, person, scheme="NTLM", binding=None, spn=None):
        self.person = person
        self.scheme = scheme
        self.binding = binding
        self.spn = spn
        self.type1 = ntlm.negotiate()

    def first(self):
        return self._header(self.type1)

    def next(self, text):
        type2 = base64.b64decode(text)
        return self._header(ntlm.authenticate(
            self.type1, type2, self.person.name, self.person.domain, self.person.key,
            binding=self.binding, spn=self.spn,
        ))

    def server_proves(self, _text):
        return True

    def _header(self, token):
        return f"{self.scheme} {base64.b64encode(token).decode()}"


def new_login(kind, person, host):
    if kind in ("krb", "krb401"):
        return KerberosLogin(person, host)
    return NtlmLogin(person, "NTLM" if kind == "ntlm" else "Negotiate")
