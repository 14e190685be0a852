"""View: what a page that explores a generator shows, as its address says it; the same address shows the same."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np

from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.codec import Array

MOST_AXES = 64
"""Sliders at once."""

REACHES = (1.0, 2.0, 4.0, 8.0)
"""How far a slider may lead, in steps of α^−½."""

LONGEST_LATENT = 4_096
"""Coordinates of a latent that an address holds; browsers and servers take no address of any length."""

KEPT = "kept."
"""What stands in an address before the digest of a longer one, which the browser's tab keeps."""


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes:
        space: Latent space; empty = the page's choice.
        seed: Seed of the draw to start from.
        latent: Own latent to start from, base64 of float32; empty = the draw.
        inversion: Id of an inversion to start from; empty = none.
        target: Which photograph of it, from 0.
        along: Id of the set whose axes are under the sliders; empty = the page's choice.
        first: First of these axes, from 0.
        count: How many.
        reach: How far a slider leads to each side, in steps.
        layers: Layers of a style-based generator that follow; empty = as the set says.
        steps: How far along which axis, by the sets' ids and the axes' numbers; steps of 0 are left out.
    """

    space: str = ""
    seed: int = 0
    latent: str = ""
    inversion: str = ""
    target: int = 0
    along: str = ""
    first: int = 0
    count: int = 10
    reach: float = 2.0
    layers: tuple[int, ...] = ()
    steps: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, query: Iterable[tuple[str, str]]) -> View:
        """The view that the query of an address says. Names that are none of a view's are ignored.

        Raises:
            InvalidArgumentError: A value is none of those that there can be.
        """
        said: dict[str, Any] = {}
        steps: dict[str, dict[int, float]] = {}
        for name, text in query:
            match name:
                case "space" | "inversion" | "along":
                    said[name] = text
                case "seed" | "first" | "target":
                    said[name] = _whole(name, text, 0, 2**53)
                case "count":
                    said[name] = _whole(name, text, 1, MOST_AXES)
                case "reach":
                    said[name] = _reach(text)
                case "latent":
                    decoded(text)
                    said[name] = text
                case "layers":
                    said[name] = tuple(sorted({_whole(name, each, 0, 999) for each in text.split(",")}))
                case "steps":
                    chosen, _, moves = text.partition(":")
                    steps[chosen] = _moves(moves)
        return cls(**said, steps=steps)

    def query(self, *, whole: bool = False) -> str:
        """The query of the address that shows this; what is as ever is left out.

        Args:
            whole: Whether it holds latents of any length; in an address a digest stands for long ones.
        """
        said = {name: getattr(self, name) for name in ("space", "inversion", "along", "first", "count", "target")}
        pairs = [(name, value) for name, value in said.items() if value != getattr(_USUAL, name)]
        if self.latent:
            pairs.append(("latent", self.latent if whole or not self.is_long else f"{KEPT}{self.digest}"))
        elif not self.inversion:
            pairs.append(("seed", self.seed))
        if self.reach != _USUAL.reach:
            pairs.append(("reach", f"{self.reach:g}"))
        if self.layers:
            pairs.append(("layers", ",".join(map(str, self.layers))))
        for chosen, moves in self.steps.items():
            if moves:
                words = ",".join(f"{index}~{step:g}" for index, step in sorted(moves.items()))
                pairs.append(("steps", f"{chosen}:{words}"))
        return urlencode(pairs, safe=":,~/")

    @property
    def is_long(self) -> bool:
        """Whether it has a latent that no address holds."""
        return len(self.latent) * 3 // 4 > 4 * LONGEST_LATENT  # four letters stand for three bytes

    @property
    def digest(self) -> str:
        """What stands for its latent in an address."""
        return hashlib.sha256(self.latent.encode()).hexdigest()[:16]

    @property
    def moved(self) -> int:
        """Along how many axes the image was moved."""
        return sum(len(moves) for moves in self.steps.values())

    def at(self, chosen: str, index: int, step: float) -> View:
        """The same with another step along an axis of a set."""
        moves = {**self.steps.get(chosen, {}), index: round(step, 4)}
        if not moves[index]:
            del moves[index]
        steps = {**self.steps, chosen: moves}
        return replace(self, steps={name: each for name, each in steps.items() if each})


def encoded(latent: Array) -> str:
    """A latent as an address holds it."""
    return base64.urlsafe_b64encode(np.asarray(latent, "<f4").tobytes()).decode().rstrip("=")


def decoded(text: str) -> Array:
    """The latent that an address holds.

    Raises:
        InvalidArgumentError: It holds none.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        latent = np.frombuffer(data, "<f4").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgumentError("the latent in the address is damaged: copy the whole address") from error
    if not latent.size or not np.isfinite(latent).all():
        raise InvalidArgumentError("the latent in the address is empty or not finite: copy the whole address")
    return latent


_USUAL = View()


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise InvalidArgumentError(f"{name} in the address is a whole number from {least} to {most}, got {text[:40]!r}")
    return int(text)


def _reach(text: str) -> float:
    if text not in (known := [f"{each:g}" for each in REACHES]):
        raise InvalidArgumentError(f"reach in the address is one of {', '.join(known)}, got {text[:40]!r}")
    return float(text)


def _moves(text: str) -> dict[int, float]:
    moves: dict[int, float] = {}
    for part in filter(None, text.split(",")):
        index, _, step = part.partition("~")
        try:
            value = float(step)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidArgumentError(f"steps in the address are such as 0~1.5,3~-0.25, got {part[:40]!r}")
        moves[_whole("an axis", index, 0, 2**31)] = value
    return moves
