"""Cursors: where a page of stored rows begins."""

from __future__ import annotations

import re

from pullback_server.errors import invalid


def read_cursor(cursor: str | None) -> int | None:
    """The row's number that a page token holds; INVALID_ARGUMENT where it holds none."""
    if cursor is None:
        return None
    # Numbers of rows are 64-bit integers.
    if re.fullmatch(r"[0-9]{1,18}", cursor) is None:
        raise invalid("page_token", "not a token of this method; take next_page_token of the answer before")
    return int(cursor)
