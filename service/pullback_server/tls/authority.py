"""A laboratory's own certificate authority: its certificate, and those of servers and clients that it signs."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pullback_server.tls.files import TlsError

AUTHORITY_DAYS = 3650
"""Clients are given the authority's certificate by hand, and are not to be visited often."""
LEAF_DAYS = 397
"""The longest that browsers take from anybody; servers read a new one without a restart."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Named in every certificate of a server: programs of its machine, and those that come by `ssh -L`, call it so."""
# Clocks of a laboratory's machines differ.
_BEFORE = timedelta(hours=1)
_PRIVATE = 0o600
# Names as they travel: those of other alphabets in their ASCII form, xn--….
_HOST = re.compile(
    r"(?=.{1,253}$)(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
)


@dataclass(frozen=True)
class Signed:
    """A certificate and its private key.

    Attributes:
        certificate: The certificate.
        key: Its key, on a curve that everybody knows: P-256.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate, in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, in PEM, without a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make_authority(name: str = "Pullback laboratory CA", *, days: float = AUTHORITY_DAYS) -> Signed:
    """A new authority, which may sign certificates of servers and clients, but make no other authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    builder = (
        _builder(subject, subject, key, timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return Signed(builder.sign(key, hashes.SHA256()), key)


def make_server(authority: Signed, hosts: Sequence[str], *, days: float = LEAF_DAYS) -> Signed:
    """A server's certificate.

    Args:
        authority: Signs it.
        hosts: Names and addresses by which clients call the server; the first is what it is called.
        days: How long it serves.

    Raises:
        TlsError: A host that is neither a name nor an address.
    """
    names = x509.SubjectAlternativeName([_general(host) for host in dict.fromkeys(hosts)])
    return _leaf(authority, hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH, days)


def make_client(authority: Signed, name: str, *, days: float = LEAF_DAYS) -> Signed:
    """A client's certificate, for servers that ask for one."""
    return _leaf(authority, name, None, ExtendedKeyUsageOID.CLIENT_AUTH, days)


def write(signed: Signed, certificate: Path, key: Path) -> None:
    """Writes a certificate and its key, the latter for its owner alone.

    Raises:
        TlsError: One of them is there: nothing is written over.
        OSError: They cannot be written.
    """
    for path in (certificate, key):
        if os.path.lexists(path):
            raise TlsError(f"{path} is there already, and nothing is written over: move it away first")
    _write_new(key, signed.key_pem, _PRIVATE)
    _write_new(certificate, signed.pem, 0o644)


def read(certificate: Path, key: Path) -> Signed:
    """A certificate and its key as `write` leaves them.

    Raises:
        TlsError: They are none.
        OSError: They cannot be read.
    """
    try:
        read_certificate = x509.load_pem_x509_certificate(certificate.read_bytes())
        read_key = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise TlsError(f"{certificate} and {key} are no certificate and key that can be read: {error}") from None
    if not isinstance(read_key, ec.EllipticCurvePrivateKey) or read_key.public_key() != read_certificate.public_key():
        raise TlsError(f"{key} is not the key of {certificate}")
    return Signed(read_certificate, read_key)


def _leaf(
    authority: Signed, name: str, names: x509.SubjectAlternativeName | None, purpose: x509.ObjectIdentifier, days: float
) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    end = authority.certificate.not_valid_after_utc - datetime.now(timezone.utc)
    lifetime = min(timedelta(days=days), end)
    if lifetime <= timedelta(0) < timedelta(days=days):
        raise TlsError("the authority has expired: have a new one made, in another folder, and hand out its ca.pem")
    builder = (
        _builder(_named(name), authority.certificate.subject, key, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return Signed(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + lifetime) - _BEFORE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(name: str) -> x509.Name:
    try:
        # At most 64 characters, by the standard; hosts may be longer, and are looked at elsewhere.
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    except ValueError as error:
        raise TlsError(f"expected a name of 1 to 64 characters, but {name!r} came: {error}") from None


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    if _HOST.fullmatch(host) is None:
        expected = "a host's name or address, such as rig2.example.org or 10.0.0.5"
        raise TlsError(f"expected {expected}, but {host!r} came")
    return x509.DNSName(host.lower())


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
