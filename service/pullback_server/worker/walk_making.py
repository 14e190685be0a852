"""The latents of a walk that is planned."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from pullback.directions.mapping_basis import mapping_of
from pullback.directions.traversals.curve import curve_in_chunks
from pullback.directions.traversals.density_preserving import density_preserving
from pullback.directions.traversals.layered import LAYERED_SPACE, layer_count, lift, spread
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.metric_uniform import metric_uniform_in_chunks
from pullback.directions.traversals.spherical import spherical
from pullback.directions.traversals.subspace import subspace
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.distances import Distance
from pullback.generators import Generator as ImageGenerator
from pullback_server.worker.walks import WalkPlan

# Walks of which a step of 1 adds the vector as it is, at first.
_STEPPED = {"linear": linear, "density_preserving": density_preserving}


def make_walk(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Generator[None, None, Walk]:
    """The walk of a plan; its steps are counted in the units of the plan's axes.

    Yields:
        Nothing, after every piece of a way that has to be found first: others may have their turn then.

    Raises:
        InvalidInputError: The start is one from which there is no such walk, such as the origin of a spherical one.
    """
    steps = even_steps(plan.first, plan.last, plan.frames)
    if plan.curve is not None:
        return (yield from _curve(generator, plan, steps))
    if plan.kind not in {"subspace", "metric_uniform"}:
        return stepped_walk(generator, plan, torch.from_numpy(plan.latent), steps)
    start, vectors, space = _placed(generator, plan, torch.from_numpy(plan.latent))
    if plan.kind == "subspace":
        return subspace(start, vectors[0], vectors[1], steps, space)
    return (
        yield from metric_uniform_in_chunks(
            generator, distance, start, vectors[0], plan.first, plan.last, plan.frames, space
        )
    )


def stepped_walk(generator: ImageGenerator, plan: WalkPlan, latent: Tensor, steps: Tensor) -> Walk:
    """A walk of a plan's kind along its axis, from another latent and by other steps.

    Args:
        generator: The generator.
        plan: A plan of a `linear`, `spherical` or `density_preserving` walk.
        latent: Where it starts, shape (dim,), in the plan's space.
        steps: In units of the axis, ascending, shape (frames,).

    Raises:
        InvalidInputError: The start is one from which there is no such walk, such as the origin of a spherical one.
    """
    start, vectors, space = _placed(generator, plan, latent)
    if plan.kind == "spherical":
        # Its steps are lengths of the arc, whatever the length of the vector.
        walk = spherical(start, vectors[0], plan.axes[0].unit * steps, space)
        return Walk(walk.latents, space, steps, walk.start)
    return _STEPPED[plan.kind](start, vectors[0], steps, space)


def _curve(generator: ImageGenerator, plan: WalkPlan, steps: Tensor) -> Generator[None, None, Walk]:
    assert plan.curve is not None  # noqa: S101  (whoever calls has looked)
    asked = plan.curve
    return curve_in_chunks(
        generator,
        torch.from_numpy(plan.latent),
        steps,
        rank=asked.rank,
        guide=torch.from_numpy(plan.axes[0].vector) if plan.axes else None,
        pieces=asked.pieces,
        layers=asked.layers,
        jitter=asked.jitter,
        seed=asked.seed,
    )


def _placed(generator: ImageGenerator, plan: WalkPlan, latent: Tensor) -> tuple[Tensor, list[Tensor], str]:
    """The start and the vectors of a step of 1 in one space, and its name."""
    start = latent.to(generator.device, generator.dtype)
    space = plan.axes[0].space
    vectors = [axis.unit * torch.from_numpy(axis.vector) for axis in plan.axes]
    if LAYERED_SPACE in {space, plan.space} or any(axis.layers for axis in plan.axes):
        start = lift(generator, start, plan.space)
        if space != LAYERED_SPACE:
            total = layer_count(generator)
            vectors = [spread(vector, axis.layers, total) for vector, axis in zip(vectors, plan.axes, strict=True)]
        return start, vectors, LAYERED_SPACE
    if plan.space != space:
        # A latent of z, and directions of w.
        with torch.no_grad():
            start = mapping_of(generator)(start[None])[0]
    return start, vectors, space
