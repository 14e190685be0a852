"""Short calls of traversals: a walk, whose frames are rendered and measured batch by batch."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from pullback.directions.traversals.measurement import measured_frames
from pullback.directions.traversals.pictures import forth_and_back, reduced
from pullback.pictures import side_by_side, to_pictures
from pullback_server.protocol.calls import CallDone, CallMessage, Framed, Traverse
from pullback_server.protocol.walks import Walked, WalkPlan
from pullback_server.worker.models import Models, with_maps
from pullback_server.worker.presentation import encode
from pullback_server.worker.walks.between import make_walk_between
from pullback_server.worker.walks.latents import make_walk
from pullback_server.worker.walks.masked import masked_render


def traverse(models: Models, call: Traverse) -> Iterator[CallMessage | None]:
    """Finds the whole way first, and the channels of a mask, and yields None after every piece; then frame by frame."""
    plan = call.plan
    generator = with_maps(models.tuned(plan.generator, plan.tuning), plan.noise_maps)
    distance = models.distance(plan.distance)
    make = make_walk if plan.end is None else make_walk_between
    walk = yield from make(generator, distance, plan)
    latents, steps = walk.latents.float().cpu().numpy(), walk.steps.reshape(len(walk.steps), -1).tolist()
    kept: list[Image.Image] = []
    animated: list[Image.Image] = []
    index = 0
    render = None if plan.mask is None else (yield from masked_render(generator, plan, plan.mask, walk))
    for images, distances in measured_frames(generator, distance, walk, render):
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


def _end(plan: WalkPlan, space: str, kept: list[Image.Image], animated: list[Image.Image]) -> Walked:
    sheet = side_by_side(kept, plan.frames if plan.kind == "subspace" else None) if kept else b""
    return Walked(
        space,
        strip=sheet,
        strip_size=Image.open(io.BytesIO(sheet)).size if sheet else (0, 0),
        animation=forth_and_back(animated) if animated else b"",
    )
