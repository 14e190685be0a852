"""Messages between server and worker: immutable, over a pipe between the two processes. Those of calls: `calls`."""

from __future__ import annotations

from dataclasses import dataclass

from pullback_server.protocol.batching import Load
from pullback_server.protocol.calls import AbandonCall, Call, CallMessage, Taken, TracedCall
from pullback_server.protocol.failure import Failure
from pullback_server.stored_files import StoredFile

# From server to worker ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StartJob:
    """Begin a job, or go on with it where `checkpoint` names a file that exists.

    Attributes:
        job: Id of the job.
        kind: `eigenbasis`, `inversion`, `analysis`, `directions` or `tuning`.
        load: What it asks of the worker, and which other jobs it can be computed with.
        alone: Compute it with no other all the same: it may have been the one that killed a worker.
        work: Serialised specification of its kind, defaults filled in.
        payload: File of a serialised `InvertRequest` whose targets are at the generator's size; None for others.
        eigenbasis: Safetensors file of the eigenbasis that the job works with; None for none.
        checkpoint: Where the worker keeps its checkpoint.
        part: Which part of it alone to compute, as its own worker has lent it; empty for all of it.
        trace: `traceparent` of what is done for it; empty where it is not traced.
    """

    job: str
    kind: str
    load: Load
    alone: bool
    work: bytes
    payload: StoredFile | None
    eigenbasis: StoredFile | None
    checkpoint: str
    part: bytes = b""
    trace: str = ""


@dataclass(frozen=True)
class LendPart:
    """Another worker has nothing to do: say with `PartLent` which part of the job it is to compute."""

    job: str


@dataclass(frozen=True)
class TakePart:
    """What came of a part that was lent.

    Attributes:
        job: Id of the job.
        part: The part.
        result: What the other worker has made of it; empty where nothing came of it.
    """

    job: str
    part: bytes
    result: bytes


@dataclass(frozen=True)
class CancelJob:
    """Stop the job before its next step and forget it."""

    job: str


@dataclass(frozen=True)
class SuspendJobs:
    """Write a checkpoint of every job and stop: the server is going down."""


@dataclass(frozen=True)
class Exit:
    """End the process at once, in the middle of whatever it does."""


# From worker to server ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The worker has started.

    Attributes:
        device: Where it computes: `cpu`, `cuda:0`, …
        devices: That device, and the others of its kind that this machine has for it.
        model: What the device is: two of one model compute the same bits.
        memory: Bytes that it may take there; 0 for a worker without a device.
        given: Whether somebody has said so; otherwise it is a share of what was free.
        total: Bytes that a GPU has in all; 0 for others.
    """

    device: str
    devices: tuple[str, ...]
    model: str
    memory: int = 0
    given: bool = False
    total: int = 0


@dataclass(frozen=True)
class Computing:
    """What the worker computes from now on: where it dies at that, these jobs may be to blame, and no others."""

    jobs: frozenset[str]


@dataclass(frozen=True)
class Progressed:
    """The job has come further.

    Attributes:
        job: Id of the job.
        phase: What it does, in a few words.
        step: Steps done.
        total: Steps in all, 0 while unknown.
        loss: Best loss so far, mean over the targets, where the job has one.
        previews: PNG files, of sounds WAV, of the best reconstructions, where they were asked for.
        lends: Whether it has parts that workers with nothing else to do may compute: see `LendPart`.
    """

    job: str
    phase: str
    step: int
    total: int
    loss: float | None = None
    previews: tuple[bytes, ...] = ()
    lends: bool = False


@dataclass(frozen=True)
class Worked:
    """What was done for a job since the last message of this kind.

    Attributes:
        job: Id of the job.
        steps: Seconds of every step that was made, the job's own share where several were computed together.
        evaluations: Latents that were evaluated.
    """

    job: str
    steps: tuple[float, ...]
    evaluations: int


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes on the worker's device: what its tensors have, and what is kept for them."""

    allocated: int
    reserved: int


@dataclass(frozen=True)
class PartLent:
    """Which part of a job another worker is to compute; empty for none at the moment."""

    job: str
    part: bytes


@dataclass(frozen=True)
class Finished:
    """The job's result, or its part's: a safetensors file of an eigenbasis, or a serialised message of the contract."""

    job: str
    result: bytes


@dataclass(frozen=True)
class Stopped:
    """The job was cancelled or suspended."""

    job: str
    suspended: bool


@dataclass(frozen=True)
class JobFailed:
    """The job cannot be done."""

    job: str
    failure: Failure


ToWorker = StartJob | LendPart | TakePart | CancelJob | SuspendJobs | Exit | Call | TracedCall | AbandonCall | Taken
JobMessage = Progressed | Worked | PartLent | Finished | Stopped | JobFailed
FromWorker = Ready | Computing | DeviceMemory | JobMessage | CallMessage
