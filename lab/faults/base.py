# SPDX-License-Identifier: Apache-2.0
# What all stages share, made once per run and only read after: certificates, the accounts' database
# of an MIT KDC, keytabs, password files. Owns one directory and starts no lasting process.
"""with Base() as base: base.pair("lb-ecdsa"), base.keytab("web"), base.password_file("alice")"""

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from lab.embedded.authority import Authority, Leaf
from lab.embedded.domain import (DNS_DOMAIN, NETBIOS_DOMAIN, REALM, LabError, find_iis, password)

PEOPLE = ("alice", "bob", "carol", "dave")
SITE = f"lb.{DNS_DOMAIN}"
HOSTS = ("lb", "iis1", "iis2", "farm")
ADDRESSES = {"dc1": "127.0.0.10", "iis1": "127.0.0.21", "iis2": "127.0.0.22", "lb": "127.0.0.30"}

# Beside those every lab has.
MORE_LEAVES = {
    "lb-not-yet": Leaf((SITE,), not_before_days=10),
    "lb-older": Leaf((SITE,), not_before_days=-300, not_after_days=30),
    "other-name": Leaf((f"intranet.{DNS_DOMAIN}",)),
}

KDC_CONF = """[kdcdefaults]
    kdc_listen = {address}:88
    kdc_tcp_listen = {address}:88
[realms]
    {realm} = {{
        database_name = {directory}/kdb
        key_stash_file = {directory}/stash
        acl_file = {directory}/kadm5.acl
        max_life = 1d
        supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
    }}
[logging]
    kdc = FILE:{directory}/kdc.log
    default = FILE:{directory}/kdc.log
"""

KRB5_CONF = """[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = {by_dns}
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
{more}
[realms]
    {realm} = {{
        kdc = {address}
    }}
[domain_realm]
{names}
"""


def krb5_conf(more="", names=None, address=ADDRESSES["dc1"], by_dns="false"):
    mapped = names or {f".{DNS_DOMAIN}": REALM, DNS_DOMAIN: REALM}
    return KRB5_CONF.format(realm=REALM, address=address, by_dns=by_dns, more=more,
                            names="\n".join(f"    {k} = {v}" for k, v in mapped.items()))


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="utf-8") as file:
        file.write(text)
    return path


class Base:
    def __init__(self):
        self.directory = None
        self.iis = None
        self.authority = None

    def __enter__(self):
        # Not in $TMPDIR: some of the servers give up root and must still reach their files.
        self.directory = tempfile.mkdtemp(prefix="handfast-faults-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        try:
            with ThreadPoolExecutor(2) as pool:
                program = pool.submit(find_iis)
                self._make_certificates()
                self._make_accounts()
                self.iis = program.result()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    # -- certificates

    def _make_certificates(self):
        self.authority = Authority(self.path("tls"), DNS_DOMAIN)
        self.authority.make_all()
        for name, leaf in MORE_LEAVES.items():
            self.authority.make(name, leaf)
        stranger = Authority(self.path("tls-stranger"), DNS_DOMAIN)
        stranger.make("lb-untrusted", Leaf((SITE,)))
        for name in os.listdir(self.path("tls")):
            if name.endswith(".key"):
                stem = name[:-4]
                self._join(self.path("tls", stem))
        self._join(self.path("tls-stranger", "lb-untrusted"))

    @staticmethod
    def _join(stem):
        """HAProxy wants chain and key in one file."""
        with open(os.open(stem + ".both", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as joined:
            for part in (".pem", ".key"):
                with open(stem + part, "rb") as file:
                    joined.write(file.read())

    @property
    def ca_file(self):
        return self.path("tls", "ca.pem")

    def stem(self, name):
        """Path of a certificate without its ending: .pem chain, .key, .both, .der leaf."""
        found = self.path("tls-stranger" if name == "lb-untrusted" else "tls", name)
        if not os.path.exists(found + ".pem"):
            raise LabError(f"no certificate {name}")
        return found

    def leaf(self, name):
        with open(self.stem(name) + ".der", "rb") as file:
            return file.read()

    # -- accounts

    def _make_accounts(self):
        for person in PEOPLE:
            write(self.path(f"{person}.password"), password(person) + "\n")
        write(self.path("wrong.password"), "Not-This-1!\n")
        write(self.path("all.users"), self.users(PEOPLE))
        write(self.path("others.users"), self.users(PEOPLE[1:]))
        os.mkdir(self.path("kdb"))
        write(self.path("kdb", "kdc.conf"),
              KDC_CONF.format(address=ADDRESSES["dc1"], realm=REALM, directory=self.path("kdb")))
        write(self.path("krb5.conf"), krb5_conf())
        env = {**os.environ, "KRB5_KDC_PROFILE": self.path("kdb", "kdc.conf"),
               "KRB5_CONFIG": self.path("krb5.conf"),
               "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
        commands = [f"addprinc -pw {password(person)} {person}" for person in PEOPLE]
        for host in HOSTS:
            commands += self._service(f"HTTP/{host}.{DNS_DOMAIN}", host)
        self._run(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master"], env)
        self._run(["kadmin.local", "-r", REALM], env, "\n".join(commands) + "\n")
        if not os.path.exists(self.keytab("web")):
            raise LabError("kadmin.local made no keytab")

    def _service(self, name, host):
        """One account for the farm, so its keytab holds every name; and one keytab for each."""
        return [f"addprinc -randkey {name}", f"ktadd -norandkey -k {self.keytab('web')} {name}",
                f"ktadd -norandkey -k {self.keytab(host)} {name}"]

    @staticmethod
    def _run(command, env, text=None):
        done = subprocess.run(command, env=env, input=text, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise LabError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")

    @staticmethod
    def users(people):
        return "".join(f"{NETBIOS_DOMAIN}:{person}:{password(person)}\n" for person in people)

    def keytab(self, name):
        return self.path(f"{name}.keytab")

    def password_file(self, person):
        return self.path(f"{person}.password")
