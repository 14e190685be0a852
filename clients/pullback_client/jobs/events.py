"""Events of jobs: their states and their progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from PIL import Image

from pullback_api.v1 import jobs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.text.vocabulary import known_words
from pullback_client.wire.codec import image_from_wire
from pullback_client.wire.times import utc


class JobState(str, Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """A state that this client does not know: the server is newer."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)

    @classmethod
    def from_wire(cls, number: int) -> JobState:
        """The state of an enum number."""
        return _STATE_BY_NUMBER.get(number, cls.UNKNOWN)

    def to_wire(self) -> str:
        """The contract's name of the state."""
        return f"JOB_STATE_{self.name}"


_STATE_BY_NUMBER = {
    jobs_pb2.JobState.Value(state.to_wire()): state for state in JobState if state is not JobState.UNKNOWN
}


@dataclass(frozen=True)
class Progress:
    """How far a job has come: `step` of `total` (0 while not known) of `phase`; `loss` where it has one."""

    phase: str
    step: int
    total: int
    loss: float | None = None

    @classmethod
    def from_wire(cls, message: jobs_pb2.Progress) -> Progress:
        """The record of a message."""
        loss = message.loss if message.HasField("loss") else None
        return cls(message.phase, message.step, message.total, loss)


@dataclass(frozen=True)
class Portion:
    """Which photographs of a call a job works on: `count` of them after the first `done`, of `total` in all."""

    done: int
    count: int
    total: int


@dataclass(frozen=True)
class JobEvent:
    """Something that happened to a job.

    Attributes:
        job: Resource name of the job.
        sequence: Number within the job, rising from 1.
        state: Where the job stood.
        progress: How far it had come.
        time: When.
        previews: Best reconstruction of every target so far, where `preview_every` asked for it.
        portion: Of an inversion that takes several requests, which photographs the job works on; else None.
    """

    job: str
    sequence: int
    state: JobState
    progress: Progress
    time: datetime
    previews: tuple[Image.Image, ...] = ()
    portion: Portion | None = None

    @classmethod
    def from_wire(cls, message: jobs_pb2.JobEvent) -> JobEvent:
        """The record of a message."""
        return cls(
            job=message.job.name,
            sequence=message.sequence,
            state=JobState.from_wire(message.job.state),
            progress=Progress.from_wire(message.job.progress),
            time=utc(message.time),
            previews=tuple(image_from_wire(image, "preview") for image in message.previews),
        )


def job_state(state: JobState | str) -> JobState:
    """The state of a word such as `running`.

    Raises:
        InvalidArgumentError: There is no such state.
    """
    known = [known for known in JobState if known is not JobState.UNKNOWN]
    if state not in known:
        raise InvalidArgumentError(f"unknown job state {str(state)!r}; {known_words(state, [s.value for s in known])}")
    return JobState(state)
