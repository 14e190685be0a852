"""What the client hands out: plain, frozen records of the contract's messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from PIL import Image

from pullback_api.v1 import generators_pb2, geometry_pb2, jobs_pb2
from pullback_client.codec import image_from_wire


@dataclass(frozen=True)
class LatentSpace:
    """A latent space of a generator: `dim` coordinates drawn from `prior`, named by `labels` where they have names."""

    name: str
    dim: int
    prior: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generator:
    """A generator of the server's catalogue.

    Attributes:
        name: Its id, as every method of the client takes it.
        title: What it draws.
        family: Architecture.
        spaces: Its latent spaces by name; the first is the default.
        channels: Channels of an image.
        height: Pixels.
        width: Pixels.
        licence: Licence of the weights.
        citation: Where the weights come from.
        weights_hash: SHA-256 of the published weight file, hexadecimal.
    """

    name: str
    title: str
    family: str
    spaces: dict[str, LatentSpace]
    channels: int
    height: int
    width: int
    licence: str
    citation: str
    weights_hash: str

    @classmethod
    def from_wire(cls, message: generators_pb2.Generator) -> Generator:
        """The record of a message."""
        return cls(
            name=id_of(message.name),
            title=message.title,
            family=message.family,
            spaces={s.name: LatentSpace(s.name, s.dim, s.prior, tuple(s.labels)) for s in message.spaces},
            channels=message.channels,
            height=message.height,
            width=message.width,
            licence=message.licence,
            citation=message.citation,
            weights_hash=message.weights_hash,
        )


@dataclass(frozen=True)
class Distance:
    """An image distance of the server; `weights_hash` is empty where it has no weights."""

    name: str
    title: str
    weights_hash: str
    is_default: bool

    @classmethod
    def from_wire(cls, message: geometry_pb2.Distance) -> Distance:
        """The record of a message."""
        return cls(message.name, message.title, message.weights_hash, message.is_default)


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


def utc(time: Timestamp) -> datetime:
    """The moment in UTC, aware of its zone."""
    return time.ToDatetime(tzinfo=timezone.utc)


def duration(seconds: float) -> Duration:
    """The span of so many seconds."""
    span = Duration()
    span.FromNanoseconds(int(seconds * 1e9))
    return span


def id_of(name: str) -> str:
    """The last part of a resource name: `faces` of `generators/faces`."""
    return name.rpartition("/")[2]
