"""Records that the store hands out: plain and immutable."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

JOB_KINDS = ("eigenbasis", "inversion", "analysis", "directions", "tuning")
"""What jobs do; each is a field of the contract's `Job.work`, by another name."""


class JobState(enum.IntEnum):
    """Where a job stands; the numbers are those of the contract's `JobState`."""

    QUEUED = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELLED = 5

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self >= JobState.SUCCEEDED


@dataclass(frozen=True)
class JobRecord:
    """A job as it stands.

    Attributes:
        id: Identifier.
        kind: What it does, one of `JOB_KINDS`.
        state: Where it stands.
        work: Serialised specification of its kind, defaults filled in.
        result: Name of the resource that it makes.
        uses: Name of the eigenbasis that it works with, if any.
        payload: Digest of its input (the prepared targets), if it has any.
        batch: Jobs of an equal batch can be computed together; empty for one that is computed by itself.
        rows: How many latents it moves, images × restarts; 0 for a job that inverts nothing.
        progress: Serialised `Progress`.
        error: Serialised `google.rpc.Status` of a failed job.
        created: When it was accepted.
        started: When a worker first took it.
        ended: When it ended.
        attempts: How often a worker took it.
        crashes: How often a worker died at it since it last came further.
        last_sequence: Number of its latest event.
        needs: Id of the job whose result it waits for while it is QUEUED, if any.
        provided: Whether it was queued for jobs that need its result alone, and nobody asked for it by itself.
        owner: Name of the key that it belongs to; empty for the operator's own.
    """

    id: str
    kind: str
    state: JobState
    work: bytes
    result: str
    uses: str | None
    payload: str | None
    batch: str
    rows: int
    progress: bytes
    error: bytes | None
    created: datetime
    started: datetime | None
    ended: datetime | None
    attempts: int
    crashes: int
    last_sequence: int
    needs: str | None
    provided: bool
    owner: str


@dataclass(frozen=True)
class EventRecord:
    """Something that happened to a job: the job as it stood then."""

    sequence: int
    time: datetime
    job: JobRecord


@dataclass(frozen=True)
class ResultRecord:
    """What a job made, or someone brought.

    Attributes:
        name: Resource name.
        kind: Kind of the job that made it.
        generator: Id of the generator that it belongs to.
        job: Id of the job that made it; empty for what was imported.
        created: When it was finished.
        header: Its serialised message without arrays and pictures, as lists show it.
        content: Digest of the whole.
        owner: Name of the key that it belongs to; empty for what is the operator's, or everybody's.
    """

    name: str
    kind: str
    generator: str
    job: str
    created: datetime
    header: bytes
    content: str
    owner: str = ""


@dataclass(frozen=True)
class AnnotationRecord:
    """What people say of one of the directions that a result holds: its place from 0, a title, and notes."""

    place: int
    title: str
    notes: str


@dataclass(frozen=True)
class SessionRecord:
    """A search session as it stands.

    Attributes:
        id: Identifier.
        state: Number of the contract's `SessionState`.
        spec: Its serialised `SessionSpec`, defaults filled in.
        summary: Its serialised `Session` without the specification.
        last_sequence: Number of its latest event.
        owner: Name of the key that it belongs to; empty for the operator's own.
    """

    id: str
    state: int
    spec: bytes
    summary: bytes
    last_sequence: int
    owner: str


@dataclass(frozen=True)
class KeyRecord:
    """A key, by which somebody is let in.

    Attributes:
        name: What it is called, and what its resources name as their owner.
        role: What it may do.
        digest: Of its token.
        quotas: JSON: what it may have, where that is not as for all.
        created: When it was made.
        expires: When it lets in no more, if ever.
        revoked: When it was revoked, if it was.
    """

    name: str
    role: str
    digest: str
    quotas: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None


@dataclass(frozen=True)
class SessionEventRecord:
    """An entry of a session's log: its number, when it happened, its kind, and the rest as JSON."""

    sequence: int
    time: datetime
    kind: str
    payload: bytes


@dataclass(frozen=True)
class SessionChange:
    """What is written together about a session.

    Attributes:
        events: The next entries of its log.
        state: Where it stands after them.
        evolving: Whether some optimizer is to make a generation.
        summary: Its serialised `Session` after them.
        needed: Digests of files that it needs from now on.
        released: Digests of files that it needs no more.
    """

    events: tuple[SessionEventRecord, ...]
    state: int
    evolving: bool
    summary: bytes
    needed: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
