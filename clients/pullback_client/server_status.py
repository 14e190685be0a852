"""Status of a server: its version, the jobs that it has, and what each of its workers does at the moment."""

from __future__ import annotations

from dataclasses import dataclass

from pullback_api.v1 import server_pb2
from pullback_client.text import markup
from pullback_client.text.quantities import duration, size
from pullback_client.wire.names import id_of

STARTING = "starting"
"""Trouble of a worker that is not ready yet."""
IDLE = ("idle",)
"""What a worker does that has nothing to do."""


@dataclass(frozen=True)
class WorkerJob:
    """A job that a worker has begun.

    Attributes:
        name: Resource name, `jobs/{id}`.
        kind: What it computes, as `Job.kind`; `unknown` of a newer server.
        generator: Name of its generator; empty where the server cannot read it.
        seconds: How long it has been running, since it last began to.
        helping: Whether this worker only helps with it: another one has begun it.
    """

    name: str
    kind: str
    generator: str
    seconds: float
    helping: bool

    @classmethod
    def from_wire(cls, message: server_pb2.WorkerJob) -> WorkerJob:
        """The record of a message."""
        return cls(
            name=message.name,
            kind=_KINDS.get(message.kind, "unknown"),
            generator=id_of(message.generator) if message.generator else "",
            seconds=message.seconds,
            helping=message.helping,
        )

    def __str__(self) -> str:
        of = f"{self.kind} of {self.generator}" if self.generator else self.kind
        return f"{'helps with ' * self.helping}{of}, {duration(self.seconds)}"


@dataclass(frozen=True)
class Device:
    """A device, and what a worker has of its memory.

    Attributes:
        name: `cpu`, `cuda:0`, …; `auto` until the worker has found it.
        model: What it is, such as `NVIDIA H200`; `cpu` for the CPU; empty until the worker has found it.
        memory_limit: Bytes that the worker may take there beside the weights; None until it has found it.
        memory_used: Bytes that its tensors have there, of a GPU that has computed jobs; else None.
        memory_total: Bytes that there are in all, of a GPU; else None.
    """

    name: str
    model: str
    memory_limit: float | None
    memory_used: float | None
    memory_total: float | None

    @property
    def kind(self) -> str:
        """`cpu` or `cuda`; `auto` until the worker has found it."""
        return self.name.partition(":")[0]

    @classmethod
    def from_wire(cls, message: server_pb2.Device) -> Device:
        """The record of a message."""
        limit, used, total = (
            getattr(message, name) if message.HasField(name) else None
            for name in ("memory_limit_bytes", "memory_used_bytes", "memory_total_bytes")
        )
        return cls(message.name, message.model, limit, used, total)

    def __str__(self) -> str:
        return self.name if self.model in {"", self.name} else f"{self.name} ({self.model})"


@dataclass(frozen=True)
class WorkerStatus:
    """A worker process of a server.

    Attributes:
        name: As health, logs and metrics call it: `worker-0`, `worker-0-calls`, `searches`.
        device: Where it computes; None for that of searches, which needs none.
        trouble: What it is troubled by, `starting` before it is ready; None where it is well.
        restarts: How often it has ended and was begun again.
        resident: Bytes of memory that its process has; None where the server does not know.
        jobs: Jobs that it has begun, which share its time; those alone that this client's key sees.
        other_jobs: How many jobs of other keys it has begun.
        open_calls: How many calls it has yet to answer: images, draws, walks, generations of searches.
    """

    name: str
    device: Device | None
    trouble: str | None
    restarts: int
    resident: float | None
    jobs: tuple[WorkerJob, ...]
    other_jobs: int
    open_calls: int

    @classmethod
    def from_wire(cls, message: server_pb2.WorkerStatus) -> WorkerStatus:
        """The record of a message."""
        return cls(
            name=message.name,
            device=Device.from_wire(message.device) if message.HasField("device") else None,
            trouble=message.trouble or None,
            restarts=message.restarts,
            resident=message.resident_bytes if message.HasField("resident_bytes") else None,
            jobs=tuple(map(WorkerJob.from_wire, message.jobs)),
            other_jobs=message.other_jobs,
            open_calls=message.open_calls,
        )

    @property
    def doing(self) -> tuple[str, ...]:
        """What it does, for people: its trouble, its jobs and how long they have been running, its calls; or `idle`."""
        jobs, calls = self.other_jobs, self.open_calls
        others = "a job of another key" if jobs == 1 else f"{jobs} jobs of other keys" if jobs else ""
        answers = "answers a call" if calls == 1 else f"answers {calls} calls" if calls else ""
        return tuple(filter(None, (self.trouble, *map(str, self.jobs), others, answers))) or IDLE

    @property
    def memory(self) -> str:
        """What it has of its device's memory, for people; on a CPU, its process has. Empty where that is not known."""
        device, found = self.device, []
        if device is None or device.memory_total is None:
            found += [] if self.resident is None else [f"{size(self.resident)} in use"]
        else:
            used = "" if device.memory_used is None else f"{size(device.memory_used)} in use of "
            found.append(used + size(device.memory_total))
        if device is not None and device.memory_limit is not None:
            found.append(f"may take {size(device.memory_limit)}")
        return ", ".join(found)


@dataclass(frozen=True)
class ServerStatus:
    """A server as it was when it was asked.

    Attributes:
        version: Version of Pullback that it runs.
        uptime: Seconds since it was started.
        draining: Whether it was going down: no more jobs begin.
        troubles: Its parts that were not well, by which it did not serve, and what each was troubled by.
        queued_jobs: Jobs that waited for a worker or for another job, of all keys.
        running_jobs: Jobs that were running, of all keys.
        workers: Its worker processes: that of searches first, then by device.
    """

    version: str
    uptime: float
    draining: bool
    troubles: dict[str, str]
    queued_jobs: int
    running_jobs: int
    workers: tuple[WorkerStatus, ...]

    @classmethod
    def from_wire(cls, message: server_pb2.ServerStatus) -> ServerStatus:
        """The record of a message."""
        return cls(
            version=message.version,
            uptime=message.uptime_seconds,
            draining=message.draining,
            troubles={each.part: each.trouble for each in message.troubles},
            queued_jobs=message.queued_jobs,
            running_jobs=message.running_jobs,
            workers=tuple(map(WorkerStatus.from_wire, message.workers)),
        )

    @property
    def health(self) -> str:
        """`well`, `not well` or `going down`."""
        return "going down" if self.draining else "not well" if self.troubles else "well"

    @property
    def summary(self) -> str:
        """The server in a line, for people."""
        jobs = f"{self.running_jobs} running, {self.queued_jobs} queued"
        return f"Pullback {self.version}, {self.health}, up {duration(self.uptime)}; jobs: {jobs}"

    def _repr_html_(self) -> str:
        rows = [
            (each.name, str(each.device or "–"), ", ".join(each.doing), each.memory or "–") for each in self.workers
        ]
        troubles = markup.facts(self.troubles) if self.troubles else ""
        return markup.card(self.summary, markup.table(("worker", "device", "does", "memory"), rows), troubles)


_KINDS = {
    number: name.removeprefix("JOB_KIND_").lower()
    for name, number in server_pb2.JobKind.items()
    if number != server_pb2.JOB_KIND_UNSPECIFIED
}
