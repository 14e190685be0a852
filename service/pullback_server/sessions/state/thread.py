"""Thread of a session: its generations, one after another."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pullback_api.v1 import search_pb2
from pullback_server.sessions.state.events import (
    GenerationClosed,
    GenerationOpened,
    ImageScore,
    NewImage,
    ThreadFailed,
)
from pullback_server.sessions.state.generation import Generation


class ThreadState(enum.IntEnum):
    """Where a thread stands; the numbers are those of the contract's `ThreadState`."""

    EVOLVING = 1
    OPEN = 2
    FINISHED = 3
    FAILED = 4


@dataclass(frozen=True, slots=True)
class ClosedGeneration:
    """A generation that the optimizer has been told of: the events that opened and closed it, and their times."""

    opened: GenerationOpened
    open_time: datetime
    closed: GenerationClosed
    close_time: datetime


class Thread:
    """One evolution as the log tells it.

    Attributes:
        number: The thread, from 0.
        spec: What it was asked to be, complete.
        open: The generation that is being shown; None while there is none.
        closed: The generations before, in order.
        best: The best score of all closed generations.
        best_image: The image that has it.
        failed: Why it cannot go on; None while it can.
        channels: How many channel values its reports hold; None before the first of them.
        asked: How many of its trials were asked.
        eigenbasis: Digest of the file of the eigenbasis that it searches in; empty for none, and while it is computed.
        awaited: Id of the job that computes it; empty for none, and when it is there.
    """

    def __init__(self, number: int, spec: search_pb2.SessionSpec) -> None:
        self.number = number
        self.spec = spec.threads[number]
        self._session_spec = spec
        self.open: Generation | None = None
        self.closed: list[ClosedGeneration] = []
        self.best: ImageScore | None = None
        self.best_image: NewImage | None = None
        self.failed: ThreadFailed | None = None
        self.channels = len(self.spec.channel_weights) or None
        self.asked = 0
        self.eigenbasis = ""
        self.awaited = ""
        self._carried: dict[str, list[float]] = {}

    @property
    def state(self) -> ThreadState:
        """Where it stands."""
        if self.failed is not None:
            return ThreadState.FAILED
        if self.open is not None:
            return ThreadState.OPEN
        if self.last_number == len(self.closed) - 1:
            return ThreadState.FINISHED
        return ThreadState.EVOLVING

    @property
    def ended(self) -> bool:
        """Whether there will be no more trials of it."""
        return self.state in (ThreadState.FINISHED, ThreadState.FAILED)

    @property
    def last_number(self) -> int | None:
        """The number of the last generation there will be; None where there is no end."""
        return self.spec.max_generations - 1 if self.spec.max_generations else None

    @property
    def generations(self) -> int:
        """How many generations there have been, the open one included."""
        return len(self.closed) + (self.open is not None)

    def opened(self, generation: int) -> GenerationOpened:
        """How a generation was opened, the open one or one before."""
        if self.open is not None and self.open.number == generation:
            return self.open.opened
        return self.closed[generation].opened

    def best_of(self, scores: Sequence[ImageScore]) -> ImageScore | None:
        """The best of some scores; the first of equals."""
        if not scores:
            return None
        choose = min if self.spec.minimize else max
        return choose(scores, key=lambda each: each.score)

    def open_generation(self, event: GenerationOpened, time: datetime, references: Sequence[str]) -> None:
        """The optimizer has made a generation; images that were carried over keep the scores they have."""
        self.open = Generation(event, time, self._session_spec, references=references, carried=self._carried)

    def close_generation(self, event: GenerationClosed, time: datetime) -> None:
        """The open generation is settled."""
        generation = self.open
        if generation is None:
            raise ValueError(f"thread {self.number} has no open generation to close")
        self._carried = {image_id: generation.images[image_id].scores for image_id in event.carried}
        self.closed.append(ClosedGeneration(generation.opened, generation.time, event, time))
        self.open = None
        best = self.best_of([*([self.best] if self.best else []), *event.scores])
        if best is not None and best is not self.best:
            self.best, self.best_image = best, generation.opened.image(best.image_id)


def mean_score(scores: Sequence[ImageScore]) -> float | None:
    """The mean of some scores; None where there are none."""
    return statistics.fmean(each.score for each in scores) if scores else None
