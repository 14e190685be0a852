"""TLS of a connection: the authority that the server's certificate is to be of, and the client's own certificate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import grpc

from pullback_client.errors import FailedPreconditionError, InvalidArgumentError

CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE = "PULLBACK_CA", "PULLBACK_CERT", "PULLBACK_KEY"
SYSTEM = "system"
"""In the place of a file: the authorities that browsers trust, as gRPC knows them."""

_PEM = b"-----BEGIN "


@dataclass(frozen=True)
class TlsFiles:
    """Files in PEM by which a connection has TLS.

    Attributes:
        ca: Certificate of the authority that has signed the server's, or `SYSTEM`.
        cert: The client's own certificate, for servers that ask for one; None for none.
        key: Its private key.
    """

    ca: str
    cert: str | None = None
    key: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """What a channel is opened with.

        Raises:
            FailedPreconditionError: A file cannot be read, or holds nothing in PEM.
        """
        ca = None if self.ca == SYSTEM else _read(self.ca, "ca", CA_VARIABLE)
        key = None if self.key is None else _read(self.key, "key", KEY_VARIABLE)
        cert = None if self.cert is None else _read(self.cert, "cert", CERT_VARIABLE)
        return grpc.ssl_channel_credentials(ca, key, cert)


def find_tls(ca: str | Path | None, cert: str | Path | None, key: str | Path | None) -> TlsFiles | None:
    """The files of a connection; None for one without TLS.

    Args:
        ca: See `TlsFiles`; None = $PULLBACK_CA.
        cert: See `TlsFiles`; None = $PULLBACK_CERT.
        key: See `TlsFiles`; None = $PULLBACK_KEY.

    Raises:
        InvalidArgumentError: One is missing that another one needs.
    """
    found_ca, found_cert, found_key = (
        str(given) if given is not None else os.environ.get(variable) or None
        for given, variable in ((ca, CA_VARIABLE), (cert, CERT_VARIABLE), (key, KEY_VARIABLE))
    )
    if (found_cert is None) != (found_key is None):
        there, missing = ("cert", "key") if found_key is None else ("key", "cert")
        raise InvalidArgumentError(f"{there} needs {missing}: a certificate and its private key belong together")
    if found_ca is None:
        if found_cert is not None:
            raise InvalidArgumentError(
                "cert and key are for TLS, which needs ca too: the file of the authority that has signed the server's "
                f"certificate, such as ca.pem of `pullback certificates`, or {SYSTEM!r} for those that browsers trust"
            )
        return None
    return TlsFiles(found_ca, found_cert, found_key)


def _read(path: str, name: str, variable: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FailedPreconditionError(f"{name} or ${variable}: cannot read {path}: {error.strerror}") from error
    if _PEM not in data:
        raise FailedPreconditionError(f"{name} or ${variable}: {path} holds nothing in PEM")
    return data
