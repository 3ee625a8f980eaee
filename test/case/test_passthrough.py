# SPDX-License-Identifier: Apache-2.0
# Passthrough: bytes both ways, untouched, to a server chosen by the name in the hello. After the
# hello the bytes here are no TLS at all: whoever relays must not care.
"""Pools and named servers by SNI, failures of servers, ends of either side, bulk, and what the log
says of it.
"""

import contextlib
import socket

import pytest

import hello
from bulk import MIB, Job, drink, pour, stuck
from scripted import Client, Deaf, Gone, Server, closed_port, ok, request

CHECKED = {"health": {"check": "tcp", "interval": "100ms", "timeout": "1s", "rise": 1, "fall": 1}}


def nodes(config, it):
    """iis1 and iis2 by their names, pool.example.test for either; `it.options`: of the site."""
    config["sites"] = [
        {
            "name": "nodes",
            "hosts": ["iis1.example.test", "iis2.example.test", "pool.example.test"],
            "passthrough": "main",
            **(it.options or {}),
        }
    ]


def certificate(papers):
    pair = papers.pair("wildcard-ecdsa")
    return {"certificates": [{"chain": pair.chain, "key": pair.key}]}


def knock(stage, name="pool.example.test", more=b""):
    """A client that says whom it wants; it and the bytes it sent."""
    client = stage.raw()
    data = hello.make(name) + more
    client.send(data)
    return client, data


def related(stage, name="pool.example.test"):
    """A client and the link it is relayed to, past the hello."""
    client, data = knock(stage, name)
    link = stage.knocked().accept()
    assert link.read(len(data)) == data
    return client, link


def is_down(stage, server):
    stage.wait_for_log(what="server", server=server, verdict="down")


# ---- whom a client gets


def test_a_name_of_the_site_gets_the_pools_balance(stage):
    with stage(servers=2, edit=nodes) as it:
        seen = []
        for _ in range(6):
            client, link = related(it)
            seen.append(link.server.port)
        assert sorted(seen.count(server.port) for server in it.servers) == [3, 3]


@pytest.mark.parametrize(
    "name, number", [("iis1.example.test", 0), ("iis2.example.test", 1), ("IIS2.Example.TEST", 1)]
)
def test_a_servers_own_name_gets_that_server(stage, name, number):
    with stage(servers=2, edit=nodes) as it:
        for _ in range(4):
            _, link = related(it, name)
            assert link.server is it.servers[number]


def test_weights_are_kept(stage):
    def edit(config, it):
        nodes(config, it)
        config["pools"][0]["servers"][0]["weight"] = 3

    with stage(servers=2, edit=edit) as it:
        seen = [related(it)[1].server for _ in range(8)]
        assert [seen.count(server) for server in it.servers] == [6, 2]


def test_by_source_a_client_comes_back_to_its_server(stage):
    with stage(servers=2, edit=nodes, pool={"balance": "source"}) as it:
        assert len({related(it)[1].server.port for _ in range(6)}) == 1


def test_by_source_other_addresses_may_get_the_other(stage):
    with stage(servers=2, edit=nodes, pool={"balance": "source"}) as it:
        seen = set()
        for last in range(1, 40):
            client = it.keep(Client(it.socket(it.port, source=(f"127.0.0.{last}", 0))))
            client.send(hello.make("pool.example.test"))
            seen.add(it.knocked().accept().server.port)
        assert len(seen) == 2


def test_by_least_connections_the_idler_is_taken(stage):
    with stage(servers=2, edit=nodes, pool={"balance": "least-connections"}) as it:
        held = [related(it, "iis1.example.test") for _ in range(3)]
        assert [related(it)[1].server for _ in range(3)] == [it.servers[1]] * 3
        assert len(held) == 3


def test_a_whole_tls_session_with_the_server_itself(stage):
    """The client sees the server's own certificate, not ours."""
    with stage(servers=2, edit=nodes) as it:
        for server, name in zip(it.servers, ("iis1", "iis2")):
            server.context = it.papers.showing(f"{name}-ecdsa")
            raw = it.socket(it.port)
            accepted = Job(server.accept)
            client = it.keep(
                Client(
                    it.papers.trusting().wrap_socket(
                        raw, server_hostname=f"{name}.example.test", suppress_ragged_eofs=False
                    )
                )
            )
            link = accepted.result()
            with open(it.papers.pair(f"{name}-ecdsa").leaf_der, "rb") as file:
                assert client.socket.getpeercert(binary_form=True) == file.read()
            client.ask()
            assert link.read_request().lines == [
                b"Host: lb.example.test"
            ]  # nothing added, nothing taken
            link.send(ok("direct"))
            assert client.answer().body == b"direct"


def test_an_ipv6_server(stage):
    with contextlib.closing(Server(family=socket.AF_INET6)) as server:

        def edit(config, it):
            nodes(config, it)
            config["pools"][0]["servers"] = [
                {"name": "six.example.test", "address": f"[::1]:{server.port}"}
            ]

        with stage(edit=edit) as it:
            client, data = knock(it)
            link = server.accept()
            assert link.read(len(data)) == data
            link.send(b"six")
            assert client.read(3) == b"six"
            link.close()


# ---- servers that are not there


def test_a_named_server_that_is_down_is_not_replaced(stage):
    with stage(servers=2, edit=nodes, pool=CHECKED) as it:
        it.servers[1].serve(lambda *_: b"")
        it.servers[0].refuse()
        is_down(it, "iis1.example.test")
        client, _ = knock(it, "iis1.example.test")
        client.expect_end("closed")
        assert it.wait_for_log(sni="iis1.example.test")["end"] == "server_down"
        assert not any(link.received for link in it.servers[1].links)


@pytest.mark.parametrize("method, status", [("GET", 302), ("HEAD", 302), ("POST", 307)])
def test_a_named_server_that_is_down_is_rescued_by_a_redirect(stage, papers, method, status):
    with stage(servers=2, edit=nodes, options=certificate(papers), pool=CHECKED) as it:
        it.servers[1].serve()
        it.servers[0].refuse()
        is_down(it, "iis1.example.test")
        client = it.client(name="iis1.example.test")
        client.ask(
            method,
            "/a/b?c=d%20e",
            host="iis1.example.test",
            body=b"x" if method == "POST" else None,
        )
        answer = client.answer(to_head=method == "HEAD")
        assert answer.status == status
        assert (
            answer.value("Location") == f"https://iis2.example.test:{it.port}/a/b?c=d%20e".encode()
        )
        alive = it.client(name="iis1.example.test")
        alive.ask(host="iis1.example.test")
        assert alive.answer().status == 302
        assert it.wait_for_log(path="/a/b")["mode"] == "redirect"


def test_when_all_are_down_the_rescue_says_so(stage, papers):
    with stage(servers=2, edit=nodes, options=certificate(papers), pool=CHECKED) as it:
        for server in it.servers:
            server.refuse()
        is_down(it, "iis1.example.test")
        is_down(it, "iis2.example.test")
        client = it.client(name="iis1.example.test")
        client.ask(host="iis1.example.test")
        answer = client.answer()
        assert answer.status == 503 and answer.value("Retry-After").isdigit()


def test_a_named_server_that_comes_back_gets_its_clients_again(stage):
    holder, port = closed_port()

    def edit(config, it):
        nodes(config, it)
        config["pools"][0]["servers"][0]["address"] = f"127.0.0.1:{port}"

    with stage(servers=1, edit=edit, pool=CHECKED) as it:
        is_down(it, "iis1.example.test")
        client, _ = knock(it, "iis1.example.test")
        client.expect_end("closed")
        holder.listen(50)
        it.wait_for_log(what="server", server="iis1.example.test", verdict="up")
        client, data = knock(it, "iis1.example.test")
        holder.settimeout(15)
        while True:  # past the connections of checks
            sock, _ = holder.accept()
            peer = it.keep(Client(sock))
            with contextlib.suppress(Gone):
                assert peer.read(len(data)) == data
                break
        holder.close()


def test_a_named_server_that_refuses_before_any_check_is_not_replaced(stage):
    with stage(servers=2, edit=nodes) as it:
        it.servers[0].refuse()
        client, _ = knock(it, "iis1.example.test")
        client.expect_end("closed")
        it.wait_for_log(sni="iis1.example.test", end="connect_refused")
        assert it.is_untouched()


def test_a_named_server_that_refuses_before_any_check_is_rescued(stage, papers):
    """Not a byte was taken from the client yet, and the certificate is at hand."""
    with stage(servers=2, edit=nodes, options=certificate(papers)) as it:
        it.servers[0].refuse()
        client = it.client(name="iis1.example.test")
        client.ask("GET", "/x", host="iis1.example.test")
        answer = client.answer()
        assert answer.value("Location") == f"https://iis2.example.test:{it.port}/x".encode()


def test_a_connect_that_is_refused_goes_to_another_server(stage):
    with stage(servers=3, edit=nodes) as it:
        it.servers[0].refuse()
        it.servers[2].refuse()
        for _ in range(6):
            client, link = related(it)
            assert link.server is it.servers[1]
            link.send(b"hi")
            assert client.read(2) == b"hi"


def test_a_connect_that_times_out_goes_to_another_server(stage):
    with contextlib.closing(Deaf()) as deaf:

        def edit(config, it):
            nodes(config, it)
            config["pools"][0]["servers"].insert(
                0, {"name": "deaf.example.test", "address": f"127.0.0.1:{deaf.port}"}
            )

        with stage(edit=edit, timeouts={"connect": "200ms"}) as it:
            for _ in range(2):
                related(it)


def test_when_every_server_refuses_the_client_is_let_go(stage):
    with stage(servers=2, edit=nodes) as it:
        for server in it.servers:
            server.refuse()
        client, _ = knock(it)
        client.expect_end("closed")
        assert it.wait_for_log(what="relay")["end"] == "connect_refused"


@pytest.mark.parametrize("hello_is", ["late", "there"])
def test_a_client_that_leaves_while_we_connect(stage, hello_is):
    with contextlib.closing(Deaf()) as deaf:

        def edit(config, it):
            nodes(config, it)
            config["pools"][0]["servers"] = [
                {"name": "deaf.example.test", "address": f"127.0.0.1:{deaf.port}"}
            ]

        with stage(edit=edit, timeouts={"connect": "10s"}) as it:
            if hello_is == "late":
                client = it.raw()
                assert client.waits(0.1)
                client.send(hello.make("pool.example.test"))
            else:
                with it.frozen():
                    client, _ = knock(it)
            assert client.waits(0.2)
            client.reset()
            assert it.wait_for_log(what="relay")["end"] == "client_reset"


def test_a_full_server_takes_no_more(stage):
    def edit(config, it):
        nodes(config, it)
        for server in config["pools"][0]["servers"]:
            server["links_max"] = 1

    with stage(servers=2, edit=edit) as it:
        kept = [related(it) for _ in range(2)]
        client, _ = knock(it)
        client.expect_end("closed", "reset")
        kept[0][0].close()
        kept[0][1].expect_end("closed", "reset")
        kept[0][1].close()
        it.wait_for_log(what="relay", end="relay_done")
        _, link = related(it)
        assert link.server is kept[0][1].server


# ---- ends


def test_the_clients_end_is_passed_and_the_answer_still_comes(stage):
    with stage(edit=nodes) as it:
        client, link = related(it)
        client.send(b"last words")
        client.shut()
        assert link.read(10) == b"last words"
        link.expect_end("closed")
        link.send(b"a" * MIB)
        assert client.read(MIB) == b"a" * MIB
        link.close()
        client.expect_end("closed")
        assert it.wait_for_log(what="relay")["end"] == "relay_done"


def test_the_servers_end_is_passed_and_the_client_may_go_on(stage):
    with stage(edit=nodes) as it:
        client, link = related(it)
        link.send(b"last words")
        link.shut()
        assert client.read(10) == b"last words"
        client.expect_end("closed")
        sending = Job(client.send, b"b" * MIB)
        assert link.read(MIB) == b"b" * MIB
        sending.result()
        client.close()
        link.expect_end("closed")
        assert it.wait_for_log(what="relay")["end"] == "relay_done"


@pytest.mark.parametrize("who", ["client", "link"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "in bulk"])
def test_a_reset_is_passed_as_a_reset(stage, who, busy):
    with stage(edit=nodes) as it:
        client, link = related(it)
        one, other = (client, link) if who == "client" else (link, client)
        if busy:
            stuck(other)
        one.reset()
        if busy:
            with pytest.raises(OSError):
                while True:
                    other.socket.send(b"x" * 65536)
        else:
            other.expect_end("reset")
        assert it.wait_for_log(what="relay")["end"] == (
            "client_reset" if who == "client" else "server_reset"
        )


def test_an_end_behind_much_data_comes_behind_it(stage):
    with stage(edit=nodes) as it:
        client, link = related(it)
        size = 8 * MIB
        sending = Job(lambda: (pour(link, size), link.close()))
        got = drink(client, size)
        client.expect_end("closed")
        assert got == sending.result()[0]


# ---- bulk


def test_a_hundred_megabytes_each_way_at_once(stage):
    size = 100 * MIB
    with stage(edit=nodes) as it:
        client, link = related(it)
        before = it.memory_kib()
        up, down = Job(pour, client, size), Job(pour, link, size)
        arrived_up, arrived_down = Job(drink, link, size), Job(drink, client, size)
        assert up.result() == arrived_up.result() and down.result() == arrived_down.result()
        assert it.memory_kib() - before < it.memory_slack_kib
        client.close()
        link.close()
        line = it.wait_for_log(what="relay")
        assert line["bytes_to_client"] == size and line["bytes_to_server"] > size


@pytest.mark.parametrize(
    "sizes", [(1,), (16383, 16384, 16385), (100000, 1, 65536, 7, 300000)], ids=str
)
def test_pieces_of_every_size_stay_in_order(stage, sizes):
    with stage(edit=nodes) as it:
        client, link = related(it)
        for turn in range(20):
            for size in sizes:
                data = bytes([turn]) * size
                client.send(data)
                assert link.read(size) == data
                link.send(data)
                assert client.read(size) == data


@pytest.mark.parametrize("who", ["client", "link"])
def test_a_reader_that_sleeps_stops_the_writer(stage, who):
    with stage(edit=nodes) as it:
        client, link = related(it)
        writer, reader = (client, link) if who == "client" else (link, client)
        before = it.memory_kib()
        sent = stuck(writer)
        assert sent < 64 * MIB and it.memory_kib() - before < it.memory_slack_kib
        reader.send(b"the other way is free")
        writer.socket.settimeout(15)
        assert writer.read(21) == b"the other way is free"
        total = len(reader.take_buffered(sent))
        while total < sent:
            total += len(reader.socket.recv(1 << 18))
        writer.socket.send(b"on")
        assert reader.socket.recv(2) == b"on"


def test_fifty_relays_beside_each_other(stage):
    with stage(servers=2, workers=2, edit=nodes) as it:
        pairs = [related(it) for _ in range(50)]
        for number, (client, _) in enumerate(pairs):
            client.send(f"to {number:03}".encode())
        for number, (client, link) in enumerate(pairs):
            assert link.read(6) == f"to {number:03}".encode()
            link.send(f"of {number:03}".encode())
        for number, (client, _) in enumerate(pairs):
            assert client.read(6) == f"of {number:03}".encode()


# ---- the log, time, and what happens around


def test_the_log_counts_bytes_and_names_everything(stage):
    with stage(servers=2, edit=nodes) as it:
        client, data = knock(it, "iis2.example.test", b"x" * 1000)
        link = it.servers[1].accept()
        link.read(len(data))
        link.send(b"y" * 50000)
        client.read(50000)
        client.close()
        link.close()
        line = it.wait_for_log(what="relay")
        assert line["bytes_to_server"] == len(data) and line["bytes_to_client"] == 50000
        assert (line["site"], line["pool"], line["server"]) == (
            "nodes",
            "main",
            "iis2.example.test",
        )
        assert (
            line["mode"] == "passthrough"
            and line["sni"] == "iis2.example.test"
            and line["end"] == "relay_done"
        )
        assert (
            line["connect_ms"] >= 0
            and line["total_ms"] >= line["connect_ms"]
            and line["address"].startswith("127.0.0.1:")
        )


def test_a_relay_that_idles_is_closed(stage):
    with stage(edit=nodes, timeouts={"relay_idle": "1s"}) as it:
        client, link = related(it)
        client.expect_end("closed", "reset")
        link.expect_end("closed", "reset")
        assert it.wait_for_log(what="relay")["end"] == "relay_idle"


def test_a_relay_that_is_used_is_not_idle(stage):
    with stage(edit=nodes, timeouts={"relay_idle": "1s"}) as it:
        client, link = related(it)
        for _ in range(8):
            assert client.waits(0.2)
            link.send(b"tick")
            assert client.read(4) == b"tick"


def test_a_reload_keeps_relays(stage):
    with stage(servers=2, edit=nodes) as it:
        client, link = related(it, "iis1.example.test")
        it.config["pools"] = [it.pool("main", [it.servers[1]])]
        it.config["sites"][0]["hosts"] = ["iis2.example.test"]
        it.balancer.reload(it.text())
        client.send(b"still")
        assert link.read(5) == b"still"
        link.send(b"here")
        assert client.read(4) == b"here"
        gone, _ = knock(it, "iis1.example.test")
        assert gone.read_rest()[:1] == b"\x15"


def test_a_drain_waits_for_relays_that_end(stage):
    with stage(edit=nodes, timeouts={"drain": "30s"}) as it:
        client, link = related(it)
        it.drain()
        assert client.waits(0.3)
        client.send(b"bye")
        assert link.read(3) == b"bye"
        client.close()
        link.close()
        assert it.balancer.process.wait(20) == 0


def test_a_drain_cuts_relays_at_its_deadline(stage):
    with stage(edit=nodes, timeouts={"drain": "500ms"}, may_be_cut=True) as it:
        client, link = related(it)
        it.drain()
        client.expect_end("closed", "reset")
        link.expect_end("closed", "reset")
        assert it.balancer.process.wait(20) == 0
        assert it.wait_for_log(what="relay")["end"] == "drained"


def test_the_same_port_terminates_beside_it(stage):
    def edit(config, it):
        portal = config["sites"][0]
        nodes(config, it)
        config["sites"].append(portal)

    with stage(edit=edit) as it:
        client, link = related(it, "iis1.example.test")
        other = it.client()
        other.send(request())
        it.server.answer()
        assert other.answer().status == 200
        link.send(b"x")
        assert client.read(1) == b"x"


# ---- large pools


def crowded(config, it):
    """Server 64 refuses; the one behind it serves. Those before them take no clients."""
    servers = [
        {"name": f"idle{n}.example.test", "address": "127.0.0.1:9", "weight": 0} for n in range(64)
    ]
    it.servers[0].refuse()
    config["pools"][0]["servers"] = servers + config["pools"][0]["servers"]
    config["pools"][0]["servers"][64]["weight"] = 256  # its turn comes first


def test_in_a_large_pool_another_server_is_tried(stage):
    def edit(config, it):
        crowded(config, it)
        nodes(config, it)

    with stage(servers=2, edit=edit) as it:
        client, data = knock(it)
        link = it.servers[1].accept()
        assert link.read(len(data)) == data


def test_in_a_large_pool_a_request_goes_to_another_server(stage):
    with stage(servers=2, edit=crowded) as it:
        it.servers[1].serve()
        client = it.client()
        client.ask()
        assert client.answer().status == 200
        it.wait_for_log(status=200, server="iis2.example.test")
