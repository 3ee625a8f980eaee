# SPDX-License-Identifier: Apache-2.0
"""Every command says how it is used when it is asked to, and takes no argument it does not know."""

import os
import re
import subprocess

import pytest

HANDFAST = os.environ.get("HANDFAST", "")
NEEDS = {"check": ["-c", "x.yaml"], "plan": ["-c", "x.yaml"], "verify": ["-c", "x.yaml"]}


def run(*words):
    assert HANDFAST, "HANDFAST must name the binary"
    return subprocess.run([HANDFAST, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)


COMMANDS = re.findall(r"^  (\w+) ", run("--help").stdout, re.MULTILINE) if HANDFAST else []


def test_there_are_commands():
    assert {"serve", "check", "status", "doctor"} <= set(COMMANDS)


@pytest.mark.parametrize("word", ["-h", "--help"])
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help(command, word):
    done = run(*filter(None, [command, word]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: handfast {command or 'COMMAND'} ")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_there_is_not(command):
    done = run(command, "--nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--nonsense" in done.stderr or f"usage: handfast {command}" in done.stderr


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "doctor"])  # it takes a URL
def test_an_argument_that_means_nothing(command):
    done = run(command, *NEEDS.get(command, []), "stray.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_serve_does_not_pass_over_a_file_without_its_option():
    done = run("serve", "my.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith("handfast serve: my.yaml: a file is named with -c\nusage: handfast serve ")


@pytest.mark.parametrize("words", [["-c"], ["--config"], ["-c", "a.yaml", "-x"], ["-c", "a.yaml", "b.yaml"]])
def test_wrong_usage_of_serve(words):
    done = run("serve", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: handfast serve" in done.stderr


def test_serve_takes_the_file_of_its_option():
    for words in (["-c", "absent.yaml"], ["--config", "absent.yaml"]):
        done = run("serve", *words)
        assert done.returncode == 1 and "absent.yaml: error: cannot be read" in done.stderr
