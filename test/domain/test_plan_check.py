# SPDX-License-Identifier: Apache-2.0
"""`handfast plan --check` against a real domain: what is missing is listed until it is mended.

The domain is brought to what the plan wants, and back afterwards: other tests share it. The
commands that mend are those that were printed, in the words of Samba's tools.
"""

import re

import pytest

from lab.domain import names

CONFIG = """
listeners: [{{bind: "127.0.0.30:443"}}]
sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{{chain: {chain}, key: {key}}}]
    routes: [{{path: /chat, redirect: nodes}}, {{path: /, forward: farm}}]
  - name: nodes
    hosts: [iis1.example.test, iis2.example.test]
    passthrough: nodes
pools:
  - name: nodes
    servers:
      - {{name: iis1.example.test, address: "127.0.0.21:443"}}
      - {{name: iis2.example.test, address: "127.0.0.22:443"}}
  - name: farm
    tls: {{ca: {ca}}}
    servers: [{{name: iis1.example.test, address: "127.0.0.21:443"}}]
"""

SHORT = ["HTTP/lb", "HTTP/iis1", "HTTP/iis2"]
LB, DC = names.ADDRESSES["lb"], names.ADDRESSES["dc1"]


class Directory:
    """What an administrator does to the domain."""

    def __init__(self, domain):
        self.domain = domain

    def tool(self, *arguments):
        done = self.domain.run(["samba-tool", *arguments])
        assert done.returncode == 0, done.stdout + done.stderr

    def dns(self, verb, name, *record):
        self.tool("dns", verb, DC, names.DNS_DOMAIN, name, *record,
                  f"-UAdministrator%{names.ADMIN_PASSWORD}")

    def point(self, name, before, after):
        self.dns("update", name, "A", before, after)

    def spn(self, verb, spn, account):
        self.tool("spn", verb, spn, account)

    def encryption_types(self, account, number):
        change = (f"dn: CN={account},CN=Users,DC=example,DC=test\nchangetype: modify\n"
                  f"replace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: {number}\n")
        done = self.domain.run(["ldbmodify", "-H", "/var/lib/samba/private/sam.ldb"], input=change)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", name="directory")
def make_directory(handfast_binary, domain, servers):  # pylint: disable=unused-argument
    """The domain as the plan wants it: short names held, node names leading to the load balancer."""
    directory = Directory(domain)
    for spn in SHORT:
        directory.spn("add", spn, names.SERVICE)
    for name in ("iis1", "iis2"):
        directory.point(name, names.ADDRESSES[name], LB)
    yield directory
    for spn in SHORT:
        directory.spn("delete", spn, names.SERVICE)
    for name in ("iis1", "iis2"):
        directory.point(name, LB, names.ADDRESSES[name])


@pytest.fixture(name="check")
def make_check(directory, handfast_binary, domain, tmp_path):
    """check(*options) -> (exit status, output) of `handfast plan --check`, as alice."""
    chain, key = domain.certificate("lb")
    config = tmp_path / "handfast.yaml"
    assert directory

    def run(*options, ticket=True, server2="127.0.0.22"):
        text = CONFIG.format(chain=chain, key=key, ca=domain.ca)
        config.write_text(text.replace("127.0.0.22", server2), encoding="utf-8")
        env = {"KRB5CCNAME": domain.ticket("alice") if ticket else f"FILE:{tmp_path}/none"}
        done = domain.run([handfast_binary, "plan", "-c", config, "--domain", names.DNS_DOMAIN,
                           "--service-account", names.SERVICE, "--lb-address", LB, "--check",
                           "--dns", DC, "--ca", domain.ca, *options], env=env)
        assert done.stderr == ""
        return done.returncode, done.stdout
    return run


def is_all_true(result):
    status, output = result
    assert status == 0, output
    assert re.fullmatch(r"\d+ true, 0 missing, 0 could not be looked at, \d+ cannot be seen from here\n", output)
    return int(output.split()[0]) > 12


def missing(output):
    """{what is missing: (what was found, how to mend it)}."""
    found = re.findall(r"^missing: (.*)\n  found:   (.*)\n  because: .*\n(?:  mend:    (.*)\n)?", output, re.M)
    return {what: (seen, mend) for what, seen, mend in found}


def test_nothing_is_missing(check):
    assert is_all_true(check())


def test_a_password_serves_as_well_as_a_ticket(check, domain, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(domain.password("alice") + "\n", encoding="utf-8")
    account = ("--as", f"alice@{names.REALM}", "--password-file", str(secret))
    assert is_all_true(check(*account, ticket=False))
    secret.write_text("Wrong-Pw1!\n", encoding="utf-8")
    status, output = check(*account, ticket=False)
    assert status == 2
    assert "could not look: HTTP/lb.example.test belongs to" in output
    assert "Wrong-Pw1!" not in output


def test_without_a_ticket_it_could_not_look(check):
    status, output = check(ticket=False)
    assert status == 2
    assert "could not look: HTTP/lb.example.test belongs to svc-iis and to nobody else\n" \
           "  found:   there is no Kerberos ticket (kinit), and no --as\n" in output
    assert missing(output) == {}


def test_a_missing_name_is_listed_until_it_is_added(check, directory):
    directory.spn("delete", "HTTP/lb.example.test", names.SERVICE)
    try:
        status, output = check()
    finally:
        directory.spn("add", "HTTP/lb.example.test", names.SERVICE)
    assert status == 1
    assert missing(output) == {"HTTP/lb.example.test belongs to svc-iis and to nobody else":
                               ("nobody has it", "setspn -S HTTP/lb.example.test svc-iis")}
    assert is_all_true(check())


def test_a_name_of_somebody_else(check, directory):
    directory.spn("delete", "HTTP/iis1", names.SERVICE)
    directory.spn("add", "HTTP/iis1", "bob")
    try:
        status, output = check()
    finally:
        directory.spn("delete", "HTTP/iis1", "bob")
        directory.spn("add", "HTTP/iis1", names.SERVICE)
    assert status == 1
    (seen, mend), = missing(output).values()
    assert seen == "bob (CN=bob,CN=Users,DC=example,DC=test) has it"
    assert mend == "setspn -D HTTP/iis1 bob; setspn -S HTTP/iis1 svc-iis"
    assert is_all_true(check())


def test_a_cname_is_listed_until_it_is_a_record(check, directory):
    directory.dns("delete", "lb", "A", LB)
    directory.dns("add", "lb", "CNAME", "iis1.example.test")
    try:
        status, output = check()
    finally:
        directory.dns("delete", "lb", "CNAME", "iis1.example.test")
    assert status == 1
    what = "lb.example.test has A or AAAA records of the load balancer, and is no CNAME"
    assert missing(output) == {what: ("it is a CNAME of iis1.example.test",
                                      f"have exactly these records: lb.example.test. IN A {LB}")}
    # and now as it was printed: first there is nothing, then the record
    status, output = check()
    assert status == 1 and missing(output)[what][0].startswith("no such ")
    record = missing(output)[what][1].split()
    directory.dns("add", record[-4].removesuffix(".example.test."), record[-2], record[-1])
    assert is_all_true(check())


def test_a_node_name_that_leads_to_the_node(check, directory):
    directory.point("iis2", LB, names.ADDRESSES["iis2"])
    try:
        status, output = check()
    finally:
        directory.point("iis2", names.ADDRESSES["iis2"], LB)
    assert status == 1
    (what, (seen, _)), = missing(output).items()
    assert what.startswith("iis2.example.test has A or AAAA records")
    assert seen == "it leads to 127.0.0.22, which is server iis2.example.test"
    assert is_all_true(check())


def test_an_account_that_is_another_kind_or_not_there(check):
    status, output = check("--service-account", "nobody-1")
    assert status == 1
    found = missing(output)
    assert found["nobody-1 is a domain account, and the application pools of all servers run as it"][0] \
        == "there is no such account"
    assert any(seen.startswith("svc-iis (") for seen, _ in found.values())


def test_certificates_of_servers_are_compared(check):
    """The servers have certificates of their own, which is not what --same-certificate says."""
    status, output = check("--same-certificate")
    assert status == 1
    assert any("it is not the certificate in" in seen for seen, _ in missing(output).values())


def test_a_server_that_is_down(check):
    status, output = check(server2="127.0.0.23")  # nobody listens there
    assert status == 1
    assert "the load balancer may reach iis2.example.test on 443/tcp" in missing(output)
    assert "could not look: the certificate on iis2.example.test covers" in output


def test_the_recipe_for_a_keytab_makes_one(check, domain, handfast_binary, tmp_path):
    """As it is printed, for alice: the lines for ktutil, then a login with what they made."""
    assert check()[0] == 0  # writes the configuration
    domain.run([handfast_binary, "plan", "-c", tmp_path / "handfast.yaml", "--domain", names.DNS_DOMAIN,
                "--out", tmp_path / "out"])
    recipe = (tmp_path / "out/keytab.md").read_text(encoding="utf-8")
    command, entry, *rest = re.search(r"```\n(ktutil\n.*?)```", recipe, re.S)[1].splitlines()
    lines = [entry.replace("svc-probe", "alice"), domain.password("alice"), *rest]
    made = domain.run([command], cwd=tmp_path, input="\n".join(lines) + "\n")
    assert made.returncode == 0, made.stdout + made.stderr
    login = domain.run(["kinit", "-c", f"FILE:{tmp_path}/tickets", "-kt", tmp_path / "probe.keytab",
                        f"alice@{names.REALM}"])
    assert login.returncode == 0, login.stderr


def test_encryption_types(check, directory):
    directory.encryption_types(names.SERVICE, 28)
    try:
        status, output = check()
    finally:
        directory.encryption_types(names.SERVICE, 24)
    assert status == 1
    (seen, mend), = missing(output).values()
    assert seen == "msDS-SupportedEncryptionTypes is 28"
    assert mend == "Set-ADUser -Identity svc-iis -KerberosEncryptionType AES128,AES256"
    assert is_all_true(check())
