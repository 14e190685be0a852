"""Results as the store keeps them: what a worker made, and after it what the server says of it, is one message."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback
from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2, directions_pb2, inversion_pb2, jobs_pb2, specs_pb2
from pullback_server.jobs.results import make_result
from pullback_server.store import JobRecord, Store

TENSOR = pack(np.arange(12.0).reshape(3, 4))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "data")
    yield store
    store.close()


def job_of(store: Store, kind: str, result: str) -> JobRecord:
    return store.jobs.create(
        job_id="a",
        kind=kind,
        work=b"",
        result=result,
        request_id=None,
        request_digest="",
        progress=jobs_pb2.Progress(phase="waiting").SerializeToString(),
    )


def inversion() -> inversion_pb2.InversionResult:
    images = [inversion_pb2.InvertedTarget(label=label, latent=TENSOR) for label in "ab"]
    return inversion_pb2.InversionResult(
        settings=specs_pb2.InversionSettings(generator="generators/faces"), compute_seconds=2.5, results=images
    )


def analysis() -> analysis_pb2.MetricAnalysis:
    return analysis_pb2.MetricAnalysis(
        spec=specs_pb2.AnalysisSpec(generator="generators/faces"), dim=4, method="gram", version="0.0.1"
    )


def directions() -> directions_pb2.DirectionSet:
    spec = specs_pb2.DirectionsSpec(generator="generators/faces")
    found = directions_pb2.DirectionSet(spec=spec, count=3, dim=4, version="0.0.1", vectors=TENSOR)
    found.axes.add(ranks=[1], shares=[1.0])
    return found


@pytest.mark.parametrize(
    ("kind", "make", "left_out", "version"),
    [
        ("inversion", inversion, ("results",), pullback.__version__),
        ("analysis", analysis, (), pullback.__version__),
        ("directions", directions, ("vectors", "axes"), "0.0.1"),
    ],
)
def test_a_result_is_what_the_worker_made_with_its_name_job_and_time(
    store: Store, kind: str, make: Callable[[], Any], left_out: tuple[str, ...], version: str
) -> None:
    made, name = make(), "somewhere/r"
    record = make_result(job_of(store, kind, name), made.SerializeToString(), store.blobs)
    whole, header = (type(made).FromString(data) for data in (store.blobs.read(record.content), record.header))
    assert (record.name, record.kind, record.generator, record.job) == (name, kind, "faces", "a")
    for message in (whole, header):
        assert (message.name, message.job, message.version) == (name, "jobs/a", version)
        assert message.create_time.ToDatetime().timestamp() == record.created.replace(tzinfo=None).timestamp()
    expected = type(made)()
    expected.CopyFrom(made)
    expected.MergeFrom(type(made)(name=name, job="jobs/a", version=version, create_time=whole.create_time))
    assert whole == expected
    for field in left_out:
        expected.ClearField(field)
    assert header == expected


def test_what_is_written_in_parts_is_one_file(store: Store) -> None:
    assert store.blobs.write(b"one", b"", b"two") == store.blobs.write(b"onetwo")
    assert store.blobs.read(store.blobs.write(b"onet", b"wo")) == b"onetwo"
