"""Errors that the library raises.

PullbackError
├── InvalidInputError (ValueError)       a value that cannot be used; says what came and what was expected
│   └── CatalogueError                   what a catalogue file says cannot be used; says where it stands
├── UnknownNameError (LookupError)       a name that is in no catalogue; lists the known ones
├── StoppedError                         a computation that was stopped when asked to; carries where it stood
├── MemoryExhaustedError                 memory does not suffice for the smallest piece; says what would
├── OwnCodeError                         code that a catalogue names failed, or is another; names entry and exception
├── IncompatibleEigenbasisError          an eigenbasis of another generator, space or set of weights
└── WeightsError
    ├── WeightsUnavailableError          not on this machine and not to be fetched; says how to get them
    └── WeightsCorruptedError            here, but not the published bytes
"""

from __future__ import annotations

import copyreg
import difflib
from collections.abc import Iterable
from typing import Any

# A message that goes in the trailers of a call has a few kilobytes.
MOST_LISTED = 60


class PullbackError(Exception):
    """Base of everything that this library raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles, such as those of a process pool, do without the constructor: it takes more than `args`.
        return copyreg.__newobj__, (type(self),), {"args": self.args, **vars(self)}  # type: ignore[attr-defined]


class InvalidInputError(PullbackError, ValueError):
    """A value that cannot be used."""


class CatalogueError(InvalidInputError):
    """A catalogue file, or an entry of one, that cannot be used."""


class UnknownNameError(PullbackError, LookupError):
    """A name that is in no catalogue."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(known)
        super().__init__(
            f"no {kind} is named {name!r}; known: {listed(self.known) or 'none'}{nearest(name, self.known)}"
        )


def listed(names: Iterable[str]) -> str:
    """Names for a message; of a thousand classes, say, the first, and how many there are besides."""
    known = list(names)
    more = len(known) - MOST_LISTED
    return ", ".join(known[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'faces'?`, the end of a message about an unknown name; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


class StoppedError(PullbackError):
    """A computation that was stopped when asked to.

    Attributes:
        state: Its state at the last completed step, to go on from.
    """

    def __init__(self, state: Any, done: int, total: int) -> None:
        self.state = state
        super().__init__(f"stopped after {done} of {total} samples")


class MemoryExhaustedError(PullbackError):
    """Memory that does not suffice for the smallest piece of a computation."""


class OwnCodeError(PullbackError):
    """Code of one's own, that a catalogue names, which failed or does not give what it is to give."""


class IncompatibleEigenbasisError(PullbackError):
    """An eigenbasis that was computed for something else than it is asked to serve."""


class WeightsError(PullbackError):
    """Weights that cannot be used."""


class WeightsUnavailableError(WeightsError):
    """Weights that are not on this machine and could not be fetched."""


class WeightsCorruptedError(WeightsError):
    """Weights that are not the bytes that were published."""
