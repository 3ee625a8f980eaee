#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logins, one after another, by turns directly at the server and through the proxy.

Every login is a new TLS connection that authenticates and must be answered with its person's own
name. Speaks like bench-load: "ready", waits for "go", one line of JSON, stays until stdin ends.
The Kerberos environment (KRB5_CONFIG) comes from the caller.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from lab.people.logins import new_login, read_people  # noqa: E402
from lab.people.web import Closed, Connection, Target  # noqa: E402


class LoginFailed(Exception):
    """The answer was not 200 with the person's name."""


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("ntlm", "krb401"), required=True)
    parser.add_argument("--url", required=True, help="through the proxy")
    parser.add_argument("--direct-url", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--users", required=True, help="lines DOMAIN:user:password")
    parser.add_argument("--ccaches", required=True, help="directory of ticket caches")
    parser.add_argument("--units", type=int, required=True)
    return parser.parse_args()


def log_in(target, person, kind):
    """401, then the legs of the login on the same connection."""
    connection = Connection(target)
    try:
        answer = connection.ask("/")
        if answer.status != 401:
            raise LoginFailed(f"{answer.status} instead of a first 401")
        login = new_login(kind, person, target.host)
        answer = connection.ask("/", login.first())
        token = answer.token(login.scheme)
        if answer.status == 401 and token:
            answer = connection.ask("/", login.next(token))
        if answer.status != 200 or answer.field("person") != person.name:
            raise LoginFailed(f"{answer.status} for {answer.field('person')} "
                              f"when {person.name} asked")
    finally:
        connection.close()


def timed(target, person, kind):
    begin = time.perf_counter()
    log_in(target, person, kind)
    return time.perf_counter() - begin


def work(direct, through, people, kind, units):
    """Alternates, so that a slow moment falls on both. Returns what bench-load would print."""
    times = {"direct": [], "through": []}
    errors, first_error = 0, ""
    for number in range(units):
        person = people[number % len(people)]
        pair = [("direct", direct), ("through", through)]
        for name, target in pair if number % 2 else reversed(pair):
            try:
                times[name].append(timed(target, person, kind))
            except (LoginFailed, Closed) as error:
                errors += 1
                first_error = first_error or f"{name}: {error}"
    direct_s, through_s = (median(each) if each else 0.0 for each in times.values())
    return {"units": len(times["through"]), "errors": errors, "error": first_error,
            "wall_s": sum(times["through"]),
            "latency_direct_us": direct_s * 1e6, "latency_through_us": through_s * 1e6,
            "latency_added_us": (through_s - direct_s) * 1e6}


def main():
    arguments = options()
    people = read_people(arguments.users, arguments.ccaches)[:8]
    direct = Target(arguments.direct_url, "127.0.0.1", arguments.ca)
    through = Target(arguments.url, "127.0.0.1", arguments.ca)
    try:
        for person in people:  # fetches tickets too
            log_in(direct, person, arguments.kind)
            log_in(through, person, arguments.kind)
    except (LoginFailed, Closed) as error:
        sys.exit(f"login: {error}")
    print("ready", flush=True)
    if not sys.stdin.readline():
        return
    print(json.dumps(work(direct, through, people, arguments.kind, arguments.units)), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
