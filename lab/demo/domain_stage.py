# SPDX-License-Identifier: Apache-2.0
# The large stage: Samba as domain controller, Apache and Squid as servers no one here wrote, and a
# Handfast before each kind, in a namespace of their own. Needs root; everything ends with its
# context. Until then this process is in the namespace's network, so that its people live there.
"""The domain lab as a stage of the demo."""

import contextlib
import ctypes
import os
from concurrent.futures import ThreadPoolExecutor

from lab.demo.front import SERVER_NAMES, front
from lab.demo.measure import PEOPLE
from lab.domain import names
from lab.domain.domain import Domain
from lab.domain.namespace import CLONE_NEWNET
from lab.people.logins import Person

ADDRESS = names.ADDRESSES["lb"]
# Apache judges Kerberos; Squid judges Kerberos and NTLM.
KINDS = (("Apache", ("krb", "krb401")), ("Squid", ("krb", "krb401", "ntlm")))


@contextlib.contextmanager
def network_of(pid):
    """Moves this thread, and the threads it makes meanwhile, into that process's network. It has to
    be out again before the namespace ends, which kills everyone who is inside."""
    with open("/proc/self/ns/net", "rb") as own, open(f"/proc/{pid}/ns/net", "rb") as other:
        join(other)
        try:
            yield
        finally:
            join(own)


def join(network):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def show_path(server):
    """Makes its page say which path was asked, as that of our stand-in does: the measure checks
    that an answer belongs to its request."""
    for page in server.directory.rglob("page.lua"):
        text = page.read_text(encoding="utf-8")
        if '"path: "' not in text:
            line = '    r:puts("path: ", r.unparsed_uri, "\\n")\n'
            end = "    return apache2.OK\n"
            page.write_text(text.replace(end, line + end), encoding="utf-8")


class DomainStage(contextlib.ExitStack):
    """fronts: a running Handfast for each kind of server. crowd: the people."""

    sentence = ("a Samba domain (controller, KDC, LDAP, DNS), two Apache servers that judge\n"
                "Kerberos, two Squid servers that judge Kerberos and NTLM")

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
        self.directory = str(self.domain.directory)
        self.ca_file = str(self.domain.ca)
        self.fronts = [self._front(*kind) for kind in KINDS]
        self.enter_context(network_of(self.domain.namespace.holder.pid))
        os.environ["KRB5_CONFIG"] = f"{self.directory}/files/krb5.conf"
        self.crowd = [Person(name, names.DOMAIN, names.password(name), f"{self.directory}/tickets")
                      for name in names.PEOPLE[:PEOPLE]]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda person: person.credentials(), self.crowd))

    def _front(self, kind, schemes):
        nodes = [getattr(self.domain, kind.lower())(name) for name in ("iis1", "iis2")]
        for node in nodes:
            show_path(node)
        namespace = self.domain.namespace
        return self.enter_context(front(
            ADDRESS, self.domain.certificate("lb", "ecdsa"), self.ca_file,
            [(name, node.plain) for name, node in zip(SERVER_NAMES, nodes)],
            [(name, node.tls) for name, node in zip(SERVER_NAMES, nodes)],
            self.directory, namespace.command([]), namespace.environment(), kind, schemes))

    def run(self, arguments):
        """A client as alice; its output as bytes."""
        return self.domain.run(arguments, env={"KRB5CCNAME": self.domain.ticket("alice")},
                               text=False)

    def password(self, person):
        return names.password(person)

    def shell_setup(self):
        """Lines for another terminal's shell, after which `try ARGUMENTS` is a curl as alice."""
        resolve = " ".join(f"--resolve {name}:{front.port}:{ADDRESS}" for front in self.fronts
                           for name in ("lb.example.test", *SERVER_NAMES))
        enter = (f"nsenter --target={self.domain.namespace.holder.pid} --net --mount --ipc --uts"
                 f" -- env KRB5_CONFIG={self.directory}/files/krb5.conf "
                 f"KRB5CCNAME={self.domain.ticket('alice')}")
        return f"try() {{ {enter} \\\n  curl -sS --cacert {self.ca_file} {resolve} \"$@\"; }}"
