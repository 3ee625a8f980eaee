# SPDX-License-Identifier: Apache-2.0
# Stages in a real directory: Samba as the domain controller, its objects changed as administrators
# change them. Told by LDAP and by what its KDC makes of it.
"""The directory: holders of service names, keys, accounts (rows 24, 25, 28, 31, 32, 34)."""

from lab.domain import names
from lab.embedded.domain import DNS_DOMAIN
from lab.faults.base import ADDRESSES
from lab.faults.place import RECORDS
from lab.faults.registry import fault
from lab.faults.stage import GONE

BASE = "DC=example,DC=test"
SERVICE = f"CN={names.SERVICE},CN=Users,{BASE}"
SPN = "HTTP/lb.example.test"


def ldif(dn, *changes):
    """Each change: (add | replace | delete, attribute, values…)."""
    lines = [f"dn: {dn}", "changetype: modify"]
    for kind, attribute, *values in changes:
        lines += [f"{kind}: {attribute}", *(f"{attribute}: {value}" for value in values), "-"]
    return "\n".join(lines) + "\n"


def serve(s, **nodes):
    s.options += s.place.ldap_options
    s.nodes(**nodes)
    s.handfast("passthrough")


def holders(s, spn=SPN):
    """Names of the accounts that hold it."""
    said = s.run("ldapsearch", "-N", "-Q", "-Y", "GSSAPI", "-LLL", "-H",
                 f"ldap://{names.fqdn('dc1')}", "-b", BASE, f"(servicePrincipalName={spn})",
                 "sAMAccountName")
    return [line[16:] for line in said.splitlines() if line.startswith("sAMAccountName: ")]


def closed(s, host, port):
    """Does curl find nobody on that port?"""
    return GONE in s.run("curl", "-sS", "-m", "5", f"http://{host}:{port}/")


def another_account(s, name="svc-old"):
    s.place.tool("user", "create", name, "Svc-Old-Pw1!lab")
    return f"CN={name},CN=Users,{BASE}"


def computer(s, name, *spns):
    s.place.tool("computer", "create", name)
    s.place.tool("user", "setpassword", f"{name}$", f"--newpassword=Computer-{name}-Pw1!")
    dn = f"CN={name},CN=Computers,{BASE}"
    if spns:
        s.place.change(ldif(dn, ("replace", "servicePrincipalName", *spns)))
    return dn


@fault("directory-spn-missing", "spn_missing", rows=(24,), domain=True)
def _(s):
    """nobody holds the service name (Samba)"""
    s.place.change(ldif(SERVICE, ("delete", "servicePrincipalName", SPN)))
    serve(s)
    s.prove("the KDC does not know it", "not found in Kerberos database" in s.ticket())
    s.prove("nobody holds it", holders(s) == [])


@fault("directory-spn-duplicate", "spn_duplicate", rows=(25,), domain=True)
def _(s):
    """two accounts hold the service name"""
    dn = another_account(s)
    s.place.change(ldif(dn, ("add", "servicePrincipalName", SPN)), unchecked=True)
    serve(s)
    s.kinit()
    s.prove("two hold it", sorted(holders(s)) == ["svc-iis", "svc-old"])


@fault("directory-spn-on-wrong-account", "spn_on_wrong_account", rows=(28,), domain=True)
def _(s):
    """another account than the nodes' holds the service name"""
    dn = another_account(s)
    s.place.change(ldif(SERVICE, ("delete", "servicePrincipalName", SPN)))
    s.place.change(ldif(dn, ("add", "servicePrincipalName", SPN),
                        ("replace", "msDS-SupportedEncryptionTypes", "24")))
    serve(s, keytab=s.place.new_keytab(names.SERVICE, "HTTP/iis1.example.test",
                                       "HTTP/iis2.example.test"), kerberos_errors=True)
    s.prove("svc-old holds it", "not found" not in s.ticket() and holders(s) == ["svc-old"])
    s.prove("Kerberos fails", s.kerberos("iis1") == 401)


@fault("directory-spn-on-computer", "spn_on_wrong_account", rows=(28,), domain=True)
def _(s):
    """the computer account of one node holds the site's service name: the other cannot read it"""
    s.place.change(ldif(SERVICE, ("delete", "servicePrincipalName", SPN)))
    computer(s, "iis1", SPN)
    keys = s.place.new_keytab("iis1$", SPN)
    others = s.place.new_keytab("HTTP/iis2.example.test")
    serve(s, iis1={"keytab": keys}, iis2={"keytab": others}, kerberos_errors=True)
    s.prove("a computer holds it", "not found" not in s.ticket() and
            [name.lower() for name in holders(s)] == ["iis1$"])
    s.prove("one node of two fails", (s.kerberos("iis1"), s.kerberos("iis2")) == (200, 401))


@fault("directory-host-only", "spn_host_only", rows=(24,), domain=True)
def _(s):
    """only HOST of a computer of the site's name matches"""
    s.place.change(ldif(SERVICE, ("delete", "servicePrincipalName", SPN)))
    computer(s, "lb", "HOST/lb.example.test", "HOST/lb")
    serve(s, kerberos_errors=True)
    s.prove("a ticket all the same", "not found" not in s.ticket())
    s.prove("nobody holds the name itself", holders(s) == [])
    s.prove("Kerberos fails", s.kerberos("iis1") == 401)


@fault("directory-unconstrained", "unconstrained_delegation", domain=True)
def _(s):
    """the service account may act as anybody anywhere"""
    s.place.change(ldif(SERVICE, ("replace", "userAccountControl", str(0x200 | 0x80000))))
    serve(s)
    s.prove("Kerberos logs in", s.kerberos() == 200)


@fault("directory-rc4", "account_encryption_types", rows=(31,), domain=True)
def _(s):
    """the service account allows only RC4"""
    s.place.change(ldif(SERVICE, ("replace", "msDS-SupportedEncryptionTypes", "4")))
    serve(s, keytab=s.place.new_keytab())
    said = s.ticket().lower()
    s.prove("the ticket is RC4", "arcfour" in said or "rc4" in said)


@fault("directory-old-password", "password_older_than_aes", rows=(31,), domain=True)
def _(s):
    """the service account's password is older than AES in the domain"""
    s.place.change(ldif(SERVICE, ("replace", "pwdLastSet", "128000000000000000")), unchecked=True)
    serve(s)
    s.prove("of the year 2006", "128000000000000000" in s.run(
        "ldbsearch", "-H", "/var/lib/samba/private/sam.ldb", f"(cn={names.SERVICE})",
        "pwdLastSet"))


@fault("directory-kvno", "kvno_differs", rows=(32,), domain=True)
def _(s):
    """the password was changed twice since the nodes' keytab was made"""
    for number in (1, 2):
        s.place.tool("user", "setpassword", names.SERVICE, f"--newpassword=Changed-{number}-Pw!lab")
    serve(s, kerberos_errors=True)
    s.prove("Kerberos fails", s.kerberos("iis1") == 401)


@fault("directory-account-locked", "account_locked", rows=(34,), domain=True)
def _(s):
    """the account is disabled"""
    s.place.tool("user", "disable", "alice")
    serve(s, users="others.users")
    s.accounts = s.accounts[:1]
    s.prove("the KDC says so", "revoked" in s.kinit()[1])


@fault("directory-account-expired", "account_expired", rows=(34,), domain=True)
def _(s):
    """the account's password has to be changed at the next login"""
    s.place.tool("user", "setpassword", "alice", "--newpassword=Alice-Pw1!",
                 "--must-change-at-next-login")
    serve(s, users="others.users")
    s.accounts = s.accounts[:1]
    s.prove("the KDC says so", "expired" in s.kinit()[1].lower())


@fault("directory-wrong-password", "account_password_wrong", rows=(34,), domain=True)
def _(s):
    """the doctor is given a wrong password (Samba)"""
    serve(s)
    s.accounts = [("alice", "wrong")]
    said = s.kinit(secret="Not-This-1!")[1]
    s.prove("the KDC refuses it", "reauthentication failed" in said or "ncorrect" in said)


@fault("directory-closed", "directory_not_asked")
def _(s):
    """the directory that the doctor is to ask does not answer on port 389"""
    s.nodes()
    s.handfast("passthrough")
    s.options += ["--ldap", names.fqdn("dc1")]
    s.prove("the port is closed", closed(s, names.fqdn("dc1"), 389))
    s.prove("the site is well", s.ntlm() == 200 and s.kerberos() == 200)


@fault("directory-not-in-dns", "directory_not_asked",
       records=[record for record in RECORDS if not record.startswith("srv-host")])
def _(s):
    """DNS names no directory, and the doctor was told none"""
    s.nodes()
    s.handfast("passthrough")
    s.options.append("--ldap")
    s.prove("DNS has no record", "has SRV record" not in s.run(
        "host", "-t", "SRV", f"_ldap._tcp.{DNS_DOMAIN}", ADDRESSES["dc1"]))
    s.prove("the site is well", s.ntlm() == 200 and s.kerberos() == 200)


@fault("directory-without-account", "directory_not_asked", domain=True)
def _(s):
    """the doctor is to ask the directory, and has no account to ask with"""
    serve(s)
    s.accounts = []
    s.prove("nobody may ask it anonymously", "without authentication" in s.run(
        "ldapsearch", "-x", "-LLL", "-H", f"ldap://{names.fqdn('dc1')}", "-b", BASE))
