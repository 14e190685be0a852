"""Frames of a path between which the image changes by the same distance."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.directions.traversals.measurement import frame_distances_in_pieces
from pullback.directions.traversals.walk import Walk
from pullback.distances.distance import Distance
from pullback.generators.generator import Generator as ImageGenerator

# Frames are moved until their distances differ by less than this share (standard deviation over mean), or were
# rendered so often.
_EVEN = 0.01
_MOST_ROUNDS = 6


def even_frames(
    generator: ImageGenerator,
    distance: Distance,
    walk_at: Callable[[Float64[Tensor, " frames"]], Walk],
    places: Float64[Tensor, " places"],
    gaps: Float64[Tensor, " gaps"],
    frames: int,
) -> Generator[None, None, Walk]:
    """The walk along a path in whose frames √D from one to the next is the same.

    Frames are first put at equal parts of a length that is roughly known. What is to be equal cuts across the bends of
    the embedding's path: so they are rendered, and moved until the √D of neighbours are equal to 1 %, or were rendered
    six times; the most even of these walks is the result.

    Args:
        generator: The generator.
        distance: The distance D, on the same device and in the same precision.
        walk_at: The path: a walk by ascending steps.
        places: Steps at which the length is known, ascending, on the CPU; the first and the last frame lie at its ends.
        gaps: The length between one place and the next, shape (places − 1,).
        frames: How many, at least 2.

    Yields:
        Nothing, after every few frames: other work may be done then.
    """
    steps = _level(places, gaps, frames)
    best, least = walk_at(steps), np.inf
    for _ in range(_MOST_ROUNDS):
        walk = walk_at(steps)
        found = yield from _gaps(generator, distance, walk)
        unevenness = float(found.std(correction=0) / found.mean())
        if unevenness < least:
            best, least = walk, unevenness
        if unevenness <= _EVEN:
            break
        steps = _level(steps, found, frames)
    return best


def _gaps(generator: ImageGenerator, distance: Distance, walk: Walk) -> Generator[None, None, Float64[Tensor, " gaps"]]:
    """√D from frame to frame, as `frame_distances` gives D; on the CPU."""
    distances = yield from frame_distances_in_pieces(generator, distance, walk)
    return distances.sqrt()


def _level(
    places: Float64[Tensor, " places"], gaps: Float64[Tensor, " gaps"], frames: int
) -> Float64[Tensor, " frames"]:
    """So many steps that divide a path equally, whose length between neighbouring places is known."""
    reached = np.concatenate([[0.0], np.cumsum(gaps.numpy())])
    wanted = np.linspace(0.0, reached[-1], frames)
    steps = np.interp(wanted, reached, places.numpy())
    # Rounding must not move the ends.
    steps[0], steps[-1] = float(places[0]), float(places[-1])
    return torch.from_numpy(steps)
