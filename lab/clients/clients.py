#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The list of the lab's clients, none of them ours, and how to run one.

    answer = run(domain, "chromium", "https://lb.example.test/", "alice", "ntlm")
    answer["status"], answer["person"], answer["requests"]

domain is anything with run(argv, env=...), ticket(person), password(person), ca and directory, as
lab.domain.domain.Domain is. The JavaScript clients' packages are installed once into the lab's cache directory, at the
versions of package-lock.json.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# name -> (command, schemes)
CLIENTS = {
    "curl": (["curl.py"], ("kerberos", "ntlm")),
    "curl-asked": (["curl.py", "--asked"], ("kerberos",)),
    "requests-ntlm": (["requests-ntlm.py"], ("ntlm",)),
    "requests-kerberos": (["requests-kerberos.py"], ("kerberos",)),
    "libsoup": (["libsoup.py"], ("kerberos", "ntlm")),
    "httpntlm": (["httpntlm.js"], ("ntlm",)),
    "chromium": (["chromium.js"], ("kerberos", "ntlm")),
    "firefox": (["firefox.js"], ("kerberos", "ntlm")),
}

# Only against hanging for ever: on a busy machine a browser can take minutes.
TIMEOUT_S = 400


def pairs():
    """Every (client, scheme) there is."""
    return [(name, scheme) for name, (_, schemes) in CLIENTS.items() for scheme in schemes]


def run(domain, client, url, person, scheme, password=None, ccache=None):
    """One run of a client as a person; the report as a dict. Wrong answers are for the caller.

    password and ccache default to the person's own.
    """
    command = CLIENTS[client][0]
    is_script = command[0].endswith(".js")
    argv = ["node" if is_script else "/usr/bin/python3", HERE / command[0], *command[1:], url,
            "--person", person, "--scheme", scheme, "--ca", domain.ca]
    if scheme == "ntlm":
        argv += ["--password", domain.password(person) if password is None else password]
    else:
        argv += ["--ccache", domain.ticket(person) if ccache is None else ccache]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    if is_script:
        env["NODE_PATH"] = str(packages())
        env["LAB_BROWSER_PROFILES"] = f"{domain.directory}/profiles"
    done = domain.run(argv, env=env, timeout=TIMEOUT_S)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise RuntimeError(f"{client} gave no report:\n{done.stdout}{done.stderr}") from error


def packages():
    """The node_modules directory with the pinned packages; installed on first use (from npm)."""
    lock = (HERE / "package-lock.json").read_bytes()
    chosen = os.environ.get("HANDFAST_LAB_CACHE")
    cache = Path(chosen) if chosen else Path.home() / ".cache/handfast-lab"
    target = cache / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not target.exists():
        install(cache, target)
    return target / "node_modules"


def install(cache, target):
    print("lab: installing the JavaScript clients (once)", file=sys.stderr)
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="npm-", dir=cache))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, unfinished)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                              cwd=unfinished, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")
        # Whoever comes second finds the directory taken and uses the first one's.
        if not target.exists():
            unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["install"]:
        print(packages())
    else:
        print("\n".join(f"{name} {scheme}" for name, scheme in pairs()))
