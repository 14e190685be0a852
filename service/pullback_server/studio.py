"""The studio that a client package brings, served from this process; the server itself knows nothing of its pages."""

from __future__ import annotations

import shutil
import ssl
import tempfile
from collections.abc import Callable, Collection
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

GROUP = "pullback.studio"
HINT = "--studio needs the packages of pullback's client and NiceGUI: pip install 'pullback[service,studio]'"


class StudioError(Exception):
    """There is no studio; says why, and what to do."""


class Opened(Protocol):
    """A studio as its package makes it."""

    def start(self) -> str:
        """Opens it; returns the link to it."""

    def stop(self) -> None:
        """Ends it."""


class Studio:
    """A studio of this server, which calls it as any client does, by a socket that this user alone can use.

    Args:
        address: `host:port` of the pages.

    Attributes:
        target: The address at which the server has to listen for it.
        way_in: The link to it, once it has started.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        # Short, as paths of sockets have to be, and 0700.
        self._folder = Path(tempfile.mkdtemp(prefix="pullback-"))
        self._opened: Opened | None = None
        self.target = f"unix:{self._folder / 'server.sock'}"
        self.way_in = ""

    def start(self, token: str | None, tls: ssl.SSLContext | None, hosts: Callable[[], Collection[str]]) -> None:
        """Opens it.

        Args:
            token: What lets this server's user in; None where everybody is.
            tls: What connections are made with; None for none.
            hosts: Names by which it may be called; asked for each time, on the studio's thread.

        Raises:
            StudioError: No package brings one, or it cannot open.
        """
        found = next(iter(entry_points(group=GROUP)), None)
        if found is None:
            raise StudioError(HINT)
        try:
            self._opened = found.load()(self._address, target=self.target, token=token, tls=tls, hosts=hosts)
            assert self._opened is not None  # noqa: S101  (made just now)
            self.way_in = self._opened.start()
        except ImportError as error:
            raise StudioError(f"{HINT} ({error})") from None
        except Exception as error:  # whatever the package raises: the server does not know its errors
            raise StudioError(f"--studio {self._address}: {error}") from error

    def stop(self) -> None:
        """Ends it."""
        if self._opened is not None:
            self._opened.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
