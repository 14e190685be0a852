"""Short calls: answered by iterators of messages, a batch at a time, between the steps of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pullback.pictures import to_pictures
from pullback_server.worker.messages import (
    AS_DRAWN,
    RENDER_BATCH,
    CallDone,
    CallMessage,
    Presentation,
    Render,
    Rendered,
    Sample,
)
from pullback_server.worker.models import Models
from pullback_server.worker.outbox import Outbox
from pullback_server.worker.presentation import encode, present

# A picture, or an image in [0, 1] of shape (H, W, C) of which one is still to be made.
_Drawn = Image.Image | NDArray[np.float32]


def sample(models: Models, call: Sample) -> Iterator[CallMessage]:
    """Draws latents from the prior."""
    space = models.generator(call.generator).space(call.space)
    yield CallDone(call.call, space.sample(call.count, call.seed).numpy())


def render(models: Models, call: Render, outbox: Outbox) -> Iterator[CallMessage | None]:
    """Renders latents batch by batch; while one is rendered, the images of the one before are encoded and sent."""
    generator = models.generator(call.generator)
    latents = torch.from_numpy(call.latents).to(generator.device)
    sent: list[Future[None]] = []
    try:
        for start in range(0, len(latents), RENDER_BATCH):
            with torch.inference_mode():
                images = generator.render(latents[start : start + RENDER_BATCH], call.space)
            drawn = _drawn(images, call.presentation)
            sent += [
                outbox.send_made(partial(_rendered, call, number, each)) for number, each in enumerate(drawn, start)
            ]
            yield None
        for each in sent:
            each.result()
    finally:
        # Nobody waits for what is left where the call was abandoned, or failed.
        for each in sent:
            each.cancel()
    yield CallDone(call.call)


def _drawn(images: Tensor, presentation: Presentation) -> Sequence[_Drawn]:
    """Images in [0, 1], shape (B, C, H, W), off the device; nothing that torch does is left to do."""
    if presentation == AS_DRAWN:
        return to_pictures(images)
    return list(images.detach().movedim(1, -1).float().cpu().numpy())


def _rendered(call: Render, number: int, drawn: _Drawn) -> Rendered:
    picture = drawn if isinstance(drawn, Image.Image) else present(drawn, call.presentation)
    data = encode(picture, call.image_format)
    return Rendered(call.call, number, data, width=picture.width, height=picture.height)
