"""Latents of a walk that is planned from one latent to another."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from torch import Tensor

from pullback.directions.traversals.between import constant_density, geodesic, great_circle, straight
from pullback.directions.traversals.between.ends import Ends
from pullback.directions.traversals.metric_uniform import metric_uniform
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.distances import Distance
from pullback.errors import UnknownNameError
from pullback.generators import Generator as ImageGenerator
from pullback_server.protocol.walks import WalkPlan


def make_walk_between(generator: ImageGenerator, distance: Distance, plan: WalkPlan) -> Generator[None, None, Walk]:
    """The walk of a plan that has an end.

    Yields:
        Nothing, after every piece of a way that has to be found first: others may have their turn then.

    Raises:
        UnknownNameError: No such kind.
        InvalidInputError: There is no such walk between the ends, such as a great circle through the origin.
    """
    start = torch.from_numpy(plan.latent).to(generator.device, generator.dtype)
    ends = Ends(start, torch.from_numpy(plan.end).to(start), plan.space)
    if plan.kind in _FORMULAS:
        return _FORMULAS[plan.kind](ends, even_steps(plan.first, plan.last, plan.frames))
    if plan.kind not in _FOUND:
        raise UnknownNameError("kind of walk to an end", plan.kind, (*_FORMULAS, *_FOUND))
    return (yield from _FOUND[plan.kind](generator, distance, ends, plan.frames))


def _metric_uniform(
    generator: ImageGenerator, distance: Distance, ends: Ends, frames: int
) -> Generator[None, None, Walk]:
    vector = ends.end - ends.start
    return metric_uniform.in_pieces(generator, distance, ends.start, vector, 0.0, 1.0, frames, ends.space)


_FORMULAS: dict[str, Callable[[Ends, Tensor], Walk]] = {
    "linear": straight,
    "spherical": great_circle,
    "density_preserving": constant_density,
}
_FOUND: dict[str, Callable[[ImageGenerator, Distance, Ends, int], Generator[None, None, Walk]]] = {
    "metric_uniform": _metric_uniform,
    "geodesic": geodesic.in_pieces,
}
