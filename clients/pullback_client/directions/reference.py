"""Words for a direction: `hessian:3`, `SET:3`, or a title that somebody gave it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from pullback_client.directions.direction_set import Directions
from pullback_client.directions.options import LOCAL_METHODS, METHODS
from pullback_client.directions.records import Direction, DirectionsInfo
from pullback_client.errors import InvalidArgumentError, NotFoundError
from pullback_client.text.vocabulary import nearest
from pullback_client.wire.names import generator_name


@dataclass(frozen=True)
class Reference:
    """What a word names by a number; a title is neither of a method nor of a set.

    Attributes:
        method: The method that finds it.
        name: Resource name of its set.
        index: Its place in what the method finds, or in the set.
    """

    method: str = ""
    name: str = ""
    index: int = 0

    @property
    def is_local(self) -> bool:
        """Whether the method looks at one latent."""
        return self.method in LOCAL_METHODS

    @classmethod
    def read(cls, word: str, generator: str) -> Reference:
        """What a word names.

        Args:
            word: `METHOD:INDEX`, `SET:INDEX` (the set's id or its resource name), or a title.
            generator: Name of the generator, whose set an id names.

        Raises:
            InvalidArgumentError: It is empty.
        """
        head, colon, tail = word.rpartition(":")
        if not word.strip() or (colon and not head):
            raise InvalidArgumentError(f"a direction is METHOD:INDEX, SET:INDEX or a title, got {word!r}")
        if not colon or not (tail.isascii() and tail.isdecimal()):
            return cls()
        if head in METHODS:
            return cls(method=head, index=int(tail))
        name = head if "/" in head else f"{generator_name(generator)}/directions/{head}"
        return cls(name=name, index=int(tail))

    @classmethod
    def read_local(cls, word: Direction | str | None, generator: str) -> bool:
        """Whether a direction is a word for what a local method finds."""
        return isinstance(word, str) and cls.read(word, generator).is_local

    def pick(self, found: Directions) -> Direction:
        """The direction of a set that the word names by its number.

        Raises:
            InvalidArgumentError: The set has fewer.
        """
        if self.index >= len(found):
            generator = found.name.split("/")[1]
            self.refuse(f"{found.name} ({found.method})", len(found), found.dim, generator, found.method)
        return found[self.index]

    def refuse(self, whose: str, count: int, dim: int, generator: str, method: str = "") -> NoReturn:
        """Raises InvalidArgumentError for a number that a set of so many directions does not have.

        Args:
            whose: What has them, for the message.
            count: How many there are.
            dim: How many there could be.
            generator: Id of the generator.
            method: The method that found them; empty = the word's own.
        """
        method, hint = method or self.method, ""
        if self.index < dim and method in METHODS:
            hint = (
                f"; find more with Client.discover_directions({generator!r}, method={method!r}, k={self.index + 1}), "
                f"or `pullback directions {generator} --method {method} --k {self.index + 1}`, and name it as "
                f"SET:{self.index}"
            )
        raise InvalidArgumentError(f"{whose} has directions 0 to {count - 1}, got {self.index}{hint}")


def set_of_title(title: str, known: Iterable[DirectionsInfo], generator: str) -> str:
    """The resource name of the set in which a direction has a title.

    Args:
        title: The title.
        known: The sets of the generator.
        generator: Its name, for the message.

    Raises:
        NotFoundError: No direction has that title; the message lists those there are.
        InvalidArgumentError: Directions of several sets have it.
    """
    titles = [(each.title, info.name) for info in known for each in info.annotations if each.title]
    names = sorted({name for each, name in titles if each == title})
    if not names:
        there = sorted({each for each, _ in titles})
        head = title.rpartition(":")[0]
        near = nearest(title, there) or (nearest(head, METHODS) if head else "")
        listed = ", ".join(there) or "none"
        raise NotFoundError(
            f"no direction of {generator} is called {title!r} (titles: {listed}); or name one as METHOD:INDEX, with "
            f"one of {', '.join(METHODS)}, or as SET:INDEX of a set that the server lists{near}"
        )
    if len(names) > 1:
        raise InvalidArgumentError(f"directions of {', '.join(names)} are called {title!r}: name one as SET:INDEX")
    return names[0]
