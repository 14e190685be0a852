"""Records of the store as messages of the contract."""

from __future__ import annotations

from google.rpc import status_pb2

from pullback_api.v1 import geometry_pb2, inversion_pb2, jobs_pb2, specs_pb2, values_pb2
from pullback_server.names import job_name
from pullback_server.store import EigenbasisRecord, EventRecord, InversionRecord, JobRecord, JobState


def job_message(record: JobRecord) -> jobs_pb2.Job:
    """The job as its resource."""
    job = jobs_pb2.Job(
        name=job_name(record.id),
        state=jobs_pb2.JobState.Name(record.state.value),
        result=record.result,
        progress=jobs_pb2.Progress.FromString(record.progress),
        attempts=record.attempts,
        last_sequence=record.last_sequence,
    )
    if record.kind == "eigenbasis":
        job.compute_eigenbasis.CopyFrom(specs_pb2.EigenbasisSpec.FromString(record.work))
    else:
        job.invert.CopyFrom(specs_pb2.InversionSettings.FromString(record.work))
    if record.state == JobState.FAILED and record.error is not None:
        job.error.CopyFrom(status_pb2.Status.FromString(record.error))
    job.create_time.FromDatetime(record.created)
    if record.started is not None:
        job.start_time.FromDatetime(record.started)
    if record.ended is not None:
        job.end_time.FromDatetime(record.ended)
    return job


def event_message(record: EventRecord, previews: tuple[bytes, ...]) -> jobs_pb2.JobEvent:
    """The event, with the previews that came with it."""
    event = jobs_pb2.JobEvent(
        sequence=record.sequence,
        job=job_message(record.job),
        previews=[values_pb2.Image(data=data, format=values_pb2.IMAGE_FORMAT_PNG) for data in previews],
    )
    event.time.FromDatetime(record.time)
    return event


def eigenbasis_message(record: EigenbasisRecord) -> geometry_pb2.Eigenbasis:
    """The eigenbasis without its arrays."""
    basis = geometry_pb2.Eigenbasis(
        name=record.name,
        spec=specs_pb2.EigenbasisSpec.FromString(record.spec),
        generator_weights_hash=record.generator_weights_hash,
        distance_weights_hash=record.distance_weights_hash,
        version=record.version,
        job=job_name(record.job),
        dim=record.dim,
    )
    basis.create_time.FromDatetime(record.created)
    return basis


def inversion_message(record: InversionRecord) -> inversion_pb2.InversionResult:
    """The inversion without its results."""
    return inversion_pb2.InversionResult.FromString(record.header)
