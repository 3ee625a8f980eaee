# SPDX-License-Identifier: Apache-2.0
# The isolation measure's judgement, answer by answer: each way of mixing people must be told from
# the right answer and from the others.
from types import SimpleNamespace

import pytest

from lab.people import people
from lab.people.logins import Person
from lab.people.web import Answer

PATH = "/visit/1/2/abc"


def page(name="alice", path=PATH, status=200):
    text = f"server: iis1\nperson: {name}\nuser: x\nscheme: ntlm\npath: {path}\n"
    return Answer(status, [], text.encode(), False)


def visitor(who="alice", known=False):
    tally = people.Tally(0)
    options = SimpleNamespace(requests=1, chaos=0, seed=1)
    person = Person(who, "EXAMPLE", "secret", None) if who else None
    made = people.Visitor(1, None, tally, options, person, "ntlm" if who else "anon")
    made.known = known
    return made


@pytest.mark.parametrize("answer,known,gave_login,verdict", [
    (page(), False, True, "right"),
    (page(), True, False, "right"),
    (page(), False, False, "early"),
    (page("bob"), False, True, "wrong"),
    (page("bob"), True, False, "wrong"),
    (page("bob"), False, False, "wrong"),
    (page("Alice"), True, False, "wrong"),
    (page("-"), True, False, "failed"),
    (page(path="/visit/1/3/def"), True, False, "crossed"),
    (page(status=502), True, False, "failed"),
    (Answer(200, [], b"not our page", False), True, False, "failed"),
])
def test_answers_to_a_person(answer, known, gave_login, verdict):
    one = visitor(known=known)
    assert one.judge_page(answer, PATH, gave_login) == verdict
    assert one.tally.total(verdict) == 1
    assert bool(one.tally.examples) == (verdict != "right")


@pytest.mark.parametrize("answer,verdict", [
    (page("-"), "right"), (page("alice"), "wrong"), (page(status=503), "failed"),
])
def test_answers_to_nobody(answer, verdict):
    assert visitor(None).judge_page(answer, PATH, False) == verdict


@pytest.mark.parametrize("what", people.MIXED)
def test_every_kind_of_mixing_fails_the_run(what):
    counts = dict.fromkeys(people.COUNTS, 0)
    assert people.mixed(counts) == 0
    counts[what] = 1
    assert people.mixed(counts) == 1


def test_a_proof_of_another_login_is_seen():
    one = visitor()
    login = SimpleNamespace(scheme="Negotiate", server_proves=lambda text: text == b"mine")
    one.check_proof(login, Answer(200, [b"Negotiate mine"], b"", False))
    assert one.tally.total("unproven") == 0
    one.check_proof(login, Answer(200, [b"Negotiate yours"], b"", False))
    assert one.tally.total("unproven") == 1


@pytest.mark.parametrize("answer,letter", [
    (page(), "Y"), (page("bob"), "!"), (Answer(401, [], b"", False), "n"),
    (Answer(502, [], b"", False), "-"),
])
def test_letters(answer, letter):
    assert people.letter(answer, Person("alice", "EXAMPLE", "secret", None)) == letter


def test_the_seed_decides_what_is_done():
    draws = [[visitor().random.random() for _ in range(3)] for _ in range(2)]
    assert draws[0] == draws[1]
