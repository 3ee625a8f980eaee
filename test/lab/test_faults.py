# SPDX-License-Identifier: Apache-2.0
# The list of staged faults: complete, and about findings the doctor can make. What the doctor makes
# of them is for scripts/test-faults.
import os
import re

import pytest

from lab.embedded.domain import ROOT
from lab.faults import registry, run
from lab.faults.rows import ROWS, UNSTAGED


@pytest.fixture(scope="module")
def faults():
    return registry.load()


def test_every_row_is_staged_or_said_why_not(faults):
    staged = {row for fault in faults for row in fault.rows}
    assert staged | set(UNSTAGED) == set(ROWS) == set(range(1, 63))
    assert not staged & set(UNSTAGED)


def test_there_are_enough(faults):
    assert sum(bool(fault.expects) for fault in faults) >= 45
    assert sum(not fault.expects for fault in faults) >= 5


def test_what_is_expected_is_something_the_doctor_says(faults):
    with open(os.path.join(ROOT, "src/doctor/check/checks.tbl"), encoding="utf-8") as table:
        said = set(re.findall(r"^CHECK_ROW\((\w+),", table.read(), re.MULTILINE))
    expected = {fault.expects for fault in faults if fault.expects}
    assert expected <= said, expected - said


def test_every_stage_says_what_is_wrong(faults):
    for fault in faults:
        assert fault.build.__doc__, fault.name


def result(expects, findings, status, note=False):
    made = run.Result(registry.Fault("x", expects, (), None, {}, note))
    made.findings, made.status = findings, status
    return made


@pytest.mark.parametrize("expects,findings,status,right", [
    ("cname", [("cname", "fault")], 1, True),
    ("cname", [("cname", "fault")], 0, False),
    ("cname", [("spn_missing", "cause"), ("cname", "fault")], 1, False),
    ("cname", [], 0, False),
    ("", [("healthy", "note")], 0, True),
    ("", [("alt_svc", "risk"), ("healthy", "note")], 1, False),
    ("", [], 2, False),
])
def test_what_counts_as_right(expects, findings, status, right):
    assert result(expects, findings, status).right == right


def test_a_note_has_to_be_there_and_nothing_heavier():
    notes = [("healthy", "note"), ("reverse_differs", "note")]
    assert result("reverse_differs", notes, 0, note=True).right
    assert not result("reverse_differs", notes[:1], 0, note=True).right
    assert not result("reverse_differs", [("cname", "risk"), *notes], 1, note=True).right


def test_score_goes_between_its_markers(tmp_path):
    page = tmp_path / "doctor.md"
    page.write_text("before\n<!-- score -->\nstale-score\n<!-- /score -->\nafter\n")
    run.write_score(page, run.table([result("cname", [("cname", "fault")], 1)]))
    text = page.read_text()
    assert text.startswith("before\n<!-- score -->\n1 faults staged, 1 named first.")
    assert text.endswith("\n<!-- /score -->\nafter\n") and "stale-score" not in text
