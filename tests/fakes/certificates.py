"""Test certificates from an authority of their own: certificates.py FOLDER NAME=HOST,HOST ..."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Made:
    """A certificate and its key, as text in PEM format."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    """Signs certificates; only the test trusts it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def make(self, hosts: Sequence[str], *, begins: float = -1, ends: float = 30, password: str = "") -> Made:
        """A certificate for these host names, valid from and until this many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder("leaf", self.certificate.subject, key, begins, ends)
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(names, False).add_extension(usage, False).add_extension(identifier, False)
        signed = builder.sign(self.key, hashes.SHA256())
        locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        return Made(
            signed.public_bytes(serialization.Encoding.PEM) + self.pem,
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked),
        )


def authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("The test's authority", None, key, -1, 30)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(True, None), True)
    builder = builder.add_extension(usage, True).add_extension(identifier, False)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def _builder(
    name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, begins: float, ends: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begins))
        .not_valid_after(now + datetime.timedelta(days=ends))
    )


def main(folder: Path, wanted: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    signer = authority()
    for name, _, hosts in (word.partition("=") for word in wanted):
        made = signer.make(hosts.split(","))
        (folder / f"{name}.pem").write_bytes(made.certificate)
        (folder / f"{name}.key").write_bytes(made.key)
    (folder / "authority.pem").write_bytes(signer.pem)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
