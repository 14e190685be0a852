"""History of a session: everything it knows, as the client holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from pullback_api.v1 import search_pb2, values_pb2
from pullback_client.errors import BadResponseError
from pullback_client.search.records import GenerationSummary, SessionStatus
from pullback_client.text import markup
from pullback_client.wire.codec import Array, array_from_tensor
from pullback_client.wire.times import utc

REFERENCE = "reference_"
"""How the ids of reference images begin."""


class Origin(NamedTuple):
    """Where an image came from.

    Attributes:
        kind: `initial`, `sampled`, `mean`, `offspring`, `elite` or `carried`.
        parents: Ids of the images it was made of, where it was made of some.
    """

    kind: str
    parents: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class GenerationRecord:
    """A generation of a thread with its latents.

    Attributes:
        summary: In numbers.
        image_ids: Its images.
        latents: Their latents; float32, shape (images, dim).
        scores: Their scores over all showings; float64, shape (images,), NaN where there is none.
        origins: Where each image came from.
        opened: When it was opened.
        closed: When it was closed; None while it is open.
        files: The images' files; empty where they were not asked for.
        distances: Mahalanobis distances of the latents from the prior's mean; float64, shape (images,), NaN where the
            server did not measure them.
        typicalities: Shares of the prior's draws that lie at least as far, 0 to 1; likewise.
    """

    summary: GenerationSummary
    image_ids: tuple[str, ...]
    latents: Array
    scores: Array
    origins: tuple[Origin, ...]
    opened: datetime
    closed: datetime | None
    files: tuple[values_pb2.Image, ...]
    distances: Array
    typicalities: Array


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it is kept.

    Attributes:
        trial_id: Its id.
        image_id: The image.
        thread: The image's thread; -1 for a trial of no thread.
        generation: The generation it was asked in or counted for.
        repetition: Which showing of the image in this generation, from 0.
        outcome: `scored`, `failed` or `abandoned`; empty where it was asked and not told.
        score: The score that was told; None where there was none.
        used_score: The score that entered the image's: of several channels their weighted mean, of a dry run the
            server's own; None where there was none, and for reference images.
        channel_values: The responses of several channels, where they were told.
        t_onset: When the image appeared, in seconds of the rig's clock; None where that was not told.
        note: What was kept with it.
        asked: When it was asked; None where it never was.
        told: When it was told; None where it never was.
        late: Whether it came after its generation was closed.
    """

    trial_id: str
    image_id: str
    thread: int
    generation: int
    repetition: int
    outcome: str
    score: float | None
    used_score: float | None
    channel_values: tuple[float, ...]
    t_onset: float | None
    note: str
    asked: datetime | None
    told: datetime | None
    late: bool

    @property
    def reference(self) -> bool:
        """Whether it showed a reference image."""
        return self.image_id.startswith(REFERENCE)


@dataclass(frozen=True, eq=False)
class SessionHistory:
    """Everything a session knows.

    Attributes:
        status: The session.
        generations: Its generations, thread by thread and in order.
        trials: Its trials, in the order of asking or, where never asked, of telling.
        references: The reference images' files by image id; empty where images were not asked for.
    """

    status: SessionStatus
    generations: tuple[GenerationRecord, ...]
    trials: tuple[TrialRecord, ...]
    references: dict[str, values_pb2.Image]

    def _repr_html_(self) -> str:
        best: dict[str, list[tuple[float, float]]] = {}
        for generation in self.generations:
            summary = generation.summary
            for name, score in (("best", summary.best_score), ("mean", summary.mean_score)):
                if score is not None:
                    line = best.setdefault(f"{name} of thread {summary.thread}", [])
                    line.append((summary.generation, score))
        title = f"{self.status.title or self.status.name}: {len(self.generations)} generations"
        return markup.card(
            title,
            markup.curves("score of a generation", "generation", best),
            markup.facts({"state": self.status.state.value, "trials": len(self.trials)}),
        )

    @property
    def files(self) -> dict[str, values_pb2.Image]:
        """The files of all images by image id, the references' among them; empty where they were not asked for."""
        evolved = {
            image_id: file
            for generation in self.generations
            for image_id, file in zip(generation.image_ids, generation.files, strict=False)
        }
        return evolved | self.references


def history_from_wire(pieces: Iterable[search_pb2.SessionPiece]) -> SessionHistory:
    """The record of an export's pieces.

    Raises:
        BadResponseError: The session is missing, or the arrays of a generation do not fit each other.
    """
    status: SessionStatus | None = None
    generations: list[GenerationRecord] = []
    trials: list[TrialRecord] = []
    references: dict[str, values_pb2.Image] = {}
    for piece in pieces:
        match piece.WhichOneof("piece"):
            case "session":
                status = SessionStatus.from_wire(piece.session)
            case "generation":
                generations.append(generation_from_wire(piece.generation))
            case "trial":
                trials.append(_trial(piece.trial))
            case "reference":
                if piece.reference.image.data:
                    references[REFERENCE + piece.reference.label] = piece.reference.image
    if status is None:
        raise BadResponseError("the export has no session; do server and client fit together?")
    # Generation after generation as the server sends them; thread by thread as tables want them.
    generations.sort(key=lambda each: (each.summary.thread, each.summary.generation))
    return SessionHistory(status, tuple(generations), tuple(trials), references)


def generation_from_wire(message: search_pb2.GenerationRecord) -> GenerationRecord:
    """The record of a generation.

    Raises:
        BadResponseError: Its arrays do not fit each other.
    """
    summary = GenerationSummary.from_wire(message.summary)
    what = f"generation {summary.generation} of thread {summary.thread}"
    latents = array_from_tensor(message.latents, f"{what}: latents")
    scores = array_from_tensor(message.scores, f"{what}: scores")
    count = len(message.image_ids)
    origins = tuple(Origin(origin.kind, tuple(origin.parents)) for origin in message.origins)
    far = [_far(getattr(message, field), count, f"{what}: {field}") for field in ("distances", "typicalities")]
    if latents.ndim != 2 or len(latents) != count or scores.shape != (count,) or len(origins) != count:
        raise BadResponseError(
            f"{what}: {count} images, but latents of shape {latents.shape}, scores of shape {scores.shape} and "
            f"{len(origins)} origins"
        )
    return GenerationRecord(
        summary=summary,
        image_ids=tuple(message.image_ids),
        latents=latents,
        scores=scores,
        origins=origins,
        opened=utc(message.open_time),
        closed=_time(message, "close_time"),
        files=tuple(message.images),
        distances=far[0],
        typicalities=far[1],
    )


def _far(tensor: values_pb2.Tensor, count: int, what: str) -> Array:
    """Numbers that say how far images are from the prior; NaN where the server said none."""
    if not tensor.ByteSize():
        return np.full(count, np.nan)
    numbers = array_from_tensor(tensor, what)
    if numbers.shape != (count,):
        raise BadResponseError(f"{what}: {count} images, but shape {numbers.shape} came")
    return numbers


def _trial(message: search_pb2.TrialRecord) -> TrialRecord:
    report = message.report
    outcome = search_pb2.Outcome.Name(report.outcome).removeprefix("OUTCOME_").lower() if report.outcome else ""
    return TrialRecord(
        trial_id=report.trial_id,
        image_id=report.image_id,
        thread=message.thread,
        generation=message.generation,
        repetition=message.repetition,
        outcome=outcome,
        score=report.score if report.HasField("score") else None,
        used_score=message.score if message.HasField("score") else None,
        channel_values=tuple(report.channel_values),
        t_onset=report.t_onset if report.HasField("t_onset") else None,
        note=report.note,
        asked=_time(message, "ask_time"),
        told=_time(message, "tell_time"),
        late=message.late,
    )


def _time(message: Any, field: str) -> datetime | None:
    return utc(getattr(message, field)) if message.HasField(field) else None
