# SPDX-License-Identifier: Apache-2.0
# The demo's judgement: what makes a cell hold, what the table shows, what is configured. Most of it
# without a process; the last part ends a real demo half-way and looks at what is left.
import os
import shutil
import signal
import subprocess
import sys

import pytest

from lab import balancer
from lab.demo import __main__ as demo
from lab.demo import configuration, front, measure, peer_configuration, peers, table
from lab.people.web import Closed

ROOT = balancer.ROOT


def good_cell(**changes):
    values = {"curl": "alice", "one": "YYY", "asked": 1000, "right": 1000, "anonymous": 120}
    return table.Cell("forward", "ntlm", **{**values, **changes})


# A cell

def test_a_cell_with_every_answer_right_holds():
    assert good_cell().faults() == []
    assert good_cell().verdict() == "holds"


@pytest.mark.parametrize("changes, said, verdict", [
    ({"wrong": 1, "right": 999}, "1 ANSWERS NAMED SOMEBODY ELSE", "MIXES"),
    ({"wrong": 1}, "1 ANSWERS NAMED SOMEBODY ELSE", "MIXES"),
    ({"named": 1}, "1 ANONYMOUS REQUESTS WERE ANSWERED WITH A NAME", "MIXES"),
    ({"odd": 1}, "1 answers belong to another login", "MIXES"),
    ({"right": 999}, "999 of 1000 answers named the right person", "fails"),
    ({"right": 1001}, "1001 of 1000", "fails"),
    ({"asked": 0, "right": 0}, "nothing was asked", "fails"),
    ({"anonymous": 0}, "no anonymous client was measured", "fails"),
    ({"again": 1}, "1 times somebody was asked to log in again", "fails"),
    ({"lost": 1}, "1 times no answer came", "fails"),
    ({"curl": "bob"}, "curl logged in as 'bob', not as alice", "fails"),
    ({"curl": "", "curl_said": "refused"}, "as 'nobody', not as alice (refused)", "fails"),
    ({"one": "YnY"}, "gave YnY, not YYY", "fails"),
    ({"one": "Y!Y"}, "gave Y!Y, not YYY", "fails"),
    ({"problems": ["ntlm: KeyError"]}, "ntlm: KeyError", "fails"),
])
def test_a_cell_with_one_thing_wrong_does_not_hold(changes, said, verdict):
    cell = good_cell(**changes)
    assert not cell.holds()
    assert any(said in fault for fault in cell.faults())
    assert cell.verdict() == verdict


def test_an_unmeasured_cell_does_not_hold():
    assert table.Cell("forward", "krb").verdict() == "fails"


# The table

def test_table_has_a_line_for_each_cell_and_names_a_configuration_once():
    cells = [table.Cell(name, scheme) for name in ("forward", "passthrough")
             for scheme in table.SCHEMES]
    lines = table.render(cells).splitlines()
    assert len(lines) == 2 + 3 + 1 + 3  # head, rule, three cells, a space, three cells
    assert lines[5] == ""
    assert sum(line.startswith("forward") for line in lines) == 1
    for scheme in table.SCHEMES.values():
        assert sum(f"  {scheme}  " in line for line in lines) == 2


def test_table_shows_every_count_under_its_head():
    cell = good_cell(right=3, wrong=987, odd=654, again=321, lost=77, named=55, seconds=4.25)
    head, _, line = table.render([cell]).splitlines()
    for name, value in (("WRONG", "987"), ("odd", "654"), ("again", "321"), ("lost", "77"),
                        ("right", "3/1000"), ("anonymous", "55/120"), ("s", "4.2")):
        end = head.index(f" {name}") + 1 + len(name)
        assert line[:end].endswith(" " + value), name
    assert "MIXES" in line


def test_legend_explains_every_column():
    for name in table.HEAD[2:]:
        assert f"\n{name} " in "\n" + table.LEGEND


def test_faults_name_configuration_and_login():
    assert table.faults_of([good_cell(), good_cell(lost=2)]) == [
        "forward, NTLM: 2 times no answer came"]


def test_proof_counts_wrong_names_and_says_through_whom():
    cells = [good_cell(), table.Cell("A", "krb", wrong=3, named=4),
             table.Cell("A", "ntlm", wrong=1), table.Cell("B", "ntlm", named=2),
             table.Cell("C", "krb", lost=9, odd=5)]
    assert table.proof_of(cells) == (
        "The measure can fail: yes, 10 answers named a wrong person through A; B.")


@pytest.mark.parametrize("cells", [[], [good_cell()], [good_cell(lost=5, odd=5)]])
def test_proof_is_not_claimed_without_a_wrong_name(cells):
    assert "NOT SHOWN" in table.proof_of(cells)


# The judgement of the run

class Stage:
    def __init__(self, *fronts):
        self.fronts = fronts


def running(name="", schemes=table.SCHEMES):
    process = type("Process", (), {"log_file": "/x/log.json", "error_file": "/x/stderr",
                                   "config_file": "/x/handfast.yaml"})
    ways = front.ways_through("127.0.0.1", 4711, "/ca.pem", name, tuple(schemes))
    return front.Front(name, process, 4711, ways, "/x/handfast.sock")


def test_status_is_zero_only_when_every_cell_holds(capsys):
    one = running()
    assert demo.judge([good_cell(), good_cell()], Stage(one)) == 0
    assert "every one of 2 cells holds" in capsys.readouterr().out
    assert not one.keep_files


def test_status_is_one_for_a_single_fault_and_the_log_is_kept(capsys):
    one = running()
    assert demo.judge([good_cell(), good_cell(wrong=1)], Stage(one)) == 1
    said = capsys.readouterr().out
    assert "DOES NOT HOLD  forward, NTLM: 1 ANSWERS NAMED SOMEBODY ELSE" in said
    assert "/x/log.json" in said and one.keep_files


def test_status_is_one_when_verify_finds_a_fault(capsys):
    assert demo.judge([good_cell()], Stage(running()), ["handfast verify: not so"]) == 1
    assert "DOES NOT HOLD  handfast verify: not so" in capsys.readouterr().out


def test_verify_is_told_where_and_as_whom(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(balancer, "binary", lambda: "/x/handfast")
    ran = []
    answers = [(0, b"a table\n", b""), (1, b"", b"not so\n")]

    def run(arguments):
        ran.append(arguments)
        return subprocess.CompletedProcess(arguments, *answers[len(ran) - 1])

    stage = Stage(running("Apache"), running("Squid"))
    stage.directory, stage.ca_file = str(tmp_path), "/ca.pem"
    stage.run, stage.password = run, lambda person: f"{person}-secret"
    assert demo.verify_handfast(stage) == [
        "handfast verify, before Squid: not every login works as it must"]
    said = capsys.readouterr().out
    assert "a table" in said and "not so" in said and "secret" not in said
    assert ran[0][:4] == ["/x/handfast", "verify", "-c", "/x/handfast.yaml"]
    assert "--reload" in ran[0] and "4711" in ran[0] and "alice-secret" not in ran[0]
    secret = tmp_path / "alice.password"
    assert secret.read_text(encoding="utf-8") == "alice-secret\n"
    assert secret.stat().st_mode & 0o077 == 0


def test_commands_to_try_name_status_and_pins(monkeypatch):
    monkeypatch.setattr(balancer, "binary", lambda: "/x/handfast")
    said = "\n".join(demo.commands_for(running(), "--ntlm -u bob"))
    assert "/x/handfast status -s /x/handfast.sock" in said
    assert "/x/handfast pins -s /x/handfast.sock" in said
    assert "try --ntlm -u bob https://lb.example.test:4711/plain/" in said


def test_ntlm_is_not_offered_before_servers_that_do_not_judge_it(monkeypatch):
    monkeypatch.setattr(balancer, "binary", lambda: "/x/handfast")
    said = "\n".join(demo.commands_for(running("Apache", ("krb", "krb401")), "--ntlm -u bob"))
    assert "--ntlm" not in said and "--negotiate" in said


# Measuring

def test_all_three_configurations_are_measured_with_every_login():
    ways = front.ways_through("127.0.0.1", 4711, "/ca.pem")
    assert [way.name for way in ways] == [
        "passthrough", "forward, plain to server", "forward, TLS to server",
        "redirect + passthrough"]
    assert [way.follows for way in ways] == [False, False, False, True]
    assert all(way.schemes == ("krb", "krb401", "ntlm") for way in ways)
    assert ways[0].urls == ("https://iis1.example.test:4711/", "https://iis2.example.test:4711/")


def way(**changes):
    values = {"name": "w", "urls": ("https://iis1.example.test:4711/",), "address": "127.0.0.1",
              "ca_file": None}
    return measure.Way(**{**values, **changes})


def test_people_are_dealt_to_the_urls_in_turn():
    assert measure.urls_for(way(urls=("a", "b")), 5) == ["a", "b", "a", "b", "a"]


@pytest.mark.parametrize("scheme, present, absent", [
    ("krb", ["--negotiate"], ["--anyauth", "--ntlm"]),
    ("krb401", ["--anyauth"], ["--negotiate", "--ntlm"]),
    ("ntlm", ["--ntlm", "EXAMPLE\\alice:pw"], ["--negotiate", "--anyauth"]),
])
def test_curl_is_told_the_login_and_nothing_else(scheme, present, absent):
    arguments = measure.curl_arguments(way(), scheme, "pw")
    assert all(word in arguments for word in present)
    assert not any(word in arguments for word in absent)
    assert arguments.count("--resolve") == 3
    assert "iis2.example.test:4711:127.0.0.1" in arguments
    assert arguments[-1] == "https://iis1.example.test:4711/"


@pytest.mark.parametrize("page, name", [
    (b"server: iis1\nperson: alice\n", "alice"),
    (b"person: alice\r\n", "alice"),
    (b"server: person: alice\n", ""),
    (b"<html>401</html>", ""),
    (b"", ""),
])
def test_name_in_a_page(page, name):
    assert measure.person_in(page) == name


def test_what_people_counted_lands_in_the_cell():
    cell = table.Cell("w", "krb")
    for _ in range(2):
        measure.add_result(cell, {"errors": ["krb: oops"], "by_kind": {
            "krb": {"right": 1, "wrong": 2, "early": 3, "crossed": 4, "unproven": 5, "refused": 6,
                    "closed": 7, "failed": 8, "exchanges": 99},
            "anon": {"right": 10, "wrong": 11, "exchanges": 12, "closed": 13}}})
    assert (cell.right, cell.wrong, cell.odd, cell.again) == (2, 4, 24, 12)
    assert (cell.lost, cell.named, cell.anonymous) == (2 * (7 + 8 + 13), 22, 24)
    assert cell.problems == ["krb: oops"] * 2


def test_people_of_another_login_are_not_counted():
    cell = table.Cell("w", "ntlm")
    measure.add_result(cell, {"errors": [], "by_kind": {"krb": {"right": 20}}})
    assert cell.right == 0 and not cell.holds()


def test_a_server_that_does_not_redirect_is_no_landing(lab, plain):
    target = way(urls=(plain.url("iis1.example.test"),), ca_file=lab.ca_file).target(
        plain.url("iis1.example.test"))
    with pytest.raises(Closed, match="no redirect but 401"):
        measure.location_of(target)


class Crowd:
    """As much of a stage as one cell needs."""

    def __init__(self, domain, count):
        from lab.people.logins import read_people
        self.domain = domain
        self.crowd = read_people(domain.user_file, domain.directory)[:count]

    def run(self, arguments):
        return subprocess.run(arguments, env=self.domain.env("alice"), capture_output=True,
                              stdin=subprocess.DEVNULL, check=False)

    def password(self, person):
        from lab.embedded.domain import password
        return password(person)


@pytest.mark.parametrize("scheme", table.SCHEMES)
def test_straight_to_a_server_every_login_holds(lab, plain, scheme):
    """The measure itself, without a balancer."""
    straight = way(urls=(plain.url("iis1.example.test"),), ca_file=lab.ca_file)
    cell = measure.measure_cell(straight, scheme, Crowd(lab, 4), seed=1)
    assert cell.faults() == []
    assert cell.asked == 4 * measure.REQUESTS and cell.anonymous > 0


def test_a_server_that_forgets_kerberos_does_not_hold(lab, server):
    """Asked again for every request: right names, and still not what was promised."""
    forgetful = server(kerberos="request")
    straight = way(urls=(forgetful.url("iis1.example.test"),), ca_file=lab.ca_file)
    cell = measure.measure_cell(straight, "krb401", Crowd(lab, 2), seed=1)
    assert cell.verdict() == "fails" and cell.again > 0 and cell.wrong == 0


def test_nobody_listening_is_a_fault_of_the_cell(lab, server):
    gone = server()
    url = gone.url("iis1.example.test")
    gone.stop()
    cell = measure.measure_cell(way(urls=(url,), ca_file=lab.ca_file), "krb", Crowd(lab, 2), seed=1)
    assert cell.verdict() == "fails" and cell.right == 0
    redirect = way(urls=(url,), ca_file=lab.ca_file, follows=True)
    cell = measure.measure_cell(redirect, "krb", Crowd(lab, 2), seed=1)
    assert any("not measured" in fault for fault in cell.faults())


# Configurations

SERVERS = [("iis1.example.test", "127.0.0.1:4801"), ("iis2.example.test", "127.0.0.1:4802")]


def need_binary():
    try:
        return balancer.binary()
    except RuntimeError:
        pytest.skip("no handfast has been built")


def test_handfast_finds_nothing_wrong_with_its_configuration(lab, tmp_path):
    pair = lab.certificate("lb-ecdsa")
    file = tmp_path / "handfast.yaml"
    file.write_text(configuration.handfast("127.0.0.1:0", (pair.chain, pair.key), lab.ca_file,
                                           SERVERS, SERVERS, tmp_path / "admin.sock"))
    done = subprocess.run([need_binary(), "check", "-c", file], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_modes_share_one_listener():
    text = configuration.handfast("127.0.0.1:0", ("c", "k"), "ca", SERVERS, SERVERS, "s")
    assert text.count("bind:") == 1
    assert all(f"{mode}:" in text for mode in ("passthrough", "forward", "redirect"))


PORTS = {"HAProxy": (4711, 4712), "nginx": (4711, 4712, 4713), "Apache": (4711,), "Caddy": (4711,)}
CHECKS = {
    "HAProxy": ("haproxy", "-c", "-f", "{file}"),
    "nginx": ("nginx", "-t", "-e", "{directory}/error.log", "-c", "{file}"),
    "Apache": ("apache2", "-t", "-f", "{file}"),
    "Caddy": ("caddy", "adapt", "--validate", "--config", "{file}", "--adapter", "caddyfile"),
}


def peer_text(kind, directory, certificate=("/c.pem", "/c.key")):
    return kind.configuration(directory, certificate, SERVERS, PORTS[kind.name])


each_peer = pytest.mark.parametrize("kind", peers.KINDS, ids=lambda kind: kind.name)


@each_peer
def test_a_peer_stands_before_the_same_servers(kind):
    text = peer_text(kind, "/d")
    assert len(kind.ways) == len(PORTS[kind.name])
    for number, port in enumerate(PORTS[kind.name]):
        assert str(port) in text, number
    for _, address in SERVERS:
        assert text.count(address) == len(kind.ways)


@each_peer
def test_a_peer_accepts_its_configuration(kind, lab, tmp_path):
    program = CHECKS[kind.name][0]
    if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        pytest.skip(f"{program} is not installed")
    pair = lab.certificate("lb-ecdsa")
    with open(tmp_path / "certificate.pem", "w", encoding="utf-8") as joined:
        for part in (pair.chain, pair.key):
            with open(part, encoding="utf-8") as file:
                joined.write(file.read())
    file = tmp_path / "configuration"
    file.write_text(peer_text(kind, tmp_path, (pair.chain, pair.key)))
    command = [word.format(file=file, directory=tmp_path) for word in CHECKS[kind.name]]
    env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": str(tmp_path),
           "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_peers_keep_their_defaults():
    assert "http-reuse" not in peer_configuration.haproxy("/d", ("c", "k"), SERVERS, (1, 2))
    nginx = peer_configuration.nginx("/d", ("c", "k"), SERVERS, (1, 2, 3))
    assert nginx.count("keepalive 32;") == 1


@pytest.mark.parametrize("said, version", [
    ("HAProxy version 2.6.12-1+deb12u4 2026/05/12", "2.6.12"),
    ("nginx version: nginx/1.22.1", "1.22.1"),
    ("v2.6.2 h1:abc", "2.6.2"),
    ("no idea", "?"),
])
def test_version(said, version):
    assert peers.version_in(said) == version


def test_a_peer_that_is_not_installed_says_so(tmp_path):
    kind = peers.Kind("Absent", ("no-such-balancer",), ("no-such-balancer",), None, ("http",))
    with pytest.raises(peers.PeerError, match="no-such-balancer is not installed"):
        peers.Peer(kind, str(tmp_path), ("c", "k"), SERVERS).__enter__()


def test_a_peer_that_does_not_start_says_what_it_said(tmp_path):
    for part in ("c", "k"):
        (tmp_path / part).write_text(part)
    kind = peers.Kind("Broken", ("true",), ("sh", "-c", "echo it hurts; exit 1"),
                      lambda *_: "", ("http",))
    with pytest.raises(peers.PeerError, match="Broken does not start:\nit hurts"):
        peers.Peer(kind, str(tmp_path), (tmp_path / "c", tmp_path / "k"), SERVERS).__enter__()


# The command

def start_demo(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "lab.demo", *arguments], cwd=ROOT, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})


def alive_in_session(session):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            found.append(entry)
    return found


@pytest.mark.parametrize("number, whole_group, after", [
    (signal.SIGTERM, False, "Bringing up"),
    (signal.SIGINT, True, " 1/12 "),
])
def test_a_signal_ends_everything(number, whole_group, after):
    need_binary()
    process = start_demo("--once")
    for line in process.stdout:
        if after in line:
            break
    (os.killpg if whole_group else os.kill)(process.pid, number)
    said = process.stdout.read()
    assert process.wait(60) == 128 + number, said
    assert "everything is stopped" in said
    assert alive_in_session(process.pid) == []


@pytest.mark.parametrize("arguments", [["--peers", "--domain"], ["--sometimes"]])
def test_wrong_usage_is_two(arguments):
    process = start_demo(*arguments)
    said = process.stdout.read()
    assert process.wait(60) == 2 and "usage:" in said


def test_without_a_binary_nothing_is_started(monkeypatch):
    monkeypatch.setenv("HANDFAST", "/nonexistent/handfast")
    process = start_demo("--once")
    said = process.stdout.read()
    assert process.wait(60) == 2
    assert "no handfast at /nonexistent/handfast" in said and "Up after" not in said
