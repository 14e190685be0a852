"""Short calls of traversals: a walk, whose frames are rendered and measured batch by batch."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from pullback.directions.traversals.measurement import measured_frames
from pullback.directions.traversals.pictures import forth_and_back, reduced
from pullback.pictures import side_by_side
from pullback_api.sounds import Sound
from pullback_server.protocol.calls import CallDone, CallMessage, Framed, Traverse
from pullback_server.protocol.walks import Walked, WalkPlan
from pullback_server.worker.drawn import Drawn, file_of, off_device
from pullback_server.worker.models import Models, with_maps
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
    kept: list[Drawn] = []
    animated: list[Image.Image] = []
    index = 0
    render = None if plan.mask is None else (yield from masked_render(generator, plan, plan.mask, walk))
    for images, distances in measured_frames(generator, distance, walk, render):
        for drawn, far in zip(off_device(images, plan.generator), distances.tolist(), strict=True):
            file = file_of(drawn, plan.image_format)
            yield Framed(call.call, index, tuple(steps[index]), latents[index], far, *file)
            index += 1
            if plan.strip:
                kept.append(drawn)
            if plan.animation and not isinstance(drawn, Sound):
                # One by one, so that jobs and other calls have their turns in between.
                animated.append(reduced(drawn))
    yield CallDone(call.call, _end(plan, walk.space, kept, animated))


def _end(plan: WalkPlan, space: str, kept: list[Drawn], animated: list[Image.Image]) -> Walked:
    sheet, size = _strip(plan, kept) if kept else (b"", (0, 0))
    return Walked(space, strip=sheet, strip_size=size, animation=forth_and_back(animated) if animated else b"")


def _strip(plan: WalkPlan, kept: list[Drawn]) -> tuple[bytes, tuple[int, int]]:
    """All frames as one file, and its size: images side by side, sounds one after the other."""
    sounds = [each for each in kept if isinstance(each, Sound)]
    if sounds:
        whole = file_of(Sound(np.concatenate([each.samples for each in sounds], axis=1), sounds[0].rate), "WAV")
        return whole.data, (whole.width, whole.height)
    pictures = [each for each in kept if not isinstance(each, Sound)]
    sheet = side_by_side(pictures, plan.frames if plan.kind == "subspace" else None)
    return sheet, Image.open(io.BytesIO(sheet)).size
