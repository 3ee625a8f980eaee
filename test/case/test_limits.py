# SPDX-License-Identifier: Apache-2.0
# What happens when there is no more: descriptors, clients of a listener, links. Handfast must
# refuse cleanly, keep those it has, and take new ones as soon as there is room.
"""Limits that are reached, and what is said and done there."""

import socket

import pytest

from scripted import Client, Gone, ok

FEW = ["prlimit", "--nofile=200"]


def is_served(stage, port=None, address="127.0.0.1"):
    """A new client on the plain listener gets an answer (True), or is turned away (False)."""
    try:
        client = stage.plain(port=port, address=address)
    except ConnectionError:
        return False
    if not client.try_send(b"GET /in HTTP/1.1\r\nHost: lb.example.test\r\n\r\n"):
        return False
    try:
        return client.answer().status == 200
    except Gone:
        client.close()
        return False


def fill(stage, attempts):
    """So many clients that ask once and stay; those that were served."""
    served = []
    for _ in range(attempts):
        try:
            client = stage.plain()
            client.send(b"GET /fill HTTP/1.1\r\nHost: lb.example.test\r\n\r\n")
            client.answer()
        except (Gone, ConnectionError):
            continue
        served.append(client)
    return served


def eventually(condition):
    """Clients that have gone are noticed a moment later."""
    for _ in range(200):
        if condition():
            return True
    return False


def test_the_descriptor_limit_is_said_at_the_start(stage):
    with stage(prefix=FEW) as it:
        assert "200 descriptors" in it.balancer.errors()


@pytest.mark.parametrize("workers", [1, 2])
def test_at_the_descriptor_limit_new_clients_are_refused_and_others_served(stage, workers):
    with stage(prefix=FEW, workers=workers) as it:
        it.server.serve()
        served = fill(it, 150)
        assert 20 < len(served) < 100
        assert not is_served(it)  # one limit for all workers
        for client in served:  # whoever is in stays in
            client.ask("GET", "/again")
            assert client.answer().status == 200
        for client in served[:10]:
            client.close()
        assert eventually(lambda: is_served(it))
        assert it.balancer.process.poll() is None


@pytest.mark.parametrize("descriptors", [80, 100, 1024])
def test_it_serves_within_whatever_limit_it_is_given(stage, descriptors):
    with stage(prefix=["prlimit", f"--nofile={descriptors}"]) as it:
        client = it.client()
        client.ask()
        it.server.answer()
        assert client.answer().status == 200


def test_it_recovers_from_the_descriptor_limit_again_and_again(stage):
    with stage(prefix=FEW) as it:
        it.server.serve()
        counts = []
        for _ in range(3):
            served = fill(it, 120)
            counts.append(len(served))
            for client in served:
                client.close()
            assert eventually(lambda: is_served(it))
        assert max(counts) - min(counts) <= 5, counts


def test_at_the_descriptor_limit_nothing_spins(stage):
    """Refusing costs little: the listener's queue is emptied, not polled."""
    with stage(prefix=FEW) as it:
        it.server.serve()
        served = fill(it, 120)
        before = it.cpu_seconds()
        assert served[0].waits(1)
        assert it.cpu_seconds() - before < 0.5


@pytest.mark.parametrize("workers", [1, 4])
def test_clients_above_the_listeners_limit_are_refused(stage, workers):
    with stage(listener={"clients_max": 5}, workers=workers) as it:
        it.server.serve()
        served = fill(it, 12)
        assert len(served) == 5
        served[0].close()
        assert eventually(lambda: is_served(it))


def test_the_limit_is_each_listeners_own(stage):
    with stage(listener={"clients_max": 3}) as it:
        it.server.serve()
        assert len(fill(it, 6)) == 3
        client = it.client()
        client.ask()
        assert client.answer().status == 200


def test_a_refused_client_is_not_left_waiting(stage):
    with stage(listener={"clients_max": 1}) as it:
        it.server.serve()
        fill(it, 1)
        try:
            client = it.plain()
        except ConnectionResetError:
            return
        assert client.read_rest() == b"" and client.end in ("closed", "reset")


def test_memory_does_not_grow_with_clients_that_come_and_go(stage):
    with stage() as it:
        it.server.serve()
        for client in fill(it, 100):
            client.close()
        before = it.memory_kib()
        for _ in range(4):
            for client in fill(it, 100):
                client.close()
        assert it.memory_kib() - before < it.memory_slack_kib


# ---- addresses


def six(config, _):
    config["listeners"] = [{"bind": "[::1]:0", "tls": True}, {"bind": "[::1]:0", "tls": False}]


def test_an_ipv6_listener(stage):
    with stage(edit=six) as it:
        client = it.plain(address="::1")
        client.ask()
        _, got = it.server.answer()
        assert got.value("X-Forwarded-For") == b"::1" and client.answer().status == 200
        assert it.wait_for_log(path="/")["address"].startswith("[::1]:")


def test_tls_over_ipv6(stage):
    with stage(edit=six) as it:
        raw = it.socket(it.port, address="::1")
        client = it.keep(
            Client(
                it.papers.trusting().wrap_socket(
                    raw, server_hostname=it.HOST, suppress_ragged_eofs=False
                )
            )
        )
        client.ask()
        it.server.answer(ok("six"))
        assert client.answer().body == b"six"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_star_is_both(stage, address):
    def edit(config, _):
        config["listeners"] = [{"bind": "*:0", "tls": True}, {"bind": "*:0", "tls": False}]

    with stage(edit=edit) as it:
        client = it.plain(address=address)
        client.ask()
        _, got = it.server.answer()
        assert got.value("X-Forwarded-For") == address.encode() and client.answer().status == 200


def test_the_port_is_free_again_after_the_end(stage):
    with stage() as it:
        port = it.port
        client = it.client()
        client.ask()
        it.server.answer()
        client.answer()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
