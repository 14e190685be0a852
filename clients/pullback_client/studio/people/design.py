"""Design of an experiment with people: what they are asked, how often, and how their answers become scores.

It is kept in the notes of its session, on the server: any studio of that server knows it, and exports say it.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias, get_args

from pullback_client.errors import FailedPreconditionError, InvalidArgumentError

Way: TypeAlias = Literal["rate", "choose", "compare"]
"""`rate`: each image from 1 to 9; `choose`: the best of several; `compare`: the better of two."""

Combination: TypeAlias = Literal["mean", "standardised", "share", "bradley_terry", "thurstone"]
"""How answers become scores; see `scoring.py`."""

Sharing: TypeAlias = Literal["shared", "everyone"]
"""`shared`: observers at once see different images, and whoever is free takes the next; `everyone`: every observer who
is named sees every image."""

COMBINATIONS: dict[Way, tuple[Combination, ...]] = {
    "rate": ("mean", "standardised"),
    "choose": ("share", "bradley_terry"),
    "compare": ("share", "bradley_terry", "thurstone"),
}
"""Which there are for each way, the default first."""

RATINGS = range(1, 10)
MOST_ALTERNATIVES = 9
MOST_ANSWERS = 30
MOST_OBSERVERS = 16
MOST_SHOWS = 100
"""Showings without a score of their own after which a session for people gives an image up: the server's most."""
MOST_JUDGED = 90
"""Answers to an image in a generation, all observers together: fewer than `MOST_SHOWS`."""
LONGEST_NAME = 40
LONGEST_INSTRUCTIONS = 1_000
LONGEST_QUESTION = 200
LONGEST_MS = 60_000

_NOTE, _INSTRUCTIONS, _OBSERVERS = "people", "people.instructions", "people.observers"


@dataclass(frozen=True)
class Design:
    """What observers are asked.

    Attributes:
        way: See `Way`.
        alternatives: Images side by side: 1 to rate, 2 to compare, 2 to 9 to choose.
        answers: How often each image is judged in its generation, 1 to 30: by all observers together where the images
            are shared, by each where everyone sees all. Of choices, the sets that it is in.
        sharing: See `Sharing`.
        observers: Names of those who judge every image, 1 to 16; empty where images are shared by whoever comes.
        combination: See `Combination`.
        anchors: How many of the best images so far are mixed into the choices of a generation, 0 to 8, so that its
            scores stand on the scale of the earlier ones. `bradley_terry`, `thurstone`.
        fixation_ms: How long the fixation cross is seen before the images, 0 to 60000.
        stimulus_ms: How long the images are seen; 0 = until the answer.
        blank_ms: How long nothing is seen after the answer.
        instructions: What observers read before they begin, at most 1000 characters.
        question: What stands under the images, at most 200 characters.
    """

    way: Way = "rate"
    alternatives: int = 1
    answers: int = 1
    sharing: Sharing = "shared"
    observers: tuple[str, ...] = ()
    combination: Combination = "mean"
    anchors: int = 0
    fixation_ms: int = 500
    stimulus_ms: int = 0
    blank_ms: int = 300
    instructions: str = ""
    question: str = ""

    def __post_init__(self) -> None:
        """Raises InvalidArgumentError where the parts do not go together."""
        _check_words(self)
        least, most = {"rate": (1, 1), "compare": (2, 2), "choose": (2, MOST_ALTERNATIVES)}[self.way]
        _check_number("images side by side", self.alternatives, least, most)
        _check_number("answers to each image", self.answers, 1, MOST_ANSWERS)
        models = self.combination in ("bradley_terry", "thurstone")
        _check_number("anchors", self.anchors, 0, 8 if models else 0)
        for name in ("fixation_ms", "stimulus_ms", "blank_ms"):
            _check_number(name.replace("_ms", " (ms)"), getattr(self, name), 0, LONGEST_MS)
        for name, most in (("instructions", LONGEST_INSTRUCTIONS), ("question", LONGEST_QUESTION)):
            if len(text := getattr(self, name)) > most:
                raise InvalidArgumentError(f"the {name} may have {most} characters, got {len(text)}")
        _check_observers(self)
        if not self.direct and self.answers * max(1, len(self.observers)) > MOST_JUDGED:
            raise InvalidArgumentError(
                f"an image may be judged {MOST_JUDGED} times in a generation, but {self.answers} answers of "
                f"{len(self.observers)} observers were asked for"
            )

    @property
    def direct(self) -> bool:
        """Whether each answer is a score of its own, of which the server takes the mean.

        Otherwise scores are made of all answers to a generation, once these are there.
        """
        return self.sharing == "shared" and self.combination in ("mean", "share")

    @property
    def repetitions(self) -> int:
        """Scores that an image of the session needs."""
        return self.answers if self.direct else 1

    def to_notes(self) -> dict[str, str]:
        """As notes of a session."""
        apart = ("instructions", "observers")
        rest = {name: value for name, value in asdict(self).items() if name not in apart}
        notes = {_NOTE: json.dumps(rest), _OBSERVERS: "\n".join(self.observers), _INSTRUCTIONS: self.instructions}
        return {name: text for name, text in notes.items() if text}

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any]) -> Design:
        """Of the notes of a session.

        Raises:
            FailedPreconditionError: The session is not one for people, or its design is one of another version.
        """
        if _NOTE not in notes:
            raise FailedPreconditionError(
                "this session is not scored by people: its notes hold no design; set one up on the page People"
            )
        try:
            given = json.loads(notes[_NOTE])
            known = {field.name for field in fields(cls)}
            if not isinstance(given, dict) or not given.keys() <= known:
                raise ValueError(f"expected {', '.join(sorted(known))}")
            observers = tuple(name for name in notes.get(_OBSERVERS, "").split("\n") if name)
            return cls(**given, observers=observers, instructions=notes.get(_INSTRUCTIONS, ""))
        except (ValueError, TypeError, InvalidArgumentError) as error:
            raise FailedPreconditionError(
                f"the design in the notes of this session cannot be used, another version may have made it: {error}"
            ) from error


def checked_observer(name: str) -> str:
    """The name of an observer without spaces around it.

    Raises:
        InvalidArgumentError: It is empty, too long, or has characters that are not printed.
    """
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidArgumentError(
            f"the name of an observer has 1 to {LONGEST_NAME} characters that can be printed, got {name[:60]!r}"
        )
    return name


def _check_words(design: Design) -> None:
    if design.way not in COMBINATIONS:
        raise InvalidArgumentError(f"unknown way {design.way!r}: expected {', '.join(COMBINATIONS)}")
    if design.combination not in COMBINATIONS[design.way]:
        known = ", ".join(COMBINATIONS[design.way])
        raise InvalidArgumentError(f"scores of {design.way!r} cannot be {design.combination!r}: expected {known}")
    if design.sharing not in get_args(Sharing):
        raise InvalidArgumentError(f"unknown sharing {design.sharing!r}: expected {', '.join(get_args(Sharing))}")


def _check_number(what: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise InvalidArgumentError(f"{what} must be {expected}, got {value!r}")


def _check_observers(design: Design) -> None:
    for name in design.observers:
        if checked_observer(name) != name:
            raise InvalidArgumentError(f"the name of an observer has spaces around it: {name!r}")
    if len(set(design.observers)) < len(design.observers):
        raise InvalidArgumentError("two observers have the same name: give each a name of its own")
    if design.sharing == "everyone":
        _check_number("observers who judge every image", len(design.observers), 1, MOST_OBSERVERS)
    elif design.observers:
        raise InvalidArgumentError("observers are named only where everyone judges every image")
