"""Printable texts: what comes from outside, such as file names, made fit to be shown, and lists of them kept short."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable

_MOST = 5  # of a list in a message
# Control characters (Cc), bytes that are no text (Cs), and marks that turn or hide what stands around them.
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
_NO_TEXT = re.compile("[\ud800-\udfff]")
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(name: str | os.PathLike[str]) -> str:
    r"""A name in one line that terminals, JSON, HTML and the wire take.

    Bytes of it that are not UTF-8 and control characters become escapes such as `\xe9`.
    """
    text = os.fspath(name)
    return "".join(_escaped(each) if _is_unfit(each) else each for each in text)


def text_alone(text: str) -> str:
    r"""The text with escapes such as `\xe9` in place of bytes of file names that are not UTF-8."""
    return _NO_TEXT.sub(lambda found: _escaped(found[0]), text)


def a_few(names: Iterable[str | os.PathLike[str]]) -> str:
    """At most five names, and how many more there are."""
    shown = [printable(name) for name in names]
    more = f" … and {len(shown) - _MOST:,} more" if len(shown) > _MOST else ""
    return ", ".join(shown[:_MOST]) + more


def _is_unfit(character: str) -> bool:
    return unicodedata.category(character) in _UNSHOWN or character in _TURNING


def _escaped(character: str) -> str:
    # As Python holds bytes of a file name that are no text.
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
