# SPDX-License-Identifier: Apache-2.0
"""What is no file of text is refused as a configuration at once; a pipe that was handed over is read."""

import os
import subprocess

import pytest

HANDFAST = os.environ.get("HANDFAST", "")
GOOD = """\
listeners: [{bind: "127.0.0.1:0", tls: false}]
sites: [{name: a, hosts: [a.example.com], plain_http: serve, routes: [{path: /, forward: m}]}]
pools: [{name: m, servers: [{name: m1, address: "127.0.0.1:9"}]}]
"""


def run(command, file, **more):
    assert HANDFAST, "HANDFAST must name the binary"
    offline = ["--offline"] if command == "check" else []
    return subprocess.run([HANDFAST, command, *offline, "-c", file], capture_output=True, text=True,
                          timeout=60, check=False, **more)


@pytest.mark.parametrize("command", ["check", "serve", "status"])
@pytest.mark.parametrize("kind", ["fifo", "folder", "device"])
def test_what_is_no_file(tmp_path, command, kind):
    path = tmp_path / "handfast.yaml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    done = run(command, str(path))
    assert done.returncode == 1
    wanted = "cannot be read: it is a folder" if kind == "folder" else "cannot be read: it is no regular file"
    assert wanted in done.stdout + done.stderr


def test_a_file_may_be_a_link(tmp_path):
    (tmp_path / "real.yaml").write_text(GOOD)
    (tmp_path / "handfast.yaml").symlink_to("real.yaml")
    assert run("check", str(tmp_path / "handfast.yaml")).returncode == 0


def test_standard_input(tmp_path):
    assert run("check", "/dev/stdin", input=GOOD).returncode == 0
    assert run("check", "/dev/stdin", input=GOOD.replace("bind", "bond")).returncode == 1
    (tmp_path / "handfast.yaml").write_text(GOOD)
    with open(tmp_path / "handfast.yaml", encoding="utf-8") as file:
        assert run("check", "/dev/stdin", stdin=file).returncode == 0


def test_standard_input_that_comes_late():
    """More than a pipe holds, so that it comes in pieces."""
    text = GOOD + "# and so on\n" * 20000
    script = '(sleep 0.3; cat) | "$0" check --offline -c /dev/stdin'
    done = subprocess.run(["sh", "-c", script, HANDFAST], input=text, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout
