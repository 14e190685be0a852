"""Interface of a search method: how points are drawn from a state, and how scores change it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.spaces import SearchSpace


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
    same bits. Those that a state before had are shared with it.
    """

    parts: ClassVar[Mapping[str, type[State]]] = {}
    constants: ClassVar[tuple[str, ...]] = ()
    """Fields that are the same in all states of a search."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray) and not _is_settled(value):
                value = np.array(value, order="C")
                value.flags.writeable = False
                object.__setattr__(self, field.name, value)


def _is_settled(array: NDArray[Any]) -> bool:
    """Whether an array is one of a state already: nobody can change it."""
    return not array.flags.writeable and array.flags.c_contiguous and array.base is None


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


@dataclass(frozen=True)
class Beginning:
    """Where a search begins.

    Attributes:
        space: Where to search.
        point: A point of the space around which to begin, shape (k,); None where none was given.
        eigenbasis: That of the metric on latents, for a method that needs one.
        rng: For a method that draws its first point.
    """

    space: SearchSpace
    point: Float64[np.ndarray, " k"] | None
    eigenbasis: Eigenbasis | None
    rng: np.random.Generator

    @property
    def centre(self) -> Float64[np.ndarray, " k"]:
        """The point, or else the prior's mean."""
        return self.space.centre if self.point is None else self.point


@dataclass(frozen=True)
class Method(ABC, Generic[S]):
    """How points are drawn, and what is learnt from scores. Greater scores are better ones.

    A method works with the points of a search space: k coordinates, in units of their prior's standard deviation. It
    keeps nothing itself; all that it learns is in the state, and all that is random comes from the generator.

    Its fields are its options, by the names of `SearchSettings`, and `space` where it needs that.
    """

    name: ClassVar[str]
    """What `SearchSettings.method` calls it."""
    state_type: ClassVar[type[Any]]
    """What its states are."""
    least: ClassVar[int] = 4
    """Scores that an update needs: fewer rank nothing worth a step, and wait for more."""
    takes_start: ClassVar[bool] = True
    """Whether it searches around a point, which can be given."""
    takes_initial: ClassVar[bool] = True
    """Whether it learns from latents that are asked first."""

    @classmethod
    def of(cls, options: Mapping[str, Any], space: SearchSpace) -> Method[S]:
        """The method with complete options, for a space.

        Raises:
            InvalidInputError: It does not search such a space.
        """
        known = {**options, "space": space}
        return cls(**{field.name: known[field.name] for field in fields(cls) if field.name in known})

    def state_type_of(self, arrays: Container[str]) -> type[S]:
        """What a state is whose arrays have these names, those of its parts with a dot between."""
        del arrays
        return self.state_type

    @abstractmethod
    def first(self, beginning: Beginning) -> S:
        """The state before anything is told.

        Raises:
            InvalidInputError: It cannot begin there, or lacks what it needs.
        """

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
