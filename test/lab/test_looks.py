# SPDX-License-Identifier: Apache-2.0
"""What the doctor sees without logging in: `handfast doctor --json` against servers whose ways are
known, and against servers that do what none should. The facts are looked at, not the findings.
"""

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from lab.balancer import Balancer, binary
from lab.embedded.domain import free_port

import rude

HOST = "iis1.example.test"


def run(lab, url, *arguments):
    return subprocess.run(
        [binary(), "doctor", url, "--json", "--ca", lab.ca_file, *arguments],
        capture_output=True, text=True, check=False, env=lab.env(), timeout=100,
        stdin=subprocess.DEVNULL)


@pytest.fixture
def look(lab):
    """look(port, ...) -> the facts of https://iis1.example.test:port/ at 127.0.0.1."""
    def take(port, *arguments, scheme="https", path="/", address="127.0.0.1", code=(0, 1)):
        at = ["--address", address] if address else []
        done = run(lab, f"{scheme}://{HOST}:{port}{path}", *at, *arguments)
        assert done.returncode in code, (done.returncode, done.stderr)
        return json.loads(done.stdout)["facts"]
    return take


@pytest.fixture
def front(look):
    def take(*arguments, **more):
        return look(*arguments, **more)["ends"][0]
    return take


def schemes(answer):
    return [challenge["scheme"] for challenge in answer["challenges"]]


# -- the stand-in as it should be

def test_healthy_server(front, lab, plain):
    end = front(plain.https)
    assert end["name"] == "front" and end["is_node"] is False and end["is_tls"] is True
    assert end["address"] == f"127.0.0.1:{plain.https}"
    assert end["tcp"]["is_open"] is True and end["tcp"]["error"] == ""
    tls = end["tls"]
    assert tls["ok"] is True and tls["version"] == "TLSv1.3" and tls["alpn"] == "http/1.1"
    assert tls["versions"] == {"TLSv1.3": True, "TLSv1.2": True, "TLSv1.1": False, "TLSv1.0": False}
    certificate = tls["certificate"]
    assert certificate["names"] == [HOST] and certificate["key"] == "ecdsa"
    assert certificate["is_trusted"] is True and certificate["trust_problem"] == ""
    assert certificate["covers_name"] is True and certificate["issuer"] == "CN=Lab Issuing CA"
    assert certificate["not_before_s"] < time.time() < certificate["not_after_s"]
    assert len(certificate["binding"]) == 32
    assert tls["ecdsa_sha256"] == certificate["sha256"] and tls["rsa_sha256"] is None
    assert tls["no_name"] == {"ok": True, "problem": "", "sha256": certificate["sha256"]}
    assert tls["large_hello"]["ok"] is True and tls["split_hello"]["ok"] is True
    assert tls["tls12_resumes"] is True and tls["tls13_resumes"] is True
    assert tls["asks_client_certificate"] is False and tls["ocsp_stapled"] is False
    assert tls["speaks_plain"] is False
    http = end["http"]
    for answer in http["first"], http["again"], http["post"], http["with_via"]:
        assert answer["status"] == 401 and answer["end"] == "done"
        assert schemes(answer) == ["Negotiate", "NTLM"] and answer["challenge_lines"] == 2
        assert answer["is_persistent"] is True and answer["body"] == "length"
        assert abs(answer["date_s"] - time.time()) < 300
    assert http["post_ended"] is False
    assert http["methods"]["RPC_IN_DATA"] == 401 and http["methods"]["HEAD"] == 401
    assert http["limit_bytes"] == 64800 and len(http["limits"]) == 11
    assert http["h2"] == {"offered": False}
    assert "redirect" not in http and "idle" not in http


def test_certificate_is_the_one_openssl_shows(front, lab, plain):
    context = ssl.create_default_context(cafile=lab.ca_file)
    with socket.create_connection(("127.0.0.1", plain.https)) as below, \
            context.wrap_socket(below, server_hostname=HOST) as channel:
        der = channel.getpeercert(binary_form=True)
    digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True)
    shown = front(plain.https)["tls"]["certificate"]["sha256"]
    assert shown == digest.stdout.split()[0].decode()


def test_subject_and_its_lack_of_secrets(look, plain, tmp_path):
    file = tmp_path / "password"
    file.write_text("Very-Secret-1!\n")
    file.chmod(0o600)
    facts = look(plain.https, "--direct", f"n1=127.0.0.1:{plain.https}", "--as",
                 "nobody@EXAMPLE.TEST", "--password-file", str(file), path="/app?x=1")
    subject = facts["subject"]
    assert subject["host"] == HOST and subject["port"] == plain.https
    assert subject["target"] == "/app?x=1" and subject["host_is_address"] is False
    assert subject["nodes"] == [
        {"name": "n1", "host": "127.0.0.1", "port": plain.https, "is_tls": True}]
    assert subject["accounts"][0]["name"] == "nobody"
    assert subject["accounts"][0]["proof"] == "password"
    assert "Very-Secret-1!" not in json.dumps(facts)


# -- the stand-in with settings

@pytest.mark.parametrize("switches, seen", [
    ({"providers": "ntlm"}, ["NTLM"]),
    ({"providers": "negotiate"}, ["Negotiate"]),
])
def test_challenges_in_order(front, server, switches, seen):
    assert schemes(front(server(**switches).https)["http"]["first"]) == seen


def test_http2(front, server):
    end = front(server(http2=True).https)
    assert end["tls"]["alpn"] == "h2"
    assert end["http"]["h2"] == {"offered": True, "status": 401, "error": "", "token_status": 0,
                                 "token_error": "HTTP_1_1_REQUIRED"}
    assert end["http"]["first"]["minor_version"] == 1


def test_severed_body(front, server):
    http = front(server(sever_bodies=True).https)["http"]
    assert http["post_ended"] is True and http["first"]["is_persistent"] is True


def test_anonymous_page(front, server):
    first = front(server(no_auth=["/open/"]).https, path="/open/x")["http"]["first"]
    assert first["status"] == 200 and first["challenges"] == []


def test_idle_connection_is_cut_with_slow_only(front, server):
    port = server(idle=1500).https
    assert front(port, "--slow")["http"]["idle"]["was_cut"] is True
    assert "idle" not in front(port)["http"]


def test_plain_server(front, plain):
    end = front(plain.http, scheme="http")
    assert end["is_tls"] is False and "tls" not in end
    assert end["http"]["first"]["status"] == 401 and "h2" not in end["http"]


# -- nodes

def test_nodes_beside_the_front(look, server):
    one, other = server("iis1"), server("iis2")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    ends = look(one.https, "--direct", f"a=127.0.0.1:{other.https}", "--direct",
                f"b=http://127.0.0.1:{other.http}", "--direct", f"c=127.0.0.1:{closed}")["ends"]
    assert [(end["name"], end["is_node"], end["is_tls"]) for end in ends] == [
        ("front", False, True), ("a", True, True), ("b", True, False), ("c", True, True)]
    front, tls_node, plain_node, gone = ends
    assert front["tls"]["certificate"]["sha256"] != tls_node["tls"]["certificate"]["sha256"]
    # the node is asked for the name of the URL
    assert tls_node["tls"]["certificate"]["covers_name"] is False
    assert plain_node["http"]["first"]["status"] == 401 and "tls" not in plain_node
    assert gone["tcp"] == {"is_open": False, "error": "refused", "ms": gone["tcp"]["ms"]}
    assert "tls" not in gone or gone["tls"] == {"versions": {}}
    assert "first" not in gone.get("http", {})


# -- TLS of other kinds

def test_expired_certificate_and_another_name(front, lab):
    pair = lab.certificate("lb-ecdsa")
    with rude.Rude(rude.answers(lambda _: rude.status("200 OK")),
                   rude.server_context(pair)) as server:
        certificate = front(server.port)["tls"]["certificate"]
    assert certificate["is_trusted"] is True and certificate["covers_name"] is False


def test_unknown_authority(front, lab, tmp_path):
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3",
                    "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout",
                    key, "-out", chain], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with rude.Rude(rude.answers(lambda _: rude.status("200 OK")), context) as server:
        tls = front(server.port)["tls"]
    assert tls["ok"] is True and tls["certificate"]["is_trusted"] is False
    assert tls["certificate"]["trust_problem"] == "self-signed certificate"
    assert tls["certificate"]["covers_name"] is True and tls["certificate"]["key"] == "rsa"
    assert tls["rsa_sha256"] == tls["certificate"]["sha256"] and tls["ecdsa_sha256"] is None


def test_two_kinds_of_certificate(front, lab):
    context = rude.server_context(lab.certificate("iis1-ecdsa"))
    rsa = lab.certificate("iis1-rsa")
    context.load_cert_chain(rsa.chain, rsa.key)
    with rude.Rude(rude.answers(lambda _: rude.status("200 OK")), context) as server:
        tls = front(server.port)["tls"]
    assert tls["rsa_sha256"] and tls["ecdsa_sha256"] and tls["rsa_sha256"] != tls["ecdsa_sha256"]


def test_server_that_wants_a_name(front, lab):
    def on_name(_channel, name, _context):
        return None if name == HOST else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    context = rude.server_context(lab.certificate("iis1-ecdsa"), sni_callback=on_name)
    with rude.Rude(rude.answers(lambda _: rude.status("200 OK")), context) as server:
        tls = front(server.port)["tls"]
    assert tls["ok"] is True and tls["no_name"]["ok"] is False
    assert "unrecognized name" in tls["no_name"]["problem"]


def test_server_that_asks_for_a_certificate(front, lab):
    context = rude.server_context(lab.certificate("iis1-ecdsa"))
    context.load_verify_locations(lab.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    with rude.Rude(rude.answers(lambda _: rude.status("200 OK")), context) as server:
        tls = front(server.port)["tls"]
    assert tls["asks_client_certificate"] is True


def test_server_of_one_version(front, lab):
    context = rude.server_context(lab.certificate("iis1-ecdsa"),
                                  maximum_version=ssl.TLSVersion.TLSv1_2)
    with rude.Rude(rude.answers(lambda _: rude.status("200 OK")), context) as server:
        tls = front(server.port)["tls"]
    assert tls["version"] == "TLSv1.2" and tls["versions"]["TLSv1.3"] is False
    assert "tls13_resumes" not in tls and tls["tls12_resumes"] is True


def test_router_that_looks_once(front, plain):
    with rude.Rude(rude.hasty_router(plain.https)) as router:
        tls = front(router.port)["tls"]
    assert tls["ok"] is True and tls["split_hello"]["ok"] is False
    assert "closed" in tls["split_hello"]["problem"] or "reset" in tls["split_hello"]["problem"]


def test_plain_server_where_tls_is_expected(front, plain):
    end = front(plain.http)
    assert end["tcp"]["is_open"] is True and end["tls"]["ok"] is False
    assert end["tls"]["problem"] and end["tls"]["speaks_plain"] is True
    assert "first" not in end.get("http", {})


# -- HTTP of other kinds

def scripted(front, make, **more):
    with rude.Rude(rude.answers(make)) as server:
        return front(server.port, scheme="http", **more)["http"]


def test_small_header_limit(front):
    def make(head):
        if max(map(len, head.split(b"\r\n"))) > 8192:
            return rude.status("400 Bad Request", body=b"<h2>Bad Request - Header Field Too Long"
                               b"</h2>Request Header Too Long")
        return rude.status("401 Unauthorized", "WWW-Authenticate: NTLM")
    http = scripted(front, make)
    assert http["limit_bytes"] == 7900
    assert http["limits"][-1] == {"bytes": 12000, "status": 400}


def test_merged_challenges(front):
    http = scripted(front, lambda _: rude.status(
        "401 Unauthorized", 'WWW-Authenticate: Negotiate, NTLM, Basic realm="a, b"'))
    assert schemes(http["first"]) == ["Negotiate", "NTLM", "Basic"]
    assert http["first"]["challenge_lines"] == 1


@pytest.mark.parametrize("location, redirect", [
    ("/", {"same_host": True, "to_plain": False, "loops": True}),
    ("http://iis1.example.test:{port}/", {"same_host": True, "to_plain": False, "loops": True}),
    ("/other", {"same_host": True, "to_plain": False, "loops": True}),
    ("https://iis1.example.test/", {"same_host": True, "to_plain": False, "loops": False}),
    ("http://other.example.test/", {"same_host": False, "to_plain": False, "loops": False}),
])
def test_redirects(front, location, redirect):
    port = []

    def make(_head):
        return rude.status("302 Found", "Location: " + location.format(port=port[0]))
    with rude.Rude(rude.answers(make)) as server:
        port.append(server.port)
        found = front(server.port, scheme="http")["http"]["redirect"]
    assert {key: found[key] for key in redirect} == redirect
    assert "page" not in found


def test_redirect_that_ends(front):
    def make(head):
        if head.startswith(b"GET /login"):
            return rude.status("200 OK")
        return rude.status("302 Found", "Location: login?next=/")
    found = scripted(front, make)["redirect"]
    assert found["loops"] is False and found["host"] == HOST
    assert found["location"] == "login?\u2026"  # a query may log somebody in
    assert found["page"]["status"] == 200 and found["page"]["challenges"] == []


def test_redirect_to_where_people_log_in(front):
    def make(head):
        if head.startswith(b"GET /app/"):
            return rude.status("401 Unauthorized", "WWW-Authenticate: Negotiate")
        return rude.status("302 Found", "Location: /app" + ("/" if head.startswith(b"GET /app ") else ""))
    found = scripted(front, make)["redirect"]
    assert schemes(found["page"]) == ["Negotiate"] and found["loops"] is False


def test_redirect_to_nothing(front):
    def make(head):
        return b"" if head.startswith(b"GET /app") else rude.status("302 Found", "Location: /app")
    found = scripted(front, make)["redirect"]
    assert found["page"]["status"] == 0


def test_redirect_to_plain(front, lab):
    context = rude.server_context(lab.certificate("iis1-ecdsa"))
    with rude.Rude(rude.answers(lambda _: rude.status(
            "301 Moved", f"Location: http://{HOST}/")), context) as server:
        found = front(server.port)["http"]["redirect"]
    assert found["to_plain"] is True and found["same_host"] is True


def test_fields_that_tell(front):
    http = scripted(front, lambda _: rude.status(
        "403 Forbidden", 'Alt-Svc: h3=":443"', "Via: 1.1 squid", "Server: Microsoft-HTTPAPI/2.0",
        "Persistent-Auth: false", "Connection: close", body=b"HTTP Error 403.4 - Forbidden"))
    first = http["first"]
    assert first["alt_svc"] == 'h3=":443"' and first["via"] == "1.1 squid"
    assert first["server"] == "Microsoft-HTTPAPI/2.0" and first["persistent_auth"] == "false"
    assert first["connection"] == "close" and first["is_persistent"] is False
    assert first["body_says"] == "ssl required" and "again" not in http


# -- through Handfast

def test_through_handfast(look, lab, plain, tmp_path):
    pair = lab.certificate("lb-ecdsa")
    config = f"""
listeners: [{{bind: "127.0.0.1:0"}}]
admin: {tmp_path}/admin.sock
sites:
  - name: lb
    hosts: [lb.example.test]
    certificates: [{{chain: {pair.chain}, key: {pair.key}}}]
    routes: [{{path: /, forward: farm}}]
pools:
  - name: farm
    servers: [{{name: iis1.example.test, address: "127.0.0.1:{plain.http}"}}]
"""
    with Balancer(config) as balancer:
        done = run(lab, f"https://lb.example.test:{balancer.ports[0]}/", "--address", "127.0.0.1")
    end = json.loads(done.stdout)["facts"]["ends"][0]
    assert end["tls"]["ok"] is True and end["tls"]["certificate"]["covers_name"] is True
    assert end["tls"]["no_name"]["ok"] is False  # no site without a name
    assert end["tls"]["large_hello"]["ok"] is True and end["tls"]["split_hello"]["ok"] is True
    assert schemes(end["http"]["first"]) == ["Negotiate", "NTLM"]
    assert end["http"]["limit_bytes"] == 64800
    assert end["http"]["h2"] == {"offered": False}
    assert end["http"]["methods"]["RPC_IN_DATA"] == 401


# -- names

def answers_names(process, port):
    """Does this DNS server answer before it ends?"""
    query = bytes.fromhex("000101000001000000000000" "0178" "0474657374" "00" "0001" "0001")
    with socket.socket(type=socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.2)
        while process.poll() is None:
            try:
                asker.sendto(query, ("127.0.0.1", port))
                return bool(asker.recv(512))
            except (TimeoutError, ConnectionError):
                pass
    return False


@pytest.fixture
def names(tmp_path):
    """A DNS server of the test's own: names("--host-record=…") -> "127.0.0.1:PORT"."""
    running = []

    def start(*records):
        for _ in range(5):  # somebody else may take the port first
            port = free_port()
            running.append(subprocess.Popen(
                ["dnsmasq", "--keep-in-foreground", f"--port={port}", "--listen-address=127.0.0.1",
                 "--bind-interfaces", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
                 "--local=/test/", "--user=root", f"--pid-file={tmp_path}/dnsmasq.pid", *records],
                stderr=subprocess.DEVNULL))
            if answers_names(running[-1], port):
                return f"127.0.0.1:{port}"
        raise AssertionError("dnsmasq does not answer")
    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def test_names(look, plain, names):
    server = names("--host-record=lb.example.test,127.0.0.1",
                   f"--cname={HOST},alias.example.test",
                   "--cname=alias.example.test,lb.example.test",
                   "--srv-host=_kerberos._tcp.example.test,dc2.example.test,88,10",
                   "--srv-host=_kerberos._tcp.example.test,dc1.example.test,88,0",
                   "--srv-host=_ldap._tcp.example.test,dc1.example.test,389")
    facts = look(plain.https, "--dns", server, "--direct", "lb.example.test", "--direct",
                 "iis9.example.test", address=None)
    dns = facts["dns"]
    assert dns["error"] == "" and dns["a"] == ["127.0.0.1"] and dns["aaaa"] == []
    assert dns["cname"] == ["alias.example.test", "lb.example.test"]
    assert dns["reverse"] == [{"address": "127.0.0.1", "name": "lb.example.test"}]
    assert [(kdc["host"], kdc["priority"]) for kdc in dns["kdc"]] == [
        ("dc1.example.test", 0), ("dc2.example.test", 10)]
    assert dns["ldap"] == [{"host": "dc1.example.test", "port": 389, "priority": 0}]
    assert dns["short_name"] == {"name": "iis1", "a": []}
    assert dns["nodes"] == [{"name": "lb.example.test", "a": ["127.0.0.1"], "error": ""},
                            {"name": "iis9.example.test", "a": [], "error": "no such name"}]
    front, _, missing = facts["ends"]
    assert front["address"] == f"127.0.0.1:{plain.https}"
    assert front["http"]["first"]["status"] == 401
    assert missing["address"] == "" and missing["tcp"]["is_open"] is False


def test_front_of_several_addresses(look, plain, names):
    """Nobody listens at the first; the second is looked at, and both are told."""
    server = names(f"--host-record={HOST},127.0.0.1", f"--host-record={HOST},127.0.0.99")
    ends = look(plain.https, "--dns", server, "--direct", f"n=127.0.0.1:{plain.https}",
                address=None)["ends"]
    assert [(end["name"], end["is_node"]) for end in ends] == [
        ("front", False), ("n", True), ("front", False)]
    assert ends[0]["address"] == f"127.0.0.1:{plain.https}"
    assert ends[0]["http"]["first"]["status"] == 401
    assert ends[2]["address"] == f"127.0.0.99:{plain.https}"
    assert ends[2]["tcp"]["error"] == "refused" and "http" not in ends[2] and "tls" not in ends[2]


def test_no_such_name(look, plain, names):
    facts = look(plain.https, "--dns", names(), address=None, code=(0, 1, 2))
    assert facts["dns"]["error"] == "no such name"
    assert facts["dns"]["kdc"] == [] and facts["dns"]["ldap"] == []
    assert facts["ends"][0]["address"] == "" and "http" not in facts["ends"][0]


def test_no_name_server(look, plain):
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        facts = look(plain.https, "--dns", server, "--patience", "1")
    assert facts["dns"]["error"] == "timeout"
    assert "kdc" not in facts["dns"] and "ldap" not in facts["dns"]  # unknown is not "none"
    assert facts["ends"][0]["http"]["first"]["status"] == 401


# -- the directory, as far as it needs none

def test_directory_that_is_not_there(look, plain):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    assert "ldap" not in look(plain.https)
    assert "no account" in look(plain.https, f"--ldap=127.0.0.1:{closed}")["ldap"]["error"]


@pytest.mark.parametrize("said", [b"", b"\x30\x84\xff\xff\xff\xff\x02", b"HTTP/1.1 400 x\r\n\r\n",
                                  os.urandom(4096)], ids=["nothing", "huge", "http", "noise"])
def test_directory_that_is_none(look, lab, plain, said):
    def serve(connection):
        connection.recv(4096)
        connection.sendall(said)
        connection.recv(4096)
    with rude.Rude(serve) as directory:
        facts = look(plain.https, f"--ldap=127.0.0.1:{directory.port}", "--patience", "1", "--as",
                     "alice@EXAMPLE.TEST", "--ccache=" + lab.ticket("alice"))
    assert facts["ldap"]["error"] and "holders" not in facts["ldap"]


def ldap(tag, *content):
    data = b"".join(content)
    size = bytes([len(data)]) if len(data) < 128 else b"\x82" + len(data).to_bytes(2, "big")
    return bytes([tag]) + size + data


def ldap_result(number, tag, code):
    return ldap(0x30, number, ldap(tag, bytes([10, 1, code, 4, 0, 4, 0])))


def ldap_entry(number, name, **attributes):
    values = [ldap(0x30, ldap(4, key.encode()), ldap(0x31, ldap(4, value.encode())))
              for key, value in attributes.items()]
    return ldap(0x30, number, ldap(0x64, ldap(4, name.encode()), ldap(0x30, *values)))


def directory_of(context, binds, code, find=None):
    """Takes StartTLS; a bind is answered with `code`, a search with find(number, request)."""
    def serve(connection):
        while request := connection.recv(4096):
            start = 2 + (request[1] & 0x7f if request[1] & 0x80 else 0)
            number, operation = request[start:start + 3], request[start + 3]
            if operation == 0x77:
                connection.sendall(ldap_result(number, 0x78, 0))
                connection = context.wrap_socket(connection, server_side=True)
            elif operation == 0x60:
                binds.append(number)
                connection.sendall(ldap_result(number, 0x61, code))
            elif operation == 0x63:
                connection.sendall(find(number, request) + ldap_result(number, 0x65, 0))
            else:
                return
    return serve


def test_a_hostile_directory_writes_no_commands(lab, names, tmp_path):
    """handfast plan --check prints what to type; names of the directory are no part of it then."""
    def find(number, request):
        if b"defaultNamingContext" in request:
            return ldap_entry(number, "", defaultNamingContext="DC=example,DC=test")
        if b"servicePrincipalName" in request and b"HTTP/" in request:
            return ldap_entry(number, "CN=evil,DC=example,DC=test", sAMAccountName="x$(calc) & calc")
        return ldap_entry(number, "CN=svc,DC=example,DC=test", sAMAccountName="svc-web",
                          userAccountControl="512")
    secret, config = tmp_path / "secret", tmp_path / "plan.yaml"
    secret.write_text("it\n", encoding="utf-8")
    secret.chmod(0o600)
    pair, binds = lab.certificate("iis1-ecdsa"), []
    config.write_text(f"""\
listeners: [{{bind: "127.0.0.1:443"}}]
sites:
  - name: lb
    hosts: [lb.example.test]
    certificates: [{{chain: {pair.chain}, key: {pair.key}}}]
    routes: [{{path: /, forward: farm}}]
pools: [{{name: farm, servers: [{{name: iis1.example.test, address: "127.0.0.1:9"}}]}}]
""", encoding="utf-8")
    with rude.Rude(directory_of(rude.server_context(pair), binds, 0, find)) as directory:
        done = subprocess.run(
            [binary(), "plan", "-c", str(config), "--domain", "example.test", "--service-account",
             "svc-web", "--check", "--dns", names(f"--host-record={HOST},127.0.0.1"), "--ldap",
             f"{HOST}:{directory.port}", "--ca", lab.ca_file, "--as", "alice@EXAMPLE.TEST",
             "--password-file", str(secret)], capture_output=True, text=True, check=False,
            timeout=100, env=lab.env())
    assert binds and done.returncode == 1, done.stderr
    assert "setspn -D HTTP/lb.example.test ACCOUNT; " in done.stdout, done.stdout
    assert not re.search(r"setspn[^\n]*calc", done.stdout)


def test_a_password_nobody_vouches_for_counts_at_the_directory(lab, names, tmp_path):
    """With no KDC: two attempts in all, wherever they are made."""
    secret, config = tmp_path / "secret", tmp_path / "krb5.conf"
    secret.write_text("not it\n", encoding="utf-8")
    secret.chmod(0o600)
    config.write_text("[libdefaults]\ndns_lookup_kdc = false\n", encoding="utf-8")
    binds, web = [], rude.Ntlm(lambda connection: connection.sendall(
        rude.status("401 Unauthorized", "WWW-Authenticate: NTLM")))
    context = rude.server_context(lab.certificate("iis1-ecdsa"))
    url = ["--dns", names(f"--host-record={HOST},127.0.0.1"), "--address", "127.0.0.1"]
    with rude.Rude(web) as one, rude.Rude(directory_of(context, binds, 49)) as directory:
        done = subprocess.run(
            [binary(), "doctor", f"http://{HOST}:{one.port}/", "--json", "--ca", lab.ca_file, *url,
             f"--ldap={HOST}:{directory.port}", "--as", "dave@EXAMPLE.TEST", "--password-file",
             str(secret)], capture_output=True, text=True, check=False, timeout=100,
            env={**lab.env(), "KRB5_CONFIG": str(config)})
    assert len(binds) + web.type3 == 2
    said = json.loads(done.stdout)["facts"]["ldap"]["error"]
    assert "password" in said and (len(binds) == 1) == ("did not take" in said)


# -- what must not hang or break it

def flood(data, first=b""):
    """Without end, but leaving some of the machine to the others."""
    data *= max(1, 32768 // len(data))

    def serve(connection):
        connection.recv(65536)
        connection.sendall(first)
        while True:
            connection.sendall(data)
            time.sleep(0.005)
    return serve


def drip(data, first=b""):
    """Without end, and never so slow that it seems to hang."""
    def serve(connection):
        connection.recv(65536)
        connection.sendall(first)
        while True:
            connection.sendall(data)
            time.sleep(0.3)
    return serve


def say(data, stays=False):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(data)
        if stays:
            while connection.recv(65536):
                pass
    return serve


RUDE = {
    "closing": lambda _: None,
    "silent": say(b"", stays=True),
    "garbage": say(os.urandom(5000)),
    "endless-garbage": flood(os.urandom(4096)),
    "half-a-head": say(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authen"),
    "half-a-head-silent": say(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authen", stays=True),
    "endless-fields": flood(b"X-Field: value\r\n"),
    "large-head": say(b"HTTP/1.1 401 U\r\n" + b"X-Field: value\r\n" * 100000),
    "endless-body": flood(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 32768),
    "half-a-body": say(b"HTTP/1.1 401 U\r\nContent-Length: 100\r\n\r\nabc"),
    "bad-chunk": say(b"HTTP/1.1 401 U\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"),
    "endless-interim": flood(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "zeros": say(b"HTTP/1.1 401 U\r\nServer: a\0b\r\nContent-Length: 0\r\n\r\n"),
    "no-text": say(b"HTTP/1.1 401 \xff\xfe\r\nServer: \xc3\xff\r\nLocation: \xf0\x28"
                                  b"\r\nContent-Length: 0\r\n\r\n"),
    "many-challenges": say(b"HTTP/1.1 401 U\r\n" + b"WWW-Authenticate: NTLM " + b"T" * 4000
                                 + b"\r\n" + b"WWW-Authenticate: Negotiate\r\n" * 150
                                 + b"Content-Length: 0\r\n\r\n"),
    "tls-garbage": say(b"\x16\x03\x03\x40\x00" + os.urandom(16384)),
    "tls-alert": say(b"\x15\x03\x03\x00\x02\x02\x28"),
    "half-a-server-hello": say(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", stays=True),
    "interim-drops": drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body-drops": drip(b"A", b"HTTP/1.1 401 U\r\nWWW-Authenticate: NTLM\r\nContent-Length: 9999\r\n\r\n"),
    "tiny-chunks": flood(b"1\r\nA\r\n", b"HTTP/1.1 401 U\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "http2-garbage": say(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + os.urandom(3000)),
}
WHOLE = ("no-text", "many-challenges")  # rude, but HTTP


def survive(lab, nodes, port, is_calm=True):
    """One run over all of them at once: a rude node must not spoil what is said of the others."""
    done = run(lab, f"https://{HOST}:{port}/", "--address", "127.0.0.1", "--patience", "2",
               *[f"--direct={name}={place}" for name, place in nodes])
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    assert "Sanitizer" not in done.stderr
    front, *others = json.loads(done.stdout)["facts"]["ends"]
    if is_calm:
        assert front["http"]["first"]["status"] == 401 and front["http"]["limit_bytes"] == 64800
    assert [end["name"] for end in others] == [name for name, _ in nodes]
    assert all(end["tcp"]["is_open"] for end in others)
    return others


@contextlib.contextmanager
def rude_servers(context=None):
    """All scenarios at once -> [(name, port)]."""
    with contextlib.ExitStack() as stack:
        yield [(name, stack.enter_context(rude.Rude(scenario, context)).port)
               for name, scenario in RUDE.items()]


def test_survives_rude_servers(lab, plain):
    with rude_servers() as servers:
        nodes = [(name, f"http://127.0.0.1:{port}") for name, port in servers]
        ends = {end["name"]: end["http"]["first"] for end in survive(lab, nodes, plain.https)}
    assert all(first["end"] != "done" or name in WHOLE for name, first in ends.items())
    assert ends["half-a-head"]["status"] == 401
    assert ends["no-text"]["server"] == "\ufffd\ufffd"
    assert len(ends["many-challenges"]["challenges"]) == 8
    assert ends["many-challenges"]["challenge_lines"] == 151


def test_survives_rude_servers_instead_of_tls(lab, plain):
    with rude_servers() as servers:
        nodes = [(name, f"127.0.0.1:{port}") for name, port in servers]
        ends = survive(lab, nodes, plain.https)
    for end in ends:
        assert end["tls"]["ok"] is False and end["tls"]["problem"], end["name"]


def test_survives_rude_servers_inside_tls(lab, plain):
    """By one protocol after the other: both at once would leave neither the time to look at all nodes."""
    for alpn in ("http/1.1", "h2"):
        context = rude.server_context(lab.certificate("iis1-ecdsa"))
        context.set_alpn_protocols([alpn])
        with rude_servers(context) as servers:
            nodes = [(name, f"127.0.0.1:{port}") for name, port in servers]
            # floods through Python's TLS take all the time there is; what was not looked at is not there
            ends = survive(lab, nodes, plain.https, is_calm=False)
        seen = [end for end in ends if end.get("tls", {}).get("ok")]
        assert seen and all(end["tls"]["alpn"] == alpn for end in seen)
        offers = [end["http"]["h2"]["offered"] for end in ends if "h2" in end.get("http", {})]
        assert offers and all(offered is (alpn == "h2") for offered in offers)


def test_survives_an_end_at_every_byte(lab, plain):
    """A relay that cuts what the server says, further along each time a connection comes."""
    cuts = iter(range(0, 4000, 37))

    def serve(connection):
        cut = next(cuts, 0)
        with socket.create_connection(("127.0.0.1", plain.https), 3) as server:
            for source, target in ((connection, server), (server, connection)) * 8:
                data = source.recv(65536)
                if source is server:
                    data, cut = data[:cut], max(0, cut - len(data))
                target.sendall(data)
                if not data or (source is server and cut == 0):
                    return
    with rude.Rude(serve) as relay:
        survive(lab, [(f"cut{n}", f"127.0.0.1:{relay.port}") for n in range(6)], plain.https)


# -- how long what hangs may keep us: limits with room for a slow machine, not measurements

HANGS = {name: RUDE[name] for name in ("silent", "interim-drops", "body-drops", "tiny-chunks",
                                       "half-a-head-silent")}
ALICE = ["--as", "alice@EXAMPLE.TEST", "--ccache"]


@pytest.mark.parametrize("name", HANGS)
def test_what_hangs_keeps_us_for_a_bounded_time(lab, name):
    began = time.monotonic()
    with rude.Rude(HANGS[name]) as one:
        done = run(lab, f"http://{HOST}:{one.port}/", "--address", "127.0.0.1", *ALICE,
                   lab.ticket("alice"), *[f"--direct=n{n}=http://127.0.0.1:{one.port}"
                                          for n in range(2)])
    assert done.returncode == 1, done.stderr
    assert time.monotonic() - began < 20
    end = json.loads(done.stdout)["facts"]["ends"][0]
    if name != "tiny-chunks" and name != "body-drops":
        assert end["kerberos"]["outcome"] == "no answer"


def test_a_kdc_that_hangs_keeps_us_for_a_bounded_time(lab, plain, tmp_path):
    """It takes what comes and says nothing; two accounts wait for it side by side."""
    secret, config = tmp_path / "secret", tmp_path / "krb5.conf"
    secret.write_text("not it\n", encoding="utf-8")
    secret.chmod(0o600)
    with rude.Rude(RUDE["silent"]) as kdc, socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", kdc.port))
        config.write_text("[libdefaults]\ndns_lookup_kdc = false\n[realms]\nEXAMPLE.TEST = {\n"
                          f"kdc = 127.0.0.1:{kdc.port}\n}}\n", encoding="utf-8")
        people = [word for name in ("dave", "carol")
                  for word in ("--as", f"{name}@EXAMPLE.TEST", "--password-file", str(secret))]
        began = time.monotonic()
        done = subprocess.run(
            [binary(), "doctor", f"https://{HOST}:{plain.https}/", "--json", "--ca", lab.ca_file,
             "--address", "127.0.0.1", *people], capture_output=True, text=True, check=False,
            timeout=100, env={**lab.env(), "KRB5_CONFIG": str(config)})
    assert done.returncode == 1, done.stderr
    assert time.monotonic() - began < 20
    facts = json.loads(done.stdout)["facts"]
    assert facts["kerberos"]["client"]["error"]["name"] == "KDC_UNREACHABLE"
    assert facts["ends"][0]["ntlm"]["outcome"] in ("refused", "not tried")
