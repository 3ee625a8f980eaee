# SPDX-License-Identifier: Apache-2.0
"""One round of one row with one product: start the load, read the meter before and after."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import meter
from harness.products import pinned

SETTLE_S = 0.05
PATIENCE_S = 300


@dataclass
class Round:
    """What one round gave. figure is in the row's unit; error is empty when it counts."""

    figure: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    units: int = 0
    latency_direct_us: float = 0.0
    latency_added_us: float = 0.0
    error: str = ""

    def as_json(self):
        return asdict(self)


class Load:
    """A running load program, bench-load or login_load.py; the context ends it."""

    def __init__(self, world, command, environment=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment, preexec_fn=pinned(world.load_core))

    @classmethod
    def of(cls, world, product, row, units):
        port = product.ports[row.door]
        if row.kind == "login":
            script = Path(__file__).resolve().parent / "login_load.py"
            arguments = world.logins.arguments(row.load[0], port, row.door == "pass", units)
            return cls(world, [sys.executable, str(script), *arguments],
                       world.logins.environment())
        return cls(world, [world.tools["bench-load"], "--port", str(port), "--clients",
                           str(row.clients), "--units", str(units), *row.load])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def line(self):
        """Its next line; RuntimeError with what it complained about when there is none."""
        line = self.process.stdout.readline()
        if not line:
            complaint = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(complaint[-1] if complaint else "the load ended without a word")
        return line

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        result = json.loads(self.line())
        if result["errors"]:
            raise RuntimeError(f"{result['errors']} errors, the first: {result['error']}")
        return result

    def leave(self):
        """Lets it close its connections by itself."""
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)


def cpu_round(world, product, row, units):
    with Load.of(world, product, row, units) as load:
        load.line()
        time.sleep(SETTLE_S)
        before = meter.thread_times_ns(product.process.pid)
        result = load.go()
        time.sleep(SETTLE_S)
        cpu_s = meter.spent_s(before, meter.thread_times_ns(product.process.pid))
        load.leave()
    if row.unit_bytes:
        figure = cpu_s / (result["units"] * row.unit_bytes / 1e9)
    else:
        figure = cpu_s / result["units"] * 1e6
    return Round(figure, result["wall_s"], cpu_s, result["units"],
                 result.get("latency_direct_us", 0.0), result.get("latency_added_us", 0.0))


def idle_round(world, product, row, core):
    """Memory is measured in a fresh process, so that earlier rows leave nothing in it."""
    fresh = type(product)(product.binary)
    fresh.start(world, core, idle_clients=row.clients)
    try:
        baseline = meter.pss_bytes(fresh.process.pid)
        descriptors = meter.open_descriptors(fresh.process.pid)
        with Load.of(world, fresh, row, row.clients) as load:
            load.line()
            time.sleep(1)
            held = meter.pss_bytes(fresh.process.pid)
            links = meter.open_descriptors(fresh.process.pid) - descriptors
            if links < 2 * row.clients:
                raise RuntimeError(f"{links} descriptors for {row.clients} clients: "
                                   "not every client has a link")
            result = load.go()  # every client must still be there
            load.leave()
    finally:
        fresh.stop()
    return Round((held - baseline) / 1000 / row.clients, result["wall_s"], 0.0, row.clients)


def measure(world, product, row, core, units):
    try:
        if row.kind == "idle":
            return idle_round(world, product, row, core)
        return cpu_round(world, product, row, units)
    except (RuntimeError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Round(error=str(error))
