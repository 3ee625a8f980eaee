# SPDX-License-Identifier: Apache-2.0
# Isolation: many people at once, logging in all ways there are, while clients leave, servers fall
# silent and the configuration changes under them. Every answer must name whoever asked, or be a
# 401, or the connection closed.
"""HANDFAST_EXCHANGES: how many in all (100000). HANDFAST_SEED: to see the same again."""

import json
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from lab.balancer import Balancer
from lab.embedded.domain import Domain

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
EXCHANGES = int(os.environ.get("HANDFAST_EXCHANGES", "100000"))
SEED = int(os.environ.get("HANDFAST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
PEOPLE = os.path.join(ROOT, "lab", "people", "people.py")
MIXED = ("wrong", "early", "crossed", "unproven")
AT_ONCE = 3
RELOAD_S = 0.7


class Scene:
    """One way to stand before the servers: dedicated or shared, one or two, in clear or TLS, with
    or without a relay that lets connections down."""

    def __init__(self, links, count, tls, chaotic):
        self.links, self.count, self.tls, self.chaotic = links, count, tls, chaotic
        self.name = f"{links}-{count}-{'tls' if tls else 'plain'}-{'chaos' if chaotic else 'calm'}"

    def pool(self, lab, servers, relayed, turned):
        entries = []
        for server in servers[: self.count]:
            port = server.https if self.tls else server.http
            entries.append(
                {
                    "name": f"{server.name}.example.test",
                    "address": f"127.0.0.1:{relayed[port] if self.chaotic else port}",
                }
            )
        if turned:
            entries.reverse()
        pool = {
            "name": self.name,
            "links": self.links,
            "health": {"check": "none"},
            "servers": entries,
        }
        return pool | ({"tls": {"ca": lab.ca_file}} if self.tls else {})


SCENES = [
    Scene("shared", 1, False, True),
    Scene("shared", 2, True, True),
    Scene("dedicated", 2, False, True),
    Scene("shared", 1, True, False),
    Scene("dedicated", 1, True, True),
    Scene("shared", 2, False, False),
    Scene("dedicated", 1, False, False),
    Scene("shared", 2, False, True),
    Scene("shared", 1, True, True),
]


@pytest.fixture(scope="module")
def lab():
    with Domain() as domain:
        yield domain


class Chaos:
    """The relay, in a process of its own: `ports` maps a server's port to the relay's."""

    def __init__(self, seed, ports):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "chaos.py"), "--seed", str(seed), *map(str, ports)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ports = dict(zip(ports, map(int, self.process.stdout.readline().split())))

    def stop(self):
        """How many connections it let down."""
        out, _ = self.process.communicate("end\n", timeout=30)
        return int(out)


def config_text(lab, servers, relayed, turned):
    pair = lab.certificate("lb-ecdsa")
    return json.dumps(
        {
            "workers": 2,
            "listeners": [{"bind": "127.0.0.1:0", "tls": True}],
            "sites": [
                {
                    "name": "portal",
                    "hosts": ["lb.example.test"],
                    "certificates": [{"chain": pair.chain, "key": pair.key}],
                    "routes": [
                        {"path": f"/{scene.name}/", "forward": scene.name} for scene in SCENES
                    ],
                }
            ],
            "pools": [scene.pool(lab, servers, relayed, turned) for scene in SCENES],
            "timeouts": {"drain": "5s"},
        }
    )


def keep_reloading(balancer, texts, stop, counted, failures):
    """One good file, the other, a bad one, and again."""
    number = 0
    while not stop.wait(RELOAD_S):
        text = [*texts, '{"sites": oops'][number % 3]
        try:
            said = balancer.reload(text)
            counted[number % 3] += 1
            if number % 3 == 2:
                assert "handfast.yaml" in said, said
        except AssertionError as error:
            failures.append(str(error))
            return
        number += 1
    balancer.write(texts[0])


def run_people(lab, port, scene, seed, exchanges):
    out = os.path.join(lab.directory, f"{scene.name}.json")
    command = [
        sys.executable,
        PEOPLE,
        "--url",
        f"https://lb.example.test:{port}/{scene.name}/",
        "--resolve",
        "127.0.0.1",
        "--lab",
        lab.directory,
        "--people",
        "50",
        "--anonymous",
        "6",
        "--chaos",
        "0.02",
        "--seed",
        str(seed),
        "--exchanges",
        str(exchanges),
        "--json",
        out,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    try:
        with open(out, encoding="utf-8") as file:
            return json.load(file)
    except OSError:
        raise AssertionError(
            f"{scene.name}: people.py ended with {done.returncode}\n{done.stderr}"
        ) from None


def summary(result):
    shown = ("exchanges", "right", *MIXED, "refused", "closed", "abandoned", "failed")
    counts = ", ".join(f"{result[what]} {what}" for what in shown)
    return f"{counts}, seed {result['seed']}, {result['per_second']}/s"


def run_all(lab, port, say):
    """Every scene, a few at one time; results by name."""
    results, failures, waiting = {}, [], list(enumerate(SCENES))
    share = -(-EXCHANGES // len(SCENES))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                number, scene = waiting.pop(0)
            try:
                results[scene.name] = run_people(lab, port, scene, SEED + number, share)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failures.append(str(error))
            else:
                say(f"  {scene.name}: {summary(results[scene.name])}")

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    return results


def test_every_answer_names_whoever_asked(lab, record_property):
    def say(text):
        record_property("isolation", text)

    say(f"isolation: {EXCHANGES} exchanges, seed {SEED}")
    lab.tickets([f"person{number:02}" for number in range(1, 51)])
    servers = [lab.iis("iis1", verbose=False), lab.iis("iis2", verbose=False)]
    chaos = Chaos(SEED, [port for server in servers for port in (server.http, server.https)])
    texts = [config_text(lab, servers, chaos.ports, turned) for turned in (False, True)]
    stop, counted, trouble = threading.Event(), [0, 0, 0], []
    began = time.monotonic()
    with Balancer(texts[0]) as balancer:
        reloader = threading.Thread(
            target=keep_reloading, args=(balancer, texts, stop, counted, trouble)
        )
        reloader.start()
        try:
            results = run_all(lab, balancer.ports[0], say)
        finally:
            stop.set()
            reloader.join()
    downs = chaos.stop()
    total = {
        what: sum(result[what] for result in results.values())
        for what in ("exchanges", "right", *MIXED)
    }
    say(
        f"  {total} in {time.monotonic() - began:.0f} s, {sum(counted)} reloads, "
        f"{downs} connections let down"
    )
    assert not trouble, trouble
    for name, result in results.items():
        assert not any(result[what] for what in MIXED), (SEED, name, result["examples"])
        assert not result["errors"], (name, result["errors"])
        assert result["right"] > result["exchanges"] / 2, (name, result)
        assert result["by_kind"].keys() == {"krb", "krb401", "ntlm", "nego", "anon"}
    assert total["exchanges"] >= EXCHANGES
    assert downs > 0 and (min(counted) > 0 or EXCHANGES < 20000)
