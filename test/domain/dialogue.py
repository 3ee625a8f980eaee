# SPDX-License-Identifier: Apache-2.0
"""Hand-made requests on connections of the test's choice, to see what a server ties to them.

The real clients hide their connections; a Dialogue is one connection and nothing else. Tokens come
from libraries no one here wrote: ntlm_auth (Python) and MIT GSSAPI.
"""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.backends import default_backend
from ntlm_auth.ntlm import Ntlm

from lab.clients.report import read_page

# Loads OpenSSL's legacy provider: NTLM needs MD4.
default_backend()

TOKEN_PROGRAM = Path(__file__).resolve().parent / "kerberos_token.py"


class Dialogue:
    """One connection; ask() sends one request on it and returns an Answer."""

    def __init__(self, domain, base_url, through=None):
        """base_url: http://HOST[:PORT] or https://HOST[:PORT], a host of the domain.

        through: another host of the domain to connect to instead.
        """
        parts = urlsplit(base_url)
        is_tls = parts.scheme == "https"
        self.host = parts.netloc
        self.http = http.client.HTTPConnection(self.host)
        self.http.sock = domain.connect(through or parts.hostname.split(".")[0],
                                        parts.port or (443 if is_tls else 80),
                                        parts.hostname if is_tls else None)
        # Else http.client would quietly connect anew after the server has closed.
        self.http.auto_open = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def ask(self, method="GET", authorization=None, body=None):
        headers = {"Host": self.host}
        if authorization:
            headers["Authorization"] = authorization
        self.http.request(method, "/", body=body, headers=headers)
        return Answer(self.http.getresponse())

    def ntlm_login(self, person, password):
        """Both legs on this connection; the answer to the second."""
        handshake = NtlmHandshake(person, password)
        challenge = self.ask(authorization=handshake.first())
        assert challenge.status == 401
        return self.ask(authorization=handshake.second(challenge))


class Answer:
    """status, person and server of one answer; challenges: the WWW-Authenticate lines."""

    def __init__(self, response):
        self.status = response.status
        self.challenges = response.headers.get_all("WWW-Authenticate") or []
        self.page = read_page(response.read())
        self.person = self.page.get("person")
        self.server = self.page.get("server")

    def schemes(self):
        return {line.split(" ")[0] for line in self.challenges}


class NtlmHandshake:
    """The two tokens of one NTLM login, to be sent wherever the test wants."""

    def __init__(self, person, password, domain="EXAMPLE"):
        self.person = person
        self.password = password
        self.domain = domain
        self.context = Ntlm()

    def first(self):
        return "NTLM " + self.context.create_negotiate_message(self.domain).decode()

    def second(self, answer):
        token = next(line.split(" ")[1] for line in answer.challenges if line.startswith("NTLM "))
        self.context.parse_challenge_message(token)
        message = self.context.create_authenticate_message(self.person, self.password, self.domain)
        return "NTLM " + message.decode()


def kerberos_authorization(domain, person, name):
    """An Authorization value that logs the person in at HTTP/name, good for one use."""
    done = domain.run(["/usr/bin/python3", TOKEN_PROGRAM, f"HTTP@{name}.example.test"],
                      env={"KRB5CCNAME": domain.ticket(person)})
    assert done.returncode == 0, done.stderr
    return "Negotiate " + done.stdout.strip()
