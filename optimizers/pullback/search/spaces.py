"""Space of a search: blocks of coordinates with their priors, what is held, and what is admitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.generators.truncated_normal import CUT, DEVIATION
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.constraints import FREE, PRIOR, Constraint
from pullback.search.typicality import Typicality

_FREE = Constraint()
KINDS = ("standard-normal", "truncated-normal", "one-hot", "bounded", "mapped", "class-embeddings")
_LIMITED = ("truncated-normal", "bounded")
# Kurtosis less 1 of a coordinate: the variance of its square, in units of its own variance. Of a normal one within ±c
# E z⁴ = 3 E z² − 2 c³ φ(c) / (2 Φ(c) − 1), and 1 − E z² is c⁻² of the last term.
_FOURTH = 3 * DEVIATION**2 - CUT**2 * (1 - DEVIATION**2)
_SPREADS = {"standard-normal": 2.0, "truncated-normal": _FOURTH / DEVIATION**4 - 1, "bounded": 0.8, "one-hot": 0.0}
MEASURED = ("mapped", "class-embeddings")
"""Priors that only the generator's weights know: a search has their moments."""
HELD = "held"
"""The kind of a class whose embedding stays."""


@dataclass(frozen=True)
class Moments:
    """What a search knows of a prior that stands in a generator's weights.

    Attributes:
        mean: Mean of each coordinate; of a space that repeats another one layer by layer, those of one layer.
        deviation: Root mean square of the coordinates' standard deviations, above 0: the unit of its points.
        spread: Variance of the squared distance of draws from the mean, in that unit, over the number of coordinates.
    """

    mean: tuple[float, ...]
    deviation: float = 1.0
    spread: float = 2.0


@dataclass(frozen=True)
class Block:
    """Coordinates side by side with one prior.

    Attributes:
        kind: `standard-normal`; `truncated-normal`: normal around zero, cut at two standard deviations; `one-hot`: one
            coordinate is 1 and the others are 0, each equally often; `bounded`: each coordinate uniform within
            bounds; `mapped`: what a mapping network makes of normal latents; `class-embeddings`: one of those in the
            weights; or `held`: an embedding that stays as it is.
        width: Number of coordinates, at least 1; of a one-hot block at least 2.
        bounds: Least and greatest value of a coordinate of a bounded block, or of a truncated normal one; of class
            embeddings, where a search may go; None of the others.
        moments: Of a block that is mapped, of class embeddings or held; None of the others. A held one's mean is what
            it is held at.

    Raises:
        InvalidInputError: No such kind, no such width, no such bounds or no moments.
    """

    kind: str
    width: int
    bounds: tuple[float, float] | None = None
    moments: Moments | None = None

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, HELD):
            raise InvalidInputError(f"a block is {' or '.join((*KINDS, HELD))}, but {self.kind!r} came")
        if (self.kind in (*MEASURED, HELD)) != (self.moments is not None):
            raise InvalidInputError(
                f"a {' or '.join((*MEASURED, HELD))} block has moments, and no other, but {self.moments} came of "
                f"{self.kind}"
            )
        if self.moments is not None and (not self.moments.mean or self.width % len(self.moments.mean)):
            raise InvalidInputError(
                f"a mean of {self.width} coordinates has as many, or those of one of its layers, but "
                f"{len(self.moments.mean)} came"
            )
        least = 2 if self.kind == "one-hot" else 1
        if self.width < least:
            raise InvalidInputError(f"a {self.kind} block has at least {least} coordinates, but {self.width} came")
        if self.kind != "class-embeddings" and (self.kind in _LIMITED) != (self.bounds is not None):
            raise InvalidInputError(
                f"a {' or '.join(_LIMITED)} block has bounds, and no other, but {self.bounds} came of {self.kind}"
            )
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            raise InvalidInputError(f"bounds are a least value and a greater one, but {self.bounds} came")

    @property
    def limits(self) -> tuple[float, float]:
        """Least and greatest value of a coordinate that the prior draws; infinite of a standard-normal one."""
        if self.bounds is not None:
            return self.bounds
        return (0.0, 1.0) if self.kind == "one-hot" else (-math.inf, math.inf)

    @property
    def mean(self) -> Float64[np.ndarray, " width"]:
        """Mean of each coordinate."""
        if self.moments is not None:
            return np.resize(np.array(self.moments.mean), self.width)
        if self.bounds is not None:
            return np.full(self.width, (self.bounds[0] + self.bounds[1]) / 2)
        return np.full(self.width, 1 / self.width if self.kind == "one-hot" else 0.0)

    @property
    def deviation(self) -> float:
        """Standard deviation of each coordinate; of a block with moments, the root mean square of them."""
        if self.moments is not None:
            return self.moments.deviation
        if self.bounds is not None:
            width = self.bounds[1] - self.bounds[0]
            return width / math.sqrt(12) if self.kind == "bounded" else width / (2 * CUT) * DEVIATION
        # One of c equally often: the variance of each indicator is (1 − 1/c) / c.
        return math.sqrt((1 - 1 / self.width) / self.width) if self.kind == "one-hot" else 1.0

    @property
    def spread(self) -> float:
        """Variance of the squared distance of draws from the mean, in deviations, over the number of coordinates."""
        return _SPREADS[self.kind] if self.moments is None else self.moments.spread

    def draw(self, n: int, rng: np.random.Generator) -> Float64[np.ndarray, "n width"]:
        """Coordinates drawn from the prior; of a measured one, normal ones of its mean and its deviation."""
        if self.moments is not None:
            return self.mean + self.deviation * rng.standard_normal((n, self.width))
        if self.kind == "truncated-normal":
            return self.limits[1] / CUT * _truncated(n, self.width, rng)
        if self.bounds is not None:
            return rng.uniform(*self.bounds, (n, self.width))
        if self.kind == "one-hot":
            return np.eye(self.width)[rng.integers(self.width, size=n)]
        return rng.standard_normal((n, self.width))


def _truncated(n: int, width: int, rng: np.random.Generator) -> Float64[np.ndarray, "n width"]:
    """Standard normal numbers, each drawn until it lies within the cut."""
    drawn = rng.standard_normal((n, width))
    while (outside := np.abs(drawn) > CUT).any():
        drawn[outside] = rng.standard_normal(int(outside.sum()))
    return drawn


@dataclass(frozen=True)
class SearchSpace:
    """A latent space as a search sees it.

    A search works with *points*: the coordinates that are not held, in units of their prior's standard deviation.

    Attributes:
        blocks: The blocks, in the order of the coordinates.
        constraint: Bounds on the standard-normal coordinates, and on how far all of them are from the prior. Those of
            one-hot blocks lie in [0, 1] always, those of bounded and truncated ones, and of embeddings, within theirs.
        held_class: Which coordinate of the one-hot block is held at 1, and the others at 0; None = all move.

    Raises:
        InvalidInputError: There is no block, a class is held where there is not one one-hot block beside others, or
            no point satisfies the bounds.
    """

    blocks: tuple[Block, ...]
    constraint: Constraint = _FREE
    held_class: int | None = None

    def __post_init__(self) -> None:
        if not self.blocks:
            raise InvalidInputError("a space to search has at least one block, but none came")
        if self.held_class is not None:
            widths = [block.width for block in self.blocks if block.kind == "one-hot"]
            if len(widths) != 1 or len(self.blocks) == 1:
                raise InvalidInputError(
                    "a class can be held in a space with one one-hot block beside others, but the blocks are "
                    f"{', '.join(block.kind for block in self.blocks)}"
                )
            if not 0 <= self.held_class < widths[0]:
                raise InvalidInputError(f"a class is a number from 0 to {widths[0] - 1}, but {self.held_class} came")
        self._within.check_fits(int(self.is_normal.sum()))
        if self.constraint.stay not in (None, FREE) and self.reach < (self.constraint.min_norm or 0):
            raise InvalidInputError(
                f"latents of a norm of at least {self.constraint.min_norm} lie as far from the prior's mean, but stay "
                f"allows {self.reach:.6g}; lower min_norm or raise stay"
            )

    @property
    def dim(self) -> int:
        """Number of coordinates of a latent."""
        return sum(block.width for block in self.blocks)

    @property
    def searched(self) -> int:
        """Number of coordinates that are not held: those of a point."""
        return len(self.moving)

    @cached_property
    def moving(self) -> Int64[np.ndarray, " searched"]:
        """Which coordinates of a latent are not held."""
        moves = [self._moves(block) for block in self.blocks]
        return np.flatnonzero(np.repeat(moves, [block.width for block in self.blocks]))

    @cached_property
    def is_normal(self) -> Bool[np.ndarray, " searched"]:
        """Which coordinates of a point are standard normal."""
        normal = [block.kind == "standard-normal" for block in self.blocks]
        return self._of_moving(normal)

    @cached_property
    def is_mapped(self) -> Bool[np.ndarray, " searched"]:
        """Which coordinates of a point lie behind a mapping network."""
        return self._of_moving([block.kind == "mapped" for block in self.blocks])

    @property
    def around_zero(self) -> bool:
        """Whether the prior's mean is zero, whatever the weights."""
        return not self.is_measured and not self.centre.any()

    @property
    def is_measured(self) -> bool:
        """Whether some coordinates have a prior of which a search knows the moments alone."""
        return any(block.kind in MEASURED for block in self.blocks)

    @property
    def stands_in_weights(self) -> bool:
        """Whether the weights are needed to know its blocks: moments, or the embedding that is held."""
        return any(block.moments is not None for block in self.blocks)

    def _moves(self, block: Block) -> bool:
        return block.kind != HELD and (block.kind != "one-hot" or self.held_class is None)

    @cached_property
    def scale(self) -> Float64[np.ndarray, " searched"]:
        """Standard deviations of the coordinates under the prior."""
        return self._of_moving([block.deviation for block in self.blocks])

    @cached_property
    def centre(self) -> Float64[np.ndarray, " searched"]:
        """The prior's mean, as a point."""
        means = np.concatenate([block.mean for block in self.blocks])
        centre: Float64[np.ndarray, " searched"] = means[self.moving] / self.scale
        return centre

    @cached_property
    def typicality(self) -> Typicality:
        """How far from its mean the prior's draws lie."""
        spreads = [block.spread for block in self.blocks]
        return Typicality(self.searched, float(self._of_moving(spreads).sum()))

    @property
    def reach(self) -> float:
        """How far from the prior's mean points may lie; infinite where no bound says it."""
        stay, most = self.constraint.stay, self.constraint.max_norm
        bound = math.inf if most is None or not self.is_normal.all() else most
        if stay in (None, FREE):
            return bound
        return min(bound, self.typicality.farthest if stay == PRIOR else float(stay))

    def distances(self, latents: NDArray[Any]) -> Float64[np.ndarray, " n"]:
        """Mahalanobis distances of latents, shape (n, dim), from the prior's mean: draws lie about √searched from it.

        What is held does not count.
        """
        distances: Float64[np.ndarray, " n"] = np.linalg.norm(self.points(latents) - self.centre, axis=1)
        return distances

    def draw(self, n: int, rng: np.random.Generator) -> Float64[np.ndarray, "n searched"]:
        """Points drawn from the prior, whether they are admitted or not."""
        drawn = [block.draw(n, rng) for block in self.blocks if self._moves(block)]
        points: Float64[np.ndarray, "n searched"] = np.concatenate(drawn, axis=1) / self.scale
        return points

    def points(self, latents: NDArray[Any]) -> Float64[np.ndarray, "n searched"]:
        """The points of latents, shape (n, dim); what is held is left out."""
        points: Float64[np.ndarray, "n searched"] = latents[:, self.moving].astype(np.float64) / self.scale
        return points

    def latents(self, points: Float64[np.ndarray, "n searched"]) -> Float32[np.ndarray, "n dim"]:
        """The latents of points, each moved to the nearest that is admitted.

        In float32, as generators take them, so that bounds hold to its rounding.
        """
        normal = self.is_normal
        if not normal.all() and math.isfinite(self.reach):
            points = self.centre + _of_length(points - self.centre, self.reach)
        moving = points * self.scale
        moving[:, normal] = self._within.nearest(moving[:, normal])
        least, most = self._of_moving([block.limits for block in self.blocks]).T
        moving[:, ~normal] = moving[:, ~normal].clip(least[~normal], most[~normal])
        if self.constraint.min_norm and not normal.all() and math.isfinite(self.reach):
            # Where the norm had to be raised, the others give way.
            left = np.sqrt(np.maximum(self.reach**2 - np.square(moving[:, normal]).sum(axis=1), 0))
            centre, scale = self.centre[~normal], self.scale[~normal]
            moving[:, ~normal] = scale * (centre + _of_length(moving[:, ~normal] / scale - centre, left[:, None]))
        latents = np.tile(self._held, (len(points), 1))
        latents[:, self.moving] = moving
        return latents

    def as_dict(self) -> dict[str, Any]:
        """The space as a stored search has it."""
        stored = asdict(self) | {"constraint": self.constraint.as_dict()}
        for block in stored["blocks"]:
            # As before there were any.
            if block["moments"] is None:
                del block["moments"]
        return stored

    def eigenbasis(self, eigenbasis: Eigenbasis) -> Eigenbasis:
        """The eigenbasis of the metric on points, from that of the metric on latents.

        Of a mapped space, all of whose coordinates have one deviation, it is the same but for the unit.

        Raises:
            InvalidInputError: It has another number of dimensions.
        """
        if eigenbasis.dim != self.dim:
            raise InvalidInputError(f"the space has {self.dim} dimensions, but an eigenbasis of {eigenbasis.dim} came")
        if self.searched == self.dim and ((self.scale == 1).all() or self.is_mapped.all()):
            return eigenbasis
        # z = S p in the moving coordinates, and the others held: H_p = S H_z S there.
        return eigenbasis.restricted(self.moving, eigenbasis.provenance, scale=self.scale)

    @cached_property
    def _within(self) -> Constraint:
        """Bounds on the standard-normal coordinates, where there are no others with that to which they may go."""
        most = self.constraint.max_norm
        if not self.is_normal.all() or self.reach >= (math.inf if most is None else most):
            return self.constraint
        return replace(self.constraint, max_norm=max(self.reach, self.constraint.min_norm or 0))

    def layered(self, eigenbasis: Eigenbasis, axes: int) -> Eigenbasis:
        """An eigenbasis of this space: as it is, or, of one that this one repeats layer by layer, in every layer.

        Args:
            eigenbasis: Of this space, or of `w` where this is `w+`.
            axes: How many of the leading axes are needed.
        """
        layers = self.dim // eigenbasis.dim
        if layers < 2 or not self.is_mapped.all() or layers * eigenbasis.dim != self.dim:
            return eigenbasis
        return eigenbasis.repeated(layers, axes)

    def _of_moving(self, values: Sequence[Any]) -> NDArray[Any]:
        """Values of the blocks, for the coordinates that are not held."""
        chosen: NDArray[Any] = np.repeat(values, [block.width for block in self.blocks], axis=0)[self.moving]
        return chosen

    @cached_property
    def _held(self) -> Float32[np.ndarray, " dim"]:
        """A latent with what is held, and zeros elsewhere."""
        held = np.concatenate(
            [block.mean if block.kind == HELD else np.zeros(block.width) for block in self.blocks]
        ).astype(np.float32)
        if self.held_class is not None:
            held[np.setdiff1d(np.arange(self.dim), self.moving)[self.held_class]] = 1  # no other block is held then
        return held


def _of_length(
    rows: Float64[np.ndarray, "n k"], most: float | Float64[np.ndarray, "n 1"]
) -> Float64[np.ndarray, "n k"]:
    """Rows, each drawn in to a length of at most `most`."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    drawn: Float64[np.ndarray, "n k"] = rows * np.minimum(1.0, most / np.where(lengths > 0, lengths, 1))
    return drawn
