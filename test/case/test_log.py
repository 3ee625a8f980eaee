# SPDX-License-Identifier: Apache-2.0
# The log where it cannot be written: traffic goes on, what is lost is counted and said, and what is written is whole.
import json
import os
import subprocess

import pytest
from serving import HOST, Backend, Serving, config, pool, until

from lab.balancer import binary


@pytest.fixture
def backend():
    made = Backend(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
    yield made
    made.stop()


def logging(backend, target):
    return {**config(pool("main", ("iis.test", backend.port))), "log": str(target), "timeouts": {"drain": "1s"}}


def lost(serving):
    return serving.metrics()("handfast_log_lines_lost_total")


def fetch_many(serving, count):
    for _ in range(count):
        assert serving.fetch() == (200, b"1")


def test_lines_that_a_full_disk_refuses_are_counted_and_said_once(backend):
    with Serving(logging(backend, "/dev/full")) as serving:
        for count in (1, 3):
            fetch_many(serving, count)
            until(lambda: lost(serving) >= count)
        until(lambda: lost(serving) == 4)
        assert serving.errors().count("handfast: log: lines are lost: No space left on device\n") == 1


def test_a_line_that_was_cut_does_not_spoil_the_next(backend, tmp_path):
    file = tmp_path / "log.json"
    file.touch()

    def allow(size):
        subprocess.run(["prlimit", f"--fsize={size}:", "--pid", str(serving.process.pid)], check=True)

    with Serving(logging(backend, file)) as serving:
        fetch_many(serving, 1)
        until(lambda: file.read_text().endswith("\n"))
        full = file.stat().st_size + 100
        allow(full)
        fetch_many(serving, 1)
        until(lambda: lost(serving) == 1)
        assert file.stat().st_size == full
        assert "handfast: log: lines are lost: File too large\n" in serving.errors()
        allow(1_000_000)
        fetch_many(serving, 2)
        until(lambda: "handfast: log: written again, 1 lines have been lost" in serving.errors())
        until(lambda: file.read_text().count("\n") == 4)
        assert [is_whole(line) for line in file.read_text().splitlines()] == [True, False, True, True]
        assert lost(serving) == 1


def is_whole(line):
    try:
        return bool(json.loads(line))
    except ValueError:
        return False


def test_a_reader_that_takes_nothing_does_not_hold_up_the_end(backend, tmp_path):
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    serving = Serving(logging(backend, fifo))
    fetch_many(serving, 300)
    serving.process.terminate()
    assert serving.process.wait(30) == 0
    assert "handfast: log: its reader takes nothing: the last lines are lost\n" in serving.errors()
    os.close(reader)


def test_a_fifo_that_nobody_reads_is_an_error_at_once(backend, tmp_path):
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    file = tmp_path / "handfast.yaml"
    file.write_text(json.dumps(logging(backend, fifo)))
    done = subprocess.run([binary(), "serve", "-c", file], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and f"log {fifo}: No such device or address" in done.stderr
    assert HOST not in done.stdout
