"""Plan of a generation: which images are shown side by side, in which order."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.people.design import Design


@dataclass(frozen=True)
class Presentation:
    """What an observer sees at once, and answers once.

    Attributes:
        key: Unique in its session.
        images: Ids of the images, from the left to the right.
        observer: Who it is for; empty = whoever is free.
    """

    key: str
    images: tuple[str, ...]
    observer: str = ""


def plan(
    images: Sequence[str], anchors: Sequence[str], design: Design, *, generation: int, seed: int
) -> list[Presentation]:
    """The presentations of a generation, in the order in which they are shown; the same for the same arguments.

    Rounds follow one another: all images are in a set before any is in its second. Every image is in `answers` sets;
    where the last set cannot be filled from these, some are in one more. Anchors take part as images do. Places from
    the left to the right are drawn.

    Args:
        images: Ids of the generation's images.
        anchors: Ids of earlier images among them.
        design: The design.
        generation: The generation, from 0.
        seed: Of the session.

    Raises:
        InvalidArgumentError: There are fewer images than stand side by side.
    """
    shown = [*images, *anchors]
    if len(shown) < design.alternatives:
        raise InvalidArgumentError(f"{design.alternatives} images side by side, but a generation has {len(shown)}")
    found = []
    for observer in design.observers or ("",):
        rng = np.random.default_rng([seed, generation, zlib.crc32(observer.encode())])
        sets = _sets(shown, design.alternatives, design.answers, rng)
        for number, members in enumerate(sets):
            key = f"g{generation:04d}-{number:04d}" + (f"-{observer}" if observer else "")
            found.append(Presentation(key, members, observer))
    return found


def _sets(shown: Sequence[str], size: int, rounds: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Sets of so many different images, each image in as many sets as there are rounds, or in one more."""
    waiting: list[str] = []
    sets: list[tuple[str, ...]] = []
    for _ in range(rounds):
        order = [shown[place] for place in rng.permutation(len(shown))]
        if sets and order[0] in sets[-1] and len(order) > 1:
            # Not twice in a row where a round meets the next.
            order.append(order.pop(0))
        waiting += order
        while len(set(waiting)) >= size:
            sets.append(_taken(waiting, size, rng))
    while waiting:
        # Too few different ones are left for a set: others fill it up.
        left = set(waiting)
        others = [each for each in shown if each not in left]
        waiting += [others[place] for place in rng.permutation(len(others))[: size - len(left)]]
        sets.append(_taken(waiting, size, rng))
    return sets


def _taken(waiting: list[str], size: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Takes the first different images from those that wait, in places that are drawn."""
    members: list[str] = []
    for image in list(waiting):
        if len(members) < size and image not in members:
            members.append(image)
            waiting.remove(image)
    return tuple(members[place] for place in rng.permutation(size))
