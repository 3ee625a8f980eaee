#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The isolation measure: many people and some anonymous clients at once, each on a connection of
# their own, and every answer must name whoever asked. Knows nothing about what stands between; it
# believes only what an answer says.
"""Opens connections as many people, checks the name in every answer, counts.

Exit 0 when nobody was answered as somebody else, 1 when one was, 2 on wrong usage, 3 when nothing
could be measured at all (no right answer).
"""

import argparse
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from lab.people.logins import KINDS, new_login, read_people  # noqa: E402
from lab.people.web import Closed, Connection, Target  # noqa: E402

# right: the name is mine. wrong: another's, or an anonymous client was named. early: named on a
# connection that never logged in. crossed: the answer belongs to another request. unproven: the
# Kerberos proof is another login's. refused: 401 for a login that was given or already accepted.
# closed: the other side ended the connection. abandoned: we did, on purpose. failed: gave up.
COUNTS = ("exchanges", "right", "wrong", "early", "crossed", "unproven", "refused", "closed",
          "abandoned", "failed")
MIXED = ("wrong", "early", "crossed", "unproven")
ATTEMPTS = 6
EXAMPLES = 10


class Abandoned(Exception):
    """We walked away from this connection on purpose."""


class Tally:
    """Counts by kind, filled by many threads."""

    def __init__(self, limit):
        self.by_kind = {}
        self.examples = []
        self.limit = limit
        self._lock = threading.Lock()
        self._total = 0

    def add(self, kind, what, example=None):
        with self._lock:
            counts = self.by_kind.setdefault(kind, dict.fromkeys(COUNTS, 0))
            counts[what] += 1
            self._total += what == "exchanges"
            if example and len(self.examples) < EXAMPLES:
                self.examples.append({"what": what, "kind": kind, **example})

    def enough(self):
        return self.limit and self._total >= self.limit

    def total(self, what):
        return sum(counts[what] for counts in self.by_kind.values())


class Visitor:
    """One client: a person with a kind of login, or nobody (person None, kind anon)."""

    def __init__(self, index, target, tally, options, person=None, kind="anon"):
        self.target = target
        self.tally = tally
        self.person = person
        self.kind = kind
        self.requests = options.requests
        self.chaos = options.chaos
        self.random = random.Random(f"{options.seed}:{index}")
        self.index = index
        self.connection = None
        self.known = False
        self.limbo = []  # connections left hanging half-way

    # -- connection

    def drop(self, reset=False):
        if self.connection:
            self.connection.close(reset)
        self.connection = None
        self.known = False

    def connect(self):
        if not self.connection:
            self.connection = Connection(self.target)
            self.known = False
            self.maybe_leave()

    def chance(self, weight=1.0):
        return self.chaos and self.random.random() < self.chaos * weight

    def maybe_leave(self):
        """Now and then: close, reset, or walk away and leave the connection open."""
        if not self.chance():
            return
        self.tally.add(self.kind, "abandoned")
        how = self.random.choice(("close", "reset", "limbo"))
        if how == "limbo":
            self.limbo.append(self.connection)
            self.connection = None
            while len(self.limbo) > 2:
                self.limbo.pop(0).close()
        self.drop(reset=how == "reset")
        raise Abandoned

    def exchange(self, path, authorization=None):
        body = None
        if self.chance(4):
            body = b"x" * self.random.choice((0, 1, 500, 3000))
        request = self.connection.request_bytes(path, authorization, body)
        if self.chance():
            self.connection.send(request[:self.random.randrange(len(request))])
            self.tally.add(self.kind, "abandoned")
            self.drop(reset=self.random.random() < 0.5)
            raise Abandoned
        self.tally.add(self.kind, "exchanges")
        self.connection.send(request)
        self.maybe_leave()
        return self.connection.receive()

    # -- what an answer says

    def judge_page(self, answer, path, gave_login):
        name = answer.field("person")
        expected = self.person.name if self.person else "-"
        what = "right"
        if answer.status != 200 or name is None:
            what = "failed"
        elif not (answer.field("path") or "").endswith(path):
            what = "crossed"
        elif name != expected and not (name == "-" and self.person):
            what = "wrong"
        elif name == "-" and self.person:
            what = "failed"
        elif self.person and not gave_login and not self.known:
            what = "early"
        example = None if what == "right" else {
            "asked": expected, "answered": name, "status": answer.status,
            "server": answer.field("server"), "known_before": self.known,
        }
        self.tally.add(self.kind, what, example)
        return what

    def check_proof(self, login, answer):
        text = answer.token(login.scheme)
        if text and not login.server_proves(text):
            self.tally.add(self.kind, "unproven", {"asked": self.person.name})

    # -- requests

    def attempt(self, path):
        """One request with whatever legs it takes. True when it was answered."""
        self.connect()
        login, header = None, None
        if self.kind == "krb" and not self.known or self.known and self.chance():
            login = new_login(self.kind, self.person, self.target.host)
            header = login.first()
        for _ in range(5):
            answer = self.exchange(path, header)
            if answer.status != 401:
                break
            if login is None:
                if self.known:
                    self.tally.add(self.kind, "refused")
                    self.known = False
                login = new_login(self.kind, self.person, self.target.host)
                header = login.first()
            else:
                text = answer.token(login.scheme)
                header = login.next(text) if text else None
            if header is None:
                self.tally.add(self.kind, "refused")
                self.known = False
                self.leave_if_told(answer)
                return False
            self.leave_if_told(answer, still_needed=True)
            self.maybe_leave()
        verdict = self.judge_page(answer, path, login is not None)
        if verdict == "right":
            if login:
                self.check_proof(login, answer)
            self.known = True
        self.leave_if_told(answer)
        return verdict != "failed"

    def leave_if_told(self, answer, still_needed=False):
        if answer.closes:
            self.drop()
            if still_needed:
                raise Closed("told to close between legs")

    def attempt_anonymously(self, path):
        self.connect()
        answer = self.exchange(path)
        if answer.status == 401:
            self.tally.add(self.kind, "right")
        else:
            self.judge_page(answer, path, False)
        self.leave_if_told(answer)
        return True

    def pipeline(self, paths):
        """Two requests in one write on a connection that is logged in."""
        self.connection.send(b"".join(self.connection.request_bytes(p) for p in paths))
        for path in paths:
            self.tally.add(self.kind, "exchanges")
            answer = self.connection.receive()
            if answer.status == 401:
                self.tally.add(self.kind, "refused")
                self.known = False
            else:
                self.judge_page(answer, path, False)
            if answer.closes:
                self.drop()
                return

    def request(self, number):
        path = f"/visit/{self.index}/{number}/{self.random.getrandbits(32):08x}"
        attempt = self.attempt if self.person else self.attempt_anonymously
        left = ATTEMPTS  # our own departures do not count
        while left > 0:
            try:
                left -= 1
                if self.known and self.chance(2):
                    self.pipeline([path + "/a", path + "/b"])
                if attempt(path):
                    return
            except Closed:
                self.tally.add(self.kind, "closed")
                self.drop()
            except Abandoned:
                left += 1
            if self.tally.enough():
                return
        self.tally.add(self.kind, "failed")

    def run(self):
        number = 0
        while not self.tally.enough() if self.tally.limit else number < self.requests:
            self.request(number)
            number += 1
            try:
                if self.connection:
                    self.maybe_leave()
            except Abandoned:
                pass
        for left in self.limbo:
            left.close()
        self.drop()


def measure(target, people, options):
    """Runs all visitors to their end; a dict of what was counted."""
    tally = Tally(options.exchanges)
    visitors = [Visitor(n, target, tally, options, person, options.kinds[n % len(options.kinds)])
                for n, person in enumerate(people)]
    visitors += [Visitor(10000 + n, target, tally, options) for n in range(options.anonymous)]
    errors = []

    def run(visitor):
        try:
            visitor.run()
        except Exception as error:  # a defect of the measure must not look like a quiet pass
            errors.append(f"{visitor.kind}: {error!r}")

    for person in people:
        if person.ccache and any(kind.startswith("krb") for kind in options.kinds):
            person.credentials()
    began = time.monotonic()
    threads = [threading.Thread(target=run, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    totals = {what: tally.total(what) for what in COUNTS}
    return {
        "seed": options.seed, "chaos": options.chaos, "people": len(people),
        "anonymous": options.anonymous, "kinds": list(options.kinds), **totals,
        "seconds": round(seconds, 2), "per_second": round(totals["exchanges"] / seconds),
        "by_kind": tally.by_kind, "examples": tally.examples, "errors": errors,
    }


def ask_once(connection, person, kind, host):
    """A login with one request. The last answer."""
    login = new_login(kind, person, host)
    answer = connection.ask("/one") if kind != "krb" else None
    header = login.first()
    for _ in range(4):
        answer = connection.ask("/one", header)
        text = answer.token(login.scheme)
        if answer.status != 401 or not text:
            break
        header = login.next(text)
    return answer


def letter(answer, person):
    if answer.status == 401:
        return "n"
    if answer.status != 200:
        return "-"
    return "Y" if answer.field("person") == person.name else "!"


def measure_one(target, person, kind):
    """A handshake and two requests without Authorization on the same connection, a letter each:
    Y the right person, n a 401, ! somebody else, - closed or another status."""
    letters = ""
    try:
        connection = Connection(target)
    except Closed:
        return "---"
    try:
        letters += letter(ask_once(connection, person, kind, target.host), person)
        for _ in range(2):
            letters += letter(connection.ask("/one"), person)
    except Closed:
        pass
    connection.close()
    return (letters + "---")[:3]


def count_named(target, times):
    """How often an anonymous client, each time on a new connection, was given a name."""
    named = 0
    for _ in range(times):
        try:
            connection = Connection(target)
            answer = connection.ask("/anonymous")
            named += answer.status == 200 and answer.field("person") not in (None, "-")
            connection.close()
        except Closed:
            pass
    return named


def measure_anonymous(target, person, kind, times=40):
    """Anonymous clients given a name while this person's connection is open, after it closed, and
    while it is in use."""
    found = {}
    connection = Connection(target)
    try:
        ask_once(connection, person, kind, target.host)
        found["open"] = count_named(target, times)
    except Closed:
        found["open"] = count_named(target, times)
    connection.close()
    found["closed"] = count_named(target, times)
    stop = threading.Event()

    def stay_active():
        while not stop.is_set():
            try:
                active = Connection(target)
                ask_once(active, person, kind, target.host)
                while not stop.is_set() and active.ask("/one").status == 200:
                    pass
                active.close()
            except Closed:
                pass

    thread = threading.Thread(target=stay_active)
    thread.start()
    found["active"] = count_named(target, times)
    stop.set()
    thread.join()
    return found


def mixed(result):
    return sum(result[what] for what in MIXED)


def print_result(result):
    print(f"{'':8}" + "".join(f"{what:>11}" for what in COUNTS))
    for kind, counts in sorted(result["by_kind"].items()):
        print(f"{kind:8}" + "".join(f"{counts[what]:11}" for what in COUNTS))
    print(f"{'all':8}" + "".join(f"{result[what]:11}" for what in COUNTS))
    print(f"seed {result['seed']}, {result['seconds']} s, {result['per_second']} exchanges/s")
    for example in result["examples"]:
        print("  " + " ".join(f"{key}={value}" for key, value in example.items()))
    for error in result["errors"]:
        print("  error " + error)


def kinds_of(text):
    kinds = tuple(text.split(","))
    if not all(kind in KINDS for kind in kinds):
        raise argparse.ArgumentTypeError(f"kinds are {', '.join(KINDS)}")
    return kinds


def read_options(arguments):
    parser = argparse.ArgumentParser(
        description="Many people at once; every answer must name whoever asked."
    )
    parser.add_argument("--url", required=True, help="https://lb.example.test:PORT/")
    parser.add_argument("--resolve", metavar="IP", help="connect here, whatever the name says")
    parser.add_argument("--ca", metavar="FILE", help="believe certificates of this authority")
    parser.add_argument("--lab", metavar="DIR", help="directory of an embedded lab: sets the rest")
    parser.add_argument("--users", metavar="FILE", help="lines DOMAIN:user:password")
    parser.add_argument("--ccaches", metavar="DIR", help="USER.ccache, made by kinit if absent")
    parser.add_argument("--kinds", type=kinds_of, default=KINDS, metavar="LIST",
                        help=f"how people log in, dealt out in turn ({','.join(KINDS)})")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--anonymous", type=int, default=5)
    parser.add_argument("--requests", type=int, default=20, help="for each client")
    parser.add_argument("--exchanges", type=int, default=0, metavar="N",
                        help="go on until this many in all, instead of --requests")
    parser.add_argument("--chaos", type=float, nargs="?", const=0.02, default=0.0, metavar="P",
                        help="leave, break off, post, pipeline with this probability (0.02)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--timeout", type=float, default=30, metavar="SECONDS")
    parser.add_argument("--json", metavar="FILE", help="write the result there, - for stdout")
    parser.add_argument("--one", action="store_true",
                        help="instead: one handshake and two requests, a letter each (Y n ! -), "
                             "and anonymous clients beside it")
    options = parser.parse_args(arguments)
    if options.lab:
        options.users = options.users or os.path.join(options.lab, "ntlm.users")
        options.ccaches = options.ccaches or options.lab
        options.ca = options.ca or os.path.join(options.lab, "tls", "ca.pem")
        os.environ["KRB5_CONFIG"] = os.path.join(options.lab, "krb5.conf")
    if not options.users:
        parser.error("--lab or --users is needed")
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    return options


def print_one(target, person, kinds):
    """The small measure for each kind; the results as a dict."""
    results = {}
    for kind in kinds:
        results[kind] = {"one": measure_one(target, person, kind),
                         "anonymous_named": measure_anonymous(target, person, kind)}
        named = results[kind]["anonymous_named"]
        print(f"{kind:8} {results[kind]['one']}  anonymous named: "
              + " ".join(f"{when} {count}/40" for when, count in named.items()))
    return results


def write_json(result, path):
    text = json.dumps(result, indent=2) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def main(arguments):
    options = read_options(arguments)
    target = Target(options.url, options.resolve, options.ca, options.timeout)
    people = read_people(options.users, options.ccaches)[:options.people]
    if options.one:
        result = print_one(target, people[0], options.kinds)
        bad = any("!" in r["one"] or any(r["anonymous_named"].values()) for r in result.values())
        right = any("Y" in r["one"] for r in result.values())
    else:
        result = measure(target, people, options)
        if options.json != "-":
            print_result(result)
        bad, right = mixed(result) > 0, result["right"] > 0 and not result["errors"]
    if options.json:
        write_json(result, options.json)
    return 1 if bad else 0 if right else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
