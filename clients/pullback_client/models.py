"""What the client hands out: plain, frozen records of the contract's messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from PIL import Image

from pullback_api.v1 import generators_pb2, geometry_pb2, jobs_pb2, values_pb2
from pullback_client.codec import image_from_wire


@dataclass(frozen=True)
class LatentSpace:
    """A latent space of a generator: `dim` coordinates drawn from `prior`, named by `labels` where they have names."""

    name: str
    dim: int
    prior: str
    labels: tuple[str, ...] = ()


class WeightsState(str, Enum):
    """Where the weights of a generator or a distance are."""

    UNKNOWN = "unknown"
    """A server of an older version does not say."""

    NOT_NEEDED = "not needed"
    HERE = "here"
    """On the server's machine."""

    TO_DOWNLOAD = "to download"
    """The first use downloads them."""

    MISSING = "missing"
    """Not there, and not to be downloaded: the first use fails, and says how to place them."""


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
        weights_source: Where that file was published, or where it stands on the server.
        weights_state: Where the weights are now.
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
    weights_source: str = ""
    weights_state: WeightsState = WeightsState.UNKNOWN

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
            weights_source=message.weights_source,
            weights_state=_WEIGHTS_STATES.get(message.weights_state, WeightsState.UNKNOWN),
        )


@dataclass(frozen=True)
class CatalogueFault:
    """What of the server's catalogue files cannot be used.

    Attributes:
        generator: The generator's id; empty where a file does not even say which ones it has.
        reason: Which file, entry and key, what came and what was expected.
    """

    generator: str
    reason: str

    @classmethod
    def from_wire(cls, message: generators_pb2.CatalogueFault) -> CatalogueFault:
        """The record of a message."""
        return cls(id_of(message.generator), message.reason)


@dataclass(frozen=True)
class Distance:
    """An image distance of the server.

    Attributes:
        name: Its name, as every method of the client takes it.
        title: What it is.
        weights_hash: SHA-256 of the published weight file, or the published beginning of it, or that of the tensors
            themselves where several files hold them; empty without weights.
        is_default: Whether it is used where none is named.
        takes: What it compares: `images`, `sounds` or both.
        licence: Licence of the weights; empty without weights.
        citation: Where the weights come from; empty without weights.
        weights_source: Where the weight file was published; empty without weights.
        weights_state: Where the weights are now.
        sides: The smallest and the largest side, px, that may be said after the name: `lpips-vgg@256` is the distance
            of images that are resized to 256 × 256 px first; None where it takes none.
    """

    name: str
    title: str
    weights_hash: str
    is_default: bool
    takes: tuple[str, ...] = ()
    licence: str = ""
    citation: str = ""
    weights_source: str = ""
    weights_state: WeightsState = WeightsState.UNKNOWN
    sides: tuple[int, int] | None = None

    @classmethod
    def from_wire(cls, message: geometry_pb2.Distance) -> Distance:
        """The record of a message."""
        return cls(
            name=message.name,
            title=message.title,
            weights_hash=message.weights_hash,
            is_default=message.is_default,
            takes=tuple(message.takes),
            licence=message.licence,
            citation=message.citation,
            weights_source=message.weights_source,
            weights_state=_WEIGHTS_STATES.get(message.weights_state, WeightsState.UNKNOWN),
            sides=(message.min_side, message.max_side) if message.max_side else None,
        )


_WEIGHTS_STATES = {
    values_pb2.WEIGHTS_STATE_NOT_NEEDED: WeightsState.NOT_NEEDED,
    values_pb2.WEIGHTS_STATE_HERE: WeightsState.HERE,
    values_pb2.WEIGHTS_STATE_TO_DOWNLOAD: WeightsState.TO_DOWNLOAD,
    values_pb2.WEIGHTS_STATE_MISSING: WeightsState.MISSING,
}


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
