#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the bench itself: that the load notices wrong answers, that a round measures what it
says, and that ratios are made of neighbours. No proxy is needed and no time is asserted."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import meter, report, rounds, rows  # noqa: E402
from harness.rounds import Load, Round  # noqa: E402
from harness.world import World  # noqa: E402


def row(**changes):
    values = {"name": "x", "title": "x", "door": "pass", "load": (), "clients": 2, "units": 6}
    return rows.Row(**{**values, **changes})


class Answering:
    """A server that reads a little and answers always the same."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.recv(65536)
            client.sendall(self.answer)
            client.close()


class LoadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        core = max(os.sched_getaffinity(0))
        cls.world = World(core, with_logins=False)
        cls.addClassCleanup(cls.world.close)

    def run_load(self, door, *load, clients=2, units=6):
        """Straight at the origin, or at a port."""
        port = self.world.values[f"origin_{door}"] if isinstance(door, str) else door
        product = SimpleNamespace(ports={"pass": port})
        wanted = row(load=load, clients=clients, units=units)
        with Load.of(self.world, product, wanted, units) as running:
            self.assertEqual("ready\n", running.line())
            result = running.go()
            running.leave()
        self.assertEqual(units, result["units"])
        return result

    def test_every_mode_against_the_origin_itself(self):
        raw = ("--raw", "--name", "raw.bench.test")
        tls = ("--tls", "--name", "ecdsa.bench.test")
        for door, load in (
                ("raw", (*raw, "--talk", "echo")),
                ("raw", (*raw, "--talk", "echo", "--fresh")),
                ("raw", (*raw, "--talk", "pull", "--size", "3000000")),
                ("http", ("--talk", "fetch")),
                ("http", ("--talk", "fetch", "--fresh")),
                ("http", ("--talk", "fetch", "--size", "1000000")),
                ("http", ("--talk", "fetch", "--path", "/bytes/3000000")),
                ("http", ("--talk", "fetch", "--path", "/bytes/0")),
                ("https", (*tls, "--talk", "fetch")),
                ("https", (*tls, "--talk", "fetch", "--path", "/bytes/3000000")),
                ("https", (*tls, "--talk", "nothing", "--tls-version", "1.3", "--key", "EC")),
                ("https", (*tls, "--talk", "nothing", "--tls-version", "1.2", "--key", "EC")),
                ("https", (*tls, "--talk", "nothing", "--tls-version", "1.3", "--resume")),
                ("https", (*tls, "--talk", "nothing", "--tls-version", "1.2", "--resume"))):
            with self.subTest(load=load):
                self.run_load(door, *load)

    def test_bytes_are_counted(self):
        result = self.run_load("raw", "--raw", "--talk", "pull", "--size", "100000", units=8)
        self.assertEqual(800000, result["bytes"])

    def test_other_key_type_is_an_error(self):
        with self.assertRaisesRegex(RuntimeError, "not as planned"):
            self.run_load("https", "--tls", "--talk", "nothing", "--key", "RSA")

    def test_wrong_answers_are_errors(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
        for answer, complaint in ((head.replace(b"200", b"502") + b"ok\n", "wrong answer"),
                                  (head + b"ok\nand more", "wrong answer"),
                                  (head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
                                   + b"ok\n", "wrong answer"),
                                  (head + b"o", "closed early"),
                                  (b"", "closed early")):
            with self.subTest(answer=answer):
                server = Answering(answer)
                with self.assertRaisesRegex(RuntimeError, complaint):
                    self.run_load(server.port, "--talk", "fetch", clients=1)
                server.listener.close()

    def test_wrong_echo_is_an_error(self):
        server = Answering(b"?" * 64)
        with self.assertRaisesRegex(RuntimeError, "wrong answer"):
            self.run_load(server.port, "--raw", "--talk", "echo", clients=1)
        server.listener.close()

    def test_a_proxy_that_dies_fails_the_round(self):
        product = SimpleNamespace(ports={"pass": 1}, process=SimpleNamespace(pid=os.getpid()))
        result = rounds.measure(self.world, product, row(load=("--talk", "fetch")), 0, 6)
        self.assertTrue(result.error)


class MeterTest(unittest.TestCase):
    def test_cpu_of_a_child_of_a_child_counts(self):
        shell = subprocess.Popen(["sh", "-c", "while :; do :; done & wait"],
                                 start_new_session=True)
        self.addCleanup(shell.wait)
        self.addCleanup(os.killpg, shell.pid, signal.SIGKILL)
        while len(meter.tree(shell.pid)) < 2:
            time.sleep(0.01)
        before = meter.thread_times_ns(shell.pid)
        while meter.spent_s(before, meter.thread_times_ns(shell.pid)) == 0:
            time.sleep(0.01)

    def test_a_thread_that_ended_is_an_error(self):
        with self.assertRaises(RuntimeError):
            meter.spent_s({(1, 1): 5, (1, 2): 7}, {(1, 1): 9})

    def test_memory_of_a_process_is_not_nothing(self):
        self.assertGreater(meter.pss_bytes(os.getpid()), 1000000)


class ReportTest(unittest.TestCase):
    def test_ratios_are_of_the_same_round(self):
        measured = {"handfast": [Round(1.0), Round(4.0), Round(2.0)],
                    "haproxy": [Round(2.0), Round(8.0), Round(4.0)],
                    "nginx": [Round(4.0), Round(5.0), Round(error="broken")]}
        found = report.summary(row(), measured)
        self.assertEqual({"median": 0.5, "low": 0.5, "high": 0.5}, found["ratio"]["haproxy"])
        self.assertEqual(0.25, found["ratio"]["nginx"]["low"])
        self.assertEqual("haproxy", found["better_peer"])
        self.assertIn("**0.50 (0.50–0.50)**", report.table([found], list(measured)))
        self.assertEqual(["x, nginx: 1 of 3 rounds failed: broken"], report.failures([found]))

    def test_without_handfast_there_are_no_ratios(self):
        found = report.summary(row(), {"haproxy": [Round(2.0)]})
        self.assertEqual({}, found["ratio"])
        self.assertIn("2.00", report.table([found], ["haproxy", "nginx"]))

    def test_unknown_row_is_named(self):
        with self.assertRaisesRegex(ValueError, "no row 'nonsense'"):
            rows.chosen(["nonsense"])

    def test_a_first_part_chooses_all_its_rows(self):
        names = [each.name for each in rows.chosen(["pass-echo", "pass-echo-1"])]
        self.assertEqual(["pass-echo-1", "pass-echo-100"], names)


if __name__ == "__main__":
    unittest.main()
