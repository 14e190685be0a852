"""Files of a server's TLS, as its options name them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


class TlsError(Exception):
    """Certificates that cannot be used; says why, and what to do."""


@dataclass(frozen=True)
class TlsFiles:
    """Files in PEM.

    Attributes:
        cert: The server's certificate, and those between it and its authority's.
        key: Its private key, without a password.
        client_ca: Certificates of the authorities whose clients alone are let in; None for whoever has a token.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return tuple(path for path in (self.cert, self.key, self.client_ca) if path is not None)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of TLS to a server's."""
    group = parser.add_argument_group("TLS, of gRPC and HTTP both; `pullback certificates DIR` makes the files")
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of this server; read anew on change")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    group.add_argument(
        "--tls-client-ca", type=Path, metavar="FILE", help="let in only clients with a certificate of this authority"
    )
    group.add_argument(
        "--insecure",
        action="store_true",
        help="listen elsewhere than on loopback without TLS: whoever is on the way reads and changes what is sent, "
        "photographs and tokens too",
    )


def read_options(options: argparse.Namespace) -> TlsFiles | None:
    """The files that the options name; None where they name none.

    Raises:
        ValueError: One is missing; says which.
    """
    if options.tls_cert is None and options.tls_key is None:
        if options.tls_client_ca is not None:
            raise ValueError("--tls-client-ca needs --tls-cert and --tls-key")
        return None
    if options.tls_cert is None or options.tls_key is None:
        missing = "--tls-cert" if options.tls_cert is None else "--tls-key"
        raise ValueError(f"TLS needs a certificate and its key: {missing} is missing")
    return TlsFiles(options.tls_cert, options.tls_key, options.tls_client_ca)
