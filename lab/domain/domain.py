#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real Windows-style domain on one machine: Samba as domain controller, in a private namespace.

    with Domain() as d:
        server = d.apache("iis1")
        d.run(["curl", "--negotiate", "-u:", "--cacert", d.ca, server.https],
              env={"KRB5CCNAME": d.ticket("alice")})

Samba answers Kerberos, LDAP, DNS and (through winbind) NTLM for EXAMPLE.TEST. The first start
builds a snapshot in the cache directory ($HANDFAST_LAB_CACHE, else ~/.cache/handfast-lab), later
ones unpack it. Nothing of the host is changed and nothing is left running: the namespace belongs
to the Domain object and everything inside ends with it. Needs root.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# As a script, Python knows only this directory; the packages are named from the project's root.
sys.path.insert(0, str(HERE.parent.parent))

# pylint: disable=wrong-import-position
from lab.domain import names
from lab.domain.namespace import Namespace, stop, trusting
from lab.domain.witness import Apache, Squid

RECIPE_FILES = ("recipe.py", "names.py")
SNAPSHOT_PARTS = ("samba", "etc", "lab")
REQUIRED_COMMANDS = ("samba", "samba-tool", "winbindd", "ntlm_auth", "kinit", "openssl", "nsenter")

KRB5_CONF = f"""[libdefaults]
    default_realm = {names.REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    # Over TCP from the first try: a lost datagram would cost a second.
    udp_preference_limit = 1
[realms]
    {names.REALM} = {{
        kdc = {names.ADDRESSES["dc1"]}
        kpasswd_server = {names.ADDRESSES["dc1"]}
    }}
[domain_realm]
    .{names.DNS_DOMAIN} = {names.REALM}
    {names.DNS_DOMAIN} = {names.REALM}
"""


class Domain:
    """The running domain. Everything below self.directory is its own and removed at the end."""

    def __init__(self, keep=False):
        self.keep = keep
        self.directory = None
        self.namespace = None
        self.controller = None
        self.witnesses = []
        self.times_s = {}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        check_requirements()
        snapshot = self.timed("snapshot", snapshot_path)
        # Not in $TMPDIR: the servers give up root and must still reach their files.
        self.directory = Path(tempfile.mkdtemp(prefix="handfast-domain-", dir="/tmp"))
        self.directory.chmod(0o755)
        self.timed("restore", lambda: restore(snapshot, self.directory))
        self.namespace = make_namespace(self.directory)
        self.timed("namespace", self.namespace.__enter__)
        self.timed("controller", self.start_controller)

    def start_controller(self):
        log = open(self.directory / "log/controller", "w", encoding="utf-8")
        with log:
            self.controller = self.namespace.popen(
                ["samba", "-F", "--no-process-group", "--debug-stdout"], stdout=log, stderr=log)
        for port in (88, 389, 53):
            self.namespace.wait_for_port(names.ADDRESSES["dc1"], port, child=self.controller)
        self.wait_for_winbind()

    def wait_for_winbind(self):
        pipe = self.directory / "samba/winbindd_privileged/pipe"
        deadline = time.monotonic() + 30
        while not pipe.exists() or self.run(["wbinfo", "--ping-dc"]).returncode != 0:
            if time.monotonic() > deadline:
                raise TimeoutError("winbind does not answer")
            time.sleep(0.02)
        # ntlm_auth runs as Squid's user and winbind lets in whoever may enter this directory.
        shutil.chown(pipe.parent, group="proxy")

    def close(self):
        for server in reversed(self.witnesses):
            server.stop()
        self.witnesses.clear()
        if self.namespace:
            self.timed("stop", self.namespace.close)
            self.namespace = None
        if self.directory and not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def timed(self, step, action):
        begin = time.monotonic()
        result = action()
        self.times_s[step] = time.monotonic() - begin
        return result

    # Processes and sockets inside

    def run(self, argv, env=None, **options):
        """subprocess.run() inside the domain's network; output captured as text by default."""
        return self.namespace.run(argv, env=env, **options)

    def popen(self, argv, env=None, **options):
        """subprocess.Popen() inside; ended with the domain at the latest."""
        return self.namespace.popen(argv, env=env, **options)

    def stop(self, child):
        """Ends a process popen() started: TERM, and KILL after ten seconds."""
        stop(child)

    def connect(self, name, port, tls_name=None, timeout_s=10.0):
        """A connected socket for the caller; over TLS when the server's name is given.

        name: a host of the domain ("iis1"), or an address.
        """
        address = names.ADDRESSES.get(name, name)
        tls = (trusting(self.ca), tls_name) if tls_name else None
        return self.namespace.connect(address, port, timeout_s, tls)

    def wait_for_port(self, name, port, timeout_s=30.0, child=None):
        """Waits until something accepts there; raises when child (a Popen) ends first."""
        self.namespace.wait_for_port(names.ADDRESSES.get(name, name), port, timeout_s, child)

    def point(self, **addresses):
        """Changes what names mean inside, e.g. point(iis1="127.0.0.30"); point() restores all.

        Only the hosts file changes, not the records in the directory's DNS.
        """
        write_hosts(self.directory, {**names.ADDRESSES, **addresses})

    # Identities

    @property
    def ca(self):
        """The certificate of the lab's authority (PEM)."""
        return self.directory / "lab/certificates/ca.pem"

    def certificate(self, name, kind="rsa"):
        """(chain, key) of lb, iis1 or iis2; kind: rsa or ecdsa."""
        base = self.directory / "lab/certificates" / f"{name}-{kind}"
        return base.with_suffix(".pem"), base.with_suffix(".key")

    @property
    def keytab(self):
        """Keys of svc-iis under all its HTTP names."""
        return self.directory / "lab/svc-iis.keytab"

    def password(self, person):
        return names.password(person)

    def ticket(self, person):
        """Logs the person in; returns the credential cache for KRB5CCNAME ('FILE:...')."""
        cache = f"FILE:{self.directory}/tickets/{person}"
        if not os.path.exists(cache.removeprefix("FILE:")):
            done = self.run(["kinit", "-c", cache, f"{person}@{names.REALM}"],
                            input=names.password(person) + "\n")
            if done.returncode != 0:
                raise RuntimeError(f"kinit {person}: {done.stderr}")
        return cache

    # Witnesses

    def apache(self, name, **options):
        """Starts Apache with mod_auth_gssapi as web server NAME; see witness.Apache."""
        return self.add(Apache(self, name, **options))

    def squid(self, name, **options):
        """Starts Squid with ntlm_auth as web server NAME; see witness.Squid."""
        return self.add(Squid(self, name, **options))

    def add(self, server):
        begin = time.monotonic()
        self.witnesses.append(server)
        server.start()
        self.times_s[f"{server.kind} {server.name}"] = time.monotonic() - begin
        return server


def make_namespace(directory):
    for part in ("log", "cache", "home", "tickets", "files", "tmp"):
        (directory / part).mkdir()
    (directory / "tmp").chmod(0o1777)
    (directory / "files/krb5.conf").write_text(KRB5_CONF)
    (directory / "files/resolv.conf").write_text(
        f"search {names.DNS_DOMAIN}\nnameserver {names.ADDRESSES['dc1']}\n")
    write_hosts(directory, names.ADDRESSES)
    covers = {
        "/etc/hosts": directory / "files/hosts",
        "/etc/resolv.conf": directory / "files/resolv.conf",
        "/etc/krb5.conf": directory / "files/krb5.conf",
        # gss-ntlmssp, where it is installed, would accept some clients' NTLM at Apache and refuse
        # that of curl and of browsers. Without it Apache is a judge of Kerberos only.
        "/etc/gss/mech.d": None,
        "/etc/samba": directory / "etc",
        "/var/lib/samba": directory / "samba",
        "/var/log/samba": directory / "log",
        "/var/cache/samba": directory / "cache",
        "/run": None,
        "/dev/shm": None,
    }
    variables = {"KRB5_CONFIG": str(directory / "files/krb5.conf"),
                 "TMPDIR": str(directory / "tmp")}
    return Namespace(covers, directory / "home", directory, variables=variables)


def write_hosts(directory, addresses):
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{address} {names.fqdn(name)} {name}" for name, address in addresses.items()]
    # In place, never by rename: a bind mount shows the file, not its name.
    with open(directory / "files/hosts", "w", encoding="utf-8") as hosts:
        hosts.write("\n".join(lines) + "\n")


# The snapshot

def snapshot_path():
    """The packed domain for this recipe and this Samba; built when there is none yet."""
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"domain-{recipe_digest()}.tar.gz"
    with open(cache / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            build_snapshot(path)
            remove_older(path)
    return path


def cache_directory():
    chosen = os.environ.get("HANDFAST_LAB_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache/handfast-lab"


def recipe_digest():
    digest = hashlib.sha256()
    for name in RECIPE_FILES:
        digest.update((HERE / name).read_bytes())
    version = subprocess.run(["samba", "--version"], capture_output=True, check=True)
    digest.update(version.stdout)
    return digest.hexdigest()[:16]


def build_snapshot(path):
    print("lab: building the domain snapshot (once, about 20 seconds)", file=sys.stderr)
    directory = Path(tempfile.mkdtemp(prefix="handfast-domain-build-"))
    try:
        for part in SNAPSHOT_PARTS:
            (directory / part).mkdir()
        (directory / "samba/private").mkdir()
        with make_namespace(directory) as inside:
            done = inside.run(["/usr/bin/python3", HERE / "recipe.py", directory / "lab"],
                              env={"PYTHONDONTWRITEBYTECODE": "1"})
        if done.returncode != 0:
            raise RuntimeError(f"the recipe failed:\n{done.stdout}{done.stderr}")
        unfinished = path.with_suffix(".part")
        subprocess.run(["tar", "-C", directory, "-czf", unfinished, *SNAPSHOT_PARTS], check=True)
        unfinished.rename(path)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def remove_older(path):
    for other in path.parent.glob("domain-*.tar.gz"):
        if other != path:
            other.unlink()


def restore(snapshot, directory):
    subprocess.run(["tar", "-C", directory, "--same-owner", "-xpzf", snapshot], check=True)


def check_requirements():
    if os.geteuid() != 0:
        raise PermissionError("the domain lab makes namespaces and needs root")
    missing = [name for name in REQUIRED_COMMANDS if not shutil.which(name, path=os.defpath +
                                                                      ":/usr/sbin:/sbin")]
    if missing:
        raise FileNotFoundError("the domain lab needs: " + ", ".join(missing))


# The command

GREETING = """\
EXAMPLE.TEST is up, in a namespace of its own. Leave the shell to end it.
  {servers}
  people     alice bob carol person01..person50; password of alice: {password}
  try        curl --cacert $CA --ntlm -u 'EXAMPLE\\alice:{password}' {ntlm}
             echo '{password}' | kinit alice && curl --cacert $CA --negotiate -u : {kerberos}
"""


def shell(with_servers):
    with Domain() as domain:
        servers = []
        if with_servers:
            for name in ("iis1", "iis2"):
                servers += [domain.apache(name), domain.squid(name)]
        ntlm = next((s.https for s in servers if s.kind == "squid"), "URL")
        kerberos = next((s.https for s in servers if s.kind == "apache"), "URL")
        print(GREETING.format(password=names.password("alice"), ntlm=ntlm, kerberos=kerberos,
                              servers="\n  ".join(f"{s.kind:<10} {s.http}  {s.https}"
                                                  for s in servers) or "no web servers"))
        env = {"CA": str(domain.ca), "KRB5CCNAME": f"FILE:{domain.directory}/tickets/shell",
               "PS1": "example.test# "}
        subprocess.run(domain.namespace.command(["bash", "--norc"], cwd=os.getcwd()),
                       env=domain.namespace.environment(env), check=False)


def run_command(argv):
    with Domain() as domain:
        for name in ("iis1", "iis2"):
            domain.apache(name)
            domain.squid(name)
        env = {"CA": str(domain.ca), "KRB5CCNAME": domain.ticket("alice")}
        return domain.run(argv, env=env, cwd=os.getcwd(), stdout=None).returncode


def measure():
    """Prints how long each step takes."""
    with Domain() as domain:
        for name in ("iis1", "iis2"):
            domain.apache(name)
            domain.squid(name)
        domain.timed("53 tickets", lambda: [domain.ticket(person) for person in names.PEOPLE])
    for step, seconds in domain.times_s.items():
        print(f"{step:<14} {seconds:6.2f} s")


def main():
    parser = argparse.ArgumentParser(description="The domain lab: Samba, Apache and Squid.")
    commands = parser.add_subparsers(dest="command", required=True)
    inside = commands.add_parser("shell", help="a shell inside the running domain")
    inside.add_argument("--no-servers", action="store_true", help="only the domain controller")
    once = commands.add_parser("run", help="run one command inside, as alice")
    once.add_argument("argv", nargs=argparse.REMAINDER)
    commands.add_parser("snapshot", help="build the snapshot if needed and print its path")
    commands.add_parser("measure", help="start everything once and print the times")
    choice = parser.parse_args()
    if choice.command == "shell":
        shell(not choice.no_servers)
    elif choice.command == "run":
        sys.exit(run_command(choice.argv))
    elif choice.command == "snapshot":
        check_requirements()
        print(snapshot_path())
    else:
        measure()


if __name__ == "__main__":
    main()
