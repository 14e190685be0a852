"""Traces of the server in this process, and of a worker's part, in memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from in_process import InProcessServer
from pullback_api.v1 import geometry_pb2, geometry_pb2_grpc, jobs_pb2, jobs_pb2_grpc, specs_pb2
from pullback_server.protocol.messages import FromWorker, Worked
from pullback_server.server import Config, Server, StartError
from pullback_server.watching import Watching, watch
from pullback_server.watching.open_telemetry import OpenTelemetryTracing
from pullback_server.watching.tracing import ENDPOINT_VARIABLES, make_tracing
from pullback_server.worker.tasks.work import Work

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
HEADER = f"00-{TRACE:032x}-{PARENT:016x}-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> OpenTelemetryTracing:
    return OpenTelemetryTracing("server", SimpleSpanProcessor(spans))


@pytest.fixture
def server(tracing: OpenTelemetryTracing, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessServer]:
    monkeypatch.setattr(watch, "make_tracing", lambda *_: tracing)
    with InProcessServer() as server:
        yield server


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = [span for span in spans.get_finished_spans() if span.name == name]
    return span


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    assert context.trace_id == TRACE
    return context.span_id


def test_a_job_goes_on_in_the_trace_of_whoever_asked_for_it(
    server: InProcessServer, spans: InMemorySpanExporter
) -> None:
    spec = specs_pb2.EigenbasisSpec(generator="generators/faces", samples=10)
    with grpc.insecure_channel(server.target) as channel:
        token = (("authorization", f"Bearer {(server.data / 'token').read_text(encoding='ascii').strip()}"),)
        job = geometry_pb2_grpc.GeometryStub(channel).ComputeEigenbasis(
            geometry_pb2.ComputeEigenbasisRequest(spec=spec), metadata=(*token, ("traceparent", HEADER)), timeout=60
        )
        with pytest.raises(grpc.RpcError):
            jobs_pb2_grpc.JobsStub(channel).GetJob(jobs_pb2.GetJobRequest(name="jobs/none"), metadata=token, timeout=60)
    server._wait_for(lambda: server.job(job.name).state == jobs_pb2.JOB_STATE_SUCCEEDED)
    call = named(spans, "pullback_api.v1.Geometry/ComputeEigenbasis")
    whole, queue = named(spans, "job eigenbasis"), named(spans, "queue")
    assert (parent_of(call), parent_of(whole), parent_of(queue)) == (PARENT, id_of(call), id_of(whole))
    assert id_of(queue)
    assert whole.attributes is not None
    assert whole.attributes["pullback.generator"] == "faces"
    failed = next(
        span for span in spans.get_finished_spans() if span.name.endswith("GetJob") and span.status.description
    )
    assert (failed.status.description, failed.parent) == ("NOT_FOUND", None)


def test_a_workers_steps_belong_to_their_job(tracing: OpenTelemetryTracing, spans: InMemorySpanExporter) -> None:
    said: list[FromWorker] = []
    work = Work("a", HEADER, said.append, tracing)
    work.begin(5)
    for seconds in (0.1, 0.2):
        work.spend(seconds)
    work.stepped(8)
    work.spend(0.25)
    work.tell()
    work.tell()
    (told,) = said
    assert isinstance(told, Worked)
    assert (told.evaluations, told.steps) == (3, (pytest.approx(0.55),))
    steps = named(spans, "worker steps")
    assert parent_of(steps) == PARENT
    assert steps.attributes is not None
    assert (steps.attributes["pullback.steps"], steps.attributes["pullback.evaluations"]) == (1, 3)


def test_an_answer_is_a_span_to_its_end_and_one_that_is_given_up_too(
    tracing: OpenTelemetryTracing, spans: InMemorySpanExporter
) -> None:
    assert list(tracing.around("all", HEADER, iter((1, 2)))) == [1, 2]
    begun = tracing.around("some", HEADER, iter((1, 2)))
    assert next(begun) == 1
    del begun
    assert named(spans, "all").status.description is None
    assert named(spans, "some").status.description == "abandoned"
    # What nobody traces is no span.
    assert list(tracing.around("none", "", iter((1,)))) == [1]
    assert len(spans.get_finished_spans()) == 2


def test_nothing_is_traced_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENDPOINT_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    assert not make_tracing("server").on


def test_traces_without_their_extra_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pullback_server.watching.open_telemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(StartError, match=r"pip install 'pullback\[tracing\]'"):
        Server(Config("127.0.0.1:0", tmp_path, watching=Watching(traces="http://127.0.0.1:4317")))
