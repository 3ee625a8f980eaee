# SPDX-License-Identifier: Apache-2.0
"""A private network and mount namespace: the machine room the lab domain stands in.

Inside, only loopback exists, and chosen files and directories of the lab cover those of the host
(/etc/hosts, /var/lib/samba, ...). Outside nothing changes, ever. One holder process keeps the
namespace alive; it dies with its parent, and then kills every process left inside.

The holder belongs to the Namespace object, and so does every process started through popen().
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

CLONE_NEWNET = 0x40000000
KEPT_VARIABLES = ("TERM", "LANG", "TZ", "HANDFAST_LAB_CACHE", "ASAN_OPTIONS", "LSAN_OPTIONS",
                  "TSAN_OPTIONS", "UBSAN_OPTIONS")
FAREWELL = "done\n"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Namespace:
    """with Namespace(covers, home) as ns: ns.run(["ip", "addr"]).

    covers: {path in the host's tree: path of the lab's file or directory that covers it, or None
    for an empty tmpfs}. A path the host does not have is left out (there is nothing to protect).
    home: $HOME and working directory of the processes inside.
    scratch: a directory the caller will remove; if the caller is killed, the holder does.
    """

    def __init__(self, covers, home, scratch, hostname="dc1", variables=None):
        self.home = Path(home)
        self.scratch = str(scratch)
        self.covers = {str(path): source and str(source) for path, source in covers.items()}
        self.hostname = hostname
        self.variables = dict(variables or {})
        self.holder = None
        self.children = []

    def __enter__(self):
        order = json.dumps({"covers": self.covers, "hostname": self.hostname,
                            "scratch": self.scratch})
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--ipc", "--uts", "--",
             sys.executable, __file__, order],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        answer = self.holder.stdout.readline()
        if answer != "ready\n":
            self.close()
            raise RuntimeError("cannot make a network and mount namespace (root is needed)")
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stops what popen() started, last first; then everything else that is inside."""
        for child in reversed(self.children):
            stop(child)
        self.children.clear()
        if self.holder:
            self.holder.stdin.write(FAREWELL)
            self.holder.stdin.close()
            self.holder.stdout.close()
            self.holder.wait()
            self.holder = None

    def environment(self, extra=None):
        """The environment inside: nothing of the caller's that would redirect TLS or Kerberos."""
        env = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        env.update(PATH=PATH, HOME=str(self.home))
        env.update(self.variables)
        env.update(extra or {})
        return env

    def command(self, argv, cwd=None):
        """argv that enters the namespace and becomes argv; the process id stays the same."""
        return ["nsenter", f"--target={self.holder.pid}", "--net", "--mount", "--ipc", "--uts",
                "--", "env", "-C", str(cwd or self.home), *map(str, argv)]

    def run(self, argv, env=None, cwd=None, **options):
        """subprocess.run() inside; text by default, output captured unless told otherwise."""
        options.setdefault("text", True)
        if not {"stdout", "stderr", "capture_output"} & options.keys():
            options["capture_output"] = True
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.command(argv, cwd), env=self.environment(env), **options)

    def popen(self, argv, env=None, cwd=None, **options):
        """subprocess.Popen() inside; stopped by close() if it still lives then."""
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen(self.command(argv, cwd), env=self.environment(env), **options)
        self.children.append(child)
        return child

    def connect(self, address, port, timeout_s=10.0, tls=None):
        """A connected socket of the network inside, for the calling process outside.

        tls: None for plain TCP, or (ssl.SSLContext, server name).
        """
        result = []

        def enter_and_connect():
            # setns() moves only the calling thread; the socket keeps the network it was made in.
            with open(f"/proc/{self.holder.pid}/ns/net", "rb") as network:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
                    result.append(OSError(ctypes.get_errno(), "setns"))
                    return
            try:
                result.append(socket.create_connection((address, port), timeout_s))
            except OSError as error:
                result.append(error)

        thread = threading.Thread(target=enter_and_connect)
        thread.start()
        thread.join()
        if isinstance(result[0], OSError):
            raise result[0]
        if tls is None:
            return result[0]
        context, name = tls
        return context.wrap_socket(result[0], server_hostname=name)

    def wait_for_port(self, address, port, timeout_s=30.0, child=None):
        """Returns once something accepts on the port; fails when child (a Popen) has ended."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.connect(address, port).close()
                return
            except OSError as error:
                if child is not None and child.poll() is not None:
                    raise RuntimeError(f"{child.args[-1]} ended: {child.returncode}") from error
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nothing answers on {address}:{port}") from error
                time.sleep(0.02)


def trusting(ca_file):
    """An ssl.SSLContext that trusts only the lab's authority."""
    return ssl.create_default_context(cafile=str(ca_file))


def stop(child, patience_s=10.0):
    """Ends one child: politely, then not."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(patience_s)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            stream.close()


# The rest runs in the holder, inside the namespace.

def hold(covers, hostname, scratch):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    socket.sethostname(hostname)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for path, source in covers.items():
        if not os.path.exists(path):
            continue
        where = os.path.realpath(path)
        if source is None:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "lab", where], check=True)
        else:
            subprocess.run(["mount", "--bind", source, where], check=True)
    print("ready", flush=True)
    farewell = sys.stdin.read()
    kill_everyone_inside()
    if farewell != FAREWELL:
        shutil.rmtree(scratch, ignore_errors=True)


def kill_everyone_inside():
    """Kills until nobody is left: a process may fork while the list is being read."""
    for _ in range(200):
        others = processes_inside()
        if not others:
            return
        for pid in others:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def processes_inside():
    mine = os.readlink("/proc/self/ns/net")
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            if os.readlink(f"/proc/{entry}/ns/net") == mine:
                found.append(int(entry))
        except OSError:
            continue
    return found


if __name__ == "__main__":
    spec = json.loads(sys.argv[1])
    hold(spec["covers"], spec["hostname"], spec["scratch"])
