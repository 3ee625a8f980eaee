# SPDX-License-Identifier: Apache-2.0
"""What a process tree has cost: CPU time from schedstat, memory from smaps_rollup.

Reads /proc only. CPU time is the kernel's sum of run time of every thread in nanoseconds, far
finer than the ticks of /proc/PID/stat.
"""

from pathlib import Path

PROC = Path("/proc")


def tree(pid):
    """pid and all its living descendants."""
    children = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        parent = int(stat[stat.rindex(")") + 2:].split()[1])
        children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found.extend(children.get(each, []))
    return found


def thread_times_ns(pid):
    """{(pid, tid): run time in ns} of the whole tree."""
    times = {}
    for process in tree(pid):
        for task in (PROC / str(process) / "task").iterdir():
            try:
                times[(process, int(task.name))] = int((task / "schedstat").read_text().split()[0])
            except OSError:
                continue
    return times


def spent_s(before, after):
    """CPU seconds between two answers of thread_times_ns().

    A thread that ended in between took its time with it, and the figure would flatter the proxy:
    that is an error, not a number.
    """
    lost = before.keys() - after.keys()
    if lost:
        raise RuntimeError(f"threads ended while being measured: {sorted(lost)}")
    return sum(after[key] - before.get(key, 0) for key in after) / 1e9


def pss_bytes(pid):
    """Proportional set size of the whole tree."""
    total = 0
    for process in tree(pid):
        try:
            rollup = (PROC / str(process) / "smaps_rollup").read_text()
        except OSError:
            continue
        for line in rollup.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def open_descriptors(pid):
    """Open descriptors of the whole tree."""
    return sum(len(list((PROC / str(each) / "fd").iterdir())) for each in tree(pid))
