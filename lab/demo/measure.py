# SPDX-License-Identifier: Apache-2.0
# Measuring one configuration: curl once, one login and two more requests, then many people at once with anonymous clients
# beside them. Knows addresses and people; starts nothing.
"""Fills the cells of the table."""

import argparse
import http.client
import re
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from lab.demo.table import Cell
from lab.people import people
from lab.people.web import Closed, Target

PEOPLE = 50
REQUESTS = 20
ANONYMOUS = 5
PERSON = re.compile(rb"^person: (\S+)", re.MULTILINE)


class Way:
    """One configuration to be measured: a URL, and how its names resolve."""

    def __init__(self, name, url, port, ca_file, follows=False, resolve="127.0.0.1"):
        self.name = name
        self.url = url
        self.port = port
        self.ca_file = ca_file
        self.follows = follows  # the first answer is a redirect
        self.resolve = resolve

    def target(self, url=None):
        return Target(url or self.url, self.resolve, self.ca_file, 30)


def curl_arguments(way, scheme, password):
    arguments = ["curl", "-sS", "--max-time", "20", "--cacert", way.ca_file]
    for name in ("lb", "iis1", "iis2"):
        arguments += ["--resolve", f"{name}.example.test:{way.port}:{way.resolve}"]
    if scheme == "ntlm":
        arguments += ["--ntlm", "-u", f"EXAMPLE\\alice:{password}"]
    else:
        # with --anyauth curl asks without a token first and takes the strongest scheme of the 401
        arguments += ["--negotiate" if scheme == "krb" else "--anyauth", "-u", ":"]
    return [*arguments, "-L", "--location-trusted", way.url]


def ask_by_curl(way, scheme, password, env):
    result = subprocess.run(curl_arguments(way, scheme, password), env=env, capture_output=True, stdin=subprocess.DEVNULL)
    match = PERSON.search(result.stdout)
    if match:
        return match.group(1).decode()
    return result.stderr.decode().strip() or "nobody"


def landing_of(way):
    """Where a redirect leads, asked on a connection of its own."""
    target = way.target()
    connection = http.client.HTTPSConnection(target.host, target.port)
    plain = socket.create_connection((target.address, target.port), target.timeout)
    connection.sock = target.context.wrap_socket(plain, server_hostname=target.host)
    connection.request("GET", target.path + "/")
    answer = connection.getresponse()
    location = answer.headers["Location"]
    connection.close()
    if answer.status not in (302, 307) or not location:
        raise Closed(f"no redirect but {answer.status}")
    return location


def options_for(scheme, seed, requests=REQUESTS):
    return argparse.Namespace(kinds=(scheme,), requests=requests, exchanges=0, chaos=0.0, seed=seed, anonymous=ANONYMOUS)


def add_result(cell, result):
    counts = result["by_kind"]
    anonymous = counts.get("anon", {})
    mine = counts.get(cell.scheme, {})
    cell.right += mine.get("right", 0)
    cell.refused += mine.get("refused", 0)
    cell.failed += mine.get("failed", 0) + mine.get("closed", 0)
    cell.wrong += sum(mine.get(what, 0) for what in people.MIXED)
    cell.named += sum(anonymous.get(what, 0) for what in people.MIXED)
    cell.anonymous += anonymous.get("exchanges", 0)
    cell.problems += result["errors"]


def measure_many(way, cell, crowd, seed):
    """All at once; through a redirect, everyone to where it sent him."""
    began = time.monotonic()
    groups = {}
    for person in crowd:
        groups.setdefault(landing_of(way) if way.follows else way.url, []).append(person)
    with ThreadPoolExecutor(len(groups)) as pool:
        runs = [pool.submit(people.measure, way.target(url), members, options_for(cell.scheme, seed))
                for url, members in groups.items()]
        for run in runs:
            add_result(cell, run.result())
    cell.seconds = time.monotonic() - began
    cell.asked = len(crowd) * REQUESTS


def measure_cell(way, scheme, crowd, password, env, seed, with_curl=True):
    cell = Cell(way.name, scheme)
    try:
        cell.curl = ask_by_curl(way, scheme, password, env) if with_curl else "-"
        target = way.target(landing_of(way) if way.follows else way.url)
        cell.one = people.measure_one(target, crowd[0], scheme)
        measure_many(way, cell, crowd, seed)
    except (Closed, OSError) as error:
        cell.problems.append(f"{way.name}: {error}")
    return cell
