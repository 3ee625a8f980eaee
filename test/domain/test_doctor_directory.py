# SPDX-License-Identifier: Apache-2.0
"""What the doctor reads from a real directory: who holds the service names, asked with a ticket, and
with a password where no KDC answers; and that a password never goes where it should not."""

import json
import os
from datetime import datetime, timezone

import pytest

NO_KDC = """[libdefaults]
    default_realm = EXAMPLE.TEST
    dns_lookup_kdc = false
[realms]
    EXAMPLE.TEST = {
        kdc = 127.0.0.99
    }
"""


@pytest.fixture
def password_file(domain, tmp_path):
    def make(text):
        path = os.path.join(domain.directory, "doctor.password")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.chmod(path, 0o600)
        return path
    return make


@pytest.fixture
def without_kdc(domain):
    path = os.path.join(domain.directory, "no-kdc.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(NO_KDC)
    return {"KRB5_CONFIG": path}


@pytest.fixture
def directory(handfast_binary, domain, servers):
    """directory(...) -> facts["ldap"] of the first web server's address."""
    def ask(*arguments, env=None):
        done = domain.run(
            [str(handfast_binary), "doctor", servers["apache", "iis1"].https, "--json", "--ca",
             str(domain.ca), *arguments],
            env=env, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        assert domain.password("alice") not in done.stdout + done.stderr
        return json.loads(done.stdout)["facts"]["ldap"]
    return ask


def holders(found):
    return {holder["spn"]: [account["name"] for account in holder["accounts"]]
            for holder in found["holders"]}


def check_service_account(found):
    assert found["error"] == "" and found["server"] == "dc1.example.test:389"
    assert found["bound_as"] == "alice@EXAMPLE.TEST"
    assert holders(found)["HTTP/iis1.example.test"] == ["svc-iis"]
    assert holders(found)["HTTP/iis1"] == [] and holders(found)["HOST/iis1.example.test"] == []
    account = found["holders"][0]["accounts"][0]
    assert account["dn"].startswith("CN=svc-iis,") and account["kvno"] == 2
    assert "HTTP/lb.example.test" in account["spns"] and account["encryption_types"] == 24
    for flag in ("is_computer", "is_managed", "is_disabled", "is_locked", "unconstrained",
                 "protocol_transition", "not_delegated", "des_only", "resource_delegation"):
        assert account[flag] is False
    assert 0 < account["password_set_s"] <= datetime.now(timezone.utc).timestamp()


def test_with_a_ticket(directory, domain):
    check_service_account(directory("--as", "alice@EXAMPLE.TEST",
                                    f"--ccache={domain.ticket('alice')}", "--ldap=dc1.example.test"))


def test_server_found_by_dns(directory, domain, password_file):
    check_service_account(directory(
        "--as", "alice@EXAMPLE.TEST", "--password-file", password_file(domain.password("alice")),
        "--ldap", "--dns", "127.0.0.10"))


def test_with_a_password_inside_tls(directory, domain, password_file, without_kdc):
    check_service_account(directory(
        "--as", "alice@EXAMPLE.TEST", "--password-file", password_file(domain.password("alice")),
        "--ldap=dc1.example.test", env=without_kdc))


def test_password_is_not_sent_to_a_name_the_certificate_lacks(directory, domain, password_file,
                                                              without_kdc):
    found = directory("--as", "alice@EXAMPLE.TEST", "--password-file",
                      password_file(domain.password("alice")), "--ldap=127.0.0.10",
                      env=without_kdc)
    assert "the password was not sent" in found["error"] and "holders" not in found


def test_password_the_kdc_refused_is_not_tried_again(directory, password_file):
    found = directory("--as", "alice@EXAMPLE.TEST", "--password-file", password_file("wrong"),
                      "--ldap=dc1.example.test")
    assert "no ticket" in found["error"] and "holders" not in found


def test_closed_port(directory, domain):
    found = directory("--as", "alice@EXAMPLE.TEST", f"--ccache={domain.ticket('alice')}",
                      "--ldap=lb.example.test")
    assert "refused" in found["error"] and "holders" not in found


def test_without_the_module_for_tickets(directory, domain):
    found = directory("--as", "alice@EXAMPLE.TEST", f"--ccache={domain.ticket('alice')}",
                      "--ldap=dc1.example.test", env={"SASL_PATH": "/nonexistent"})
    assert "libsasl2-modules-gssapi-mit" in found["error"] and "holders" not in found
