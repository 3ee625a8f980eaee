# SPDX-License-Identifier: Apache-2.0
"""`handfast plan`: its command line, the page, and the files it writes.

What is required for which configuration is tested in test/unit/doctor/plan, what --check sees in
test/domain. Here other programs read the documents: openssl, named-checkzone, a JSON reader.
"""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

HANDFAST = os.environ.get("HANDFAST", "")

ALL_MODES = """
listeners:
  - bind: "*:443"
  - bind: "*:8443"
  - bind: "*:80"
sites:
  - name: portal
    hosts: [lb.example.com]
    certificates: [{chain: lb.pem, key: lb.key}]
    routes:
      - {path: /chat/, redirect: chat}
      - {path: /far/, redirect: far}
      - {path: /, forward: intranet}
  - name: ../old|'$(x)`
    hosts: [old.example.com]
    certificates: [{chain: lb.pem, key: lb.key}]
    routes: [{path: /, forward: bare}]
  - name: chat-nodes
    hosts: [iis1.example.com, iis2.example.com]
    passthrough: chat
pools:
  - name: chat
    servers:
      - {name: iis1.example.com, address: "10.0.0.11:443"}
      - {name: iis2.example.com, address: "10.0.0.12:443"}
  - name: far
    servers: [{name: far1.example.com, address: "10.0.0.21:443", public: true}]
  - name: intranet
    tls: {}
    servers: [{name: iis1.example.com, address: "10.0.0.11:443"}]
  - name: bare
    servers: [{name: bare1.example.com, address: "10.0.0.31:80"}]
"""

FILES = {
    "plan.md", "active-directory.ps1", "clients.ps1", "firefox-policies.json", "dns.zone",
    "firewall.md", "keytab.md",
    "iis-iis1.example.com.ps1", "iis-iis2.example.com.ps1", "iis-far1.example.com.ps1",
    "iis-bare1.example.com.ps1",
    "certificate-portal.cnf", "certificate-_._old____x__.cnf", "certificate-iis1.example.com.inf",
    "certificate-iis2.example.com.inf", "certificate-far1.example.com.inf",
}


def plan(*arguments):
    assert HANDFAST, "HANDFAST must name the binary"
    return subprocess.run([HANDFAST, "plan", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.fixture(name="config")
def make_config(tmp_path):
    path = tmp_path / "handfast.yaml"
    path.write_text(ALL_MODES, encoding="utf-8")
    return path


@pytest.fixture(name="written")
def make_written(config, tmp_path):
    directory = tmp_path / "out"
    done = plan("-c", config, "--domain", "example.com", "--service-account", "svc-web$",
                "--lb-address", "10.0.0.5", "--lb-address", "fd00::5", "--out", directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return directory


# ---- the command line

@pytest.mark.parametrize("arguments", [
    [],
    ["-c"],
    ["-c", "FILE", "more"],
    ["-c", "FILE", "--nonsense"],
    ["-c", "FILE", "--out", "x", "--check"],
    ["-c", "FILE", "--dns", "127.0.0.1"],
    ["-c", "FILE", "--check", "--as", "alice@example.com"],
    ["-c", "FILE", "--check", "--password-file", "x"],
    ["-c", "FILE"] + ["--lb-address", "10.0.0.1"] * 9,
])
def test_wrong_usage(arguments, config):
    done = plan(*[config if word == "FILE" else word for word in arguments])
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: handfast plan -c FILE" in done.stderr


@pytest.mark.parametrize("option, value", [
    ("--domain", "contoso"), ("--domain", "a b.com"), ("--service-account", "CONTOSO\\svc"),
    ("--service-account", "x'y"), ("--lb-address", "lb.contoso.com"), ("--lb-address", "10.0.0.1:443"),
])
def test_values_that_nobody_means(option, value, config):
    done = plan("-c", config, option, value)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"handfast plan: {option} is not ")


def test_help():
    done = plan("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--service-account" in done.stdout


def test_a_file_with_errors(config):
    config.write_text(ALL_MODES.replace("passthrough: chat", "passthrough: chta"), encoding="utf-8")
    done = plan("-c", config)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "chta" in done.stderr and "error" in done.stderr


def test_a_file_that_is_not_there(tmp_path):
    done = plan("-c", tmp_path / "none.yaml")
    assert done.returncode == 2
    assert done.stdout == "" and "none.yaml" in done.stderr


# ---- the page

def test_the_page_has_every_site_and_server(config):
    done = plan("-c", config)
    assert (done.returncode, done.stderr) == (0, "")
    titles = re.findall(r"^## (.+)$", done.stdout, re.M)
    assert titles[0] == "Site portal" and titles[2] == "Site chat-nodes"
    assert {"Server iis1.example.com", "Every server", "Everywhere", "Keytab", "Documents"} <= set(titles)
    for way in ("forward `/` to pool intranet, over TLS", "forward `/` to pool bare, as plain HTTP",
                "redirect `/chat/` to pool chat", "passthrough to pool chat"):
        assert f"- {way}\n" in done.stdout


def test_what_is_assumed_is_said(config):
    assumed = plan("-c", config).stdout
    assert "assumed from the host names" in assumed and "`svc-web` (assumed" in assumed
    said = plan("-c", config, "--domain", "example.com", "--service-account", "svc-x").stdout
    assert "assumed from" not in said and "`svc-x`" in said and "svc-web" not in said


def firewall(page, title):
    section = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", page, re.M | re.S)[1]
    table = section.split("### Firewall")[1]
    return [tuple(cell.strip() for cell in row.split("|")[1:5]) for row in table.splitlines()[4:]]


def test_the_firewall_differs_by_mode(config):
    page = plan("-c", config).stdout
    assert ("clients", "the load balancer", "443/tcp, 8443/tcp, 80/tcp", "open") in firewall(page, "Site portal")
    for server in ("iis1.example.com", "bare1.example.com"):
        rows = firewall(page, f"Server {server}")
        assert ("clients", server, "443/tcp, 80/tcp and 443/udp", "**closed**") in rows
        assert any(row[:2] == ("the load balancer", server) and row[3] == "open" for row in rows)
    assert ("clients", "far1.example.com", "443/tcp", "open") in firewall(page, "Server far1.example.com")


SPREAD = """
listeners: [{bind: "*:443"}, {bind: "*:80"}]
sites:
  - name: apps
    hosts: ["*.apps.example.com"]
    plain_http: serve
    certificates: [{chain: a.pem, key: a.key}]
    routes: [{path: /, forward: plain}]
  - name: intranet
    hosts: [intranet.example.com]
    certificates: [{chain: a.pem, key: a.key}]
    routes: [{path: /, forward: tls}]
pools:
  - name: plain
    servers: [{name: web1.example.com, address: "10.0.0.1:8080"}]
  - name: tls
    tls: {}
    servers: [{name: web2.example.com, address: "10.0.0.2:8443"}]
"""


@pytest.fixture(name="spread")
def make_spread(config, tmp_path):
    config.write_text(SPREAD, encoding="utf-8")
    done = plan("-c", config, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "out"


def test_the_port_a_server_listens_on_is_closed_to_clients(spread):
    page = (spread / "plan.md").read_text(encoding="utf-8")
    for server, ports in [("web1.example.com", "443/tcp, 80/tcp, 8080/tcp and 443/udp"),
                          ("web2.example.com", "443/tcp, 80/tcp, 8443/tcp and 443/udp")]:
        assert ("clients", server, ports, "**closed**") in firewall(page, f"Server {server}")


def test_the_firewall_page_says_nothing_twice(spread):
    page = (spread / "firewall.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == len(set(rows))
    assert sum(line.startswith("| clients | the load balancer | 443/tcp, 80/tcp | open |") for line in rows) == 1


def test_firefox_gets_a_pattern_once(spread):
    hosts = json.loads((spread / "firefox-policies.json").read_text(encoding="utf-8"))["policies"]["Authentication"]
    assert hosts["NTLM"].count(".apps.example.com") == 1
    assert hosts["NTLM"] == hosts["SPNEGO"] and "https://intranet.example.com" in hosts["NTLM"]


# ---- files

def test_files_and_their_permissions(written):
    assert {path.name for path in written.iterdir()} == FILES
    assert stat.S_IMODE(written.stat().st_mode) & 0o022 == 0
    for path in written.iterdir():
        assert stat.S_IMODE(path.lstat().st_mode) == 0o644
        assert path.stat().st_size > 200


def test_a_second_run_writes_the_same(config, written):
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    done = plan("-c", config, "--domain", "example.com", "--service-account", "svc-web$",
                "--lb-address", "10.0.0.5", "--lb-address", "fd00::5", "--out", written)
    assert done.returncode == 0
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before


def test_a_link_in_the_way_is_replaced_and_not_followed(config, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("untouched", encoding="utf-8")
    directory = tmp_path / "out"
    directory.mkdir()
    (directory / "plan.md").symlink_to(outside)
    assert plan("-c", config, "--out", directory).returncode == 0
    assert outside.read_text(encoding="utf-8") == "untouched"
    assert not (directory / "plan.md").is_symlink()


def test_a_directory_that_cannot_be_made(config, tmp_path):
    done = plan("-c", config, "--out", config / "below")
    assert done.returncode == 2
    assert "handfast plan: cannot make" in done.stderr
    done = plan("-c", config, "--out", tmp_path / "handfast.yaml")
    assert done.returncode == 2


def test_the_zone_loads(written, tmp_path):
    zone = tmp_path / "zone"
    zone.write_text("$TTL 300\n@ IN SOA ns.example.com. root.example.com. 1 3600 600 86400 300\n"
                    "@ IN NS ns.example.com.\nns IN A 10.0.0.1\n"
                    + (written / "dns.zone").read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(["named-checkzone", "-o", "-", "-D", "example.com", zone], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "out-of-zone" not in done.stderr + done.stdout
    records = {tuple(line.split()[i] for i in (0, 3, 4)) for line in done.stdout.splitlines()
               if re.match(r"\S+\s+\d+\s+IN\s+A{1,4}\s", line) and len(line.split()) == 5}
    for name in ("lb", "old", "iis1", "iis2"):
        assert {(f"{name}.example.com.", "A", "10.0.0.5"), (f"{name}.example.com.", "AAAA", "fd00::5")} <= records
    assert ("far1.example.com.", "A", "10.0.0.21") in records
    assert "CNAME" not in {kind for _, kind, _ in records}


@pytest.mark.parametrize("stem, names", [("portal", ["lb.example.com"]), ("_._old____x__", ["old.example.com"])])
def test_openssl_takes_the_request(written, tmp_path, stem, names):
    done = subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-noenc", "-keyout", tmp_path / "k",
                           "-config", written / f"certificate-{stem}.cnf", "-text", "-noout"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"DNS:([^,\s]+)", done.stdout) == names


def test_certreq_gets_every_name(written):
    text = (written / "certificate-iis1.example.com.inf").read_text(encoding="ascii")
    assert 'Subject = "CN=iis1.example.com"' in text
    assert re.findall(r'^_continue_ = "dns=(\S+)&"$', text, re.M) == ["iis1.example.com"]


def test_firefox(written):
    policies = json.loads((written / "firefox-policies.json").read_text(encoding="utf-8"))
    hosts = policies["policies"]["Authentication"]
    assert hosts["SPNEGO"] == hosts["NTLM"]
    assert {"https://lb.example.com", "https://iis1.example.com", "https://far1.example.com"} <= set(hosts["NTLM"])


def test_scripts_name_what_they_change(written):
    domain = (written / "active-directory.ps1").read_text(encoding="ascii")
    assert "setspn.exe -S" in domain and "$account = 'svc-web$'\n" in domain
    for spn in ("HTTP/lb.example.com", "HTTP/lb", "HTTP/lb.example.com:8443", "HTTP/iis1.example.com"):
        assert f"\nAdd-ServiceName '{spn}'\n" in domain
    mixed = (written / "iis-iis1.example.com.ps1").read_text(encoding="ascii")
    assert "'flags' 'Proxy'\n" in mixed and "Add-ProtectedName 'HTTP/iis1.example.com'\n" in mixed
    passed = (written / "iis-iis2.example.com.ps1").read_text(encoding="ascii")
    assert "'flags' 'None'\n" in passed and "\nAdd-ProtectedName '" not in passed
    assert "Add-Binding 'https' 443 'iis2.example.com' 21\n" in passed
    bare = (written / "iis-bare1.example.com.ps1").read_text(encoding="ascii")
    assert "Add-Binding 'http' 80 'old.example.com' 0\n" in bare


def test_no_document_holds_a_password(written):
    for path in written.iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.search(r"(?i)password\s*=\s*['\"][^'\"]", line), (path, line)


# ---- looking

def test_what_cannot_be_reached_is_said(config, tmp_path):
    """Nobody answers at these addresses of this machine: names and accounts could not be looked at."""
    text = ALL_MODES.replace("10.0.0.", "127.0.0.").replace(":443\"}", ":1\"}").replace(":80\"}", ":1\"}")
    config.write_text(text.replace(":443\", public", ":1\", public"), encoding="utf-8")
    done = plan("-c", config, "--check", "--dns", "127.0.0.1:1", "--ldap", "127.0.0.1:1")
    assert done.stderr == ""
    assert done.returncode == 1
    assert "missing: the load balancer may reach iis1.example.com on 1/tcp" in done.stdout
    assert "could not look: HTTP/lb.example.com belongs to" in done.stdout
    assert "could not look: lb.example.com has A or AAAA records" in done.stdout
    assert "could not look: the load balancer's certificate" in done.stdout
    assert re.search(r"^\d+ true, \d+ missing, \d+ could not be looked at, \d+ cannot be seen from here$",
                     done.stdout, re.M)


# ---- the page about it

DOCUMENTATION = (Path(__file__).resolve().parents[2] / "docs/plan.md").read_text(encoding="utf-8")


def test_the_example_of_the_documentation_is_true(tmp_path):
    config = tmp_path / "handfast.yaml"
    config.write_text(re.search(r"```yaml\n(.*?)```", DOCUMENTATION, re.S)[1], encoding="utf-8")
    page = plan("-c", config, "--domain", "example.com", "--service-account", "svc-web$",
                "--lb-address", "10.0.0.5").stdout
    rows = [line for line in DOCUMENTATION.splitlines() if line.endswith("| documented |")]
    assert len(rows) == 4
    for row in rows:
        assert f"\n{row}\n" in page


def test_the_documentation_names_every_kind_of_file(written):
    told = {name.replace("SERVER", "X").replace("SITE", "X")
            for name in re.findall(r"^\| `([\w.-]+\.(?:md|ps1|json|zone|cnf|inf))` \|", DOCUMENTATION, re.M)}
    there = {re.sub(r"^(iis|certificate)-.*\.(ps1|cnf|inf)$", r"\1-X.\2", path.name) for path in written.iterdir()}
    assert told == there
