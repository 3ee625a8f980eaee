# SPDX-License-Identifier: Apache-2.0
# Who has a port: nobody takes one that another process listens on, and nobody is hindered by its own.
import json
import socket
import subprocess

import pytest
from serving import HOST, Backend, Serving, config, pool, until

from lab.balancer import Balancer, binary


@pytest.fixture
def backend():
    made = Backend()
    yield made
    made.stop()


def content(backend, *binds, **top):
    listeners = [{"bind": bind, "tls": False} for bind in binds]
    return {**config(pool("main", ("iis1.test", backend.port))), "listeners": listeners, **top}


def refused(wanted, made):
    """A start that fails with these words."""
    with pytest.raises(RuntimeError, match=wanted):
        Balancer(json.dumps(made)).stop()


def test_a_port_that_another_handfast_of_the_same_user_has_is_not_shared(backend):
    with Serving(content(backend, "127.0.0.1:0")) as first:
        for bind in (f"127.0.0.1:{first.port}", f"*:{first.port}"):
            refused("Address already in use", content(backend, bind))
        assert [first.fetch()[0] for _ in range(20)] == [200] * 20


def test_nor_is_that_of_its_metrics(backend):
    with Serving(content(backend, "127.0.0.1:0")) as first:
        taken = f"127.0.0.1:{first.metrics_port}"
        refused("Address already in use", content(backend, taken))
        refused(f"metrics {taken}: Address already in use", content(backend, "127.0.0.1:0", metrics=taken))
        refused("Address already in use", content(backend, "127.0.0.1:0", metrics=f"127.0.0.1:{first.port}"))
        assert first.fetch()[0] == 200


def test_a_reload_takes_no_port_of_another_process(backend):
    with Serving(content(backend, "127.0.0.1:0")) as first, Serving(content(backend, "127.0.0.1:0")) as second:
        said = second.change(content(backend, "127.0.0.1:0", f"127.0.0.1:{first.port}"))
        assert "reload refused" in said and "Address already in use" in said
        assert first.fetch()[0] == second.fetch()[0] == 200
        assert len(second.get("/status")["listeners"]) == 1


def test_an_address_and_all_addresses_replace_one_another_at_one_port(backend):
    with Serving(content(backend, "127.0.0.1:0")) as free:
        port = free.port
    with Serving(content(backend, f"127.0.0.1:{port}")) as serving:
        for bind in (f"*:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{port}", f"[::]:{port}"):
            assert "reloaded" in serving.change(content(backend, bind))
            assert [one["bind"] for one in serving.get("/status")["listeners"]] == [bind]
            assert serving.fetch()[0] == 200


def test_a_port_that_was_just_given_up_can_be_had_again(backend):
    with Serving(content(backend, "127.0.0.1:0", "127.0.0.2:0")) as serving:
        one, two = (f"127.0.0.{n}:{port}" for n, port in zip((1, 2), serving.ports))
        assert "reloaded" in serving.change(content(backend, one))
        for _ in range(10):
            assert "reloaded" in serving.change(content(backend, one, two))
            assert "reloaded" in serving.change(content(backend, one))
        assert serving.fetch()[0] == 200


def test_a_restart_takes_the_same_ports_although_clients_were_there(backend):
    with Serving(content(backend, "127.0.0.1:0")) as first:
        port = first.port
        assert first.fetch()[0] == 200
    for _ in range(3):
        with Serving(content(backend, f"127.0.0.1:{port}")) as again:
            assert again.fetch()[0] == 200


def test_every_worker_has_clients(backend):
    """The first socket of an address is one of the group like those after it."""
    with Serving({**content(backend, "127.0.0.1:0"), "workers": 4}) as serving:
        def all_were_chosen():
            assert serving.fetch()[0] == 200
            return len({line["client"] % 4 for line in serving.log() if "client" in line}) == 4
        until(all_were_chosen, f"a client of {HOST} at each worker")


# -- handfast check

def checked(file):
    done = subprocess.run([binary(), "check", "-c", file], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def test_check_has_nothing_against_what_is_running(backend):
    with Serving(content(backend, "127.0.0.1:0")) as serving:
        taken = {"metrics": f"127.0.0.1:{serving.metrics_port}"}
        serving.rewrite(content(backend, f"127.0.0.1:{serving.port}", **taken))
        status, text = checked(serving.config_file)
        assert status == 0 and "0 errors, 0 warnings" in text, text
        serving.rewrite(content(backend, "127.0.0.1:0"))


def test_check_warns_of_a_port_that_somebody_else_has(backend, tmp_path):
    """It may be free again at the start, so it is no error."""
    file = tmp_path / "handfast.yaml"
    made = content(backend, f"127.0.0.1:{backend.port}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        file.write_text(json.dumps({**made, "metrics": f"127.0.0.1:{port}"}))
        status, text = checked(file)
    assert status == 0 and "0 errors, 2 warnings" in text, text
    for path, number in (("listeners[0].bind", backend.port), ("metrics", port)):
        assert f"warning: {path}: port {number} is in use now" in text
        assert f"ss -ltnp 'sport = :{number}'" in text
