"""What a search method is: how points are drawn from a state, and how scores change it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True)
class Origin:
    """Where a candidate came from.

    Attributes:
        kind: `initial` (given when the search began), `sampled` (from the method's distribution or the prior), `mean`
            (of the distribution) or `offspring` (of parents). Who shows images again calls them `elite` or `carried`.
        parents: Ids of the candidates that it was made of, where it was made of some that had ids.
    """

    kind: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class State:
    """What a method knows; never changed, only followed by another.

    Fields are arrays, numbers, tuples of ids, and further states as `parts` lists them. Arrays are copied, row by row,
    and set read-only: so one that was written and read back is laid out as before, and the same arithmetic gives the
    same bits.
    """

    parts: ClassVar[Mapping[str, type[State]]] = {}

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = np.array(value, order="C")
                value.flags.writeable = False
                object.__setattr__(self, field.name, value)


S = TypeVar("S", bound=State)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Points that a method proposes.

    Attributes:
        points: Shape (n, k).
        origins: Where each came from.
    """

    points: Float64[np.ndarray, "n k"]
    origins: tuple[Origin, ...]

    @classmethod
    def sampled(cls, points: Float64[np.ndarray, "n k"]) -> Drawn:
        """Points that were sampled, all of them."""
        return cls(points, (Origin("sampled"),) * len(points))


class Method(ABC, Generic[S]):
    """How points are drawn, and what is learnt from scores. Greater scores are better ones.

    A method works with the points of a search space: k coordinates, in units of their prior's standard deviation. It
    keeps nothing itself; all that it learns is in the state, and all that is random comes from the generator.
    """

    state_type: ClassVar[type[Any]]
    """What its states are."""
    least: ClassVar[int] = 4
    """Scores that an update needs: fewer rank nothing worth a step, and wait for more."""

    @abstractmethod
    def sample(self, state: S, n: int, rng: np.random.Generator) -> Drawn:
        """Proposes n ≥ 1 points."""

    @abstractmethod
    def update(
        self, state: S, points: Float64[np.ndarray, "m k"], scores: Float64[np.ndarray, " m"], ids: tuple[str, ...]
    ) -> S:
        """The state after scores of m ≥ `least` points, wherever these came from.

        Args:
            state: The state before.
            points: Shape (m, k), finite.
            scores: Shape (m,), finite; greater is better, and several may be equal.
            ids: One for each; empty where a point has none.
        """

    @abstractmethod
    def incumbent(self, state: S) -> Float64[np.ndarray, " k"] | None:
        """The point around which it searches; None where it has none."""
