# SPDX-License-Identifier: Apache-2.0
# Runs the stages: builds each, proves it, asks the doctor, and compares what it names first. Two
# side by side. Never decides what is right: that is in the stages.
"""python3 -m lab.faults.run [NAME …] [--list] [--keep] [--prove] [--jobs N] [--write FILE]"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from lab.balancer import binary
from lab.embedded.domain import LabError
from lab.faults import registry
from lab.faults.base import Base
from lab.faults.rows import ROWS, UNSTAGED
from lab.faults.stage import NotThere, Stage

PATIENCE_S = 90
PATIENCE_SLOW_S = 300
START, END = "<!-- score -->", "<!-- /score -->"


@dataclass
class Result:
    """What came of one stage. problem: why it could not be judged, "" when it was."""

    fault: registry.Fault
    proofs: list = field(default_factory=list)
    findings: list = field(default_factory=list)  # (id, weight), in the doctor's order
    status: int = -1
    problem: str = ""
    seconds: float = 0.0
    judged_s: float = 0.0

    @property
    def first(self):
        return self.findings[0][0] if self.findings else ""

    @property
    def heavy(self):
        return [name for name, weight in self.findings if weight != "note"]

    @property
    def right(self):
        if self.problem:
            return False
        if not self.fault.expects:
            return self.status == 0 and not self.heavy
        if self.fault.note:
            known = [name for name, _ in self.findings]
            return self.status == 0 and not self.heavy and self.fault.expects in known
        return self.status == 1 and self.first == self.fault.expects


class Runner:
    """One base, several places at a time."""

    def __init__(self, base, options):
        self.base = base
        self.options = options
        self.results = []
        self._lock = threading.Lock()

    def run(self, faults):
        """The slow ones mostly wait, so they are beside the others, and begin first."""
        slow = [fault for fault in faults if fault.slow]
        with ThreadPoolExecutor(self.options.jobs) as pool, \
                ThreadPoolExecutor(max(1, len(slow))) as waiting:
            under_way = {fault.name: (waiting if fault.slow else pool).submit(self.one, fault)
                         for fault in sorted(faults, key=lambda fault: not fault.slow)}
            try:
                return [under_way[fault.name].result() for fault in faults]
            except BaseException:  # told to stop: what runs ends by itself, nothing else begins
                for crew in (pool, waiting):
                    crew.shutdown(wait=False, cancel_futures=True)
                raise

    def one(self, fault):
        began = time.monotonic()
        result = Result(fault)
        try:
            with fault.make_place(self.base) as place:
                os.makedirs(place.directory / "run", exist_ok=True)
                (place.directory / "run").chmod(0o777)
                self._judge(fault, place, result)
        except (LabError, NotThere, OSError, RuntimeError, TimeoutError,
                subprocess.SubprocessError) as error:
            result.problem = f"{type(error).__name__}: {error}"
        except Exception:  # a mistake in a stage must not hide the others
            result.problem = traceback.format_exc()
        result.seconds = time.monotonic() - began
        self._say(result)
        return result

    def _judge(self, fault, place, result):
        stage = Stage(place, self.base)
        try:
            fault.build(stage)
            result.proofs = stage.proofs
            if not self.options.prove:
                self._ask_doctor(stage, result)
        finally:
            stage.stop()

    def _ask_doctor(self, stage, result):
        slow = result.fault.slow
        if slow:
            stage.options.append("--slow")
        began = time.monotonic()
        done = stage.place.namespace.run(
            [binary(), "doctor", *stage.question(), "--json"], env=stage.env,
            timeout=PATIENCE_SLOW_S if slow else PATIENCE_S)
        result.judged_s = time.monotonic() - began
        result.status = done.returncode
        try:
            said = json.loads(done.stdout)
            result.findings = [(found["id"], found["weight"]) for found in said["findings"]]
        except (ValueError, KeyError, TypeError):
            result.problem = (f"the doctor ended with {done.returncode} and said no JSON:\n"
                              f"{done.stdout[-1500:]}{done.stderr[-1500:]}")
            return
        if self.options.keep:
            os.makedirs(self.options.keep, exist_ok=True)
            name = os.path.join(self.options.keep, result.fault.name)
            with open(f"{name}.json", "w", encoding="utf-8") as file:
                file.write(done.stdout)

    def _say(self, result):
        if self.options.prove:
            verdict = "not proven" if result.problem else "proven"
        else:
            verdict = "right" if result.right else "WRONG"
        line = f"{verdict:10} {result.fault.name:30} {result.seconds:5.1f} s"
        if not self.options.prove:
            line += f", doctor {result.judged_s:4.1f} s"
            found = ", ".join(f"{name} ({weight})" for name, weight in result.findings[:4])
            line += f"  expected {result.fault.expects or 'nothing'}; found {found or 'nothing'}"
        if result.problem:
            line += "\n    " + result.problem.strip().replace("\n", "\n    ")
        with self._lock:
            print(line, flush=True)


def rows_text(fault):
    return ", ".join(map(str, fault.rows))


def standing_for(row, results):
    if row in UNSTAGED:
        return f"no: {UNSTAGED[row]}"
    return sum(row in result.fault.rows for result in results)


def table(results):
    """Markdown: what was staged, what the doctor named first, and what is not staged."""
    faults = [result for result in results if result.fault.expects]
    right = sum(result.right for result in faults)
    lines = [f"{len(faults)} faults staged, {right} named first.", "",
             "| fault | row | expected | first finding | right |", "|---|---|---|---|---|"]
    for result in faults:
        first = result.fault.expects if result.fault.note and result.right else result.first
        lines.append(f"| {result.fault.what} | {rows_text(result.fault)} | {result.fault.expects} "
                     f"| {first or 'none'} | {'yes' if result.right else '**no**'} |")
    lines += ["", "Where nothing is wrong:", "", "| lab | heavier than a note | right |",
              "|---|---|---|"]
    for result in results:
        if not result.fault.expects:
            lines.append(f"| {result.fault.what} | {', '.join(result.heavy) or 'nothing'} "
                         f"| {'yes' if result.right else '**no**'} |")
    lines += ["", f"The {len(ROWS)} rows, and how many stages stand for each:", "",
              "| row | what is seen | staged |", "|---|---|---|"]
    lines += [f"| {row} | {what} | {standing_for(row, results)} |" for row, what in ROWS.items()]
    return "\n".join(lines)


def write_score(path, text):
    """Between the markers of a page; the rest of it is somebody's prose."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    if START not in page or END not in page:
        raise SystemExit(f"{path} has no {START} … {END}")
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{START}\n{text}\n{END}{after}")


def chosen(faults, names):
    if not names:
        return faults
    unknown = [name for name in names
               if not any(re.fullmatch(name, fault.name) for fault in faults)]
    if unknown:
        raise SystemExit(f"no stage {', '.join(unknown)}; --list names them")
    return [fault for fault in faults if any(re.fullmatch(name, fault.name) for name in names)]


def times(results):
    """How long the doctor took where it did not have to wait on purpose."""
    taken = sorted((result.judged_s, result.fault.name) for result in results
                   if not result.fault.slow and result.judged_s)
    if not taken:
        return "The doctor was not asked without --slow."
    (median, _), (ninth, _), (most, name) = (taken[int(share * (len(taken) - 1))]
                                             for share in (0.5, 0.9, 1))
    return f"The doctor took {median:.1f} s (median), {ninth:.1f} s (p90), {most:.1f} s ({name})."


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Stages faults and asks the doctor about each.")
    parser.add_argument("names", nargs="*", help="stages, or patterns of their names; else all")
    parser.add_argument("--list", action="store_true", help="name the stages")
    parser.add_argument("--keep", metavar="DIR", help="what the doctor said, a file for each")
    parser.add_argument("--prove", action="store_true", help="only build and prove, no doctor")
    parser.add_argument("--jobs", type=int, default=2, help="stages side by side (2)")
    parser.add_argument("--write", metavar="FILE", help="put the score between its markers")
    options = parser.parse_args(arguments)
    faults = registry.load()
    if options.list:
        for fault in faults:
            print(f"{fault.name:30} {fault.expects:32} {rows_text(fault):12} {fault.what}")
        return 0
    faults = chosen(faults, options.names)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with Base() as base:
        results = Runner(base, options).run(faults)
    failed = sum(bool(result.problem) if options.prove else not result.right
                 for result in results)
    if not options.prove:
        print("\n" + table(results))
        if options.write:
            write_score(options.write, table(results))
        print("\n" + times(results))
    print(f"\n{len(results) - failed} passed, {failed} failed"
          f" ({time.monotonic() - began:.0f} s)")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
