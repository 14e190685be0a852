"""Records of the store as messages of the contract."""

from __future__ import annotations

from google.rpc import status_pb2

from pullback_api.sounds import is_wav
from pullback_api.v1 import jobs_pb2, specs_pb2, tunings_pb2, values_pb2
from pullback_server.damage import decoding
from pullback_server.names import job_name
from pullback_server.store import EventRecord, JobRecord, JobState


def job_message(record: JobRecord) -> jobs_pb2.Job:
    """The job as its resource; DATA_LOSS where what is stored of it is damaged."""
    with decoding(job_name(record.id)):
        return _job_message(record)


def _job_message(record: JobRecord) -> jobs_pb2.Job:
    job = jobs_pb2.Job(
        name=job_name(record.id),
        state=jobs_pb2.JobState.Name(record.state.value),
        result=record.result,
        progress=jobs_pb2.Progress.FromString(record.progress),
        attempts=record.attempts,
        last_sequence=record.last_sequence,
    )
    _put_work(job, record.kind, record.work)
    if record.state == JobState.QUEUED and record.needs is not None:
        job.waiting_for = job_name(record.needs)
    if record.state == JobState.FAILED and record.error is not None:
        job.error.CopyFrom(status_pb2.Status.FromString(record.error))
    job.create_time.FromDatetime(record.created)
    if record.started is not None:
        job.start_time.FromDatetime(record.started)
    if record.ended is not None:
        job.end_time.FromDatetime(record.ended)
    return job


def proposed_message(kind: str, work: bytes, result: str = "") -> jobs_pb2.Job:
    """The job that a request which was only checked would become: without a name, in no state."""
    job = jobs_pb2.Job(result=result)
    _put_work(job, kind, work)
    return job


def event_message(record: EventRecord, previews: tuple[bytes, ...]) -> jobs_pb2.JobEvent:
    """The event, with the previews that came with it."""
    event = jobs_pb2.JobEvent(
        sequence=record.sequence,
        job=job_message(record.job),
        previews=[
            values_pb2.Image(
                data=data, format=values_pb2.IMAGE_FORMAT_WAV if is_wav(data) else values_pb2.IMAGE_FORMAT_PNG
            )
            for data in previews
        ],
    )
    event.time.FromDatetime(record.time)
    return event


def _put_work(job: jobs_pb2.Job, kind: str, work: bytes) -> None:
    """Says what a job of a kind does, by its serialised specification."""
    match kind:
        case "eigenbasis":
            job.compute_eigenbasis.CopyFrom(specs_pb2.EigenbasisSpec.FromString(work))
        case "inversion":
            job.invert.CopyFrom(specs_pb2.InversionSettings.FromString(work))
        case "analysis":
            job.analyze_metric.CopyFrom(specs_pb2.AnalysisSpec.FromString(work))
        case "directions":
            job.discover_directions.CopyFrom(specs_pb2.DirectionsSpec.FromString(work))
        case "tuning":
            job.tune.CopyFrom(tunings_pb2.TuneRequest.FromString(work).settings)
