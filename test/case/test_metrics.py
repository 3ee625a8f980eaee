# SPDX-License-Identifier: Apache-2.0
# What Prometheus reads. The text is parsed strictly (see serving.Metrics), and its numbers must be those of what a test did.
import http.client
import signal
import socket

import pytest
from serving import HOST, PATIENCE_S, Backend, Metrics, Serving, config, pool, until

CHALLENGE = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def backend():
    made = []

    def make(*arguments, **options):
        made.append(Backend(*arguments, **options))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def settled(serving, exchanges, relays=0):
    """The metrics once so many were counted and no client is left; no client alone may mean that the gauge has not seen
    the last one yet, since it follows at the end of the loop's turn."""
    def look():
        metrics = serving.metrics()
        counted = metrics("handfast_exchanges_total"), metrics("handfast_relays_total")
        return metrics("handfast_clients") == 0 and counted == (exchanges, relays) and metrics
    return until(look)


def test_numbers_are_those_of_the_traffic(backend):
    server = backend(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
    missing = config(pool("main", ("iis1.test", server.port)), routes=[{"path": "/", "forward": "main"},
                                                                      {"path": "/away/", "redirect": "main"}])
    with Serving(missing) as serving:
        assert [serving.fetch()[0] for _ in range(5)] == [200] * 5
        assert serving.fetch("/away/")[0] == 302
        assert serving.fetch(host="other.test")[0] == 421
        metrics = settled(serving, 7)
        assert metrics("handfast_clients_accepted_total") == 7
        assert metrics("handfast_exchanges_total") == 7
        assert metrics("handfast_responses_total", **{"class": "2xx"}) == 5
        assert metrics("handfast_responses_total", **{"class": "3xx"}) == 1
        assert metrics("handfast_responses_total", **{"class": "4xx"}) == 1
        assert metrics("handfast_responses_total", **{"class": "5xx"}) == 0
        assert metrics("handfast_ends_total", end="done", by="nobody") >= 5
        assert metrics("handfast_ends_total", end="no_site", by="client") == 1
        assert metrics("handfast_client_sent_bytes_total") > 5000
        assert metrics("handfast_server_exchanges_total", pool="main", server="iis1.test") == 5
        assert metrics("handfast_server_links_opened_total", pool="main", server="iis1.test") == 5
        assert metrics("handfast_server_received_bytes_total", pool="main", server="iis1.test") == 5 * len(server.answer)
        assert metrics("handfast_server_links", pool="main", server="iis1.test") == 0
        assert metrics("handfast_links") == 0 and metrics("handfast_exchanges") == 0


@pytest.mark.parametrize("name", ["connect", "first_byte", "exchange"])
def test_histograms_are_whole(backend, name):
    server = backend()
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        for _ in range(4):
            serving.fetch()
        metrics = settled(serving, 4)
        family = f"handfast_{name}_seconds"
        assert metrics.families[family] == "histogram"
        buckets = [(float(dict(labels)["le"]), value) for (sample, labels), value in metrics.samples.items()
                   if sample == f"{family}_bucket"]
        assert buckets == sorted(buckets) and buckets[-1][0] == float("inf")
        assert [value for _, value in buckets] == sorted(value for _, value in buckets)
        assert buckets[-1][1] == metrics(f"{family}_count") == 4
        assert 0 < metrics(f"{family}_sum") < 4 * PATIENCE_S


def test_connect_errors_and_checks(backend):
    server = backend()
    server.stop()
    content = config(pool("main", ("iis1.test", server.port)),
                     pool("checked", ("iis2.test", server.port), health={"check": "tcp", "interval": "1h"}),
                     routes=[{"path": "/", "forward": "main"}, {"path": "/c/", "forward": "checked"}])
    with Serving(content) as serving:
        serving.await_verdict("down", "checked", "iis2.test")
        assert serving.fetch()[0] == 502 and serving.fetch("/c/")[0] == 503
        metrics = settled(serving, 2)
        assert metrics("handfast_server_connect_errors_total", pool="main", server="iis1.test") == 1
        assert metrics("handfast_server_up", pool="main", server="iis1.test") == 1
        assert metrics("handfast_server_checked", pool="main", server="iis1.test") == 0
        assert metrics("handfast_server_up", pool="checked", server="iis2.test") == 0
        assert metrics("handfast_server_checks_failed_total", pool="checked", server="iis2.test") == 1
        assert metrics("handfast_server_falls_total", pool="checked", server="iis2.test") == 1
        assert metrics("handfast_server_rises_total", pool="checked", server="iis2.test") == 0
        assert metrics("handfast_ends_total", end="no_server", by="server") == 1
    server.start()


def pins_ended(metrics):
    """Every (end, by) that ended a pin, with how many; there is a sample for each end."""
    name = "handfast_pins_ended_total"
    samples = {labels: value for (sample, labels), value in metrics.samples.items() if sample == name}
    ends = [labels for sample, labels in metrics.samples if sample == "handfast_ends_total"]
    assert metrics.families[name] == "counter" and sorted(samples) == sorted(ends)
    return {(dict(labels)["end"], dict(labels)["by"]): value for labels, value in samples.items() if value}


def test_logins_and_pins(backend):
    server = backend(CHALLENGE)
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as sock:
            for credentials in (b"", b"Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAO5CAAAADw==\r\n"):
                sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (HOST.encode(), credentials))
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += sock.recv(65536)
            metrics = until(lambda: (m := serving.metrics())("handfast_exchanges_total") == 2 and m)
            assert metrics("handfast_pins") == 1 and metrics("handfast_pins_made_total") == 1
            assert metrics("handfast_clients") == 1 and metrics("handfast_links") == 1
            assert metrics("handfast_logins_total", scheme="ntlm", leg="type1", outcome="refused") == 1
            assert metrics("handfast_logins_total", scheme="kerberos", leg="ap_req", outcome="refused") == 0
        metrics = settled(serving, 2)
        assert metrics("handfast_pins") == 0
        assert pins_ended(metrics) == {("client_closed", "nobody"): 1}


def test_a_lost_pin_is_counted_as_lost(backend):
    server = backend(CHALLENGE)
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST.encode())
            assert sock.recv(65536).startswith(b"HTTP/1.1 401")
            server.stop()
            assert sock.recv(1) == b""
        metrics = settled(serving, 1)
        assert pins_ended(metrics) == {("link_lost", "server"): 1}
        assert metrics("handfast_ends_total", end="link_lost", by="server") == 1
    server.start()


def log_in(sock):
    """Leaves a pin behind."""
    sock.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST.encode())
    assert sock.recv(65536).startswith(b"HTTP/1.1 401")


def test_a_pin_that_our_idle_timeout_ends_is_not_the_clients_doing(backend):
    server = backend(CHALLENGE)
    content = config(pool("main", ("iis1.test", server.port)), timeouts={"idle": "1s", "drain": "4s"})
    with Serving(content) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as sock:
            log_in(sock)
            assert sock.recv(1) == b""
        assert pins_ended(settled(serving, 1)) == {("client_idle", "nobody"): 1}


def test_a_pin_ends_with_the_answer_that_the_server_closes_after(backend):
    server = backend(CHALLENGE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as sock:
            log_in(sock)
            while sock.recv(65536):
                pass
        assert pins_ended(settled(serving, 1)) == {("link_lost", "server"): 1}


def test_a_pin_that_a_drain_ends_is_not_the_clients_doing(backend):
    """A request that waits for its answer holds the process until its metrics have been read."""
    server = backend(CHALLENGE)
    silent = socket.create_server(("127.0.0.1", 0))
    content = config(pool("main", ("iis1.test", server.port)), pool("silent", ("iis2.test", silent.getsockname()[1])),
                     routes=[{"path": "/", "forward": "main"}, {"path": "/silent", "forward": "silent"}])
    with Serving(content) as serving, silent:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as sock, \
                socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as holder:
            holder.sendall(b"GET /silent HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST.encode())
            held, _ = silent.accept()
            with held:
                log_in(sock)
                serving.process.send_signal(signal.SIGTERM)
                assert sock.recv(1) == b""
                metrics = until(lambda: (m := serving.metrics())("handfast_pins") == 0 and m)
                assert pins_ended(metrics) == {("stopping", "nobody"): 1}
                held.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                assert holder.recv(65536).startswith(b"HTTP/1.1 200")


def test_relays_and_their_bytes(backend, papers):
    """Passthrough: the bytes of a relay are there when it has ended."""
    server = backend(context=papers.showing("iis1-ecdsa"))
    content = config(pool("main", ("iis1.example.test", server.port)))
    content["listeners"][0]["tls"] = True
    content["sites"] = [{"name": "nodes", "hosts": ["iis1.example.test"], "passthrough": "main"}]
    with Serving(content) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as raw:
            with papers.trusting().wrap_socket(raw, server_hostname="iis1.example.test") as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: iis1.example.test\r\n\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 200")
                metrics = serving.metrics()
                assert metrics("handfast_server_links", pool="main", server="iis1.example.test") == 1
        metrics = settled(serving, 0, relays=1)
        assert metrics("handfast_relays_total") == 1 and metrics("handfast_exchanges_total") == 0
        sent = metrics("handfast_server_sent_bytes_total", pool="main", server="iis1.example.test")
        received = metrics("handfast_server_received_bytes_total", pool="main", server="iis1.example.test")
        assert sent > 200 and received > 500
        assert metrics("handfast_client_received_bytes_total") == sent
        assert metrics("handfast_client_sent_bytes_total") == received


def test_the_tcp_address_answers_metrics_and_nothing_else(backend):
    server = backend()
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        answers = {}
        for method, path in (("GET", "/metrics"), ("GET", "/status"), ("GET", "/"), ("GET", "/clients"),
                             ("GET", "/pins"), ("POST", "/reload"), ("POST", "/metrics")):
            connection = http.client.HTTPConnection("127.0.0.1", serving.metrics_port, timeout=PATIENCE_S)
            connection.request(method, path)
            answer = connection.getresponse()
            answers[method, path] = answer.status
            body = answer.read()
            connection.close()
            if (method, path) == ("GET", "/metrics"):
                assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
                assert Metrics(body.decode())("handfast_info", version=serving.get("/status")["version"]) == 1
        assert answers.pop(("GET", "/metrics")) == 200
        assert answers.pop(("POST", "/metrics")) == 405
        assert set(answers.values()) == {404}
        assert serving.get("/status")["reloads"]["adopted"] == 0


def test_counters_outlive_a_reload(backend):
    server = backend()
    content = config(pool("main", ("iis1.test", server.port)))
    with Serving(content) as serving:
        assert serving.fetch()[0] == 200
        settled(serving, 1)
        assert "reloaded" in serving.change(content)
        assert serving.fetch()[0] == 200
        metrics = settled(serving, 2)
        assert metrics("handfast_server_exchanges_total", pool="main", server="iis1.test") == 2
        assert metrics("handfast_exchanges_total") == 2
        assert metrics("handfast_reloads_total", outcome="adopted") == 1
        assert metrics("handfast_last_reload_adopted") == 1
        serving.change({**content, "pools": []})
        metrics = serving.metrics()
        assert metrics("handfast_reloads_total", outcome="refused") == 1
        assert metrics("handfast_last_reload_adopted") == 0


def test_the_process_speaks_of_itself(backend):
    server = backend()
    with Serving(config(pool("main", ("iis1.test", server.port)), workers=3)) as serving:
        metrics = serving.metrics()
        assert metrics("handfast_workers") == 3
        assert metrics("process_resident_memory_bytes") > 1 << 20
        assert 0 < metrics("process_open_fds") < metrics("process_max_fds")
        before = metrics("process_open_fds")
        socks = [socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) for _ in range(20)]
        until(lambda: serving.metrics()("process_open_fds") >= before + 20)
        for sock in socks:
            sock.close()
