# SPDX-License-Identifier: Apache-2.0
# Stages where Kerberos fails, told by the KDC or by the server: names, keys, clocks, accounts.
"""Kerberos, with a small KDC (rows 24 to 36)."""

from lab.embedded.domain import REALM
from lab.faults.base import krb5_conf
from lab.faults.place import RECORDS, without
from lab.faults.registry import fault
from lab.faults.stage import shifted

SPN = "HTTP/lb.example.test"
FIFTEEN_MINUTES = 900
WITHOUT_ALICE = "others.users"


def made_keytab(s, password_of_service, kvno=1, principal=SPN, name="made"):
    """A keytab with a key of somebody's choice under the service's name."""
    path = f"{s.scratch}/{name}.keytab"
    # A salt of its own, as keys of another account have
    s.run("ktutil", input=f"addent -password -p {principal}@{REALM} -k {kvno} "
                          f"-e aes256-cts-hmac-sha1-96\n{password_of_service}\nwkt {path}\nquit\n")
    return path


def kerberos_fails(s, *nodes):
    s.prove("there is a ticket", SPN in s.ticket())
    for name in nodes:
        s.prove(f"{name} refuses it", s.kerberos(name) == 401)


@fault("spn-missing", "spn_missing", rows=(24,), accounts=(f"delprinc -force {SPN}",))
def _(s):
    """nobody holds the service name"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("the KDC does not know it", "not found in Kerberos database" in s.ticket())
    s.prove("NTLM logs in", s.ntlm() == 200)


@fault("cname", "cname", rows=(26,), accounts=("delprinc -force HTTP/farm.example.test",),
       records=without("lb") + ["host-record=farm.example.test,127.0.0.30",
                                "cname=lb.example.test,farm.example.test"])
def _(s):
    """the site's name is a CNAME, and clients ask for a ticket for what it points to"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("a ticket for the name", "not found" not in s.ticket())
    s.prove("none for the canonical one",
            "not found in Kerberos database" in s.ticket("HTTP/farm.example.test"))


@fault("port-in-spn", "port_in_spn", rows=(27,))
def _(s):
    """the site is on port 8443; .NET asks for a ticket with the port"""
    s.nodes()
    s.haproxy(port=8443)
    s.url = "https://lb.example.test:8443/"
    s.prove("no ticket with the port",
            "not found in Kerberos database" in s.ticket(f"{SPN}:8443"))
    s.prove("NTLM logs in", s.ntlm(port=8443) == 200)


@fault("wrong-key", "wrong_key", rows=(28,))
def _(s):
    """the nodes decrypt with another account's key (kernel mode); the 401 carries the KRB-ERROR"""
    s.nodes(keytab=made_keytab(s, "Another-Account-1!"), kerberos_errors=True)
    s.handfast("passthrough")
    kerberos_fails(s, "lb", "iis1", "iis2")
    s.prove("NTLM logs in", s.ntlm() == 200)


@fault("wrong-key-silent", "wrong_key", rows=(28,))
def _(s):
    """as before, and the 401 says nothing"""
    s.nodes(keytab=made_keytab(s, "Another-Account-1!"))
    s.handfast("passthrough")
    kerberos_fails(s, "lb", "iis1", "iis2")
    s.prove("NTLM logs in", s.ntlm() == 200)


@fault("wrong-key-on-one-node", "wrong_key_on_one_node", rows=(29,))
def _(s):
    """one node of two decrypts with its computer account (kernel mode)"""
    s.nodes(iis2={"keytab": made_keytab(s, "Computer-Account-1!")}, kerberos_errors=True)
    s.handfast("passthrough", pool_more="    balance: round-robin\n")
    s.prove("iis1 lets in", s.kerberos("iis1") == 200)
    kerberos_fails(s, "iis2")


@fault("wrong-key-on-one-node-silent", "wrong_key_on_one_node", rows=(29,))
def _(s):
    """as before, and the 401 says nothing"""
    s.nodes(iis2={"keytab": made_keytab(s, "Computer-Account-1!")})
    s.handfast("passthrough", pool_more="    balance: round-robin\n")
    s.prove("iis1 lets in", s.kerberos("iis1") == 200)
    kerberos_fails(s, "iis2")


@fault("clock-of-nodes", "clock_skew", rows=(30,))
def _(s):
    """the nodes' clocks are a quarter of an hour fast"""
    s.nodes(clock=FIFTEEN_MINUTES, kerberos_errors=True)
    s.handfast("passthrough")
    kerberos_fails(s, "iis1")


@fault("clock-of-one-node", "clock_skew", rows=(18, 30))
def _(s):
    """one node's clock is a quarter of an hour slow"""
    s.nodes(iis2={"clock": -FIFTEEN_MINUTES})
    s.handfast("passthrough")
    s.prove("iis1 lets in", s.kerberos("iis1") == 200)
    kerberos_fails(s, "iis2")


@fault("clock-of-client", "clock_skew", rows=(30,))
def _(s):
    """the client's clock is a quarter of an hour slow"""
    s.nodes()
    s.handfast("passthrough")
    s.env = shifted(-FIFTEEN_MINUTES)
    here = int(s.run("date", "+%s"))
    there = int(s.run("date", "+%s", env=s.env))
    s.prove("its clock is off", here - there > FIFTEEN_MINUTES - 60)


RC4_KEY = (f"delprinc -force {SPN}", f"addprinc -randkey -e arcfour-hmac:normal {SPN}",
           f"ktadd -norandkey -k {{directory}}/run/rc4.keytab {SPN}")


@fault("rc4-ticket", "rc4_only", rows=(31,), accounts=RC4_KEY)
def _(s):
    """the service account has only an RC4 key"""
    s.nodes(keytab=f"{s.scratch}/rc4.keytab")
    s.handfast("passthrough")
    s.prove("the ticket is RC4", "arcfour" in s.ticket().lower() or "rc4" in s.ticket().lower())
    s.prove("Kerberos logs in", s.kerberos() == 200)


@fault("etype-unsupported", "etype_unsupported", rows=(31,),
       accounts=RC4_KEY + (f"setstr {SPN} session_enctypes arcfour-hmac",),
       krb5=krb5_conf("    permitted_enctypes = aes256-cts aes128-cts\n"))
def _(s):
    """the service account has only an RC4 key, and nobody asks for such tickets any more"""
    s.nodes(keytab=f"{s.scratch}/rc4.keytab")
    s.handfast("passthrough")
    s.prove("the KDC refuses", "no support for encryption type" in s.ticket())


@fault("server-key-missing", "server_key_missing", rows=(32,))
def _(s):
    """the nodes' keytab lacks the site's name"""
    s.nodes(keytab=s.base.keytab("iis1"), kerberos_errors=True)
    s.handfast("passthrough")
    kerberos_fails(s, "iis1")


@fault("keytab-old", "server_key_missing", rows=(32,),
       accounts=(f"cpw -randkey {SPN}", f"cpw -randkey {SPN}"))
def _(s):
    """the password was changed twice since the nodes' keytab was made"""
    s.nodes(kerberos_errors=True)
    s.handfast("passthrough")
    s.prove("the ticket's kvno is 3", "kvno = 3" in s.ticket())
    kerberos_fails(s, "iis1")


@fault("account-unknown", "account_unknown", rows=(34,), accounts=("delprinc -force alice",))
def _(s):
    """the account does not exist"""
    s.nodes(users=WITHOUT_ALICE)
    s.handfast("passthrough")
    s.accounts = s.accounts[:1]
    s.prove("the KDC does not know it", "not found in Kerberos database" in s.kinit()[1])


@fault("account-expired", "account_expired", rows=(34,),
       accounts=('modprinc -pwexpire "2020-01-01" alice',))
def _(s):
    """the account's password has expired"""
    s.nodes(users=WITHOUT_ALICE)
    s.handfast("passthrough")
    s.accounts = s.accounts[:1]
    s.prove("the KDC says so", "expired" in s.kinit()[1])


@fault("account-locked", "account_locked", rows=(34,),
       accounts=("modprinc -allow_tix alice",))
def _(s):
    """the account is disabled"""
    s.nodes(users=WITHOUT_ALICE)
    s.handfast("passthrough")
    s.accounts = s.accounts[:1]
    s.prove("the KDC says so", "revoked" in s.kinit()[1])


@fault("second-account-wrong-password", "second_account_failed")
def _(s):
    """the second account is given a wrong password"""
    s.nodes()
    s.handfast("passthrough")
    s.accounts = [("alice", "alice"), ("bob", "wrong")]
    s.prove("the first logs in", s.kerberos() == 200 and s.ntlm() == 200)
    s.prove("the KDC refuses the second", not s.kinit("bob", secret="Not-This-1!")[0])


@fault("second-account-unknown", "second_account_failed")
def _(s):
    """the second account does not exist"""
    s.nodes()
    s.handfast("passthrough")
    s.accounts = [("alice", "alice"), ("nobody", "wrong")]
    s.prove("the first logs in", s.kerberos() == 200 and s.ntlm() == 200)
    s.prove("the KDC does not know the second", "not found in Kerberos database"
            in s.kinit("nobody", secret="Not-This-1!")[1])


@fault("second-account-is-the-first", "second_account_failed")
def _(s):
    """the second account is the first one, written in another way"""
    s.nodes()
    s.handfast("passthrough")
    s.accounts = [("alice", "alice"), ("EXAMPLE\\alice", "alice")]
    s.prove("it logs in", s.kerberos() == 200 and s.ntlm() == 200)


@fault("realm-mismatch", "realm_mismatch", rows=(35,),
       krb5=krb5_conf(names={"lb.example.test": "CORP.TEST", ".example.test": REALM}))
def _(s):
    """krb5.conf puts the site's name into a realm there is no way to"""
    s.nodes()
    s.handfast("passthrough")
    s.kinit()
    said = s.run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--negotiate", "-u", ":",
                 "https://lb.example.test/")
    s.prove("a client gets no ticket", said.strip() == "401")


@fault("kdc-unreachable", "kdc_unreachable", rows=(36,), kdc=False)
def _(s):
    """no domain controller answers on port 88"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("no KDC", "Cannot contact any KDC" in s.kinit()[1])
    s.prove("NTLM logs in", s.ntlm() == 200)


@fault("kdc-unknown", "kdc_unreachable", rows=(36,), kdc=False,
       krb5="[libdefaults]\n    dns_lookup_kdc = true\n    default_realm = EXAMPLE.TEST\n",
       records=[record for record in RECORDS if "_kerberos" not in record])
def _(s):
    """DNS has no _kerberos records for the realm"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("no KDC is found", "Cannot find KDC" in s.kinit()[1])


@fault("no-kerberos-by-address", "name_is_address", rows=(36, 43))
def _(s):
    """the URL holds an IP address: no client asks for a ticket then"""
    s.nodes()
    s.haproxy(crt=s.stem("lb-ecdsa") + ".both")
    s.url = "https://127.0.0.30/"
    s.prove("NTLM logs in", s.ntlm() == 200)
