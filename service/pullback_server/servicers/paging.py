"""Page sizes and page tokens of the List methods."""

from __future__ import annotations

import base64

from pullback_server.errors import invalid

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


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
        raise invalid("page_token", "not a token of this method; take next_page_token of the answer before") from None
