"""Connection to a server: its address, its opening and closing, and lists that come page by page."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pullback_client.wire.fields import whole_number
from pullback_client.wire.tls import find_tls
from pullback_client.wire.transport import Transport

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Self

DEFAULT_TARGET = "127.0.0.1:50051"
TARGET_VARIABLE = "PULLBACK_TARGET"

CALL_TIMEOUT = 30.0
"""Seconds that a call may take where nothing else is said."""

_LONGEST_PAGE = 1_000  # of what a server gives at a time

_Page = TypeVar("_Page")

_log = logging.getLogger(__name__)


class Connection:
    """A connection to a server, and what the calls of every resource are made with.

    Args:
        target: Address of the server; None = $PULLBACK_TARGET, or `127.0.0.1:50051` where that is not set.
        timeout: Seconds that a call may take where nothing else is said.
        token: What lets calls in at the server of another user; None = where `Client` finds one.
        ca: As for `Client`.
        cert: As for `Client`.
        key: As for `Client`.

    Raises:
        InvalidArgumentError: `token` cannot be one, or one of the files is missing that another one needs.
        FailedPreconditionError: A file cannot be used.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        timeout: float = CALL_TIMEOUT,
        token: str | None = None,
        ca: str | Path | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
    ) -> None:
        self.target = target or os.environ.get(TARGET_VARIABLE) or DEFAULT_TARGET
        self._transport = Transport(self.target, timeout, token, find_tls(ca, cert, key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed; then every call raises FailedPreconditionError."""
        return self._transport.closed

    def close(self) -> None:
        """Closes the connection. Jobs go on."""
        self._transport.close()

    def _pages(self, method: Callable[..., _Page], request: Any) -> Iterator[_Page]:
        """The pages of a list, each asked for when the one before is used up."""
        while True:
            page: Any = self._transport.call(method, request)
            # Said, not raised: the others can be used.
            for damaged in getattr(page, "unreadable", ()):
                _log.warning("%s", damaged.reason)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def new_request_id() -> str:
    """A name for one request, which makes sending it again harmless."""
    return uuid.uuid4().hex


def first_page(most: int | None) -> int:
    """How long a page is asked for where the newest `most` are wanted; 0, the server's own length, for all.

    Raises:
        InvalidArgumentError: `most` is no number from 1.
    """
    return 0 if most is None else min(whole_number("most", most, minimum=1), _LONGEST_PAGE)
