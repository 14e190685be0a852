"""Reach of a server: from where it can be called, by which hosts, and with which certificates."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection
from typing import TYPE_CHECKING

from pullback_server.address import AddressError, check_reach, is_loopback, split
from pullback_server.tls.files import TlsFiles

if TYPE_CHECKING:
    from pullback_server.tls.certificates import Certificates

_log = logging.getLogger(__name__)


class Reach:
    """Who can reach a server.

    Args:
        listen: `host:port` of gRPC.
        http: That of HTTP; None for none.
        everybody: Whether everybody is let in who can reach it.
        tls: Files of TLS; None for none.
        insecure: Whether other machines may reach it without TLS.
        studio: The address of the studio's pages; None for none.

    Attributes:
        beyond: Whether other machines may.
        certificates: Those of its TLS, once `open` has read them; None where it has none.

    Raises:
        AddressError: An address is one that others may not reach, or both are the same.
    """

    def __init__(
        self,
        listen: str,
        http: str | None,
        *,
        everybody: bool,
        tls: TlsFiles | None,
        insecure: bool,
        studio: str | None = None,
    ) -> None:
        self._http, self._tls, self._insecure = http, tls, insecure
        self.beyond = tls is not None or insecure
        self.certificates: Certificates | None = None
        for address in filter(None, (listen, http, studio)):
            check_reach(address, beyond=self.beyond)
            if everybody and not is_loopback(address) and (tls is None or tls.client_ca is None):
                raise AddressError(
                    f"refusing --open on {address}: everybody on that network could use this server, see its images "
                    "and end its jobs. Without --open, programs need a token, or a key of `pullback keys`"
                )
        if http is not None and http == listen and not listen.endswith(":0"):
            raise AddressError(f"--listen and --http need ports of their own, but both are {listen}")

    def open(self) -> None:
        """Reads the certificates.

        Raises:
            TlsError: They cannot be used.
        """
        if self._tls is not None:
            # Not needed where there is no TLS.
            from pullback_server.tls.certificates import Certificates  # noqa: PLC0415

            self.certificates = Certificates(self._tls)
        elif self._insecure:
            _log.warning(
                "--insecure: whoever is on the way between this server and its clients can read and change what they "
                "send each other, photographs and tokens too"
            )

    def hosts(self) -> Collection[str]:
        """By which the HTTP server may be called, beside those of loopback."""
        if self.certificates is not None:
            return self.certificates.names
        if not self._insecure or self._http is None:
            return ()
        return (split(self._http)[0].lower(), socket.gethostname().lower(), socket.getfqdn().lower())
