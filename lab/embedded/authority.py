# SPDX-License-Identifier: Apache-2.0
# The private certificate authority of the embedded lab: a root, an intermediate, and leaves for the
# names of the domain. Writes PEM files into one directory and touches nothing outside it.
"""Certificates for the lab, by python3-cryptography.

Each leaf NAME gives NAME.pem (leaf and intermediate), NAME.key, and NAME.der (leaf alone, what a
channel binding hashes). ca.pem is the root.
"""

import datetime
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Leaf(NamedTuple):
    """What a certificate is for. `kind` is rsa or ecdsa; days may lie in the past."""

    names: tuple
    kind: str = "ecdsa"
    not_before_days: int = -2
    not_after_days: int = 365
    digest: object = hashes.SHA256


class Pair(NamedTuple):
    chain: str
    key: str
    leaf_der: str


def leaves(domain):
    """The leaves every lab has, by file name."""
    made = {}
    for host in ("lb", "iis1", "iis2"):
        for kind in ("rsa", "ecdsa"):
            made[f"{host}-{kind}"] = Leaf((f"{host}.{domain}",), kind)
    for kind in ("rsa", "ecdsa"):
        made[f"wildcard-{kind}"] = Leaf((f"*.{domain}",), kind)
    made["lb-expired"] = Leaf((f"lb.{domain}",), not_before_days=-30, not_after_days=-1)
    made["lb-sha384"] = Leaf((f"lb.{domain}",), digest=hashes.SHA384)
    made["lb-again"] = Leaf((f"lb.{domain}",))  # renewed: same name, other bytes
    return made


def new_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def builder(subject, issuer, public_key, not_before_days, not_after_days):
    now = datetime.datetime.utcnow()
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=not_before_days))
        .not_valid_after(now + datetime.timedelta(days=not_after_days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


class Authority:
    """A root and an intermediate, in `directory`."""

    ROOT = "Lab Root"
    ISSUER = "Lab Issuing CA"

    def __init__(self, directory, domain):
        self.directory = directory
        self.domain = domain
        self.ca_file = os.path.join(directory, "ca.pem")
        self.root_key = new_key("ecdsa")
        self.issuer_key = new_key("ecdsa")
        # Dear to make, so all RSA leaves share it. A channel binding hashes the certificate, and
        # those differ.
        self.rsa_key = new_key("rsa")
        root = self._make_ca(self.ROOT, self.ROOT, self.root_key, self.root_key, 1)
        self.issuer = self._make_ca(self.ISSUER, self.ROOT, self.issuer_key, self.root_key, 0)
        os.makedirs(directory, exist_ok=True)
        self._write("ca.pem", root.public_bytes(serialization.Encoding.PEM))

    @staticmethod
    def _make_ca(subject, issuer, key, signing_key, path_length):
        made = builder(subject, issuer, key.public_key(), -2, 3650)
        made = made.add_extension(
            x509.BasicConstraints(ca=True, path_length=path_length), critical=True
        )
        made = made.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
        return made.sign(signing_key, hashes.SHA256())

    def _write(self, name, content):
        path = os.path.join(self.directory, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return path

    def make(self, file_name, leaf):
        """Issues one leaf and writes its three files."""
        key = self.rsa_key if leaf.kind == "rsa" else new_key(leaf.kind)
        made = builder(
            leaf.names[0], self.ISSUER, key.public_key(), leaf.not_before_days, leaf.not_after_days
        )
        extensions = [
            (x509.SubjectAlternativeName([x509.DNSName(n) for n in leaf.names]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuer_key.public_key()),
                False,
            ),
        ]
        for extension, critical in extensions:
            made = made.add_extension(extension, critical=critical)
        certificate = made.sign(self.issuer_key, leaf.digest())
        pem = serialization.Encoding.PEM
        self._write(
            f"{file_name}.key",
            key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        self._write(
            f"{file_name}.pem", certificate.public_bytes(pem) + self.issuer.public_bytes(pem)
        )
        self._write(f"{file_name}.der", certificate.public_bytes(serialization.Encoding.DER))
        return self.pair(file_name)

    def make_all(self):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda item: self.make(*item), leaves(self.domain).items()))

    def pair(self, file_name):
        base = os.path.join(self.directory, file_name)
        return Pair(base + ".pem", base + ".key", base + ".der")
