# SPDX-License-Identifier: Apache-2.0
# What a fault is built with: nodes, a load balancer before them, the question to the doctor, and
# proofs that the fault is really there, made without the doctor. Lives as long as its place.
"""stage.nodes(); stage.haproxy(front=[…]); stage.prove("the 401 has no challenge", …)"""

import glob
import os
import subprocess
import sys
import time

from lab.balancer import Balancer
from lab.embedded.domain import DNS_DOMAIN, NETBIOS_DOMAIN, REALM, LabError, password
from lab.faults import balancers
from lab.faults.base import ADDRESSES, SITE
from lab.faults.witness import Talk
from lab.people.ntlm import channel_binding

NODES = ("iis1", "iis2")
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


TOKEN_MAKER = """
import base64, gssapi, sys
name = gssapi.Name("HTTP@" + sys.argv[1], gssapi.NameType.hostbased_service)
context = gssapi.SecurityContext(name=name, usage="initiate",
                                 mech=gssapi.OID.from_int_seq("1.3.6.1.5.5.2"))
print(base64.b64encode(context.step()).decode())
"""
GONE = "Couldn't connect to server"  # what curl says about a closed port


class NotThere(AssertionError):
    """The stage does not show the fault it was built for."""


def shifted(seconds):
    """An environment in which the clock is off by so much."""
    libraries = glob.glob(FAKETIME)
    if not libraries:
        raise LabError("libfaketime is not installed: scripts/install test")
    return {"LD_PRELOAD": libraries[0], "FAKETIME": f"{seconds:+d}s", "FAKETIME_DONT_RESET": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


class Stage:
    """url, accounts, direct, options: what the doctor is asked. env: what it runs in."""

    site = SITE

    def __init__(self, place, base):
        self.place = place
        self.base = base
        self.url = f"https://{SITE}/"
        self.accounts = [("alice", "alice"), ("bob", "bob")]  # who, and whose password
        self.direct = [f"{name}={ADDRESSES[name]}:443" for name in NODES]
        self.options = []
        self.env = {}
        self.ca_file = place.ca_file
        self.proofs = []
        self._balancer = None
        self._node_process = {}

    # -- building

    @property
    def scratch(self):
        return str(self.place.directory / "run")

    def stem(self, certificate):
        return self.base.stem(certificate)

    def node(self, name, certificate="lb-ecdsa", keytab=None, users="all.users", clock=0,
             ports=(80, 443), address=None, **switches):
        """Starts a handfast-iis. `clock`: seconds it is off. Switches are its options."""
        stem = self.stem(certificate)
        address = address or ADDRESSES[name]
        arguments = [self.base.iis, "--verbose", "--name", name, "--domain", NETBIOS_DOMAIN,
                     "--dns-domain", DNS_DOMAIN]
        if 80 in ports:
            arguments += ["--http", f"{address}:80"]
        if 443 in ports:
            arguments += ["--https", f"{address}:443", "--cert", f"{stem}.pem", "--key",
                          f"{stem}.key"]
        if keytab is not False:
            arguments += ["--keytab", keytab or self.place.keytab]
        if users:
            arguments += ["--users", self.base.path(users) if "/" not in users else users]
        for switch, value in switches.items():
            option = "--" + switch.replace("_", "-")
            if value is True:
                arguments.append(option)
            elif isinstance(value, (list, tuple)):
                arguments += [word for one in value for word in (option, str(one))]
            elif value not in (False, None):
                arguments += [option, str(value)]
        log = os.path.join(self.scratch, f"{name}.log")
        with open(log, "wb") as errors:
            child = self.place.namespace.popen(arguments, env=shifted(clock) if clock else None,
                                               stdout=subprocess.PIPE, stderr=errors)
        if not child.stdout.readline().startswith(b"ready"):
            with open(log, encoding="utf-8", errors="replace") as file:
                raise LabError(f"{name} does not start:\n{file.read()}")
        self._node_process[name] = child

    def nodes(self, iis1=None, iis2=None, **both):
        """Both nodes; `iis1`, `iis2`: what is different at one."""
        self.node("iis1", **{**both, **(iis1 or {})})
        self.node("iis2", **{**both, **(iis2 or {})})

    def node_list(self, port=443, names=NODES):
        return [(name, f"{ADDRESSES[name]}:{port}") for name in names]

    def in_clear(self):
        """The doctor looks at the nodes over HTTP, as the balancer does."""
        self.direct = [f"{name}=http://{ADDRESSES[name]}:80" for name in NODES]

    def start(self, command, text=None, ending="cfg", port=443, env=None):
        """A program before the nodes; {file} in its command is the configuration."""
        file = os.path.join(self.scratch, f"{os.path.basename(command[0])}.{ending}")
        if text is not None:
            with open(file, "w", encoding="utf-8") as out:
                out.write(text)
        log = os.path.join(self.scratch, "balancer.log")
        with open(log, "ab") as errors:
            child = self.place.namespace.popen(
                [word.format(file=file, here=self.scratch) for word in command], stdout=errors,
                stderr=errors, env={"HOME": self.scratch, "XDG_DATA_HOME": self.scratch,
                                    "XDG_CONFIG_HOME": self.scratch, **(env or {})})
        try:
            self.place.namespace.wait_for_port(ADDRESSES["lb"], port, 10, child=child)
        except (RuntimeError, TimeoutError) as error:
            with open(log, encoding="utf-8", errors="replace") as said:
                raise LabError(f"{command[0]} does not start:\n{said.read()}") from error

    def haproxy(self, port=443, plain=False, names=NODES, **options):
        """`plain`: HTTP to the nodes."""
        nodes = self.node_list(80 if plain else 443, names)
        text = balancers.haproxy(self, nodes, tls=not plain, port=port, **options)
        self.start(["haproxy", "-db", "-f", "{file}"], text, port=port)
        if plain:
            self.in_clear()

    def haproxy_tcp(self, names=NODES, **options):
        text = balancers.haproxy_tcp(self, self.node_list(443, names), **options)
        self.start(["haproxy", "-db", "-f", "{file}"], text)

    def nginx(self, names=NODES, tls=False, **options):
        text = balancers.nginx(self, self.node_list(443 if tls else 80, names), tls=tls, **options)
        self.start(["nginx", "-e", "{here}/error.log", "-c", "{file}", "-g", "daemon off;"], text)
        if not tls:
            self.in_clear()

    def apache(self, names=NODES, **options):
        text = balancers.apache(self, self.node_list(80, names), **options)
        self.start(["apache2", "-f", "{file}", "-DFOREGROUND"], text)
        self.in_clear()

    def caddy(self, names=NODES):
        text = balancers.caddy(self, self.node_list(80, names))
        self.start(["caddy", "run", "--config", "{file}", "--adapter", "caddyfile"], text)
        self.in_clear()

    def handfast(self, mode="forward", plain=False, names=NODES, **options):
        text = balancers.handfast(self, self.node_list(80 if plain else 443, names), mode=mode,
                                  tls=not plain and mode == "forward", **options)
        namespace = self.place.namespace
        self._balancer = Balancer(text, prefix=namespace.command([]), env=namespace.environment())
        if plain:
            self.in_clear()

    def script(self, name, *arguments):
        """One of the small fronts of fronts.py."""
        here = os.path.dirname(os.path.abspath(__file__))
        self.start([sys.executable, os.path.join(here, "fronts.py"), name, *arguments])

    def stop(self):
        """Before the place goes: Handfast wants to end by itself."""
        if self._balancer:
            self._balancer.stop()
            self._balancer = None

    # -- looking, without the doctor

    def prove(self, what, holds):
        """Notes a fact of the stage; raises when it is not one."""
        if not holds:
            raise NotThere(f"{self.place.directory}: not so: {what}")
        self.proofs.append(what)

    def wait(self, what, holds, seconds=10):
        """As prove, of something that becomes so in a moment."""
        deadline = time.monotonic() + seconds
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.prove(what, holds())

    def talk(self, to="lb", **options):
        return Talk(self.place, ADDRESSES.get(to, to), **options)

    def ask(self, to="lb", path="/", **options):
        """One question on a connection of its own."""
        asked = {key: options.pop(key) for key in ("authorization", "method", "body", "fields")
                 if key in options}
        if to != "lb" and not self.direct[0].endswith(":443"):
            options = {"port": 80, "tls": False, **options}
        with self.talk(to, **options) as talk:
            return talk.ask(path, **asked)

    def ntlm(self, to="lb", person="alice", scheme="NTLM", bind=None, **options):
        """Status at the end of a login. `bind`: certificate whose binding is sent."""
        binding = channel_binding(self.base.leaf(bind)) if bind else None
        login = {key: options.pop(key) for key in ("secret", "spn", "path") if key in options}
        if to != "lb" and not self.direct[0].endswith(":443"):
            options = {"port": 80, "tls": False, **options}
        with self.talk(to, **options) as talk:
            return talk.ntlm(person, scheme, binding=binding, **login)[1].status

    def kinit(self, person="alice", secret=None):
        done = self.place.namespace.run(["kinit", f"{person}@{REALM}"],
                                        input=(secret or password(person)) + "\n",
                                        env=self.env)
        return done.returncode == 0, done.stdout + done.stderr

    def ticket(self, service=f"HTTP/{SITE}", person="alice"):
        """What kvno says about a ticket for that name."""
        done, said = self.kinit(person)
        if not done:
            return said
        run = self.place.namespace.run(["kvno", "-e", "aes256-cts,aes128-cts,arcfour-hmac",
                                        f"{service}@{REALM}"])
        if run.returncode != 0:
            run = self.place.namespace.run(["kvno", f"{service}@{REALM}"])
        return run.stdout + run.stderr + self.place.namespace.run(["klist", "-e"]).stdout

    def kerberos(self, to="lb", person="alice", tls=True, url=None):
        """Status curl ends with, logging in with a ticket for the site's name."""
        done, said = self.kinit(person)
        if not done:
            raise NotThere(f"no ticket: {said}")
        port = 443 if tls else 80
        url = url or f"http{'s' if tls else ''}://{SITE}/"
        # by --connect-to, so that what is asked for stays the site's name
        run = self.place.namespace.run(
            ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10",
             "--connect-to", f"::{ADDRESSES.get(to, to)}:{port}", "--negotiate", "-u", ":", url])
        return int(run.stdout or 0)

    def kerberos_token(self, person="alice"):
        """A value for Authorization, as a client sends that does not wait to be asked."""
        cache = f"FILE:{self.scratch}/{person}.ccache"
        env = {"KRB5CCNAME": cache}
        if not os.path.exists(cache[5:]):
            self.place.namespace.run(["kinit", f"{person}@{REALM}"], env=env,
                                     input=password(person) + "\n")
        done = self.place.namespace.run(["/usr/bin/python3", "-c", TOKEN_MAKER, self.site], env=env)
        if done.returncode != 0:
            raise NotThere(f"no token: {done.stderr}")
        return "Negotiate " + done.stdout.strip()

    def run(self, *command, **options):
        """A program in the stage's network; its output, both kinds."""
        done = self.place.namespace.run(list(command), **options)
        return done.stdout + done.stderr

    # -- the question

    def question(self):
        """The doctor's arguments."""
        words = [self.url]
        for who, whose in self.accounts:
            words += ["--as", who if "\\" in who or "@" in who else f"{who}@{REALM}",
                      "--password-file", self.base.password_file(whose)]
        for node in self.direct:
            words += ["--direct", node]
        if self.ca_file:
            words += ["--ca", self.ca_file]
        return [*words, *self.options]
