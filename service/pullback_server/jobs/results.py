"""Results of jobs, from what a worker made to what the store keeps: one maker for each kind of job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timezone

import pullback
from pullback.geometry.eigenbasis_file import read_parts
from pullback_api.v1 import analysis_pb2, directions_pb2, geometry_pb2, inversion_pb2, specs_pb2
from pullback_server.direction_sets import clear_arrays
from pullback_server.names import job_name, parse_generator
from pullback_server.protocol.tuned_files import told_in
from pullback_server.store import BlobStore, JobRecord, ResultRecord


def make_result(job: JobRecord, made: bytes, blobs: BlobStore) -> ResultRecord:
    """Writes what a worker made to the blobs, and describes it.

    Args:
        job: The job.
        made: What its worker sent: the safetensors file of an eigenbasis or of tuned weights, a serialised
            `InversionResult`, `MetricAnalysis` or `DirectionSet`.
        blobs: Where content goes.

    Raises:
        StorageFullError: The disk is full.
    """
    now = datetime.now(timezone.utc)
    # Each gives the generator, the header, and what is to stand after `made`: messages one after the other are one
    # message with the fields of all. To write a large one anew would hold the interpreter's lock all the while.
    makers: dict[str, Callable[[JobRecord, bytes, datetime], tuple[str, bytes, bytes]]] = {
        "eigenbasis": _eigenbasis,
        "inversion": _inversion,
        "analysis": _analysis,
        "directions": _directions,
        "tuning": _tuning,
    }
    generator, header, more = makers[job.kind](job, made, now)
    return ResultRecord(
        name=job.result,
        kind=job.kind,
        generator=parse_generator(generator, "generator"),
        job=job.id,
        created=now,
        header=header,
        content=blobs.write(made, more),
        # What is computed once for everybody is nobody's.
        owner=job.owner if job.kind in ("inversion", "tuning") else "",
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
    return header.spec.generator, header.SerializeToString(), b""


def _inversion(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    more = inversion_pb2.InversionResult(name=job.result, job=job_name(job.id), version=pullback.__version__)
    more.create_time.FromDatetime(now)
    header = inversion_pb2.InversionResult.FromString(made)
    header.ClearField("results")
    header.MergeFrom(more)
    return header.settings.generator, header.SerializeToString(), more.SerializeToString()


def _analysis(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    more = analysis_pb2.MetricAnalysis(name=job.result, job=job_name(job.id), version=pullback.__version__)
    more.create_time.FromDatetime(now)
    whole = analysis_pb2.MetricAnalysis.FromString(made)
    header = analysis_pb2.MetricAnalysis(
        spec=whole.spec,
        generator_weights_hash=whole.generator_weights_hash,
        distance_weights_hash=whole.distance_weights_hash,
        dim=whole.dim,
        method=whole.method,
    )
    header.MergeFrom(more)
    return whole.spec.generator, header.SerializeToString(), more.SerializeToString()


def _directions(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    more = directions_pb2.DirectionSet(name=job.result, job=job_name(job.id))
    more.create_time.FromDatetime(now)
    header = directions_pb2.DirectionSet.FromString(made)
    clear_arrays(header)
    header.MergeFrom(more)
    return header.spec.generator, header.SerializeToString(), more.SerializeToString()


def _tuning(job: JobRecord, made: bytes, now: datetime) -> tuple[str, bytes, bytes]:
    header = told_in(made)
    header.name, header.job, header.version = job.result, job_name(job.id), pullback.__version__
    header.size, header.sha256 = len(made), hashlib.sha256(made).hexdigest()
    header.create_time.FromDatetime(now)
    return header.settings.generator, header.SerializeToString(), b""
