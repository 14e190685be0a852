"""Latents of a walk that is planned."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeAlias

import torch
from torch import Tensor

from pullback.directions.traversals.curve import curve
from pullback.directions.traversals.density_preserving import density_preserving
from pullback.directions.traversals.layered import LAYERED_SPACE, layer_count, lift, mapped, spread
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.metric_uniform import metric_uniform
from pullback.directions.traversals.spherical import spherical
from pullback.directions.traversals.subspace import subspace
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.distances import Distance
from pullback.errors import UnknownNameError
from pullback.generators import Generator as ImageGenerator
from pullback_server.protocol.walks import WalkPlan

# Pieces of the way, and the walk in the end.
Way: TypeAlias = Generator[None, None, Walk]


def make_walk(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Way:
    """The walk of a plan; its steps are counted in the units of the plan's axes.

    Yields:
        Nothing, after every piece of a way that has to be found first: others may have their turn then.

    Raises:
        UnknownNameError: No such kind.
        InvalidInputError: The start is one from which there is no such walk, such as the origin of a spherical one.
    """
    if plan.kind not in _WALKS:
        raise UnknownNameError("kind of walk", plan.kind, _WALKS)
    return _WALKS[plan.kind](generator, distance, plan)


def stepped_walk(generator: ImageGenerator, plan: WalkPlan, latent: Tensor, steps: Tensor) -> Walk:
    """A walk of a plan's kind along its axis, from another latent and by other steps.

    Args:
        generator: The generator.
        plan: A plan of a `linear`, `spherical` or `density_preserving` walk.
        latent: Where it starts, shape (dim,), in the plan's space.
        steps: In units of the axis, ascending, shape (frames,).

    Raises:
        UnknownNameError: A walk of this kind is not made of steps along an axis.
        InvalidInputError: The start is one from which there is no such walk, such as the origin of a spherical one.
    """
    if plan.kind not in _STEPPED:
        raise UnknownNameError("kind of walk along one axis", plan.kind, _STEPPED)
    start, (vector,), space = _placed(generator, plan, latent)
    return _STEPPED[plan.kind](start, vector, steps, space, plan.axes[0].unit)


def _linear(start: Tensor, vector: Tensor, steps: Tensor, space: str, unit: float) -> Walk:
    del unit  # A step of 1 adds the vector as it is.
    return linear(start, vector, steps, space)


def _density_preserving(start: Tensor, vector: Tensor, steps: Tensor, space: str, unit: float) -> Walk:
    del unit  # A step of 1 adds the vector as it is, at first.
    return density_preserving(start, vector, steps, space)


def _spherical(start: Tensor, vector: Tensor, steps: Tensor, space: str, unit: float) -> Walk:
    # Its steps are lengths of the arc, whatever the length of the vector.
    walk = spherical(start, vector, unit * steps, space)
    return Walk(walk.latents, space, steps, walk.start)


def _along_axis(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Way:
    del distance
    yield from ()
    return stepped_walk(generator, plan, torch.from_numpy(plan.latent), _steps(plan))


def _subspace(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Way:
    del distance
    yield from ()
    start, (first, second), space = _placed(generator, plan, torch.from_numpy(plan.latent))
    return subspace(start, first, second, _steps(plan), space)


def _metric_uniform(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Way:
    start, (vector,), space = _placed(generator, plan, torch.from_numpy(plan.latent))
    return (
        yield from metric_uniform.in_pieces(
            generator, distance, start, vector, plan.first, plan.last, plan.frames, space
        )
    )


def _curve(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Way:
    del distance
    assert plan.curve is not None  # noqa: S101  (a plan of a curve has it)
    asked = plan.curve
    return curve.in_pieces(
        generator,
        torch.from_numpy(plan.latent),
        _steps(plan),
        rank=asked.rank,
        guide=torch.from_numpy(plan.axes[0].vector) if plan.axes else None,
        pieces=asked.pieces,
        layers=asked.layers,
        jitter=asked.jitter,
        seed=asked.seed,
    )


def _steps(plan: WalkPlan) -> Tensor:
    return even_steps(plan.first, plan.last, plan.frames)


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
        # A latent before the mapping network, and directions behind it.
        start = mapped(generator, start, plan.space, space)
    return start, vectors, space


_STEPPED: dict[str, Callable[[Tensor, Tensor, Tensor, str, float], Walk]] = {
    "linear": _linear,
    "density_preserving": _density_preserving,
    "spherical": _spherical,
}
_WALKS: dict[str, Callable[[ImageGenerator, Distance, WalkPlan], Way]] = {
    **dict.fromkeys(_STEPPED, _along_axis),
    "subspace": _subspace,
    "metric_uniform": _metric_uniform,
    "curve": _curve,
}
