# SPDX-License-Identifier: Apache-2.0
# A route matches however its path is written in the file: it is kept as requests' paths are compared.
import pytest
from serving import Backend, Serving, config, pool

WRITTEN = {"/x/../y": "/y", "/a%20b": "/a b", "/c//d/": "/c/d/", "/%252e": "/%2e"}


@pytest.fixture(scope="module")
def serving():
    backend = Backend()
    routes = [{"path": path, "forward": "main"} for path in WRITTEN]
    with Serving(config(pool("main", ("iis1.test", backend.port)), routes=routes)) as made:
        yield made
    backend.stop()


@pytest.mark.parametrize("path", ["/y", "/x/../y", "/Y/z", "/a%20b", "/a%20b/c", "/c/d", "/c//d", "/%63/d", "/%252e"])
def test_matched(serving, path):
    assert serving.fetch(path)[0] == 200


@pytest.mark.parametrize("path", ["/x", "/a%2520b", "/c", "/%25252e", "/yy"])
def test_not_matched(serving, path):
    assert serving.fetch(path)[0] == 404


def test_shown_as_compared(serving):
    site, = serving.get("/status")["sites"]
    assert {route["path"] for route in site["routes"]} == set(WRITTEN.values())
