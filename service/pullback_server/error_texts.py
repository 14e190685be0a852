"""Texts of errors for callers: our own words without folders; of everything else, where the log tells of it."""

from __future__ import annotations

import logging
import re
import secrets

_log = logging.getLogger(__name__)

# A path from the root, or from a drive, of two parts or more; what is in quotes may hold spaces.
_QUOTED = re.compile(r"(?P<quote>['\"])(?:/|[A-Za-z]:[\\/])(?:[^'\"/\\]+[/\\])+(?P<name>[^'\"/\\]+)(?P=quote)")
_PLAIN = re.compile(
    r"(?<![\w.:/\\~}-])(?:/|[A-Za-z]:[\\/])(?:[^\s/\\'\"`,;:()\[\]{}]+[/\\])+(?P<name>[^\s/\\'\"`,;:()\[\]{}]+)"
)


def unforeseen() -> str:
    """Words for an error that nobody foresaw, with a fresh reference; log them with the error."""
    return f"an error of the server's own; its log says more under reference {secrets.token_hex(4)}"


def without_details(error: Exception) -> str:
    """What callers hear of an error: of one of the system its reason, such as "No space left on device"; else nothing.

    What is not told is logged, with a reference.
    """
    if isinstance(error, OSError) and error.strerror:
        # Without the files that it is about.
        return error.strerror
    told = unforeseen()
    _log.error("%s", told, exc_info=error)
    return told


def without_folders(text: str) -> str:
    """A text in which every path is its last part alone: the folders of the server are nobody else's business."""
    return _PLAIN.sub(r"…/\g<name>", _QUOTED.sub(r"\g<quote>…/\g<name>\g<quote>", text))
