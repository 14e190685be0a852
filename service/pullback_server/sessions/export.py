"""Export of a session: everything that is known of it, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import numpy as np

from pullback_api.tensors import pack
from pullback_api.v1 import search_pb2, values_pb2
from pullback_server.errors import unavailable
from pullback_server.sessions.live import LiveSession
from pullback_server.sessions.resources import closed_summary, open_summary, trial_record
from pullback_server.sessions.state.events import GenerationOpened, ImageScore
from pullback_server.sessions.state.session import reference_id
from pullback_server.sessions.state.thread import Thread

# A batch of large images takes a while on a slow machine.
IMAGE_SECONDS = 60.0


async def export_session(
    live: LiveSession, *, include_images: bool, first_generation: int = 0
) -> AsyncIterator[search_pb2.SessionPiece]:
    """References, generations and trials, as they stand when the export begins.

    Args:
        live: The session.
        include_images: Whether images come along.
        first_generation: Only generations from this number on, and their trials.

    Raises:
        ApiError: A file is missing or damaged, or an image cannot be made.
    """
    session = await live.read(lambda found: found)
    # What is appended from now on is left out: trials keep their order, generations their numbers.
    trials = [trial_record(name, trial) for name, trial in session.trials.items()]
    trials = [trial for trial in trials if trial.generation >= first_generation or trial.thread < 0]
    records = [record for thread in session.threads for record in _records(thread, first_generation)]
    for reference in live.spec.references:
        piece = search_pb2.SessionPiece(reference=search_pb2.ReferenceImage(label=reference.label))
        if include_images:
            piece.reference.image.CopyFrom(await _image(live, reference_id(reference.label)))
        yield piece
    for opened, record in records:
        record.latents.CopyFrom(pack(await live.latents.of(opened)))
        if include_images:
            for image in opened.images:
                record.images.append(await _image(live, image.image_id))
        yield search_pb2.SessionPiece(generation=record)
    for trial in trials:
        yield search_pb2.SessionPiece(trial=trial)


def _records(thread: Thread, first: int) -> list[tuple[GenerationOpened, search_pb2.GenerationRecord]]:
    found = []
    for each in thread.closed[first:]:
        summary = closed_summary(each.closed, each.opened, minimize=thread.spec.minimize)
        record = _record(summary, each.opened, each.closed.scores, each.open_time)
        record.close_time.FromDatetime(each.close_time)
        found.append((each.opened, record))
    if thread.open is not None and thread.open.number >= first:
        record = _record(open_summary(thread.open, thread), thread.open.opened, thread.open.scores(), thread.open.time)
        found.append((thread.open.opened, record))
    return found


def _record(
    summary: search_pb2.GenerationSummary, opened: GenerationOpened, scores: tuple[ImageScore, ...], time: datetime
) -> search_pb2.GenerationRecord:
    """A generation, without its latents and images."""
    known = {each.image_id: each.score for each in scores}
    record = search_pb2.GenerationRecord(
        summary=summary,
        image_ids=[image.image_id for image in opened.images],
        scores=pack(np.array([known.get(image.image_id, np.nan) for image in opened.images])),
        origins=[search_pb2.Origin(kind=image.kind, parents=image.parents) for image in opened.images],
    )
    far = [image.far or (np.nan, np.nan) for image in opened.images]
    distances, typicalities = np.array(far, np.float64).reshape(-1, 2).T
    record.distances.CopyFrom(pack(distances))
    record.typicalities.CopyFrom(pack(typicalities))
    record.open_time.FromDatetime(time)
    return record


async def _image(live: LiveSession, image_id: str) -> values_pb2.Image:
    image = await live.image(image_id, IMAGE_SECONDS)
    if image is None:
        raise unavailable(f"image {image_id!r} is not finished after {IMAGE_SECONDS:.0f} s; export again later")
    return image
