# SPDX-License-Identifier: Apache-2.0
"""The rows of the table, as data: what bench-load does, through which door, and how much of it."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One row. kind "cpu": the proxy's CPU for each unit; "login": the same, and latency; "idle":
    its memory for each client."""

    name: str
    title: str
    door: str            # which port of the proxy: pass, http, tls or login
    load: tuple          # arguments of bench-load; for a login the kind
    clients: int
    units: int           # in one round
    kind: str = "cpu"
    unit: str = "µs"     # what one number of the row is
    unit_bytes: int = 0  # bulk: bytes that one unit of bench-load moves; the figure is per GB
    cannot: tuple = ()   # products that cannot do this at all


RAW = ("--raw", "--name", "raw.bench.test")
PASSED_TLS = ("--tls", "--name", "tls.bench.test")
ECDSA = ("--tls", "--name", "ecdsa.bench.test")
RSA = ("--tls", "--name", "rsa.bench.test")
CLEAR = ("--name", "ecdsa.bench.test")
FETCH = ("--talk", "fetch")


def bulk(name, title, door, load, units):
    return Row(name, title, door, load, clients=4, units=units, unit="s/GB", unit_bytes=128 * MIB)


BULK_PATH = ("--path", f"/bytes/{128 * MIB}")
HANDSHAKE = ("--talk", "nothing")

ROWS = (
    Row("pass-echo-1", "passthrough, 64 bytes and back, 1 connection", "pass",
        RAW + ("--talk", "echo"), clients=1, units=20000),
    Row("pass-echo-100", "passthrough, 64 bytes and back, 100 connections", "pass",
        RAW + ("--talk", "echo"), clients=100, units=60000),
    Row("pass-connect", "passthrough, new connection with one round trip", "pass",
        RAW + ("--talk", "echo", "--fresh"), clients=16, units=12000),
    bulk("pass-bulk", "passthrough, bulk in clear", "pass",
         RAW + ("--talk", "pull", "--size", str(128 * MIB)), units=16),
    bulk("pass-bulk-tls", "passthrough, bulk of TLS", "pass",
         PASSED_TLS + FETCH + BULK_PATH, units=12),

    Row("tls13-ecdsa", "TLS 1.3 handshake, new, ECDSA P-256", "tls",
        ECDSA + HANDSHAKE + ("--tls-version", "1.3", "--key", "EC"), clients=8, units=4000),
    Row("tls13-rsa", "TLS 1.3 handshake, new, RSA 2048", "tls",
        RSA + HANDSHAKE + ("--tls-version", "1.3", "--key", "RSA"), clients=8, units=1600),
    Row("tls12-ecdsa", "TLS 1.2 handshake, new, ECDSA P-256", "tls",
        ECDSA + HANDSHAKE + ("--tls-version", "1.2", "--key", "EC"), clients=8, units=4000),
    Row("tls12-rsa", "TLS 1.2 handshake, new, RSA 2048", "tls",
        RSA + HANDSHAKE + ("--tls-version", "1.2", "--key", "RSA"), clients=8, units=3200),
    Row("tls13-resumed", "TLS 1.3 handshake, resumed", "tls",
        ECDSA + HANDSHAKE + ("--tls-version", "1.3", "--resume"), clients=8, units=6000),
    Row("tls12-resumed", "TLS 1.2 handshake, resumed", "tls",
        ECDSA + HANDSHAKE + ("--tls-version", "1.2", "--resume"), clients=8, units=18000),

    Row("http-small", "forward, small request, clear, 100 connections", "http",
        CLEAR + FETCH, clients=100, units=90000),
    Row("https-small", "forward, small request, TLS, 100 connections", "tls",
        ECDSA + FETCH, clients=100, units=75000),
    Row("http-64k", "forward, 64 KiB answer, clear, 100 connections", "http",
        CLEAR + FETCH + ("--path", "/bytes/65536"), clients=100, units=10000),
    Row("https-64k", "forward, 64 KiB answer, TLS, 100 connections", "tls",
        ECDSA + FETCH + ("--path", "/bytes/65536"), clients=100, units=6000),
    bulk("http-bulk", "forward, bulk answer, clear", "http", CLEAR + FETCH + BULK_PATH, units=16),
    bulk("https-bulk", "forward, bulk answer, TLS", "tls", ECDSA + FETCH + BULK_PATH, units=8),
    Row("http-post-64k", "forward, 64 KiB request body, clear, 100 connections", "http",
        CLEAR + FETCH + ("--size", "65536"), clients=100, units=8000),

    Row("login-ntlm", "forward, NTLM login on a new TLS connection", "login", ("ntlm",),
        clients=1, units=500, kind="login", cannot=("nginx",)),
    Row("login-kerberos", "forward, Kerberos login on a new TLS connection", "login", ("krb401",),
        clients=1, units=500, kind="login", cannot=("nginx",)),
    Row("login-ntlm-pass", "passthrough, NTLM login on a new TLS connection", "pass", ("ntlm",),
        clients=1, units=500, kind="login"),
    Row("login-kerberos-pass", "passthrough, Kerberos login on a new TLS connection", "pass",
        ("krb401",), clients=1, units=500, kind="login"),

    Row("idle-tls", "idle TLS client with a link of its own", "tls",
        ECDSA + FETCH, clients=3000, units=3000, kind="idle", unit="kB"),
    Row("idle-pass", "idle passthrough pair", "pass",
        RAW + ("--talk", "echo"), clients=3000, units=3000, kind="idle", unit="kB"),
)


def chosen(names):
    """Rows by name; a name may be a prefix such as "pass". Raises ValueError for none."""
    picked = []
    for name in names:
        matching = [row for row in ROWS if row.name == name or row.name.startswith(name + "-")]
        if not matching:
            raise ValueError(f"no row {name!r}; rows are: {', '.join(row.name for row in ROWS)}")
        picked.extend(row for row in matching if row not in picked)
    return picked
