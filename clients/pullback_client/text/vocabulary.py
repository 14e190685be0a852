"""Vocabularies: known words, and what is said of those that are unknown."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any


def nearest(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'adam'?`, the end of a message about an unknown word; empty where none is near."""
    found = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def known_words(word: object, known: Collection[str]) -> str:
    """The known words, and the nearest to one that is not: what a message about it goes on with."""
    return f"known: {', '.join(known) or 'none'}{nearest(word, known)}"


def refuse_unknown(given: Iterable[str], known: Collection[str], what: str = "options") -> None:
    """Refuses names that are not known.

    Args:
        given: The names.
        known: Those that there are.
        what: What they name, for the message.

    Raises:
        TypeError: Some are not, as for a keyword that a function does not have.
    """
    if unknown := sorted(set(given) - set(known)):
        raise TypeError(f"unknown {what} {', '.join(unknown)}; {known_words(unknown[0], known)}")


def refuse_unknown_options(given: Mapping[str, Any], kind: Any, what: str = "options") -> None:
    """`refuse_unknown` for the names of a typed dictionary."""
    refuse_unknown(given, list(kind.__annotations__), what)
