# SPDX-License-Identifier: Apache-2.0
# Measuring one way through a balancer with one kind of login: curl once, one login with two more
# requests, then many people at once with anonymous clients beside them. Knows addresses and people;
# starts nothing but curl.
"""Fills the cells of the table."""

import argparse
import http.client
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.demo.table import SCHEMES, Cell
from lab.people import people
from lab.people.web import Closed, Target

PEOPLE = 50
REQUESTS = 20
ANONYMOUS = 6
TIMEOUT_S = 30
PERSON = re.compile(rb"^person: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Way:
    """One configuration to be measured: where people go, and how its names resolve.

    urls: one or more of equal standing, dealt out to people in turn. follows: they answer with a
    redirect, and people go where it sends them.
    """

    name: str
    urls: tuple
    address: str
    ca_file: str
    follows: bool = False
    schemes: tuple = tuple(SCHEMES)

    def target(self, url):
        return Target(url, self.address, self.ca_file, TIMEOUT_S)


# curl

def curl_arguments(way, scheme, password):
    """curl for one login as alice. The names of the domain resolve to the balancer."""
    port = way.target(way.urls[0]).port
    arguments = ["curl", "-sS", "--max-time", "20", "--cacert", str(way.ca_file)]
    for name in ("lb", "iis1", "iis2"):
        arguments += ["--resolve", f"{name}.example.test:{port}:{way.address}"]
    if scheme == "ntlm":
        arguments += ["--ntlm", "-u", f"EXAMPLE\\alice:{password}"]
    else:
        # with --anyauth curl asks without a token first and takes the strongest scheme of the 401
        arguments += ["--negotiate" if scheme == "krb" else "--anyauth", "-u", ":"]
    return [*arguments, "-L", "--location-trusted", way.urls[0]]


def person_in(page):
    """The name a page of the lab's servers shows, '' when it shows none."""
    match = PERSON.search(page)
    return match.group(1).decode("utf-8", "replace") if match else ""


def ask_by_curl(cell, way, stage):
    done = stage.run(curl_arguments(way, cell.scheme, stage.password("alice")))
    cell.curl = person_in(done.stdout)
    if not cell.curl:
        cell.curl_said = done.stderr.decode("utf-8", "replace").strip()


# Where people go

def location_of(target):
    """Where a redirect leads, asked on a connection of its own."""
    # Not HTTPSConnection, which reads all the system's authorities before it is told of ours.
    connection = http.client.HTTPConnection(target.host, target.port)
    plain = socket.create_connection((target.address, target.port), target.timeout)
    connection.sock = target.context.wrap_socket(plain, server_hostname=target.host)
    try:
        connection.request("GET", target.path + "/")
        answer = connection.getresponse()
    except http.client.HTTPException as error:
        raise Closed(f"no redirect: {error!r}") from error
    finally:
        connection.close()
    location = answer.headers["Location"]
    if answer.status not in (302, 307) or not location:
        raise Closed(f"no redirect but {answer.status}")
    return location


def urls_for(way, count):
    """The URL of each of `count` people; each asks the redirect for himself."""
    if not way.follows:
        return [way.urls[number % len(way.urls)] for number in range(count)]
    target = way.target(way.urls[0])
    return [location_of(target) for _ in range(count)]


# Many people

def options_for(scheme, seed, anonymous, requests=REQUESTS):
    return argparse.Namespace(kinds=(scheme,), requests=requests, exchanges=0, chaos=0.0,
                              seed=seed, anonymous=anonymous)


def add_result(cell, result):
    """Adds what the people measure counted."""
    mine = result["by_kind"].get(cell.scheme, {})
    anonymous = result["by_kind"].get("anon", {})
    cell.right += mine.get("right", 0)
    cell.wrong += mine.get("wrong", 0)
    cell.odd += sum(mine.get(what, 0) for what in people.MIXED if what != "wrong")
    cell.again += mine.get("refused", 0)
    cell.lost += sum(counts.get(what, 0) for counts in (mine, anonymous)
                     for what in ("closed", "failed"))
    cell.named += sum(anonymous.get(what, 0) for what in people.MIXED)
    cell.anonymous += anonymous.get("exchanges", 0)
    cell.problems += result["errors"]


def measure_many(cell, way, urls, crowd, seed):
    """All at once, each where his URL says."""
    groups = {}
    for person, url in zip(crowd, urls):
        groups.setdefault(url, []).append(person)
    began = time.monotonic()
    # Not as a context: its end would wait for everyone, and an interrupt must not.
    pool = ThreadPoolExecutor(len(groups))
    try:
        runs = [pool.submit(people.measure, way.target(url), members,
                            options_for(cell.scheme, seed + number, ANONYMOUS // len(groups)))
                for number, (url, members) in enumerate(groups.items())]
        for run in runs:
            add_result(cell, run.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    cell.seconds = time.monotonic() - began
    cell.asked = len(crowd) * REQUESTS


def measure_cell(way, scheme, stage, seed):
    """One way with one kind of login. A balancer that does not answer is a fault of the cell."""
    cell = Cell(way.name, scheme)
    try:
        ask_by_curl(cell, way, stage)
        urls = urls_for(way, len(stage.crowd))
        cell.one = people.measure_one(way.target(urls[0]), stage.crowd[0], scheme)
        measure_many(cell, way, urls, stage.crowd, seed)
    except (Closed, OSError) as error:
        cell.problems.append(f"not measured: {error}")
    return cell
