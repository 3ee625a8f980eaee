#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Runs a Handfast with a configuration of the test's or demo's own and takes it down again. Never leaves it running,
# and always looks at how it ended: a process that did not come back to nothing is a failure.
"""with Balancer(config_text) as balancer: balancer.ports[0], balancer.log(), balancer.reload(text)"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def binary():
    """The handfast to run: $HANDFAST, else that of build/."""
    path = os.environ.get("HANDFAST", os.path.join(ROOT, "build", "src", "handfast"))
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"no handfast at {path}: run scripts/build, or set HANDFAST")
    return path


class Balancer:
    def __init__(self, config, prefix=(), env=None):
        self.directory = tempfile.mkdtemp(prefix="handfast-")
        self.config_file = os.path.join(self.directory, "handfast.yaml")
        self.log_file = os.path.join(self.directory, "log.json")
        self.error_file = os.path.join(self.directory, "stderr")
        self.write(config)
        with open(self.error_file, "wb") as errors, open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [*prefix, binary(), "serve", "-c", self.config_file],
                stdout=log, stderr=errors, stdin=subprocess.DEVNULL, env=env)
        self.ports = self._wait_until_ready()

    def write(self, config):
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(config)

    def errors(self):
        with open(self.error_file, encoding="utf-8") as file:
            return file.read()

    def _wait_until_ready(self):
        deadline = time.monotonic() + 20
        while "handfast: ready" not in self.errors():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"handfast did not start:\n{self.errors()}")
            time.sleep(0.01)
        lines = [line for line in self.errors().splitlines() if "listening on" in line]
        return [int(line.split(" (")[0].rsplit(":", 1)[1]) for line in lines]

    def log(self, what=None):
        """The lines written so far; `what`: only those of that kind."""
        with open(self.log_file, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [line for line in lines if what is None or line["what"] == what]

    def wait_for_log(self, condition, seconds=5):
        """The first line for which `condition` holds; lines are written a moment after the fact."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.log():
                if condition(line):
                    return line
            time.sleep(0.05)
        raise AssertionError("no such log line among:\n" + "\n".join(map(str, self.log())))

    def reload(self, config=None):
        """SIGHUP, and what it said."""
        before = len(self.errors())
        if config is not None:
            self.write(config)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            said = self.errors()[before:]
            if re.search(r"^handfast: reload.*\n", said, re.MULTILINE):
                return said
            time.sleep(0.01)
        raise AssertionError("no answer to the reload:\n" + self.errors())

    def stop(self):
        """TERM; the exit status. It must end at zero live objects."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("handfast did not stop:\n" + self.errors()) from None
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        status = self.stop()
        if kind is None:
            said = self.errors()
            assert status == 0, f"handfast ended with {status}:\n{said}"
            assert "no client, link or exchange is left" in said, said
            shutil.rmtree(self.directory, ignore_errors=True)  # kept when something went wrong
