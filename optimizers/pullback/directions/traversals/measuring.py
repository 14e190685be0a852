"""What the frames of a walk look like, and how far they lie from its start and from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.directions.traversals.walk import Walk
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.generators.generator import Generator
from pullback.geometry.point import check_same_place

# Frames that pass the networks at once.
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
    from_start = None
    for images in _rendered(generator, walk, make):
        if from_start is None:
            from_start = _From(distance, _render(generator, walk.start[None], make))
        yield images.cpu(), from_start(images).double().cpu()


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
    check_same_place(generator, distance)
    found = []
    last: Tensor | None = None
    for images in _rendered(generator, walk, lambda latents: generator.render(latents, walk.space)):
        seen = _embedded(distance, images)
        before = seen[:-1] if last is None else torch.cat([last, seen[:-1]])
        after = seen[1:] if last is None else seen
        if len(before):
            found.append(_between(distance, before, after))
        last = seen[-1:]
    return torch.cat(found).double().cpu()


class _From:
    """D(x, ·) for one image x, whose embedding is computed once."""

    def __init__(self, distance: Distance, image: Float[Tensor, "1 channels *size"]) -> None:
        self._distance = distance
        self._seen = _embedded(distance, image)

    def __call__(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, " batch"]:
        seen = _embedded(self._distance, images)
        return _between(self._distance, self._seen.expand_as(seen), seen)


def _rendered(generator: Generator, walk: Walk, make: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    for latents in torch.split(walk.latents, FRAMES_AT_ONCE):
        yield _render(generator, latents, make)


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
