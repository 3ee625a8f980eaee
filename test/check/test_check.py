# SPDX-License-Identifier: Apache-2.0
"""`handfast check`: one file per finding, and what it says about it.

NAME.yaml is checked alone (--offline); machine/NAME.yaml with certificates made here, in a
network namespace of its own whose only name server knows here.example.com. NAME.expected is what
is printed, byte for byte. To write them anew after a change, set HANDFAST_WRITE_EXPECTED=1 and
read the diff.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HANDFAST = os.environ.get("HANDFAST", "")
WRITES = os.environ.get("HANDFAST_WRITE_EXPECTED") == "1"
AS_NOBODY = {"privileged_port", "key_not_ours", "not_ours"}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")


def names(folder):
    found = sorted(path.stem for path in folder.glob("*.yaml"))
    assert found
    return found


def check(*arguments, cwd=HERE):
    assert HANDFAST, "HANDFAST must name the binary"
    return subprocess.run([HANDFAST, "check", *arguments], cwd=cwd, capture_output=True, text=True,
                          errors="surrogateescape", timeout=60, check=False)


def compare(result, expected):
    """The output is the expected one, and the exit status agrees with it."""
    assert result.stderr == ""
    if WRITES:
        expected.write_text(result.stdout)
    assert result.stdout == expected.read_text()
    has_error = ": error: " in result.stdout
    assert result.returncode == (1 if has_error else 0)


@pytest.mark.parametrize("name", names(HERE))
def test_finding(name):
    compare(check("--offline", "-c", f"{name}.yaml"), HERE / f"{name}.expected")


def test_every_expectation_has_its_file():
    for folder in (HERE, HERE / "machine"):
        assert sorted(path.stem for path in folder.glob("*.expected")) == names(folder)


# ------------------------------------------------------------------------ what needs the machine

AUTHORITY = """
[ca]
default_ca = here
[here]
dir = .
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def certificate(folder, name, key, hosts, begin="20200101000000Z", end="21200101000000Z"):
    """name.pem for the key, signed with itself, valid between two fixed days."""
    openssl(folder, "req", "-new", "-key", f"{key}.key", "-subj", f"/CN={hosts[0]}", "-addext",
            "subjectAltName=" + ",".join("DNS:" + host for host in hosts), "-out", f"{name}.csr")
    openssl(folder, "ca", "-batch", "-config", "ca.cnf", "-selfsign", "-keyfile", f"{key}.key",
            "-in", f"{name}.csr", "-out", f"{name}.pem", "-notext", "-rand_serial",
            "-startdate", begin, "-enddate", end)


@pytest.fixture(scope="module")
def machine():
    folder = Path(tempfile.mkdtemp(prefix="handfast-check-"))
    folder.chmod(0o755)
    (folder / "ca.cnf").write_text(AUTHORITY)
    (folder / "index.txt").touch()
    for name in ("web", "private"):
        openssl(folder, "ecparam", "-genkey", "-noout", "-name", "prime256v1",
                "-out", f"{name}.key")
    openssl(folder, "genrsa", "-out", "rsa.key", "2048")
    certificate(folder, "web", "web", ["www.example.com"])
    certificate(folder, "rsa", "rsa", ["x.example.org", "*.example.org"])
    certificate(folder, "expired", "web", ["www.example.com"], end="20210101000000Z")
    certificate(folder, "early", "web", ["www.example.com"], begin="21000101000000Z")
    (folder / "text.pem").write_text("This is no certificate.\n")
    for key in ("web", "rsa"):
        (folder / f"{key}.key").chmod(0o644)
    (folder / "private.key").chmod(0o600)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    shutil.copy(HANDFAST, folder / "handfast")
    shutil.copy(HERE / "machine" / "names.py", folder)
    for path in (HERE / "machine").glob("*.yaml"):
        shutil.copy(path, folder)
    yield folder
    shutil.rmtree(folder)


# A namespace where nothing is shared with the machine but the files; the name server ends with it.
INSIDE = """
set -e
ip link set lo up
mount --bind resolv.conf /etc/resolv.conf
mount -t tmpfs none /var/log
{python} names.py {start} &
server=$!
trap 'kill $server; wait $server 2>/dev/null || true' EXIT
read -r ready < {start}
set +e
{prefix} ./handfast check -c {name}.yaml
status=$?
exit $status
"""


@needs_root
@pytest.mark.parametrize("name", names(HERE / "machine"))
def test_finding_on_a_machine(machine, name):
    start = machine / f"{name}.start"
    os.mkfifo(start)
    prefix = ""
    if name in AS_NOBODY:
        prefix = "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all"
    script = INSIDE.format(python=sys.executable, start=start.name, prefix=prefix, name=name)
    result = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", script], cwd=machine,
                            capture_output=True, text=True, timeout=120, check=False)
    compare(result, HERE / "machine" / f"{name}.expected")


# ------------------------------------------------------------------------ the command itself

@pytest.mark.parametrize("arguments", [
    [], ["-c"], ["--nonsense"], ["-c", "clean.yaml", "more"], ["--json"], ["-x"],
])
def test_wrong_usage(arguments):
    result = check(*arguments)
    assert result.returncode == 2
    assert "usage: handfast check" in result.stderr
    assert result.stdout == ""


def test_help():
    result = check("--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: handfast check")


def test_file_that_is_not_there():
    result = check("-c", "nowhere.yaml")
    assert result.returncode == 1
    assert result.stdout.startswith("nowhere.yaml: error: cannot be read: No such file")


def test_findings_as_json():
    result = check("--offline", "--json", "-c", "unknown_key.yaml")
    assert result.returncode == 1
    told = json.loads(result.stdout)
    assert told["file"] == "unknown_key.yaml"
    assert told["errors"] == 4
    assert len(told["findings"]) == 4
    assert told["findings"][1] == {
        "line": 11, "column": 5, "severity": "error", "path": "pools[0]",
        "what": "unknown key 'blance'", "expected": "", "advice": "did you mean balance?",
    }


def test_no_findings_as_json():
    result = check("--offline", "--json", "-c", "clean.yaml")
    assert result.returncode == 0
    assert json.loads(result.stdout) == {
        "file": "clean.yaml", "errors": 0, "left_out": 0, "findings": [],
    }


def test_many_findings_as_json(tmp_path):
    """More than fits the first piece of memory, and more than are kept."""
    (tmp_path / "many.yaml").write_text("".join(f"nothing{n}: 1\n" for n in range(2000)))
    told = json.loads(check("--json", "-c", "many.yaml", cwd=tmp_path).stdout)
    assert len(told["findings"]) == 1000
    assert told["left_out"] + 1000 == told["errors"] == 2003


def test_all_findings_come_at_once(tmp_path):
    """One file made of the mistakes of others: none hides another."""
    text = """\
wrokers: 2
log:
  - stdout
listeners:
  - {bind: "*:8443", default_site: nobody}
sites:
  - name: a
    hosts: [a.example.com]
    passthrough: lost
  - name: b
    hosts: [a.example.com]
pools:
  - name: empty
    servers: []
timeouts: {idle: 3 minutes}
"""
    (tmp_path / "x.yaml").write_text(text)
    result = check("--offline", "-c", "x.yaml", cwd=tmp_path)
    for wanted in ("unknown key 'wrokers'; did you mean workers?", "log: is a list",
                   "no site is named nobody", "no pool is named lost",
                   "the host a.example.com is already", "sites[1]: the site has no route",
                   "sites[1]: the site has no certificate", "pools[0].servers: is empty",
                   "timeouts.idle: '3 minutes' has an unknown unit 'minutes'"):
        assert wanted in result.stdout
    assert result.returncode == 1


# ------------------------------------------------------------------- what is made from the schema

def test_explanation():
    result = check("--explain")
    assert result.returncode == 0
    for wanted in ("\nlisteners[]\n", "  idle: a duration such as", "default: 115s",
                   "default: (required)", "after a reload: restart"):
        assert wanted in result.stdout


def test_explanation_beside_a_file():
    result = check("--offline", "--explain", "-c", "empty_pool.yaml")
    assert result.returncode == 1
    assert "\nlisteners[]\n" in result.stdout
    assert result.stdout.endswith((HERE / "empty_pool.expected").read_text())


def test_reference_page_is_up_to_date():
    page = ROOT / "docs" / "configuration.md"
    made = check("--explain", "--markdown").stdout
    assert page.read_text() == made, \
        "run: handfast check --explain --markdown > docs/configuration.md"


def test_example_is_clean():
    result = check("--offline", "-c", "etc/handfast.example.yaml", cwd=ROOT)
    assert result.stdout == "etc/handfast.example.yaml: 0 errors, 0 warnings\n"
    assert result.returncode == 0
