"""Distance curves: how far an image goes when its latent goes along a direction.

Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), Fig. 1: along the top
eigenvectors of the metric it goes far, along the bottom ones nowhere. The curves of DP-LaSE's Fig. 10 are of the same
kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from pullback.directions.random_directions import random_directions
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.measurement import measured_frames
from pullback.directions.traversals.walk import Walk
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.geometry.seeding import derive_seed

AXES = 5


@dataclass(frozen=True, eq=False)
class DistanceCurves:
    """Image distance from the start, along three kinds of directions.

    Attributes:
        steps: Steps in units of the latent, shape (steps,).
        top: Along the leading eigenvectors, the first one first, shape (positions, axes, steps).
        random: Along random directions, another draw at every position, same shape.
        bottom: Along the last eigenvectors, the last one last, same shape.
        distance: Name of the distance.
    """

    steps: Float64[np.ndarray, " steps"]
    top: Float64[np.ndarray, "positions axes steps"]
    random: Float64[np.ndarray, "positions axes steps"]
    bottom: Float64[np.ndarray, "positions axes steps"]
    distance: str

    @classmethod
    def of(cls, steps: Tensor, curves: Sequence[NDArray[np.float64]], distance: str) -> DistanceCurves:
        """The record of curves along `curve_directions`, shape (3 · axes, steps) at each position."""
        top, random, bottom = np.split(np.stack(curves), 3, axis=1)
        return cls(steps.double().numpy(), top, random, bottom, distance)


def distance_curves(
    generator: Generator,
    distance: Distance,
    eigenbasis: Eigenbasis,
    space: str,
    steps: Tensor,
    *,
    axes: int = AXES,
    positions: int = 10,
    seed: int = 0,
) -> DistanceCurves:
    """Curves along top, random and bottom directions, at latents drawn from the prior.

    Args:
        generator: The generator.
        distance: The distance, on the same device and in the same precision.
        eigenbasis: Of the global metric of this space.
        space: Name of the space.
        steps: Signed, ascending, shape (steps,), in units of the latent.
        axes: Directions of each kind, 1 to the dimension.
        positions: At least 1.
        seed: Any integer ≥ 0.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: The eigenbasis has another dimension, a number is out of range, steps do not ascend, or
            generator and distance live on different devices or in different precisions.
    """
    found = generator.space(space)
    if eigenbasis.dim != found.dim:
        raise InvalidInputError(
            f"space {space!r} of generator {generator.name!r} has {found.dim} dimensions, but an eigenbasis of "
            f"{eigenbasis.dim} came"
        )
    if not 1 <= axes <= found.dim or positions < 1:
        raise InvalidInputError(
            f"1 to {found.dim} axes at 1 position or more are looked at, but {axes} axes at {positions} positions came"
        )
    # Of a basis of k eigenpairs, the last ones are some of its complement.
    ends = np.concatenate([eigenbasis.top(axes), eigenbasis.bottom(axes)], axis=1)
    eigenvectors = torch.from_numpy(ends)
    curves = []
    for number, start in enumerate(found.sample(positions, seed)):
        vectors = curve_directions(eigenvectors, axes, derive_seed(seed, number))
        curves.append(distances_along(generator, distance, start, vectors, steps, space))
    return DistanceCurves.of(steps, curves, distance.name)


def curve_directions(eigenvectors: Float64[Tensor, "n k"], axes: int, seed: int = 0) -> Float64[Tensor, "directions n"]:
    """The directions of the curves at one position, one a row: the leading eigenvectors, random ones, the last ones.

    Args:
        eigenvectors: One a column, by descending eigenvalue.
        axes: Directions of each kind, 1 to n.
        seed: Of the random ones, which are uniform; any integer ≥ 0.
    """
    random = random_directions(axes, len(eigenvectors), seed)
    return torch.cat([eigenvectors[:, :axes].T, random, eigenvectors[:, -axes:].T])


def distances_along(
    generator: Generator,
    distance: Distance,
    start: Tensor,
    vectors: Tensor,
    steps: Tensor,
    space: str,
    way: Callable[[Tensor, Tensor, Tensor, str], Walk] = linear,
) -> Float64[np.ndarray, "m steps"]:
    """Image distance from a start, along each of several directions.

    Args:
        generator: The generator.
        distance: The distance D(a, b), the square of a length where it has an embedding.
        start: Shape (n,).
        vectors: One a row, shape (m, n).
        steps: Ascending, shape (steps,).
        space: Name of the space.
        way: How to walk: `linear`, `spherical` or `density_preserving`.

    Returns:
        Shape (m, steps).

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: As `way` and `measure_walk` do.
    """
    start = start.to(generator.device, generator.dtype)
    walks = [way(start, vector, steps, space) for vector in vectors]
    # One after the other as one walk: batches are full, and the start is rendered once.
    whole = Walk(torch.cat([walk.latents for walk in walks]), space, steps.repeat(len(walks)), start)
    measured = torch.cat([distances for _, distances in measured_frames(generator, distance, whole)])
    return measured.reshape(len(walks), -1).numpy()
