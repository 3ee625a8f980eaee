#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The embedded lab: an MIT KDC, people, service names, keytabs, certificates and IIS stand-ins, all
# in one directory, without root, without /etc. Never leaves a process behind: everything it starts
# ends with `down`, with the context, or with this process.
"""A small Windows-like domain in about a second.

    with Domain() as domain:
        server = domain.iis("iis1", kerberos="request")
        domain.curl(server.url("iis1.example.test"), "--negotiate", "-u", ":", person="alice")

Commands:

    domain.py up DIR [--iis NAME ...]      stay up until Ctrl-C, TERM or the end of stdin (--stdin)
    domain.py run DIR [--iis NAME ...] -- COMMAND ...   run COMMAND inside, then stop everything
"""

import argparse
import atexit
import glob
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from authority import Authority  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REALM = "EXAMPLE.TEST"
DNS_DOMAIN = "example.test"
NETBIOS_DOMAIN = "EXAMPLE"
HOSTS = ("lb", "iis1", "iis2")
PEOPLE = ["alice", "bob", "carol", "dave", "erin", "frank"] + [
    f"person{n:02}" for n in range(1, 61)
]
MARK = ".handfast-lab"
# Where these are set, clients believe them more than what they are told on the command line.
MISLEADING = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
              "KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "NTLM_USER_FILE",
              "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


class LabError(Exception):
    """Something of the lab did not come up; the message says what and shows its output."""


def password(person):
    return f"{person.capitalize()}-Pw1!"


def free_port():
    """A port free for both TCP and UDP a moment ago."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LabError("no port free for TCP and UDP")


def find_iis():
    """The stand-in: $HANDFAST_IIS, a build directory, or compiled now into the temp directory."""
    named = os.environ.get("HANDFAST_IIS")
    if named:
        return named
    sources = sorted(glob.glob(os.path.join(ROOT, "lab/iis/*.[ch]")))
    newest = max(os.path.getmtime(path) for path in sources)
    for path in glob.glob(os.path.join(ROOT, "build*/lab/handfast-iis")):
        if os.path.getmtime(path) >= newest:
            return path
    return compile_iis(sources)


def compile_iis(sources):
    digest = hashlib.sha256()
    for path in sources:
        with open(path, "rb") as file:
            digest.update(file.read())
    directory = os.path.join(
        tempfile.gettempdir(), f"handfast-iis-{os.getuid()}-{digest.hexdigest()[:16]}"
    )
    os.makedirs(directory, mode=0o700, exist_ok=True)
    if os.stat(directory).st_uid != os.getuid():
        raise LabError(f"{directory} belongs to somebody else")
    program = os.path.join(directory, "handfast-iis")
    if os.path.exists(program):
        return program
    libraries = ["libssl", "libcrypto", "krb5-gssapi", "krb5", "libnghttp2"]
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", *libraries], check=True, capture_output=True, text=True
    ).stdout.split()
    fresh = f"{program}.{os.getpid()}"
    subprocess.run(
        ["cc", "-std=gnu2x", "-D_GNU_SOURCE", "-O2", "-g", "-o", fresh,
         *[path for path in sources if path.endswith(".c")], *flags, "-lpthread"],
        check=True,
    )
    os.rename(fresh, program)
    return program


def end_process(process, seconds=5):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


class Iis:
    """One running handfast-iis. `http` and `https` are ports; `log()` is its stderr so far."""

    def __init__(self, name, arguments, directory, env):
        self.name = name
        self.log_file = os.path.join(directory, f"{name}.{time.monotonic_ns()}.log")
        self._input, child_input = socket.socketpair()
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                arguments, stdin=child_input, stdout=subprocess.PIPE, stderr=log, env=env
            )
        child_input.close()
        words = self.process.stdout.readline().decode().split()
        if not words or words[0] != "ready":
            self.stop()
            raise LabError(f"handfast-iis did not start: {arguments}\n{self.log()}")
        self.addresses = [word.split("=", 1) for word in words[2:]]
        self.http = self._first_port("http")
        self.https = self._first_port("https")

    def _first_port(self, kind):
        for found, address in self.addresses:
            if found == kind:
                return int(address.rpartition(":")[2])
        return None

    def url(self, host, path="/", tls=True):
        scheme, port = ("https", self.https) if tls else ("http", self.http)
        return f"{scheme}://{host}:{port}{path}"

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        end_process(self.process)
        self.process.stdout.close()
        self._input.close()


class Domain:
    """The whole lab, in `directory` (a temporary one, removed by `down`, when None)."""

    def __init__(self, directory=None):
        self._temporary = directory is None
        self.directory = os.path.abspath(directory) if directory else None
        self.servers = []
        self.kdc = None
        self._lock = threading.Lock()

    # -- up and down

    def up(self):
        if self._temporary:
            self.directory = tempfile.mkdtemp(prefix="handfast-lab-")
        self._clear_directory()
        atexit.register(self.down)
        try:
            with ThreadPoolExecutor(2) as pool:
                certificates = pool.submit(self._make_certificates)
                self._write_user_file()
                self._start_kdc()
                certificates.result()
        except BaseException:
            self.down()
            raise
        return self

    def _clear_directory(self):
        """Starts from nothing: empties a directory an earlier lab made, and no other."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        left = os.listdir(self.directory)
        if left and MARK not in left:
            raise LabError(f"{self.directory} is not empty and no lab made it")
        if left:
            shutil.rmtree(self.directory)
            os.makedirs(self.directory, mode=0o700)
        self._write(MARK, "Made by the embedded lab; emptied when it starts here again.\n")

    def down(self):
        atexit.unregister(self.down)
        for server in self.servers:
            server.stop()
        self.servers = []
        if self.kdc:
            end_process(self.kdc)
            self.kdc = None
        if self._temporary and self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    # -- certificates and NTLM

    def _make_certificates(self):
        self.authority = Authority(self.path("tls"), DNS_DOMAIN)
        self.authority.make_all()

    @property
    def ca_file(self):
        return self.path("tls", "ca.pem")

    def certificate(self, name):
        """`lb-rsa`, `iis1-ecdsa`, `wildcard-rsa`, `lb-expired`, …: chain, key, leaf_der."""
        pair = self.authority.pair(name)
        if not os.path.exists(pair.chain):
            raise LabError(f"no certificate {name}; there are {sorted(self._certificate_names())}")
        return pair

    def _certificate_names(self):
        return [os.path.basename(p)[:-4] for p in glob.glob(self.path("tls", "*.key"))]

    @property
    def user_file(self):
        return self.path("ntlm.users")

    def _write_user_file(self):
        lines = [f"{NETBIOS_DOMAIN}:{person}:{password(person)}\n" for person in PEOPLE]
        self._write("ntlm.users", "".join(lines))

    def ntlm_client_file(self, person):
        """A file for NTLM_USER_FILE with this person only: gss-ntlmssp takes the first line."""
        self._write(f"{person}.ntlm", f"{NETBIOS_DOMAIN}:{person}:{password(person)}\n")
        return self.path(f"{person}.ntlm")

    # -- Kerberos

    def _write_krb5_files(self):
        kdc = f"127.0.0.1:{self.kdc_port}"
        self._write("krb5.conf", f"""[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    default_ccache_name = FILE:{self.path("nobody.ccache")}
[realms]
    {REALM} = {{
        kdc = {kdc}
    }}
[domain_realm]
    .{DNS_DOMAIN} = {REALM}
    {DNS_DOMAIN} = {REALM}
""")
        self._write("kdc.conf", f"""[kdcdefaults]
    kdc_listen = {kdc}
    kdc_tcp_listen = {kdc}
[realms]
    {REALM} = {{
        database_name = {self.path("kdb")}
        key_stash_file = {self.path("stash")}
        acl_file = {self.path("kadm5.acl")}
        max_life = 1d
        supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
    }}
[logging]
    kdc = FILE:{self.path("kdc.log")}
    default = FILE:{self.path("kdc.log")}
""")

    def _kdc_env(self):
        env = self.env()
        env["KRB5_KDC_PROFILE"] = self.path("kdc.conf")
        env["PATH"] += ":/usr/sbin:/sbin"
        return env

    def _run(self, *command, text_in=None, env=None):
        done = subprocess.run(
            command, input=text_in, capture_output=True, text=True, env=env or self.env(),
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"{command} failed:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def _make_database(self):
        script = [f"addprinc -pw {password(person)} {person}" for person in PEOPLE]
        for host in HOSTS:
            service = f"HTTP/{host}.{DNS_DOMAIN}"
            script += [
                f"addprinc -randkey {service}",
                # One account for the farm: every server can read tickets for every name.
                f"ktadd -norandkey -k {self.path('web.keytab')} {service}",
                # And one with its own name only, for the misconfigured case.
                f"ktadd -norandkey -k {self.path(host + '.keytab')} {service}",
            ]
        env = self._kdc_env()
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master", env=env)
        said = self._run("kadmin.local", "-r", REALM, text_in="\n".join(script) + "\n", env=env)
        if not os.path.exists(self.path("web.keytab")):
            raise LabError(f"kadmin.local made no keytab:\n{said}")

    def _start_kdc(self):
        self.kdc_port = free_port()
        self._write_krb5_files()
        self._make_database()
        for _ in range(5):
            if self._try_kdc():
                return
            self.kdc_port = free_port()  # somebody else took it meanwhile
            self._write_krb5_files()
        with open(self.path("kdc.out"), encoding="utf-8") as file:
            raise LabError(f"krb5kdc does not start:\n{file.read()}")

    def _try_kdc(self):
        with open(self.path("kdc.out"), "ab") as out:
            self.kdc = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "krb5kdc", "-n", "-r", REALM],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._kdc_env(),
            )
        for _ in range(500):
            if self.kdc.poll() is not None:
                return False
            try:
                socket.create_connection(("127.0.0.1", self.kdc_port), 1).close()
                return True
            except OSError:
                time.sleep(0.01)
        end_process(self.kdc)
        return False

    def ticket(self, person):
        """A credential cache holding this person's ticket-granting ticket, made once."""
        cache = self.path(f"{person}.ccache")
        if not os.path.exists(cache):
            fresh = f"{cache}.{threading.get_ident()}"
            self._run("kinit", "-c", f"FILE:{fresh}", person, text_in=password(person) + "\n")
            os.rename(fresh, cache)
        return cache

    def tickets(self, people):
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(people, pool.map(self.ticket, people)))

    def env(self, person=None, **more):
        """An environment for clients. With a person, their ticket is the one that is used."""
        env = {name: value for name, value in os.environ.items() if name not in MISLEADING}
        env["KRB5_CONFIG"] = self.path("krb5.conf")
        cache = self.ticket(person) if person else self.path("nobody.ccache")
        env["KRB5CCNAME"] = "FILE:" + cache
        env.update(more)
        return env

    # -- servers and clients

    def iis(self, name, certificate=None, keytab="web", http=("127.0.0.1:0",),
            https=("127.0.0.1:0",), **switches):
        """Starts a handfast-iis. Switches are its options: extended_protection="allow",
        proxy=True, spn=["HTTP/lb.example.test"], no_auth=["/open/"], …"""
        pair = self.certificate(certificate or f"{name}-ecdsa")
        arguments = [find_iis(), "--name", name, "--stop-on-eof", "--users", self.user_file,
                     "--domain", NETBIOS_DOMAIN, "--dns-domain", DNS_DOMAIN]
        if keytab:
            arguments += ["--keytab", self.path(f"{keytab}.keytab")]
        for address in http:
            arguments += ["--http", address]
        for address in https:
            arguments += ["--https", address, "--cert", pair.chain, "--key", pair.key]
        for switch, value in {"verbose": True, **switches}.items():
            option = "--" + switch.replace("_", "-")
            if value is True:
                arguments.append(option)
            elif isinstance(value, (list, tuple)):
                arguments += [word for one in value for word in (option, str(one))]
            elif value is not False and value is not None:
                arguments += [option, str(value)]
        server = Iis(name, arguments, self.directory, self.env())
        self.servers.append(server)
        return server

    def curl(self, url, *arguments, person=None, env=None):
        """Runs curl with the lab's CA and every name of the domain at 127.0.0.1."""
        port = url.split("/")[2].rpartition(":")[2]
        resolve = [word for host in HOSTS
                   for word in ("--resolve", f"{host}.{DNS_DOMAIN}:{port}:127.0.0.1")]
        return subprocess.run(
            ["curl", "-sS", "--max-time", "20", "--cacert", self.ca_file, *resolve, *arguments,
             url],
            capture_output=True, env=env or self.env(person), check=False,
        )


def describe(domain):
    print(f"directory {domain.directory}")
    print(f"export KRB5_CONFIG={domain.path('krb5.conf')}")
    print(f"ca {domain.ca_file}")
    print(f"kdc 127.0.0.1:{domain.kdc_port}")
    for server in domain.servers:
        print(f"server {server.name} http={server.http} https={server.https}")
    print("ready", flush=True)


def wait_for_end(read_stdin):
    """Returns at SIGINT or SIGTERM, or when stdin closes if that was asked for."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if read_stdin:
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    ended.wait()


def main(arguments):
    parser = argparse.ArgumentParser(description="Bring up the embedded lab.")
    parser.add_argument("command", choices=["up", "run"])
    parser.add_argument("directory", help="made if absent; kept when the lab goes down")
    parser.add_argument("--iis", action="append", default=[], metavar="NAME",
                        help="start a stand-in of this name; repeatable")
    parser.add_argument("--stdin", action="store_true", help="also end when stdin closes")
    mine, child = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        mine, child = arguments[:cut], arguments[cut + 1:]
    options = parser.parse_args(mine)
    if (options.command == "run") != bool(child):
        parser.error("run needs -- COMMAND, up takes none")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Domain(options.directory) as domain:
        for name in options.iis:
            domain.iis(name)
        if child:
            return subprocess.run(child, env=domain.env(), check=False).returncode
        describe(domain)
        wait_for_end(options.stdin)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
