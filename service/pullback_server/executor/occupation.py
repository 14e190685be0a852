"""Occupation of a worker: where it computes, and what it has to do at a moment."""

from __future__ import annotations

from dataclasses import dataclass

from pullback_server.executor.worker import Worker
from pullback_server.supervision import Part


@dataclass(frozen=True)
class Occupation:
    """A worker as it is at a moment.

    Attributes:
        part: Where its health is seen.
        device: Where it computes, `auto` before it has said it; None for searches.
        model: What the device is; empty before it has said it.
        jobs: Ids of the jobs that it has begun.
        helping: Ids of the jobs that it only helps with.
        open_calls: How many calls it has yet to answer.
    """

    part: Part
    device: str | None
    model: str
    jobs: tuple[str, ...] = ()
    helping: tuple[str, ...] = ()
    open_calls: int = 0


def occupation(worker: Worker) -> Occupation:
    """What a worker has to do."""
    # A part of a job bears the job's id, and a number.
    helping = tuple(dict.fromkeys(name.partition("/")[0] for name in worker.jobs if "/" in name))
    return Occupation(
        part=worker.part,
        device=worker.device,
        model=worker.kind[0],
        jobs=tuple(name for name in worker.jobs if "/" not in name),
        helping=helping,
        open_calls=worker.open_calls,
    )
