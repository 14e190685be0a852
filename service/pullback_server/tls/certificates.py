"""Certificates of a server: read and checked, for gRPC and for HTTP, and read anew when their files change."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509

from pullback_server.tls.files import TlsError, TlsFiles

WARNED_BEFORE = timedelta(days=30)

_log = logging.getLogger(__name__)

_Seen = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class _Material:
    """What the files hold.

    Attributes:
        grpc: For gRPC.
        context: For HTTP.
        names: Hosts and addresses that the certificate names.
    """

    grpc: grpc.ServerCertificateConfiguration
    context: ssl.SSLContext
    names: frozenset[str]


class Certificates:
    """The certificates of a server. Every new connection has those that the files hold then.

    Files that cannot be used, as while they are being replaced, leave those of before in use; the log says so.

    Args:
        files: The files.

    Raises:
        TlsError: They cannot be used.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._seen = _look(files)
        self._material = _read(files)

    @property
    def names(self) -> frozenset[str]:
        """The hosts and addresses that the certificate names, `*.example.org` as it is; names in lower case."""
        return self._current().names

    @property
    def for_grpc(self) -> grpc.ServerCredentials:
        """What a port of gRPC is opened with."""
        last = self._material.grpc

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal last
            current = self._current().grpc
            if current is last:
                return None
            last = current
            return current

        return grpc.dynamic_ssl_server_credentials(
            last,
            changed,  # type: ignore[arg-type]  # None is for no change, which the stubs do not know
            require_client_authentication=self._files.client_ca is not None,
        )

    @property
    def for_http(self) -> ssl.SSLContext:
        """What a server of asyncio is opened with."""
        return _CurrentContext(self)

    @property
    def context(self) -> ssl.SSLContext:
        """The context of what the files hold now."""
        return self._current().context

    def _current(self) -> _Material:
        with self._lock:
            if (seen := _look(self._files)) != self._seen:
                self._seen = seen
                try:
                    self._material = _read(self._files)
                    _log.info("the certificates have changed: new connections have those that are in the files now")
                except TlsError as error:
                    _log.error("the certificates of before stay in use: %s", error)
            return self._material


class _CurrentContext(ssl.SSLContext):
    """A context that makes every connection with the certificates of its moment."""

    _certificates: Certificates

    def __new__(cls, certificates: Certificates) -> _CurrentContext:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._certificates = certificates
        return made

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        return self._certificates.context.wrap_bio(*args, **kwargs)


def _look(files: TlsFiles) -> _Seen:
    """What tells that a file has changed; None for one that is not there."""
    seen: list[tuple[int, ...] | None] = []
    for path in files.paths:
        try:
            status = path.stat()
        except OSError:
            seen.append(None)
        else:
            seen.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(seen)


def _read(files: TlsFiles) -> _Material:
    cert, key, *ca = (_bytes(path) for path in files.paths)
    _check_private(files.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key, password=lambda: _refuse_password(files.key))
    except ssl.SSLError as error:
        raise TlsError(
            f"{files.cert} and {files.key} are no certificate and its private key, in PEM: {error.reason or error}"
        ) from None
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(files.client_ca)
        except ssl.SSLError as error:
            raise TlsError(f"{files.client_ca} holds no certificates in PEM: {error.reason or error}") from None
    configuration = grpc.ssl_server_certificate_configuration([(key, cert)], root_certificates=ca[0] if ca else None)
    return _Material(configuration, context, _names(files.cert, cert))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"cannot read {path}: {error.strerror or error}") from None


def _check_private(key: Path) -> None:
    if os.name == "posix" and key.stat().st_mode & 0o077:
        _log.warning("others may read or write %s, the private key of this server: chmod 600 it", key)


def _refuse_password(key: Path) -> str:
    raise TlsError(f"{key} has a password, which a server that starts by itself cannot ask for: take it away") from None


def _names(path: Path, cert: bytes) -> frozenset[str]:
    """The hosts that a certificate names, if it is one that clients accept today."""
    try:
        read = x509.load_pem_x509_certificate(cert)
        found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise TlsError(f"{path} names no hosts (subjectAltName), so no client would take it") from None
    except ValueError as error:
        raise TlsError(f"{path} holds no certificate that can be read: {error}") from None
    now, end = datetime.now(timezone.utc), read.not_valid_after_utc
    if now > end:
        raise TlsError(f"{path} has expired, on {end:%Y-%m-%d}: no client would take it. Have a new one made")
    if now + WARNED_BEFORE > end:
        _log.warning("%s expires on %s; put a new one in its place, which needs no restart", path, f"{end:%Y-%m-%d}")
    names = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    addresses = {str(each) for each in found.get_values_for_type(x509.IPAddress)}
    return frozenset(names | addresses)
