"""Short calls: answered by iterators of messages, a batch at a time, between the steps of a job."""

from __future__ import annotations

from collections.abc import Iterator

import torch
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
from pullback_server.worker.presentation import encode, present


def sample(models: Models, call: Sample) -> Iterator[CallMessage]:
    """Draws latents from the prior."""
    space = models.generator(call.generator).space(call.space)
    yield CallDone(call.call, space.sample(call.count, call.seed).numpy())


def render(models: Models, call: Render) -> Iterator[CallMessage]:
    """Renders latents batch by batch, and yields image by image."""
    generator = models.generator(call.generator)
    latents = torch.from_numpy(call.latents).to(generator.device)
    for start in range(0, len(latents), RENDER_BATCH):
        with torch.inference_mode():
            images = generator.render(latents[start : start + RENDER_BATCH], call.space)
        for offset, image in enumerate(_pictures(images, call.presentation)):
            data = encode(image, call.image_format)
            yield Rendered(call.call, start + offset, data, width=image.width, height=image.height)
    yield CallDone(call.call)


def _pictures(images: Tensor, presentation: Presentation) -> list[Image.Image]:
    """Pictures of images in [0, 1], shape (B, C, H, W), as they are shown."""
    if presentation == AS_DRAWN:
        return to_pictures(images)
    return [present(image, presentation) for image in images.detach().movedim(1, -1).float().cpu().numpy()]
