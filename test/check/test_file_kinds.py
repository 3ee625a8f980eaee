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


def run(command, file, alone=True, **more):
    """`check` looks at the file alone, or at the machine too."""
    assert HANDFAST, "HANDFAST must name the binary"
    offline = ["--offline"] if command == "check" and alone else []
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


TLS = """\
listeners: [{{bind: "127.0.0.1:0", tls: true}}]
sites:
  - name: a
    hosts: [a.example.com]
    certificates: [{{chain: {chain}, key: {key}}}]
    routes: [{{path: /, forward: m}}]
pools: [{{name: m, tls: {{ca: {ca}}}, servers: [{{name: m1, address: "127.0.0.1:9"}}]}}]
"""


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("which", ["chain", "key", "ca"])
def test_certificates_that_are_no_files(tmp_path, command, which):
    """To open a pipe that nobody writes to would wait."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=a", "-addext", "subjectAltName=DNS:a.example.com", "-days", "9",
                    "-keyout", "a.key", "-out", "a.pem"], cwd=tmp_path, check=True, capture_output=True)
    os.mkfifo(tmp_path / "pipe")
    paths = {"chain": "a.pem", "key": "a.key", "ca": "a.pem", which: "pipe"}
    (tmp_path / "handfast.yaml").write_text(TLS.format(**paths))
    done = run(command, str(tmp_path / "handfast.yaml"), alone=False)
    assert done.returncode == 1
    assert "pipe: is no regular file" in done.stdout + done.stderr
