# SPDX-License-Identifier: Apache-2.0
"""Builds the lab domain from nothing: directory, people, service account, keytab, certificates.

Runs inside the lab's namespace, where /var/lib/samba and /etc/samba are the lab's own empty
directories; run anywhere else it would damage the host, so it refuses. It leaves a state that
domain.py packs into a snapshot; a change to this file makes a new snapshot.
"""

import subprocess
import sys
import time
from pathlib import Path

import ldb
from samba.auth import system_session
from samba.credentials import Credentials
from samba.param import LoadParm
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

# pylint: disable=wrong-import-position
from lab.domain import names

SMB_CONF = Path("/etc/samba/smb.conf")
CERTIFICATE_DAYS = "3650"

# No smbd: nobody shares files here, and it costs a third of the memory.
SETTINGS = f"""[global]
    netbios name = DC1
    realm = {names.REALM}
    workgroup = {names.DOMAIN}
    server role = active directory domain controller
    server services = rpc ldap cldap kdc winbindd dns
    # Without /8 Samba finds no interface on loopback and gives up.
    interfaces = {names.ADDRESSES["dc1"]}/8
    bind interfaces only = yes
    disable netbios = yes
    prefork children = 1
    dns update command = /bin/true
    spn update command = /bin/true
    tls cafile = tls/ca.pem
    tls certfile = tls/cert.pem
    tls keyfile = tls/key.pem
    log file = /var/log/samba/log.%m
"""


def build(directory):
    if any(Path("/var/lib/samba/private").iterdir()):
        sys.exit("recipe: /var/lib/samba is in use: run this through domain.py")
    make_certificates(directory / "certificates")
    provision()
    install_controller_certificate(directory / "certificates")
    populate()
    export_keytab(directory / "svc-iis.keytab")
    run_once(add_dns_records)


def provision():
    SMB_CONF.unlink(missing_ok=True)
    run("samba-tool", "domain", "provision", f"--realm={names.REALM}", f"--domain={names.DOMAIN}",
        "--server-role=dc", "--dns-backend=SAMBA_INTERNAL", "--host-name=dc1",
        f"--host-ip={names.ADDRESSES['dc1']}", f"--adminpass={names.ADMIN_PASSWORD}",
        f"--option=interfaces={names.ADDRESSES['dc1']}/8", "--option=bind interfaces only=yes")
    SMB_CONF.write_text(SETTINGS)


def populate():
    """One process and one transaction: fifty accounts in a second, not in twenty."""
    parameters = LoadParm()
    parameters.load(str(SMB_CONF))
    credentials = Credentials()
    credentials.guess(parameters)
    directory = SamDB(session_info=system_session(parameters), credentials=credentials,
                      lp=parameters)
    directory.transaction_start()
    keep_passwords_valid(directory)
    for person in names.PEOPLE:
        directory.newuser(person, names.password(person), givenname=person.capitalize())
    directory.newuser(names.SERVICE, names.SERVICE_PASSWORD)
    # 24 = AES256 + AES128; without the attribute Samba issues only RC4 tickets for this account.
    set_attribute(directory, names.SERVICE, "msDS-SupportedEncryptionTypes", ["24"])
    set_attribute(directory, names.SERVICE, "servicePrincipalName", names.SERVICE_SPNS)
    # Samba's own SPN updater is off, so LDAP over GSSAPI needs this name from us.
    add_value(directory, "DC1$", "servicePrincipalName", f"ldap/{names.fqdn('dc1')}")
    directory.transaction_commit()


def keep_passwords_valid(directory):
    """The default maximum age would let a snapshot rot after 42 days."""
    message = ldb.Message(ldb.Dn(directory, directory.domain_dn()))
    message["maxPwdAge"] = ldb.MessageElement("0", ldb.FLAG_MOD_REPLACE, "maxPwdAge")
    directory.modify(message)


def set_attribute(directory, account, attribute, values):
    change(directory, account, attribute, values, ldb.FLAG_MOD_REPLACE)


def add_value(directory, account, attribute, value):
    found = directory.search(expression=f"(&(sAMAccountName={account})({attribute}={value}))")
    if not found:
        change(directory, account, attribute, [value], ldb.FLAG_MOD_ADD)


def change(directory, account, attribute, values, flag):
    found = directory.search(expression=f"(sAMAccountName={account})", attrs=["dn"])
    message = ldb.Message(found[0].dn)
    message[attribute] = ldb.MessageElement(values, flag, attribute)
    directory.modify(message)


def export_keytab(path):
    # The account itself first: a keytab made without --principal would hold no SPN at all.
    for principal in [names.SERVICE, *names.SERVICE_SPNS]:
        run("samba-tool", "domain", "exportkeytab", path, f"--principal={principal}")
    path.chmod(0o644)


def run_once(action):
    """Starts the controller, acts, stops it: the first start also writes files of its own."""
    with open("/var/log/samba/first-start", "w", encoding="utf-8") as log:
        controller = subprocess.Popen(["samba", "-F", "--no-process-group", "--debug-stdout"],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            action()
        finally:
            controller.terminate()
            controller.wait()
            remove_sockets()


def remove_sockets():
    """They belong to the process that ended, and have no place in a snapshot."""
    for path in Path("/var/lib/samba").rglob("*"):
        if path.is_socket():
            path.unlink()


def add_dns_records():
    for name in ("iis1", "iis2", "lb"):
        command = ["samba-tool", "dns", "add", names.ADDRESSES["dc1"], names.DNS_DOMAIN, name, "A",
                   names.ADDRESSES[name], f"-UAdministrator%{names.ADMIN_PASSWORD}"]
        retry(command, timeout_s=30)


def retry(command, timeout_s):
    """The RPC server accepts connections a moment before it knows its endpoints."""
    deadline = time.monotonic() + timeout_s
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            sys.exit(f"{' '.join(command)}: {done.stderr}{done.stdout}")
        time.sleep(0.2)


def make_certificates(directory):
    """ca.pem, and NAME-rsa.pem/.key and NAME-ecdsa.pem/.key (leaf only; the root is the issuer)."""
    directory.mkdir(parents=True)
    authority = directory / "ca"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", CERTIFICATE_DAYS,
            "-subj", "/CN=Handfast lab CA", "-keyout", f"{authority}.key",
            "-out", f"{authority}.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for owner, hosts in names.CERTIFICATE_NAMES.items():
        make_leaf(directory, f"{owner}-rsa", hosts, ["-newkey", "rsa:2048"])
        make_leaf(directory, f"{owner}-ecdsa", hosts,
                  ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
    for key in directory.glob("*.key"):
        key.chmod(0o644)


def make_leaf(directory, stem, hosts, key_options):
    base = directory / stem
    subject_names = ",".join(f"DNS:{names.fqdn(host)}" for host in hosts)
    extensions = base.with_suffix(".ext")
    extensions.write_text(f"subjectAltName={subject_names}\nbasicConstraints=critical,CA:FALSE\n"
                          "keyUsage=critical,digitalSignature,keyEncipherment\n"
                          "extendedKeyUsage=serverAuth\n", encoding="utf-8")
    request = base.with_suffix(".csr")
    openssl("req", "-new", *key_options, "-nodes", "-subj", f"/CN={names.fqdn(hosts[0])}",
            "-keyout", base.with_suffix(".key"), "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", directory / "ca.pem", "-CAkey",
            directory / "ca.key", "-CAcreateserial", "-days", CERTIFICATE_DAYS, "-sha256",
            "-extfile", extensions, "-out", base.with_suffix(".pem"))
    request.unlink()
    extensions.unlink()


def install_controller_certificate(directory):
    """LDAPS with a certificate the lab's CA signed, instead of Samba's own self-signed one."""
    target = Path("/var/lib/samba/private/tls")
    target.mkdir(exist_ok=True)
    for source, name in (("ca.pem", "ca.pem"), ("dc1-rsa.pem", "cert.pem"),
                         ("dc1-rsa.key", "key.pem")):
        (target / name).write_bytes((directory / source).read_bytes())
    (target / "key.pem").chmod(0o600)


def openssl(*arguments):
    run("openssl", *arguments)


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
