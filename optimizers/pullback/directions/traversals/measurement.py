"""Measurement of walks: their frames, and how far these lie from the start and from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Generator as PiecesOf

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.directions.traversals.walk import Walk
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.generators.generator import Generator
from pullback.geometry.point import check_same_place
from pullback.memory import CALLS, Block, block_by_block, budget_of
from pullback.pieces import finish

# Frames that pass the networks at once, at most.
FRAMES_AT_ONCE = 16


def measure_walk(
    generator: Generator, distance: Distance, walk: Walk
) -> tuple[Float[Tensor, "frames channels *size"], Float64[Tensor, " frames"]]:
    """The frames of a walk, and their distances from its start.

    Args:
        generator: The generator.
        distance: The distance D, on the same device and in the same precision.
        walk: The walk.

    Returns:
        Images in [0, 1], shape (frames, C, H, W), and D(G(z₀), G(z)) of each, shape (frames,), float64: as a distance
        is defined here, the square of a length. Both on the CPU.

    Raises:
        UnknownNameError: The generator has not the walk's space.
        InvalidInputError: Latents of another shape, or generator and distance live on different devices or in
            different precisions.
    """
    images, distances = zip(*measured_frames(generator, distance, walk), strict=True)
    return torch.cat(images), torch.cat(distances)


def measured_frames(
    generator: Generator, distance: Distance, walk: Walk, render: Callable[[Tensor], Tensor] | None = None
) -> Iterator[tuple[Float[Tensor, "batch channels *size"], Float64[Tensor, " batch"]]]:
    """The same as `measure_walk`, some frames at a time, in their order, each when it is asked for.

    Args:
        generator: As for `measure_walk`.
        distance: As for `measure_walk`.
        walk: As for `measure_walk`.
        render: What makes images of latents of the walk, the start included, in place of the generator alone.

    Raises:
        UnknownNameError: As for `measure_walk`.
        InvalidInputError: As for `measure_walk`.
    """
    check_same_place(generator, distance)
    make = render or (lambda latents: generator.render(latents, walk.space))
    kind = f"{'masked ' if render else ''}frames of walks in space {walk.space!r}"
    block = frames_block(generator, distance, kind)
    from_start: list[_From] = []

    def measured(part: slice) -> tuple[Tensor, Tensor]:
        images = _render(generator, walk.latents[part], make)
        if not from_start:
            from_start.append(_From(distance, _render(generator, walk.start[None], make)))
        return images.cpu(), from_start[0](images).double().cpu()

    rows = block.rows(min(len(walk.latents), FRAMES_AT_ONCE), lambda: measured(slice(0, 1)))
    yield from block_by_block(len(walk.latents), rows, block, measured)


def frame_distances(generator: Generator, distance: Distance, walk: Walk) -> Float64[Tensor, " gaps"]:
    """D(G(zᵢ), G(zᵢ₊₁)) from frame to frame, as a distance is defined here the square of a length.

    Args:
        generator: As for `measure_walk`.
        distance: As for `measure_walk`.
        walk: A walk of at least 2 frames.

    Returns:
        Shape (frames − 1,), float64, on the CPU.

    Raises:
        UnknownNameError: As for `measure_walk`.
        InvalidInputError: As for `measure_walk`.
    """
    return finish(frame_distances_in_pieces(generator, distance, walk))


def frame_distances_in_pieces(
    generator: Generator, distance: Distance, walk: Walk
) -> PiecesOf[None, None, Float64[Tensor, " gaps"]]:
    """As `frame_distances`; yields after every few frames: other work may be done then."""
    check_same_place(generator, distance)
    block = frames_block(generator, distance, f"frames of walks in space {walk.space!r}, seen")

    def seen(part: slice) -> Tensor:
        images = _render(generator, walk.latents[part], lambda latents: generator.render(latents, walk.space))
        return _embedded(distance, images)

    def one() -> Tensor:
        frame = seen(slice(0, 1))
        return _between(distance, frame, torch.cat([frame]))

    rows = block.rows(min(len(walk.latents), FRAMES_AT_ONCE), one)
    found = []
    last: Tensor | None = None
    for some in block_by_block(len(walk.latents), rows, block, seen):
        before = some[:-1] if last is None else torch.cat([last, some[:-1]])
        after = some[1:] if last is None else some
        if len(before):
            found.append(_between(distance, before, after))
        last = some[-1:].clone()
        yield
    return torch.cat(found).double().cpu()


def frames_block(generator: Generator, distance: Distance, kind: str) -> Block:
    """The block of a kind of work on frames: of calls, which walk in whichever worker process answers them."""
    return budget_of(generator.device).block(kind, generator, distance, share=CALLS)


class _From:
    """D(x, ·) for one image x, whose embedding is computed once."""

    def __init__(self, distance: Distance, image: Float[Tensor, "1 channels *size"]) -> None:
        self._distance = distance
        self._seen = _embedded(distance, image)

    def __call__(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, " batch"]:
        seen = _embedded(self._distance, images)
        return _between(self._distance, self._seen.expand_as(seen), seen)


@torch.no_grad()
def _render(generator: Generator, latents: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
    return make(latents.to(generator.device, generator.dtype))


@torch.no_grad()
def _embedded(distance: Distance, images: Tensor) -> Tensor:
    """φ of images; the images themselves for a distance that has no embedding."""
    return distance.embed(images) if isinstance(distance, EmbeddingDistance) else images


@torch.no_grad()
def _between(distance: Distance, first: Tensor, second: Tensor) -> Tensor:
    """D, pair by pair, of what `_embedded` gave."""
    if isinstance(distance, EmbeddingDistance):
        # D(a, b) = ‖φ(a) − φ(b)‖²
        return (first - second).square().sum(dim=1)
    return distance(first, second)  # type: ignore[no-any-return]
