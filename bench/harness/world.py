# SPDX-License-Identifier: Apache-2.0
"""What surrounds the proxies: the C tools, certificates, the origin server, the domain.

Everything lives in one temporary directory and ends with close().
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.domain import LoginDomain
from harness.products import BENCH, pinned

LOAD = BENCH / "load"
FLAGS = ["-std=gnu2x", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra"]
TOOLS = {"bench-origin": ["origin.c", "channel.c"], "bench-load": ["load.c", "talk.c", "channel.c"]}


def build_tools():
    """Compiles the C tools into a cache, once for each state of their sources. Returns paths."""
    digest = hashlib.sha256()
    for source in sorted(LOAD.glob("*.[ch]")):
        digest.update(source.name.encode() + source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    directory = cache / "handfast-bench" / digest.hexdigest()[:16]
    tools = {name: directory / name for name in TOOLS}
    for name, tool in tools.items():
        if tool.exists():
            continue
        directory.mkdir(parents=True, exist_ok=True)
        fresh = directory / f".{name}-{os.getpid()}"
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, "-o", fresh,
                        *(LOAD / source for source in TOOLS[name]), "-lssl", "-lcrypto"],
                       check=True)
        fresh.rename(tool)
    return tools


def make_certificate(directory, name, new_key):
    """A self-signed certificate for every name of the bench, with its key, in one file."""
    key, chain, both = (directory / f"{name}.{end}" for end in ("key", "crt", "pem"))
    names = [f"{name}.bench.test", "raw.bench.test", "tls.bench.test"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *new_key, "-nodes", "-days", "2",
                    "-subj", f"/CN={names[0]}", "-keyout", key, "-out", chain,
                    "-addext", "subjectAltName=" + ",".join(f"DNS:{each}" for each in names)],
                   check=True, capture_output=True)
    both.write_text(chain.read_text() + key.read_text())
    return {f"{name}_key": key, f"{name}_chain": chain, f"{name}_pem": both}


class World:
    """Tools, certificates and the running origin; values are what the templates may name."""

    def __init__(self, load_core, with_logins):
        self.load_core = load_core
        self.tools = build_tools()
        self.directory = Path(tempfile.mkdtemp(prefix="handfast-bench-"))
        os.chmod(self.directory, 0o755)
        self.values = {}
        self.origin = None
        self.logins = None
        try:
            self.values.update(make_certificate(
                self.directory, "ecdsa", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]))
            self.values.update(make_certificate(self.directory, "rsa", ["rsa:2048"]))
            self.start_origin()
            self.values.update(self.login_values(with_logins))
        except BaseException:
            self.close()
            raise

    def start_origin(self):
        self.origin = subprocess.Popen(
            [self.tools["bench-origin"], self.values["ecdsa_chain"], self.values["ecdsa_key"]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            preexec_fn=pinned(self.load_core))
        doors = json.loads(self.origin.stdout.readline() or "{}")
        if not doors:
            raise RuntimeError("bench-origin did not start")
        self.values.update({f"origin_{name}": port for name, port in doors.items()})

    def login_values(self, with_logins):
        if with_logins:
            self.logins = LoginDomain(self.directory)
            return self.logins.values
        return {"login_chain": self.values["ecdsa_chain"], "login_key": self.values["ecdsa_key"],
                "login_pem": self.values["ecdsa_pem"], "iis_http": self.values["origin_http"],
                "iis_https": self.values["origin_https"]}

    def close(self):
        if self.logins is not None:
            self.logins.close()
        if self.origin is not None:
            self.origin.kill()
            self.origin.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
