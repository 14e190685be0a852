"""Metric-uniform traversal: straight on, in steps that change the image by the same distance each."""

from __future__ import annotations

from collections.abc import Generator

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.func import jvp

from pullback.directions.traversals.even_frames import even_frames
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.measurement import FRAMES_AT_ONCE, frames_block
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.point import check_same_place
from pullback.geometry.precision import full_precision
from pullback.memory import in_blocks
from pullback.pieces import in_pieces

# Places between two frames at which the speed is taken, unless there are few frames.
_PLACES_A_FRAME = 4
_LEAST_PLACES = 33
# A derivative takes twice the time of a frame.
_SPEEDS_AT_ONCE = FRAMES_AT_ONCE // 2


@in_pieces
def metric_uniform(
    generator: ImageGenerator,
    distance: Distance,
    start: Tensor,
    vector: Tensor,
    first: float,
    last: float,
    frames: int,
    space: str,
) -> Generator[None, None, Walk]:
    """z(t) = z₀ + t v with steps t between which the image changes by the same distance.

    The distance D(a, b) = ‖φ(a) − φ(b)‖² is the square of a length, and the metric H = 2 JᵀJ its second derivative. So
    a small step dt moves the embedding by √D = √(½ vᵀHv) dt = ‖J v‖ dt, which one forward-mode derivative gives at each
    place: no metric is formed. Frames are put at equal parts of ∫ ‖J v‖ dt, and then moved as `even_frames` does.

    Args:
        generator: The generator.
        distance: The distance D, with an embedding, on the same device and in the same precision.
        start: z₀, shape (n,).
        vector: v, shape (n,); a step of 1 adds it as it is.
        first: The first step.
        last: The last step.
        frames: How many, at least 2; the first and the last frame lie at these steps.
        space: Name of the space in which start and vector lie.

    Yields:
        Nothing, after every few places and frames: other work may be done then.

    Returns:
        The walk. Unless it falls on one of them by chance, the start is not among its frames.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: The distance has no embedding, the image does not change along this vector, generator and
            distance live on different devices or in different precisions, or as `linear` and `even_steps` do.
        PullbackError: A derivative of the distance is not finite.
    """
    if not isinstance(distance, EmbeddingDistance):
        raise InvalidInputError(
            f"distance {distance.name!r} has no embedding, whose derivative tells how fast the image changes; take "
            "another distance, or a linear walk"
        )
    check_same_place(generator, distance)
    gaps_between = len(even_steps(first, last, frames)) - 1
    places = even_steps(first, last, max(_LEAST_PLACES, _PLACES_A_FRAME * gaps_between + 1))
    speeds = yield from _speeds(generator, distance, linear(start, vector, places, space), vector)
    # ∫ ‖J v‖ dt by the trapezoidal rule
    lengths = torch.cumulative_trapezoid(speeds, places)
    gaps = lengths.diff(prepend=lengths.new_zeros(1))
    return (
        yield from even_frames(
            generator, distance, lambda steps: linear(start, vector, steps, space), places, gaps, frames
        )
    )


def _speeds(
    generator: ImageGenerator, distance: EmbeddingDistance, walk: Walk, vector: Tensor
) -> Generator[None, None, Float64[Tensor, " places"]]:
    """‖J v‖ at each latent of a walk; on the CPU."""

    def embedding(latents: Tensor) -> Tensor:
        return distance.embed(generator.render(latents, walk.space))

    everything = walk.latents.to(generator.device, generator.dtype)

    def computed(part: slice) -> Tensor:
        latents = everything[part]
        with torch.no_grad(), full_precision():
            # J v; each row depends on its own latent alone
            push: Tensor = jvp(embedding, (latents,), (vector.to(latents).expand_as(latents),))[1]
        speeds: Tensor = torch.linalg.vector_norm(push.double(), dim=1)
        return speeds.cpu()

    block = frames_block(generator, distance, f"speeds along walks in space {walk.space!r}")
    rows = block.rows(min(len(everything), _SPEEDS_AT_ONCE), lambda: computed(slice(0, 1)))
    speeds = torch.cat((yield from in_blocks(len(everything), rows, block, computed)))
    if not speeds.isfinite().all():
        raise PullbackError(
            f"the derivative of distance {distance.name!r} along this walk is not finite; use another distance"
        )
    if not speeds.any():
        raise InvalidInputError("the image does not change along this vector, so no step changes it by a distance")
    return speeds
