"""Progress of jobs, as the store has it."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from pullback_api.v1 import jobs_pb2
from pullback_server.names import job_name
from pullback_server.store import JobRecord


def progress_in(job: JobRecord, phase: str) -> bytes:
    """The job's progress, in another phase."""
    progress = read_progress(job)
    progress.phase = phase
    return progress.SerializeToString()


def waiting_progress(needed: JobRecord) -> bytes:
    """What a job shows that waits for another one: how far that has come."""
    progress = read_progress(needed)
    at = f" ({progress.phase})" if progress.phase else ""
    progress.phase = f"waiting for {job_name(needed.id)}: computing the {needed.kind}{at}"
    progress.ClearField("loss")
    return progress.SerializeToString()


def queued_progress(total: int = 0) -> bytes:
    """What a job shows that waits for a worker; `total` is its number of steps, 0 while unknown."""
    return jobs_pb2.Progress(phase="waiting for a worker", total=total).SerializeToString()


def read_progress(job: JobRecord) -> jobs_pb2.Progress:
    """The job's progress; none where what is stored of it is damaged: it is about to be written anew."""
    try:
        return jobs_pb2.Progress.FromString(job.progress)
    except (DecodeError, TypeError):
        return jobs_pb2.Progress()
