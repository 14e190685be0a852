"""Protocol of the study: which axes are shown on which reference images, in which order.

As published, the top 10 eigenvectors, random vectors orthogonal to the top 15 dimensions, and the bottom 10
eigenvectors; five references a trial, drawn at random; steps along the other axes 5 to 10 times those along the top
ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from pullback_client.errors import FailedPreconditionError, InvalidArgumentError
from pullback_client.wire.codec import Array

Group: TypeAlias = Literal["top", "orthogonal", "bottom"]

GROUPS: tuple[Group, ...] = ("top", "orthogonal", "bottom")
MOST_REFERENCES = 12
MOST_AXES = 100
MOST_FRAMES = 15


@dataclass(frozen=True)
class Protocol:
    """What a study shows.

    Attributes:
        generator: Name of the generator.
        eigenbasis: Resource name of the eigenbasis.
        references: Reference images of a trial, 1 to 12.
        axes: Axes of each group, 1 to 100.
        excluded: Leading dimensions to which the random vectors are orthogonal.
        frames: Images along an axis, an odd number from 3 to 15; the reference is the middle one.
        top_reach: How far the first and the last lie from the reference along a top axis, > 0, in units of the latent.
        other_reach: The same along the axes of the other groups.
        seed: Of the references, the random vectors and the order.
    """

    generator: str
    eigenbasis: str
    references: int = 5
    axes: int = 10
    excluded: int = 15
    frames: int = 7
    top_reach: float = 1.0
    other_reach: float = 7.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidArgumentError for a number out of range."""
        _check("references", self.references, 1, MOST_REFERENCES)
        _check("axes of a group", self.axes, 1, MOST_AXES)
        _check("excluded dimensions", self.excluded, 0, 10_000)
        _check("frames", self.frames, 3, MOST_FRAMES)
        _check("seed", self.seed, 0, 2**31 - 1)
        if self.frames % 2 == 0:
            raise InvalidArgumentError(
                f"frames must be odd, so that the reference is the middle one, got {self.frames}"
            )
        for name in ("top_reach", "other_reach"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < 1e6:
                raise InvalidArgumentError(f"{name.replace('_', ' ')} must be above 0, got {value!r}")


@dataclass(frozen=True)
class StudyTrial:
    """One axis to be judged.

    Attributes:
        number: In the order of showing, from 0.
        group: Of which group the axis is.
        axis: Which one of it, from 0; of `top` from the largest eigenvalue, of `bottom` from the smallest.
        seed: Of its reference images.
    """

    number: int
    group: Group
    axis: int
    seed: int


def make_trials(protocol: Protocol) -> list[StudyTrial]:
    """The trials, every axis of every group once, in an order that is drawn; the same for the same protocol."""
    rng = np.random.default_rng([protocol.seed, 0])
    every = [(group, axis) for group in GROUPS for axis in range(protocol.axes)]
    seeds = rng.integers(0, 2**31 - 1, len(every))
    order = rng.permutation(len(every))
    return [
        StudyTrial(number, group=every[place][0], axis=every[place][1], seed=int(seeds[place]))
        for number, place in enumerate(order)
    ]


def axis_of(trial: StudyTrial, eigenvectors: Array, protocol: Protocol) -> Array:
    """The unit vector of a trial's axis, shape (n,).

    Args:
        trial: The trial.
        eigenvectors: In columns, those of the largest eigenvalues first; shape (n, n).
        protocol: The protocol.

    Raises:
        FailedPreconditionError: The space has too few dimensions, or the eigenbasis holds only leading axes.
    """
    n, k = eigenvectors.shape
    if k < n:
        raise FailedPreconditionError(
            f"the eigenbasis holds {k} of {n} axes, and so no bottom ones: choose one that holds them all"
        )
    if n < 2 * protocol.axes or n <= protocol.excluded:
        raise FailedPreconditionError(
            f"the space has {n} dimensions: too few for {protocol.axes} top and {protocol.axes} bottom axes, and "
            f"vectors that are orthogonal to {protocol.excluded}; ask for fewer"
        )
    match trial.group:
        case "top":
            return eigenvectors[:, trial.axis]
        case "bottom":
            return eigenvectors[:, n - 1 - trial.axis]
        case "orthogonal":
            rng = np.random.default_rng([protocol.seed, 1, trial.axis])
            others = eigenvectors[:, protocol.excluded :]
            # Gaussian coordinates: every direction of that subspace is as likely as any other.
            vector = others @ rng.standard_normal(others.shape[1])
            return np.asarray(vector / np.linalg.norm(vector))


def latents_along(references: Array, axis: Array, trial: StudyTrial, protocol: Protocol) -> Array:
    """The latents of a trial, shape (references, frames, n).

    Args:
        references: Shape (references, n).
        axis: See `axis_of`.
        trial: The trial.
        protocol: The protocol.
    """
    reach = protocol.top_reach if trial.group == "top" else protocol.other_reach
    steps = np.linspace(-reach, reach, protocol.frames)
    return np.asarray(references[:, None, :] + steps[:, None] * axis)


def _check(what: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArgumentError(f"{what} must be {least} to {most}, got {value!r}")
