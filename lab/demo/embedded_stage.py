# SPDX-License-Identifier: Apache-2.0
# The small stage: a KDC, two IIS stand-ins and Handfast before them, all on 127.0.0.1, in a second
# and without root. Everything ends with its context.
"""The embedded domain as a stage of the demo."""

import contextlib
import os
import subprocess

from lab.demo.front import SERVER_NAMES, front
from lab.demo.measure import PEOPLE
from lab.embedded.domain import Domain, password
from lab.people.logins import read_people

ADDRESS = "127.0.0.1"


class EmbeddedStage(contextlib.ExitStack):
    """fronts: the running Handfast. crowd: the people. See also DomainStage, of the same shape."""

    sentence = ("a small Kerberos realm, two servers that authenticate connections as IIS\n"
                "does (our stand-ins, lab/iis)")

    def __enter__(self):
        super().__enter__()
        try:
            self._raise()
        except BaseException:
            self.close()
            raise
        return self

    def _raise(self):
        self.domain = self.enter_context(Domain())
        self.directory = self.domain.directory
        self.ca_file = self.domain.ca_file
        pair = self.domain.certificate("lb-ecdsa")
        self.certificate = (pair.chain, pair.key)
        nodes = [self.domain.iis("iis1"), self.domain.iis("iis2")]
        self.plain = list(zip(SERVER_NAMES, (f"{ADDRESS}:{node.http}" for node in nodes)))
        encrypted = list(zip(SERVER_NAMES, (f"{ADDRESS}:{node.https}" for node in nodes)))
        # so that Handfast ends even when this process is killed
        launch = ("setpriv", "--pdeathsig", "TERM")
        self.fronts = [self.enter_context(front(
            ADDRESS, self.certificate, self.ca_file, self.plain, encrypted, self.directory,
            launch))]
        # the people log in by GSSAPI inside this process
        os.environ["KRB5_CONFIG"] = self.domain.path("krb5.conf")
        self.crowd = read_people(self.domain.user_file, self.directory)[:PEOPLE]
        self.domain.tickets([person.name for person in self.crowd])

    def run(self, arguments):
        """A client as alice; its output as bytes."""
        return subprocess.run(arguments, env=self.domain.env("alice"), capture_output=True,
                              stdin=subprocess.DEVNULL, check=False)

    def password(self, person):
        return password(person)

    def shell_setup(self):
        """Lines for another terminal's shell, after which `try ARGUMENTS` is a curl as alice."""
        port = self.fronts[0].port
        resolve = " ".join(f"--resolve {name}:{port}:{ADDRESS}"
                           for name in ("lb.example.test", *SERVER_NAMES))
        return (f"export KRB5_CONFIG={self.domain.path('krb5.conf')}"
                f" KRB5CCNAME=FILE:{self.domain.ticket('alice')}\n"
                f"try() {{ /usr/bin/curl -sS --cacert {self.ca_file} {resolve} \"$@\"; }}")
