# SPDX-License-Identifier: Apache-2.0
# The machine room of one stage: a network of its own with the usual addresses and ports, a DNS
# server and a KDC. Two kinds: small (dnsmasq and MIT krb5) and a real domain (Samba). Everything in
# it ends with its context.
"""with SmallPlace(base, records=…) as place: place.namespace, place.directory, place.kdc()"""

import os
import shutil
import tempfile
from pathlib import Path

from lab.domain import names
from lab.domain.domain import Domain
from lab.domain.namespace import Namespace
from lab.embedded.domain import DNS_DOMAIN, REALM, LabError
from lab.faults import base as lab_base

DC = lab_base.ADDRESSES["dc1"]

DNS = f"""\
port=53
listen-address={DC}
bind-interfaces
no-resolv
no-hosts
no-poll
user=root
group=root
pid-file=
local=/test/
local=/arpa/
local=/invalid/
local=//
"""
HOST_RECORDS = [f"host-record={name}.{DNS_DOMAIN},{name},{address}"
                for name, address in lab_base.ADDRESSES.items()]
SERVICE_RECORDS = [f"srv-host=_kerberos._tcp.{DNS_DOMAIN},dc1.{DNS_DOMAIN},88,0,100",
                   f"srv-host=_kerberos._udp.{DNS_DOMAIN},dc1.{DNS_DOMAIN},88,0,100"]
RECORDS = HOST_RECORDS + SERVICE_RECORDS


def without(*names_of_hosts):
    """The usual records without those hosts'."""
    return [record for record in RECORDS
            if not any(record.startswith(f"host-record={name}.") for name in names_of_hosts)]


class SmallPlace:
    """`records`: lines of dnsmasq, instead of the usual. `accounts`: commands for kadmin.local
    before the KDC starts. `kdc`: whether there is one. `krb5`: its clients' file."""

    def __init__(self, base, records=None, accounts=(), kdc=True, krb5=None):
        self.base = base
        self.records = RECORDS if records is None else records
        self.accounts = accounts
        self.has_kdc = kdc
        self.krb5 = krb5 or lab_base.krb5_conf()
        self.directory = None
        self.namespace = None

    ca_file = property(lambda self: self.base.ca_file)
    keytab = property(lambda self: self.base.keytab("web"))
    ldap_options = ()

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="handfast-stage-", dir="/tmp"))
        self.directory.chmod(0o755)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.namespace:
            self.namespace.close()
            self.namespace = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self):
        for part in ("home", "tmp", "run"):
            (self.directory / part).mkdir()
        (self.directory / "tmp").chmod(0o1777)
        (self.directory / "resolv.conf").write_text(f"nameserver {DC}\n")
        (self.directory / "hosts").write_text("127.0.0.1 localhost\n")
        (self.directory / "krb5.conf").write_text(self.krb5)
        self.namespace = Namespace(
            {"/etc/resolv.conf": self.directory / "resolv.conf",
             "/etc/hosts": self.directory / "hosts", "/run": None},
            self.directory / "home", self.directory, hostname="lab",
            variables={"KRB5_CONFIG": str(self.directory / "krb5.conf"),
                       "KRB5CCNAME": f"FILE:{self.directory}/run/ccache",
                       "TMPDIR": str(self.directory / "tmp")})
        self.namespace.__enter__()
        self._start_dns()
        if self.has_kdc:
            self._start_kdc()

    def _start_dns(self):
        settings = self.directory / "dnsmasq.conf"
        settings.write_text(DNS + "\n".join(self.records) + "\n")
        self._daemon("dnsmasq", ["dnsmasq", "--keep-in-foreground", f"--conf-file={settings}",
                                 "--log-facility=-"], 53)

    def _start_kdc(self):
        here = self.directory / "kdc"
        shutil.copytree(self.base.path("kdb"), here)
        (here / "kdc.conf").write_text(
            lab_base.KDC_CONF.format(address=DC, realm=REALM, directory=here))
        (here / "krb5.conf").write_text(lab_base.krb5_conf())
        env = {"KRB5_KDC_PROFILE": str(here / "kdc.conf"), "KRB5_CONFIG": str(here / "krb5.conf")}
        if self.accounts:
            commands = [line.format(directory=self.directory) for line in self.accounts]
            done = self.namespace.run(["kadmin.local", "-r", REALM], env=env,
                                      input="\n".join(commands) + "\n")
            if done.returncode != 0 or "while" in done.stderr:
                raise LabError(f"kadmin.local: {done.stdout}{done.stderr}")
        self._daemon("krb5kdc", ["krb5kdc", "-n", "-r", REALM], 88, env)

    def _daemon(self, name, command, port, env=None):
        with open(self.directory / f"{name}.log", "wb") as log:
            child = self.namespace.popen(command, env=env, stdout=log, stderr=log)
        try:
            self.namespace.wait_for_port(DC, port, child=child)
        except RuntimeError as error:
            said = (self.directory / f"{name}.log").read_text(errors="replace")
            raise LabError(f"{name} does not start:\n{said}") from error


class DomainPlace:
    """Samba as the domain controller: Kerberos, LDAP and DNS of a directory."""

    def __init__(self, base):
        self.base = base
        self.domain = Domain()
        self.ldap_options = ("--ldap",)
        self.directory = None
        self.namespace = None
        self.keytab = None

    def __enter__(self):
        self.domain.__enter__()
        self.directory = self.domain.directory
        self.namespace = self.domain.namespace
        self.keytab = str(self.domain.keytab)
        self.namespace.variables["KRB5CCNAME"] = f"FILE:{self.directory}/run/ccache"
        (self.directory / "run").mkdir()
        with open(self.ca_file, "wb") as both:
            for path in (self.base.ca_file, self.domain.ca):
                with open(path, "rb") as file:
                    both.write(file.read())
        return self

    def __exit__(self, *_):
        self.domain.__exit__()

    @property
    def ca_file(self):
        return str(self.directory / "run/ca.pem")

    def tool(self, *arguments, text=None):
        """samba-tool; what it said."""
        return self._checked(["samba-tool", *arguments], text)

    def change(self, ldif, unchecked=False):
        """Changes the directory by ldbmodify; `unchecked` goes round the rules that would refuse a
        second holder of a service name, as an old domain controller had none."""
        part = "sam.ldb.d/DC=EXAMPLE,DC=TEST.ldb" if unchecked else "sam.ldb"
        self._checked(["ldbmodify", "-H", f"/var/lib/samba/private/{part}"], ldif)

    def _checked(self, command, text=None):
        done = self.domain.run(command, **({"input": text} if text else {}))
        if done.returncode != 0:
            raise LabError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def new_keytab(self, *principals):
        """What the directory says now, in a file of its own."""
        path = str(self.directory / "run" / f"{len(os.listdir(self.directory / 'run'))}.keytab")
        for principal in principals or [names.SERVICE, *names.SERVICE_SPNS]:
            self.tool("domain", "exportkeytab", path, f"--principal={principal}")
        os.chmod(path, 0o644)
        return path
