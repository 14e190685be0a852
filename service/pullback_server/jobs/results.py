"""Results of jobs, from what a worker made to what the store keeps: one maker for each kind of job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pullback
from pullback.geometry.eigenbasis_file import read_parts
from pullback_api.v1 import analysis_pb2, directions_pb2, geometry_pb2, inversion_pb2, specs_pb2
from pullback_server.direction_sets import without_arrays
from pullback_server.names import job_name, parse_generator
from pullback_server.store import BlobStore, JobRecord, ResultRecord


def make_result(job: JobRecord, made: bytes, blobs: BlobStore) -> ResultRecord:
    """Writes what a worker made to the blobs, and describes it.

    Args:
        job: The job.
        made: What its worker sent: an eigenbasis' safetensors file, a serialised `InversionResult`, `MetricAnalysis` or
            `DirectionSet`.
        blobs: Where content goes.

    Raises:
        StorageFullError: The disk is full.
    """
    now = datetime.now(timezone.utc)
    makers: dict[str, Callable[[JobRecord, bytes, datetime], tuple[str, bytes, bytes]]] = {
        "eigenbasis": _eigenbasis,
        "inversion": _inversion,
        "analysis": _analysis,
        "directions": _directions,
    }
    generator, header, content = makers[job.kind](job, made, now)
    return ResultRecord(
        name=job.result,
        kind=job.kind,
        generator=parse_generator(generator, "generator"),
        job=job.id,
        created=now,
        header=header,
        content=blobs.write(content),
    )


def _eigenbasis(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    # The worker has checked what it made.
    basis = read_parts(made)
    header = geometry_pb2.Eigenbasis(
        name=job.result,
        spec=specs_pb2.EigenbasisSpec.FromString(job.work),
        generator_weights_hash=basis.provenance.weights_hash,
        distance_weights_hash=basis.provenance.distance_hash,
        version=basis.provenance.version,
        job=job_name(job.id),
        dim=basis.dim,
        k=basis.k,
        floor=basis.floor,
        samples=basis.provenance.samples,
    )
    if basis.provenance.agreement is not None:
        header.agreement = basis.provenance.agreement
    header.create_time.FromDatetime(now)
    return header.spec.generator, header.SerializeToString(), made


def _inversion(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    result = inversion_pb2.InversionResult.FromString(made)
    result.name, result.job, result.version = job.result, job_name(job.id), pullback.__version__
    result.create_time.FromDatetime(now)
    content = result.SerializeToString()
    result.ClearField("results")
    return result.settings.generator, result.SerializeToString(), content


def _analysis(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    whole = analysis_pb2.MetricAnalysis.FromString(made)
    whole.name, whole.job, whole.version = job.result, job_name(job.id), pullback.__version__
    whole.create_time.FromDatetime(now)
    header = analysis_pb2.MetricAnalysis(
        name=whole.name,
        spec=whole.spec,
        generator_weights_hash=whole.generator_weights_hash,
        distance_weights_hash=whole.distance_weights_hash,
        version=whole.version,
        create_time=whole.create_time,
        job=whole.job,
        dim=whole.dim,
        method=whole.method,
    )
    return whole.spec.generator, header.SerializeToString(), whole.SerializeToString()


def _directions(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    whole = directions_pb2.DirectionSet.FromString(made)
    whole.name, whole.job = job.result, job_name(job.id)
    whole.create_time.FromDatetime(now)
    return whole.spec.generator, without_arrays(whole).SerializeToString(), whole.SerializeToString()
