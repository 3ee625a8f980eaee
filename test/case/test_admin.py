# SPDX-License-Identifier: Apache-2.0
# The admin API on its Unix socket, and the commands that talk to it.
import contextlib
import json
import os
import socket
import stat
import struct

import pytest
from serving import HOST, Backend, Serving, config, pool, until

from lab.balancer import Balancer

CHALLENGE = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def backend():
    made = []

    def make(*arguments, **options):
        made.append(Backend(*arguments, **options))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def talk(serving, data, shut=False):
    """Raw bytes to the admin socket; all that comes back."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(serving.socket_path)
        sock.sendall(data)
        if shut:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        while more := sock.recv(65536):
            answer += more
        return answer


def client(serving):
    return socket.create_connection(("127.0.0.1", serving.port), 20)


def ask(sock, path="/", fields=b""):
    sock.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (path.encode(), HOST.encode(), fields))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(65536)
    return int(answer.split(b" ")[1])


# -- the answers

def test_status_shows_what_runs(backend):
    server = backend()
    with Serving(config(pool("main", ("iis1.test", server.port), balance="source"))) as serving:
        for _ in range(3):
            assert serving.fetch()[0] == 200
        status = until(lambda: (s := serving.get("/status"))["clients"] == 0 and s)
        assert status["pid"] == serving.process.pid and status["workers"] == 2
        assert status["state"] == "serving" and status["config"] == serving.config_file
        assert status["listeners"] == [{"bind": "127.0.0.1:0", "address": f"127.0.0.1:{serving.port}", "tls": False,
                                        "default_site": None}]
        assert status["sites"] == [{"name": "portal", "hosts": [HOST], "routes": [{"path": "/", "forward": "main"}]}]
        main, = status["pools"]
        assert (main["name"], main["balance"], main["links"], main["check"]) == ("main", "source", "dedicated", "none")
        iis1, = main["servers"]
        assert (iis1["name"], iis1["address"]) == ("iis1.test", f"127.0.0.1:{server.port}")
        assert (iis1["exchanges"], iis1["links_opened"], iis1["links"]) == (3, 3, 0)
        assert iis1["received_bytes"] == 3 * len(server.answer) and iis1["sent_bytes"] > 0
        assert status["counts"]["exchanges_total"] == 3
        assert (status["exchanges"], status["pins"], status["links"]) == (0, 0, 0)
        assert 0 < status["descriptors"] < status["descriptors_max"]


def test_clients_shows_who_is_connected(backend):
    server = backend()
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        with client(serving) as one, client(serving) as two:
            assert ask(one) == 200 and ask(one) == 200
            two.sendall(b"GET / HT")
            found = until(lambda: (c := serving.get("/clients"))["clients"] and len(c["clients"]) == 2 and
                          {item["state"] for item in c["clients"]} == {"resting", "reading"} and c)
            by_address = {item["address"]: item for item in found["clients"]}
            first = by_address["127.0.0.1:%d" % one.getsockname()[1]]
            assert (first["exchanges"], first["tls"], first["listener"]) == (2, False, "127.0.0.1:0")
            assert first["since"].startswith("20") and first["since"].endswith("Z")
            assert by_address["127.0.0.1:%d" % two.getsockname()[1]]["exchanges"] == 0
            assert found["left_out"] == 0
            assert len({item["client"] for item in found["clients"]}) == 2


def test_pins_shows_who_is_tied_to_what(backend):
    server = backend(CHALLENGE)
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        with client(serving) as one, client(serving) as two:
            server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            assert ask(two) == 200
            server.answer = CHALLENGE
            assert ask(one) == 401 and ask(one) == 401
            pin, = serving.get("/pins")["pins"]
            assert pin["address"] == "127.0.0.1:%d" % one.getsockname()[1]
            assert (pin["pool"], pin["server"], pin["authority"]) == ("main", "iis1.test", HOST)
            assert (pin["exchanges"], pin["binding"]) == (2, "offered")
            assert until(lambda: serving.get("/status")["pins"] == 1)
        until(lambda: serving.get("/pins")["pins"] == [])


def test_a_pin_in_the_middle_of_an_exchange_is_there(backend):
    server = backend(None)
    with Serving(config(pool("main", ("iis1.test", server.port), links="shared"))) as serving:
        with client(serving) as one:
            one.sendall(b"GET /x HTTP/1.1\r\nHost: %s\r\nAuthorization: NTLM TlRMTVNTUAABAAAA\r\n\r\n" % HOST.encode())
            pin, = until(lambda: serving.get("/pins")["pins"])
            assert (pin["pool"], pin["exchanges"]) == ("main", 1)
            state, = [item["state"] for item in serving.get("/clients")["clients"]]
            assert state == "busy"
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: serving.get("/pins")["pins"] == [])


def test_clients_of_every_worker_are_shown(backend):
    server = backend()
    with Serving(config(pool("main", ("iis1.test", server.port)), workers=4)) as serving:
        socks = [client(serving) for _ in range(60)]
        for sock in socks:
            assert ask(sock) == 200
        found = serving.get("/clients")
        assert found["left_out"] == 0 and len(found["clients"]) == 60
        assert len({item["client"] % 4 for item in found["clients"]}) > 1
        for sock in socks:
            sock.close()


def test_the_index_lists_what_is_answered(backend):
    with Serving(config(pool("main", ("iis1.test", backend().port)))) as serving:
        requests = {(one["method"], one["path"]) for one in serving.get("/")["requests"]}
        assert {("GET", "/status"), ("GET", "/clients"), ("GET", "/pins"), ("GET", "/metrics"),
                ("POST", "/reload")} <= requests


# -- refusals

@pytest.fixture(scope="module")
def quiet():
    """One that only the tests of the API itself talk to."""
    with Serving(config(pool("main", ("iis1.test", 9)))) as serving:
        yield serving


@pytest.mark.parametrize("method, path, status, allow", [
    ("GET", "/nothing", 404, None),
    ("GET", "/status/", 404, None),
    ("GET", "/Status", 404, None),
    ("POST", "/status", 405, "GET"),
    ("DELETE", "/pins", 405, "GET"),
    ("GET", "/reload", 405, "POST"),
    ("HEAD", "/reload", 405, "POST"),
])
def test_wrong_paths_and_methods(quiet, method, path, status, allow):
    got, fields, _ = quiet.ask(method, path)
    assert (got, fields["Allow"]) == (status, allow)
    assert quiet.get("/status")["reloads"]["adopted"] == 0


def test_a_query_is_no_part_of_the_path(quiet):
    assert quiet.ask("GET", "/status?pretty")[0] == 200


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET /status\r\n\r\n", 400),
    (b"GET /status HTTP/1.1\r\n\r\n", 400),
    (b"GET /status HTTP/1.1\nHost: x\n\n", 400),
    (b"GET /status HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    (b"GET /st\x00atus HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /status HTTP/2.0\r\nHost: x\r\n\r\n", 400),
    (b"GET /status HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000 + b"\r\n\r\n", 431),
    (b"GET /status HTTP/1.1\r\nHost: x\r\n" + b"X: yyyyyyyyyyyyyyyyyy\r\n" * 500 + b"\r\n", 431),
    (b"POST /reload HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", 413),
    (b"POST /reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
])
def test_bad_requests(quiet, request_bytes, status):
    answer = talk(quiet, request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"Connection: close" in answer
    assert "error" in json.loads(answer.partition(b"\r\n\r\n")[2])
    assert quiet.get("/status")["reloads"]["adopted"] == 0


def test_half_a_request_gets_no_answer(quiet):
    assert talk(quiet, b"GET /status HTTP/1.1\r\nHo", shut=True) == b""
    assert quiet.ask("GET", "/status")[0] == 200


def test_a_request_may_come_in_pieces(quiet):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(quiet.socket_path)
        for byte in b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n":
            sock.sendall(bytes([byte]))
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_several_at_once(quiet):
    socks = []
    try:
        for _ in range(12):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(20)
            sock.connect(quiet.socket_path)
            sock.sendall(b"GET /status HTTP/1.1\r\n")
            socks.append(sock)
        for sock in socks:
            sock.sendall(b"Host: x\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    finally:
        for sock in socks:
            sock.close()


def test_silent_visitors_make_room(quiet):
    """At both doors: the eldest goes, and who came last is answered, however slowly it asks."""
    for make in (_local, lambda serving: socket.create_connection(("127.0.0.1", serving.metrics_port), 20)):
        crowd = [make(quiet) for _ in range(40)]
        try:
            last = crowd[-1]
            last.sendall(b"GET /metrics HTTP/1.1\r\n")
            crowd += [make(quiet) for _ in range(4)]
            last.sendall(b"Host: x\r\n\r\n")
            assert last.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert crowd[0].recv(1) == b""  # sent away, not left waiting
            assert quiet.ask("GET", "/status")[0] == 200
            assert quiet.command("status", "-s", quiet.socket_path).returncode == 0
        finally:
            for sock in crowd:
                sock.close()


def _local(serving):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    sock.connect(serving.socket_path)
    return sock


def _answers(serving):
    try:
        return serving.ask("GET", "/status")[0] == 200
    except OSError:
        return False


def test_who_leaves_while_workers_are_asked_does_no_harm(quiet):
    for _ in range(50):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(quiet.socket_path)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(BrokenPipeError):  # turned away: too many at once
            sock.sendall(b"GET /clients HTTP/1.1\r\nHost: x\r\n\r\n")
        sock.close()
    until(lambda: _answers(quiet))
    assert quiet.get("/clients")["clients"] == []


# -- the socket

def test_the_socket_is_for_owner_and_group_and_goes_with_the_process():
    with Serving(config(pool("main", ("iis1.test", 9)))) as serving:
        mode = os.stat(serving.socket_path).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    assert not os.path.exists(serving.socket_path)


def test_the_mode_does_not_hang_on_the_umask():
    before = os.umask(0o077)
    try:
        with Serving(config(pool("main", ("iis1.test", 9)))) as serving:
            assert stat.S_IMODE(os.stat(serving.socket_path).st_mode) == 0o660
    finally:
        os.umask(before)


def test_a_stale_socket_is_removed(tmp_path):
    path = str(tmp_path / "admin.sock")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with Serving({**config(pool("main", ("iis1.test", 9))), "admin": path}) as serving:
        serving.socket_path = path
        assert serving.get("/status")["state"] == "serving"


@pytest.mark.parametrize("what", ["served", "file", "no directory", "too long"])
def test_a_socket_that_cannot_be_had_stops_the_start(tmp_path, what):
    path = str(tmp_path / "admin.sock")
    other = socket.socket(socket.AF_UNIX)
    if what == "served":
        other.bind(path)
        other.listen()
    elif what == "file":
        (tmp_path / "admin.sock").write_text("precious")
    elif what == "no directory":
        path = str(tmp_path / "absent" / "admin.sock")
    else:
        path = str(tmp_path / ("x" * 120))
    with pytest.raises(RuntimeError, match=f"admin {path}: "):
        Balancer(json.dumps({**config(pool("main", ("iis1.test", 9))), "admin": path}))
    other.close()
    if what == "file":
        assert (tmp_path / "admin.sock").read_text() == "precious"


def test_a_metrics_address_that_cannot_be_had_stops_the_start():
    content = {**config(pool("main", ("iis1.test", 9))), "metrics": "192.0.2.1:9"}
    with pytest.raises(RuntimeError, match="metrics 192.0.2.1:9: "):
        Balancer(json.dumps(content))


def test_without_the_options_there_is_no_door():
    with Balancer(json.dumps(config(pool("main", ("iis1.test", 9))))) as balancer:
        assert "admin at" not in balancer.errors() and "metrics at" not in balancer.errors()


# -- the commands

def test_handfast_status(backend):
    server = backend()
    server_down = backend()
    server_down.stop()
    content = config(pool("main", ("iis1.test", server.port)),
                     pool("nodes", ("iis2.test", server_down.port), health={"check": "tcp"}),
                     routes=[{"path": "/", "forward": "main"}, {"path": "/x/", "redirect": "nodes"}])
    with Serving(content) as serving:
        serving.await_verdict("down", "nodes", "iis2.test")
        done = serving.command("status", "-s", serving.socket_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"pid {serving.process.pid}, serving since 20" in done.stdout
        lines = [line.split() for line in done.stdout.splitlines()]
        assert ["portal", "/x/", "redirect", "nodes"] in lines
        assert [line[:4] for line in lines if line[:1] == ["main"]] == [
            ["main", "iis1.test", f"127.0.0.1:{server.port}", "untried"]]
        assert "connect_refused: the server refused the connection" in done.stdout
        done = serving.command("status", "-c", serving.config_file, "--json")
        assert json.loads(done.stdout)["pid"] == serving.process.pid
    server_down.start()


def test_handfast_pins(backend):
    server = backend(CHALLENGE)
    with Serving(config(pool("main", ("iis1.test", server.port)))) as serving:
        assert serving.command("pins", "-s", serving.socket_path).stdout == "no pins\n"
        with client(serving) as one:
            assert ask(one) == 401
            done = serving.command("pins", "-c", serving.config_file)
            head, row = done.stdout.splitlines()
            assert done.returncode == 0 and head.split()[0] == "client"
            assert row.split()[1] == "127.0.0.1:%d" % one.getsockname()[1]
            assert row.split()[3:7] == ["main", "iis1.test", HOST, "offered"]
            found = json.loads(serving.command("pins", "--json", "-s", serving.socket_path).stdout)
            assert len(found["pins"]) == 1


def test_handfast_reload():
    content = config(pool("main", ("iis1.test", 9)))
    with Serving(content) as serving:
        done = serving.command("reload", "-s", serving.socket_path)
        assert (done.returncode, done.stdout) == (0, "reloaded\n")
        serving.rewrite({**content, "colour": "red"})
        done = serving.command("reload", "-s", serving.socket_path)
        assert done.returncode == 1 and "unknown key 'colour'" in done.stdout
        assert done.stdout.endswith("refused: the configuration in use has not changed\n")
        assert serving.get("/status")["reloads"]["refused"] == 1
        assert ", the last one too" in serving.command("status", "-s", serving.socket_path).stdout


@pytest.mark.parametrize("command", ["status", "pins", "reload"])
def test_commands_without_a_process(quiet, tmp_path, command):
    done = quiet.command(command, "-s", str(tmp_path / "none.sock"))
    assert done.returncode == 1 and "no running Handfast answers here" in done.stderr
    assert quiet.command(command, "--nonsense").returncode == 2
    assert quiet.command(command, "-s", "a", "-c", "b").returncode == 2
    assert quiet.command(command, "more").returncode == 2
    assert quiet.command(command, "--help").returncode == 0
    done = quiet.command(command, "-c", str(tmp_path / "none.yaml"))
    assert done.returncode == 1 and "none.yaml" in done.stderr


def test_a_command_with_a_file_that_names_no_socket(quiet, tmp_path):
    path = tmp_path / "handfast.yaml"
    path.write_text(json.dumps(config(pool("main", ("iis1.test", 9)))))
    done = quiet.command("status", "-c", str(path))
    assert done.returncode == 1 and "has no admin option" in done.stderr


def test_an_answer_that_is_not_ours_is_refused(quiet, tmp_path):
    path = str(tmp_path / "other.sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        for answer in (b"hello\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
                       b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n]["):
            pid = os.fork()
            if pid == 0:
                sock = other.accept()[0]
                sock.recv(4096)
                sock.sendall(answer)
                os._exit(0)
            done = quiet.command("status", "-s", path)
            os.waitpid(pid, 0)
            assert done.returncode == 1 and "not that of a Handfast" in done.stderr
