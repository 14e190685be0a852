"""A short call: a walk, whose frames are rendered and measured batch by batch."""

from __future__ import annotations

import io
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor

from pullback.directions.mapping_basis import mapping_of
from pullback.directions.traversals.curve import curve
from pullback.directions.traversals.density_preserving import density_preserving
from pullback.directions.traversals.layered import LAYERED_SPACE, layer_count, lift, spread
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.measuring import measured_frames
from pullback.directions.traversals.metric_uniform import metric_uniform
from pullback.directions.traversals.pictures import forth_and_back, reduced
from pullback.directions.traversals.spherical import spherical
from pullback.directions.traversals.subspace import subspace
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.distances import Distance
from pullback.generators import Generator
from pullback.pictures import side_by_side, to_pictures
from pullback_server.worker.messages import CallDone, CallMessage, Framed, Traverse
from pullback_server.worker.models import Models
from pullback_server.worker.presentation import encode
from pullback_server.worker.walks import Walked, WalkPlan

# Walks of which a step of 1 adds the vector as it is, at first.
_STEPPED = {"linear": linear, "density_preserving": density_preserving}


def traverse(models: Models, call: Traverse) -> Iterator[CallMessage]:
    """Finds the whole way first, then yields frame by frame."""
    plan = call.plan
    generator, distance = models.generator(plan.generator), models.distance(plan.distance)
    walk = make_walk(generator, distance, plan)
    latents, steps = walk.latents.float().cpu().numpy(), walk.steps.reshape(len(walk.steps), -1).tolist()
    kept: list[Image.Image] = []
    animated: list[Image.Image] = []
    index = 0
    for images, distances in measured_frames(generator, distance, walk):
        for picture, far in zip(to_pictures(images), distances.tolist(), strict=True):
            data = encode(picture, plan.image_format)
            place = tuple(steps[index])
            yield Framed(call.call, index, place, latents[index], far, data, picture.width, picture.height)
            index += 1
            if plan.strip:
                kept.append(picture)
            if plan.animation:
                # One by one, so that jobs and other calls have their turns in between.
                animated.append(reduced(picture))
    yield CallDone(call.call, _end(plan, walk.space, kept, animated))


def make_walk(generator: Generator, distance: Distance, plan: WalkPlan) -> Walk:
    """The walk of a plan; its steps are counted in the units of the plan's axes.

    Raises:
        InvalidInputError: The start is one from which there is no such walk, such as the origin of a spherical one.
    """
    steps = even_steps(plan.first, plan.last, plan.frames)
    if plan.curve is not None:
        return _curve(generator, plan, steps)
    start, vectors, space = _placed(generator, plan)
    match plan.kind:
        case "spherical":
            # Its steps are lengths of the arc, whatever the length of the vector.
            unit = plan.axes[0].unit
            walk = spherical(start, vectors[0], unit * steps, space)
            return Walk(walk.latents, space, steps, walk.start)
        case "subspace":
            return subspace(start, vectors[0], vectors[1], steps, space)
        case "metric_uniform":
            return metric_uniform(generator, distance, start, vectors[0], plan.first, plan.last, plan.frames, space)
    return _STEPPED[plan.kind](start, vectors[0], steps, space)


def _curve(generator: Generator, plan: WalkPlan, steps: Tensor) -> Walk:
    assert plan.curve is not None  # noqa: S101  (whoever calls has looked)
    asked = plan.curve
    return curve(
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


def _placed(generator: Generator, plan: WalkPlan) -> tuple[Tensor, list[Tensor], str]:
    """The start and the vectors of a step of 1 in one space, and its name."""
    start = torch.from_numpy(plan.latent).to(generator.device, generator.dtype)
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


def _end(plan: WalkPlan, space: str, kept: list[Image.Image], animated: list[Image.Image]) -> Walked:
    sheet = side_by_side(kept, plan.frames if plan.kind == "subspace" else None) if kept else b""
    return Walked(
        space,
        strip=sheet,
        strip_size=Image.open(io.BytesIO(sheet)).size if sheet else (0, 0),
        animation=forth_and_back(animated) if animated else b"",
    )
