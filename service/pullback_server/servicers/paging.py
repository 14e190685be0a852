"""Page sizes and page tokens of the List methods."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from pullback_server.errors import ApiError, invalid

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

_Record = TypeVar("_Record")


class PageRequest(Protocol):
    """A request for a page of stored rows."""

    page_size: int
    page_token: str


async def page_of(
    request: PageRequest, fetch: Callable[[int, int | None], Awaitable[list[tuple[int, _Record]]]]
) -> tuple[list[_Record], str]:
    """One page of stored rows, and the token of the next one; an empty token after the last.

    Args:
        request: The request.
        fetch: Gives so many rows with their numbers, the highest first, those under the second number or, of None, all.

    Raises:
        ApiError: INVALID_ARGUMENT for a page size or token that cannot be used.
    """
    size = page_size(request.page_size)
    rows = await fetch(size + 1, read_cursor(decode_token(request.page_token)))
    following = encode_token(str(rows[size - 1][0])) if len(rows) > size else ""
    return [record for _, record in rows[:size]], following


def page_size(requested: int) -> int:
    """The size of a page: what was asked for, 100 where nothing was; INVALID_ARGUMENT outside 1 to 1000."""
    if requested == 0:
        return DEFAULT_PAGE_SIZE
    if not 1 <= requested <= MAX_PAGE_SIZE:
        raise invalid("page_size", f"expected 1 to {MAX_PAGE_SIZE} (0 = {DEFAULT_PAGE_SIZE}), but {requested} came")
    return requested


def encode_token(cursor: str) -> str:
    """An opaque token for the place where the next page begins."""
    return base64.urlsafe_b64encode(cursor.encode()).decode()


def decode_token(token: str) -> str | None:
    """The place that a token stands for, `None` for the first page; INVALID_ARGUMENT where we never made it."""
    if not token:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError:
        # Not ASCII, not base64, or not UTF-8 within.
        raise _no_token() from None


def read_cursor(cursor: str | None) -> int | None:
    """The row's number that a page token holds; INVALID_ARGUMENT where it holds none."""
    if cursor is None:
        return None
    # Numbers of rows are 64-bit integers.
    if re.fullmatch(r"[0-9]{1,18}", cursor) is None:
        raise _no_token()
    return int(cursor)


def _no_token() -> ApiError:
    return invalid("page_token", "not a token of this method; take next_page_token of the answer before")
