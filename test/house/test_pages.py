# SPDX-License-Identifier: Apache-2.0
# The pages for operators against the sources: what is written is there, and what is there is written. Each comparison
# is also shown a planted difference. Whether a sentence is true, no test here can tell.
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OPERATING = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
PINS = (ROOT / "docs/pins.md").read_text(encoding="utf-8")
MANUAL = (ROOT / "docs/man/handfast.8").read_text(encoding="utf-8").replace("\\-", "-")


def source(*paths):
    return "".join((ROOT / path).read_text(encoding="utf-8") for path in paths)


def section(page, title):
    """The text below that heading, up to the next of the same rank."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", page, re.M | re.S)
    assert found, f"no section {title}"
    return found[1]


def words(text):
    """What stands in back quotes."""
    return set(re.findall(r"`([^`\n]+)`", text))


def first_column(text):
    """Words in back quotes in the first column of every table."""
    return {word for row in re.findall(r"^\|([^|]*)\|", text, re.M) for word in words(row)}


# ---- what is made of a table

def end_table(*arguments):
    result = subprocess.run([ROOT / "dev/end_table", *arguments], capture_output=True, text=True)
    return result.returncode, result.stderr


def test_the_page_of_ends_is_up_to_date():
    assert end_table("--check") == (0, "")


@pytest.fixture
def copy(tmp_path):
    for path in ("src/base/end.tbl", "docs/ends.md"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def test_a_changed_end_is_found(copy):
    table = copy / "src/base/end.tbl"
    table.write_text(table.read_text().replace('"client_left", CLIENT', '"client_gone", CLIENT'))
    status, said = end_table("--check", copy)
    assert status == 1 and "run dev/end_table" in said
    assert end_table(copy) == (0, "") and end_table("--check", copy) == (0, "")
    assert "`client_gone`" in (copy / "docs/ends.md").read_text()


def test_a_line_that_is_no_end_is_found(copy):
    with open(copy / "src/base/end.tbl", "a", encoding="utf-8") as file:
        file.write("END(TYPO, no_quotes, US, 0, \"\")\n")
    status, said = end_table("--check", copy)
    assert status == 1 and "neither an entry nor a comment" in said


def login_table(*arguments):
    result = subprocess.run([ROOT / "dev/login_table", *arguments], capture_output=True, text=True)
    return result.returncode, result.stderr


def test_the_page_of_logins_is_up_to_date():
    assert login_table("--check") == (0, "")


def test_a_changed_verdict_is_found(tmp_path):
    for path in ("src/auth/login_verdict.tbl", "docs/logins.md"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    table = tmp_path / "src/auth/login_verdict.tbl"
    table.write_text(table.read_text().replace("the password", "the pass phrase"))
    status, said = login_table("--check", tmp_path)
    assert status == 1 and "run dev/login_table" in said
    assert login_table(tmp_path) == (0, "") and login_table("--check", tmp_path) == (0, "")
    assert "the pass phrase" in (tmp_path / "docs/logins.md").read_text()
    table.write_text(table.read_text().replace('LOGIN_VERDICT(REFUSED, "refused", BAD,', 'LOGIN_VERDICT(REFUSED, refused, BAD,'))
    status, said = login_table("--check", tmp_path)
    assert status == 1 and "neither an entry nor a comment" in said


def verdicts():
    return set(re.findall(r'^LOGIN_VERDICT\(\w+, "(\w+)"', source("src/auth/login_verdict.tbl"), re.M))


def test_every_verdict_is_on_the_page_of_logins():
    assert first_column(source("docs/logins.md")) == verdicts() and len(verdicts()) > 30


def check_table(*arguments):
    result = subprocess.run([ROOT / "dev/check_table", *arguments], capture_output=True, text=True)
    return result.returncode, result.stderr


def test_the_list_of_checks_is_up_to_date():
    assert check_table("--check") == (0, "")


def checks():
    return re.findall(r"^CHECK_ROW\((\w+),", source("src/doctor/check/checks.tbl"), re.M)


def test_every_check_has_a_file_cases_and_its_line():
    cases = json.loads(source("test/unit/doctor/facts/cases.json"))
    listed = first_column(section(source("docs/doctor.md"), "The checks"))
    files = {path.stem for path in (ROOT / "src/doctor/check").glob("*.c")} - {"view", "remedy"}
    assert len(checks()) > 70 and set(checks()) == files == listed
    for says in (True, False):
        assert {case["check"] for case in cases if case["says"] is says} == set(checks())


def test_a_changed_check_is_found(tmp_path):
    for path in ("src/doctor/check/checks.tbl", "docs/doctor.md"):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    table = tmp_path / "src/doctor/check/checks.tbl"
    table.write_text(table.read_text().replace("One person is", "Nobody is"))
    status, said = check_table("--check", tmp_path)
    assert status == 1 and "run dev/check_table" in said
    assert check_table(tmp_path) == (0, "") and check_table("--check", tmp_path) == (0, "")
    table.write_text(table.read_text() + "CHECK_ROW(typo)\n")
    status, said = check_table("--check", tmp_path)
    assert status == 1 and "neither an entry nor a comment" in said


def ends():
    return set(re.findall(r'^END\(\w+, "(\w+)"', source("src/base/end.tbl"), re.M))


def test_every_end_is_on_the_page_of_ends():
    assert first_column(source("docs/ends.md")) == ends() and len(ends()) > 50


# ---- the log

KEY = re.compile(
    r'(?:json_put_(?:text|string|u64|i64|bool|milliseconds|open)|add_(?:text|number|etype|build))\(&?json, "(\w+)"')


def keys_written(text):
    return set(KEY.findall(text))


def keys_described():
    kinds, tables = section(OPERATING, "The log").split("A key that has nothing to say", 1)
    assert "`exchange`" in kinds
    return first_column(tables)


def test_every_key_of_the_log_is_described_and_no_other():
    written = keys_written(source("src/mode/record.c", "src/mode/record_login.c", "src/control/notice.c"))
    assert len(written) > 40
    assert keys_described() == written


def test_a_new_key_would_be_found():
    assert keys_written('json_put_u64(&json, "brand_new", 1);') == {"brand_new"}
    assert "brand_new" not in keys_described()


def test_the_example_lines_hold_no_other_keys():
    lines = [json.loads(line) for line in re.findall(r"^\{.*\}$", section(OPERATING, "The log"), re.M)]
    assert {line["what"] for line in lines} == {"exchange", "relay", "login", "client", "server"}
    for line in lines:
        inner = [line.get("login", {}), *line.get("legs", ())]
        assert set(line).union(*inner) <= keys_described()
        assert line.get("end", "done") in ends()


def test_ends_in_the_tables_for_the_night_are_ends():
    text = section(OPERATING, "When people cannot log in").split("**What the end says**")[1]
    named = first_column(text) - {"end", "why"}
    assert len(named) > 20 and named <= ends()


# ---- metrics, admin API, options

def metrics_printed():
    text = source("src/control/metrics.c")
    names = set(re.findall(r'"((?:handfast|process)_\w+?)(?:\{|")', text))
    return names | {f"handfast_{name}" for name in re.findall(r'^TALLY\(\w+, "(\w+)"', source("src/mode/tally.tbl"), re.M)}


def test_every_metric_is_described_and_no_other():
    assert len(metrics_printed()) > 40
    assert first_column(section(OPERATING, "Metrics")) == metrics_printed()


def test_every_admin_request_is_described_and_no_other():
    asked = {f"{method} {path}" for method, path in
             re.findall(r'^ADMIN\("(\w+)", "([^"]+)"', source("src/control/admin.tbl"), re.M)}
    assert "POST /reload" in asked
    assert first_column(section(OPERATING, "Admin API")) == asked


def options():
    """{"timeouts.idle", "log", "sites.hosts", …}: keys of the schema behind the name of their scope."""
    found = set()
    for scope, key in re.findall(r"^(?:ONE|MANY|PART|LIST)\((\w+), (\w+)", source("src/config/schema.tbl"), re.M):
        found |= {key, f"{scope.lower()}.{key}"}
    return found


@pytest.mark.parametrize("page", [OPERATING, PINS], ids=["operating", "pins"])
def test_options_named_on_the_pages_exist(page):
    named = {word for word in words(page) if re.match(r"(timeouts|limits)\.\w+$", word)}
    assert named and named <= options()


def test_bindings_named_on_the_page_of_pins_are_all_there_are():
    states = set(re.findall(r'^STATE\(\w+, "(\w+)", (?!SHARED)', source("src/auth/binding.tbl"), re.M))
    table = section(PINS, "Looking at pins")
    assert len(states) > 5 and first_column(table) == states


# ---- the manual page

def test_every_command_has_its_section_in_the_manual():
    commands = re.findall(r'^    \{"(\w+)", \w+_main, ', source("src/cmd/main.c"), re.M)
    assert "serve" in commands
    for command in commands:
        assert f'.SY "handfast {command}"' in MANUAL
        assert re.search(rf"^\.SS .*\b{command}\b", MANUAL, re.M), command


OPTION = re.compile(r'\{"([\w-]+)", (?:no|required|optional)_argument')
SOURCES = [*(ROOT / "src/cmd").glob("*.c"), ROOT / "src/doctor/subject.c"]
COMMANDS = sorted(str(path.relative_to(ROOT)) for path in SOURCES if OPTION.search(source(path)))


# options that a command has beside those of all that talk to the running process
BESIDES = re.compile(r'\{"([\w-]+)", "[^"]+", (?:&[\w.]+, NULL|NULL, &[\w.]+)\}')
BESIDES_COMMANDS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src/cmd").glob("*.c") if BESIDES.search(source(path)))


def test_every_option_besides_is_in_the_manual():
    found = BESIDES.findall(source(*BESIDES_COMMANDS))
    assert "watch" in found
    for name in found:
        assert f"--{name}" in MANUAL, name


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_of_a_command_is_in_the_manual(path):
    for name in OPTION.findall(source(path)):
        assert f"--{name}" in MANUAL, name


def test_the_manual_names_no_option_that_is_not_there():
    assert len(COMMANDS) > 2
    there = set(OPTION.findall(source(*COMMANDS))) | set(BESIDES.findall(source(*BESIDES_COMMANDS)))
    there |= set(re.findall(r'"--(\w+)"', source("src/cmd/main.c", "src/cmd/doctor.c", "src/cmd/verify.c"))) | {"unix-socket"}
    assert set(re.findall(r"--(\w[\w-]*)", MANUAL)) <= there


def test_the_manual_names_the_version():
    version = re.search(r"version: '([^']+)'", source("meson.build"))[1]
    assert f'"handfast {version}"' in MANUAL


# ---- links

@pytest.mark.parametrize("page", ["docs/operating.md", "docs/pins.md", "docs/ends.md", "docs/logins.md", "docs/plan.md"])
def test_links_lead_somewhere(page):
    text = source(page)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}, link
