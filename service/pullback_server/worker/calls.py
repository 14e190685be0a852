"""Short calls: answered by iterators of messages, a batch at a time, between the steps of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pullback import generators
from pullback.generators import rendered
from pullback.search import measured_blocks
from pullback_server.protocol.calls import (
    AS_DRAWN,
    CallDone,
    CallMessage,
    Measure,
    Render,
    Rendered,
    Sample,
)
from pullback_server.worker.drawn import Drawn, file_of, off_device
from pullback_server.worker.models import Models, with_maps
from pullback_server.worker.outbox import Outbox
from pullback_server.worker.presentation import present

# Images of a call, as floats, that may still wait to be sent when it draws a further batch. Encoding is slower than
# drawing: without a bound memory would fill, and the images of other calls would wait behind thousands.
AHEAD_BYTES = 64 * 1024 * 1024
# Seconds without a look at what else there is to do.
PATIENCE_SECONDS = 0.05

# A picture, a sound, or an image in [0, 1] of shape (H, W, C) of which a picture is still to be made.
_ToSend = Drawn | NDArray[np.float32]


def of_prior(models: Models, call: Sample | Measure) -> Iterator[CallMessage]:
    """Draws latents from the prior, or looks at what of it stands in the weights."""
    generator = models.generator(call.generator)
    if isinstance(call, Sample):
        yield CallDone(call.call, generator.space(call.space).sample(call.count, call.seed).numpy())
        return
    entry = generators.entry(call.generator)
    yield CallDone(call.call, measured_blocks(entry, call.space, generator, class_label=call.class_label))


def render(models: Models, call: Render, outbox: Outbox) -> Iterator[CallMessage | None]:
    """Renders latents batch by batch; while one is rendered, the images of those before are encoded and sent."""
    generator = with_maps(models.tuned(call.generator, call.tuning), call.noise_maps)
    parts = rendered(generator, torch.from_numpy(call.latents), call.space)
    sent: list[Future[None]] = []
    ahead, number = 1, 0
    try:
        while number < len(call.latents):
            yield from _until_sent(sent[:-ahead])
            del sent[:-ahead]
            while outbox.unread.full(call.call):
                # Its turn comes when somebody has read.
                yield None
            images = next(parts)
            drawn = _to_send(images, call)
            ahead = max(1, AHEAD_BYTES // (4 * images[0].numel()))
            sent += [
                outbox.send_made(partial(_rendered, call, place, each)) for place, each in enumerate(drawn, number)
            ]
            number += len(images)
            # The device's memory is free while others have their turns.
            del images, drawn
            yield None
        yield from _until_sent(sent)
    finally:
        # Nobody waits for what is left where the call was abandoned, or failed.
        for each in sent:
            each.cancel()
    yield CallDone(call.call)


def _until_sent(images: Sequence[Future[None]]) -> Iterator[None]:
    """Waits until images were sent, or one could not be; yields None where that takes long."""
    while True:
        ended, waiting = wait(images, PATIENCE_SECONDS, FIRST_EXCEPTION)
        for each in ended:
            each.result()
        if not waiting:
            return
        yield None


def _to_send(images: Tensor, call: Render) -> Sequence[_ToSend]:
    """Images or sounds off the device; nothing that torch does is left to do."""
    if call.presentation == AS_DRAWN:
        return off_device(images, call.generator)
    return list(images.detach().movedim(1, -1).float().cpu().numpy())


def _rendered(call: Render, number: int, made: _ToSend) -> Rendered:
    file = file_of(present(made, call.presentation) if isinstance(made, np.ndarray) else made, call.image_format)
    return Rendered(call.call, number, file.data, width=file.width, height=file.height)
