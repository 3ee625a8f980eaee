# SPDX-License-Identifier: Apache-2.0
# Reload as an operator does it: a good file is adopted, a bad one changes nothing and says why, and neither disturbs
# who is there. With real logins, since what must survive is a person's connection.
import json
import os
import re
import socket
import threading

import pytest
from serving import HOST, PATIENCE_S, Backend, Serving, config, pool, until

from lab.embedded.domain import NETBIOS_DOMAIN, Domain, password
from lab.people.logins import Person, new_login
from lab.people.web import Closed, Connection, Target


@pytest.fixture(scope="module")
def domain():
    with Domain() as lab:
        before = os.environ.get("KRB5_CONFIG")
        os.environ["KRB5_CONFIG"] = lab.path("krb5.conf")
        yield lab
        if before is None:
            del os.environ["KRB5_CONFIG"]
        else:
            os.environ["KRB5_CONFIG"] = before


@pytest.fixture
def backends():
    made = [Backend(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n) for n in (1, 2)]
    yield made
    for one in made:
        one.stop()


def adopted(said):
    return "handfast: reloaded " in said


def refused(said):
    return "handfast: reload refused: the configuration in use has not changed" in said


class Talk:
    """A client that keeps its connection."""

    def __init__(self, serving):
        self.socket = socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S)
        self.lines = self.socket.makefile("rb")

    def ask(self, path="/"):
        self.socket.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), HOST.encode()))
        status = int(self.lines.readline().split()[1])
        length = 0
        while (line := self.lines.readline().strip()):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return status, self.lines.read(length)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()


# -- good files

def test_a_good_file_is_adopted_and_old_clients_follow(backends):
    first, second = (config(pool("main", ("iis.test", one.port))) for one in backends)
    with Serving(first) as serving, Talk(serving) as talk:
        assert talk.ask() == (200, b"1") and serving.fetch() == (200, b"1")
        assert adopted(serving.change(second))
        assert serving.fetch() == (200, b"2")
        assert talk.ask() == (200, b"2")  # the same connection
        assert adopted(serving.change(first))
        assert talk.ask() == (200, b"1")
        assert serving.get("/status")["reloads"]["adopted"] == 2


def test_routes_sites_and_pools_may_come_and_go(backends):
    one, two = backends
    with Serving(config(pool("main", ("iis.test", one.port)))) as serving:
        assert serving.fetch("/new/")[1] == b"1" and serving.fetch(host="more.test")[0] == 421
        more = config(pool("main", ("iis.test", one.port)), pool("extra", ("iis.test", two.port)),
                      routes=[{"path": "/", "forward": "main"}, {"path": "/new/", "forward": "extra"}])
        more["sites"].append({"name": "more", "hosts": ["more.test"], "plain_http": "serve",
                              "routes": [{"path": "/", "forward": "extra"}]})
        assert adopted(serving.change(more))
        assert serving.fetch("/new/")[1] == b"2" and serving.fetch(host="more.test") == (200, b"2")
        assert adopted(serving.change(config(pool("main", ("iis.test", one.port)))))
        assert serving.fetch("/new/")[1] == b"1" and serving.fetch(host="more.test")[0] == 421


def test_an_exchange_under_way_ends_with_the_old_configuration(backends):
    slow, other = backends
    slow.answer = None
    with Serving(config(pool("main", ("iis.test", slow.port)))) as serving:
        got = []
        thread = threading.Thread(target=lambda: got.append(serving.fetch("/slow")))
        thread.start()
        until(lambda: slow.asked("GET /slow"))
        assert adopted(serving.change(config(pool("main", ("iis.test", other.port)))))
        assert serving.fetch() == (200, b"2")
        assert not got
        with slow._lock:  # now it answers
            slow._open[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
        thread.join(PATIENCE_S)
        assert got == [(200, b"slow")]


def test_a_relay_goes_on_over_reloads(papers):
    server = Backend(context=papers.showing("iis1-ecdsa"))
    content = config(pool("main", ("iis1.example.test", server.port)))
    content["listeners"][0]["tls"] = True
    content["sites"] = [{"name": "nodes", "hosts": ["iis1.example.test"], "passthrough": "main"}]
    gone = json.loads(json.dumps(content))
    gone["sites"][0]["hosts"] = ["elsewhere.example.test"]
    with Serving(content) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as raw:
            with papers.trusting().wrap_socket(raw, server_hostname="iis1.example.test") as sock:
                for new in (content, gone, gone):
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: iis1.example.test\r\n\r\n")
                    answer = b""
                    while not answer.endswith(b"\r\n\r\nok"):
                        answer += sock.recv(65536)
                    assert adopted(serving.change(new))
                assert serving.get("/status")["clients"] == 1
    server.stop()


def test_a_certificate_is_read_again(papers):
    server = Backend()
    with open(papers.pair("lb-ecdsa").chain, encoding="ascii") as file:
        first = file.read()
    content = config(pool("main", ("iis.test", server.port)))
    content["listeners"][0]["tls"] = True
    content["sites"][0]["certificates"] = [{"chain": "chain.pem", "key": "key.pem"}]

    def put(serving_directory, name):
        for kind, path in (("chain", papers.pair(name).chain), ("key", papers.pair(name).key)):
            with open(path, encoding="ascii") as source, \
                    open(os.path.join(serving_directory, f"{kind}.pem"), "w", encoding="ascii") as copy:
                copy.write(source.read())

    def shown(serving):
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as raw:
            with papers.trusting().wrap_socket(raw, server_hostname=HOST) as sock:
                return sock.getpeercert(binary_form=True)

    class WithCertificate(Serving):
        def write(self, text):
            if not os.path.exists(os.path.join(self.directory, "chain.pem")):
                put(self.directory, "lb-ecdsa")
            super().write(text)

    assert "BEGIN CERTIFICATE" in first
    with WithCertificate(content) as serving:
        before = shown(serving)
        put(serving.directory, "lb-rsa")
        assert shown(serving) == before
        assert adopted(serving.reload())
        assert shown(serving) != before
        os.unlink(os.path.join(serving.directory, "key.pem"))
        after = shown(serving)
        said = serving.reload()
        assert refused(said) and "key.pem" in said
        assert shown(serving) == after
    server.stop()


# -- bad files

def spoil_yaml(text):
    return text[:-1] + ", ["


def spoil_key(text):
    return text.replace('"workers"', '"wrokers"')


def spoil_pool(text):
    return text.replace('"forward": "main"', '"forward": "mian"')


def spoil_address(text):
    return text.replace('"address": "127.0.0.1:', '"address": "no-such-host.invalid:')


@pytest.mark.parametrize("spoil, said", [
    (spoil_yaml, "not valid YAML"),
    (spoil_key, "unknown key 'wrokers'"),
    (spoil_pool, "mian"),
    (spoil_address, "does not resolve: no-such-host.invalid:"),
    (lambda text: "", "the file is empty"),
])
def test_a_bad_file_changes_nothing_and_says_why(backends, spoil, said):
    content = config(pool("main", ("iis.test", backends[0].port)))
    with Serving(content) as serving, Talk(serving) as talk:
        assert talk.ask() == (200, b"1")
        good = json.dumps(serving.content)
        text = serving.reload(spoil(good))
        assert refused(text) and said in text
        assert re.search(r"/handfast\.yaml:(\d+:\d+:)? error: ", text)
        assert talk.ask() == (200, b"1") and serving.fetch() == (200, b"1")
        assert serving.get("/status")["reloads"] == {
            "adopted": 0, "refused": 1, "last_was_refused": True,
            "last": serving.get("/status")["reloads"]["last"]}
        assert adopted(serving.reload(good))
        assert serving.get("/status")["reloads"]["last_was_refused"] is False


def test_a_file_that_is_gone_changes_nothing(backends):
    with Serving(config(pool("main", ("iis.test", backends[0].port)))) as serving:
        os.unlink(serving.config_file)
        said = serving.reload()
        assert refused(said) and "handfast.yaml" in said
        assert serving.fetch() == (200, b"1")


# -- listeners

def ports(serving):
    return [int(one["address"].rsplit(":", 1)[1]) for one in serving.get("/status")["listeners"]]


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
        return True
    except ConnectionRefusedError:
        return False


def listening(backend, *binds):
    content = config(pool("main", ("iis.test", backend.port)))
    content["listeners"] = [{"bind": bind, "tls": False} for bind in binds]
    return content


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_pipe_or_a_folder_in_place_of_the_file_changes_nothing(backends):
    """Neither is waited for."""
    one, _ = backends
    with Serving(config(pool("main", ("iis1.test", one.port)))) as serving:
        for make, remove in ((os.mkfifo, os.remove), (os.mkdir, os.rmdir)):
            os.remove(serving.config_file)
            make(serving.config_file)
            said = serving.reload()
            assert refused(said) and "cannot be read: it is " in said
            assert serving.fetch() == (200, b"1")
            assert serving.command("status", "-s", serving.socket_path).returncode == 0
            remove(serving.config_file)
            serving.rewrite(config(pool("main", ("iis1.test", one.port))))
        assert adopted(serving.reload())


def test_listeners_come_and_go_and_stay(backends):
    one, two = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with Serving(listening(backends[0], "127.0.0.1:0", "127.0.0.1:0", one)) as serving, Talk(serving) as talk:
        first, second, third = ports(serving)
        assert talk.ask() == (200, b"1") and is_open(second) and is_open(third)
        said = serving.change(listening(backends[1], two, "127.0.0.1:0"))
        assert adopted(said)
        assert f"listening on {two} (plain)" in said
        for gone in (second, third):
            assert f"no longer listening on 127.0.0.1:{gone} (plain)" in said
            until(lambda port=gone: not is_open(port))
        assert ports(serving) == [int(two.rsplit(":", 1)[1]), first]
        for port in ports(serving):
            until(lambda port=port: is_open(port))
        assert talk.ask() == (200, b"2") and serving.fetch() == (200, b"2")
        assert adopted(serving.change(listening(backends[1], "127.0.0.1:0", one)))
        assert ports(serving) == [first, third]
        until(lambda: is_open(third))


def test_a_client_outlives_its_listener(backends):
    keeps = f"127.0.0.1:{free_port()}"
    with Serving(listening(backends[0], "127.0.0.1:0", keeps)) as serving, Talk(serving) as talk:
        gone = serving.port
        assert talk.ask() == (200, b"1")
        for backend in backends[::-1]:  # the second time its listener is forgotten already
            assert adopted(serving.change(listening(backend, keeps)))
            until(lambda: not is_open(gone))
            assert talk.ask() == (200, b"1")  # where it came in is no part of the new file
        assert [one["listener"] for one in serving.get("/clients")["clients"]] == ["127.0.0.1:0"]


def test_limits_of_a_listener_count_only_its_own(backends):
    other = f"127.0.0.1:{free_port()}"
    content = listening(backends[0], "127.0.0.1:0")
    content["workers"] = 1
    content["listeners"][0]["clients_max"] = 1
    with Serving(content) as serving, Talk(serving) as talk:
        assert talk.ask() == (200, b"1")
        content["listeners"].insert(0, {"bind": other, "tls": False, "clients_max": 1})
        assert adopted(serving.change(content))
        until(lambda: is_open(int(other.rsplit(":", 1)[1])))
        with pytest.raises(OSError), Talk(serving) as full:
            full.ask()
        assert talk.ask() == (200, b"1")


@pytest.mark.parametrize("bind, why", [("taken", "Address already in use"), ("192.0.2.1:0", "Cannot assign")])
def test_a_listener_that_cannot_be_opened_changes_nothing(backends, bind, why):
    fresh = f"127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as taken, \
            Serving(listening(backends[0], "127.0.0.1:0")) as serving:
        bind = f"127.0.0.1:{taken.getsockname()[1]}" if bind == "taken" else bind
        said = serving.change(listening(backends[1], "127.0.0.1:0", fresh, bind))
        assert refused(said) and f"listeners[2].bind: cannot listen on {bind}: {why}" in said
        assert re.search(r"/handfast\.yaml:(\d+:\d+:)? error: listeners", said)
        assert not is_open(int(fresh.rsplit(":", 1)[1]))
        assert len(ports(serving)) == 1 and serving.fetch() == (200, b"1")


def test_the_authority_of_a_pool_is_read_before_anything_changes(backends, tmp_path):
    content = config(pool("main", ("iis.test", backends[0].port)))
    bad = tmp_path / "ca.pem"
    bad.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    with Serving(content) as serving:
        said = serving.change(config(pool("main", ("iis.test", backends[1].port), tls={"ca": str(bad)})))
        assert refused(said) and "ca.pem" in said
        assert serving.fetch() == (200, b"1")


# -- what is read at the start only

@pytest.mark.parametrize("option, value", [
    ("workers", 3), ("admin", "other.sock"), ("metrics", "127.0.0.2:0"), ("log", "off")])
def test_what_needs_a_restart_is_said(backends, option, value):
    content = config(pool("main", ("iis.test", backends[0].port)))
    with Serving(content) as serving:
        assert "restart" not in serving.change(content)
        said = serving.change({**content, option: value})
        assert adopted(said)
        assert f"warning: {option}: differs from what the process was started with" in said
        assert "restart for it to take effect" in said
        assert serving.fetch() == (200, b"1")
        assert serving.get("/status")["workers"] == 2


# -- the log

def test_the_log_moves_and_is_opened_again(backends, tmp_path):
    content = {**config(pool("main", ("iis.test", backends[0].port))), "log": str(tmp_path / "a.log")}

    def lines(name):
        try:
            return len((tmp_path / name).read_text().splitlines())
        except FileNotFoundError:
            return 0
    with Serving(content) as serving:
        serving.fetch()
        until(lambda: lines("a.log") == 1)
        (tmp_path / "a.log").rename(tmp_path / "a.log.1")  # as logrotate does
        assert adopted(serving.reload())
        serving.fetch()
        until(lambda: lines("a.log") == 1)
        assert lines("a.log.1") == 1
        assert adopted(serving.change({**content, "log": str(tmp_path / "b.log")}))
        serving.fetch()
        until(lambda: lines("b.log") == 1)
        assert lines("a.log") == 1
        said = serving.change({**content, "log": str(tmp_path / "absent" / "c.log")})
        assert refused(said) and "absent/c.log: No such file or directory" in said
        serving.fetch()
        until(lambda: lines("b.log") == 2)
        assert adopted(serving.change({**content, "log": "stdout"}))
        serving.fetch()
        until(lambda: serving.log("exchange"))
        assert lines("b.log") == 2


# -- people

def enter(domain, kind, target):
    """Logs alice in on a connection of her own, and keeps it."""
    person = Person("alice", NETBIOS_DOMAIN, password("alice"), domain.directory)
    domain.ticket("alice")
    connection = Connection(target)
    login = new_login(kind, person, target.host)
    if kind == "krb":
        answer = connection.ask("/", login.first())
    else:
        assert connection.ask("/").status == 401
        answer = connection.ask("/", login.first())
    while answer.status == 401:
        answer = connection.ask("/", login.next(answer.token(login.scheme)))
    assert answer.status == 200 and answer.field("person") == "alice", answer
    return connection


def iis_config(server, links):
    return config(pool("main", (f"{server.name}.example.test", server.http), links=links))


@pytest.mark.parametrize("links", ["dedicated", "shared"])
@pytest.mark.parametrize("kind", ["krb", "ntlm", "nego"])
def test_a_person_keeps_the_link_and_new_ones_see_the_new_configuration(domain, kind, links):
    old, new = domain.iis("iis1"), domain.iis("iis2")
    try:
        with Serving(iis_config(old, links)) as serving:
            target = Target(f"http://{HOST}:{serving.port}", resolve="127.0.0.1")
            alice = enter(domain, kind, target)
            pin, = serving.get("/pins")["pins"]
            for round_ in range(3):
                assert adopted(serving.change(iis_config(new, links)))
                answer = alice.ask(f"/still/{round_}")
                assert (answer.status, answer.field("person"), answer.field("server")) == (200, "alice", "iis1")
                still, = [one for one in serving.get("/pins")["pins"] if one["client"] == pin["client"]]
                assert (still["link"], still["server"]) == (pin["link"], "iis1.example.test")
                assert still["exchanges"] == pin["exchanges"] + 1 + round_
                # somebody new comes in between
                other = enter(domain, kind, target)
                answer = other.ask("/new")
                assert (answer.field("person"), answer.field("server")) == ("alice", "iis2")
                other.close()
                nobody = Connection(target)
                assert nobody.ask("/nobody").status == 401
                nobody.close()
            refused(serving.reload("nonsense"))
            assert alice.ask("/last").field("person") == "alice"
            # when she goes, so does what she was served by
            alice.close()
            until(lambda: serving.get("/status")["clients"] == 0 and serving.get("/pins")["pins"] == [])
    finally:
        for server in (old, new):
            server.stop()
            domain.servers.remove(server)


def test_a_reload_between_the_legs_of_ntlm(domain):
    server, other = domain.iis("iis1"), domain.iis("iis2")
    try:
        with Serving(iis_config(server, "dedicated")) as serving:
            target = Target(f"http://{HOST}:{serving.port}", resolve="127.0.0.1")
            person = Person("bob", NETBIOS_DOMAIN, password("bob"), None)
            login = new_login("ntlm", person, HOST)
            connection = Connection(target)
            challenge = connection.ask("/", login.first())
            assert challenge.status == 401
            assert adopted(serving.change(iis_config(other, "shared")))
            answer = connection.ask("/", login.next(challenge.token("NTLM")))
            assert (answer.status, answer.field("person"), answer.field("server")) == (200, "bob", "iis1")
            connection.close()
    finally:
        for one in (server, other):
            one.stop()
            domain.servers.remove(one)


def test_many_reloads_under_traffic(backends):
    """Nobody is disturbed by a hundred of them, good and bad."""
    contents = [config(pool("main", ("iis.test", one.port)), workers=2) for one in backends]
    with Serving(contents[0]) as serving:
        wrong, done, stop = [], [0], threading.Event()

        def visit():
            try:
                while not stop.is_set():
                    with Talk(serving) as talk:
                        for _ in range(20):
                            answer = talk.ask()
                            done[0] += 1
                            if answer not in ((200, b"1"), (200, b"2")):
                                wrong.append(answer)
            except (OSError, Closed, ValueError, IndexError) as error:
                wrong.append(repr(error))
        threads = [threading.Thread(target=visit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(100):
            if number % 5 == 4:
                assert refused(serving.reload("nonsense"))
            else:
                assert adopted(serving.change(contents[number % 2]))
        before = done[0]
        until(lambda: done[0] > before + 50 or wrong)
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert not wrong, wrong[:5]
        until(lambda: serving.get("/status")["clients"] == 0)
