"""The studio within a server's process: what the server finds as the entry point `pullback.studio`, and runs."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Collection

from pullback_client.studio.server import Address, StudioServer, require_extras

_STOP_SECONDS = 15.0


class EmbeddedStudio:
    """A studio on a thread of its own, with an event loop of its own: the server's never waits for its pages.

    Args:
        address: `host:port`.
        target: Where the server is called, such as `unix:/run/…`.
        token: What lets the user of the server in; None where everybody is.
        tls: What its connections are made with; None for none.
        hosts: Names by which it may be called, in small letters; asked for each time.

    Raises:
        FailedPreconditionError: A package is missing.
        InvalidArgumentError: That is no address.
    """

    def __init__(
        self,
        address: str,
        *,
        target: str,
        token: str | None,
        tls: ssl.SSLContext | None,
        hosts: Callable[[], Collection[str]],
    ) -> None:
        require_extras()
        from pullback_client.studio.visitors import Visitors  # noqa: PLC0415  (of the `studio` extra)

        parsed = Address.parse(address)
        # Whom other machines may send, has to bring a key.
        self._server = StudioServer(
            parsed, Visitors(target, coded=parsed.is_loopback, token=token), tls=tls, hosts=hosts
        )
        self._thread = threading.Thread(target=self._server.run, name="studio", daemon=True)

    def start(self) -> str:
        """Opens it; returns the link by which whoever started the server comes in.

        Raises:
            FailedPreconditionError: It cannot listen there, or other machines could reach it without TLS.
        """
        self._server.open()
        self._thread.start()
        return self._server.way_in

    def stop(self) -> None:
        """Ends it, and waits for that."""
        self._server.stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
