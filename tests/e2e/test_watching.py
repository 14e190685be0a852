"""A server that is watched: its log, metrics and traces, of all its processes, while it is used and to its end."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2
from prometheus_client.parser import text_string_to_metric_families

from live_server import CALL_SECONDS, LiveServer
from pullback_api.v1 import geometry_pb2, inversion_pb2, specs_pb2, values_pb2
from requests_for_tiny import invert_tiny
from tiny import write_catalogue

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = (("x-request-id", "rig-7"), ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"))


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent, by the process that they are from."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, trace_pb2.Span]] = []

    def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:
        for each in request.resource_spans:
            attributes = {one.key: one.value.string_value for one in each.resource.attributes}
            for scope in each.scope_spans:
                self.spans += [(attributes["service.instance.id"], span) for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def wait_for(self, process: str, name: str) -> trace_pb2.Span:
        """The first span of that name that a process has sent."""
        deadline = time.monotonic() + CALL_SECONDS
        while time.monotonic() < deadline:
            for each, span in list(self.spans):
                if (each, span.name) == (process, name):
                    return span
            time.sleep(0.1)
        raise AssertionError(f"{process} has sent no {name!r}, but {[(each, span.name) for each, span in self.spans]}")


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, str]]:
    server, collector = grpc.server(ThreadPoolExecutor(2)), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, f"http://127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_server_is_watched_from_its_start_to_its_end(
    tmp_path: Path, collector: tuple[Collector, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    traces, endpoint = collector
    environment = {
        "PULLBACK_CATALOGUE": str(write_catalogue(tmp_path / "c")),
        "PULLBACK_CACHE": str(tmp_path / "cache"),
    }
    server = LiveServer(tmp_path / "data", environment)
    server.start(
        *("--metrics", "0", "--http", "127.0.0.1:0", "--traces", endpoint, "--log-format", "json"),
        *("--log-level", "DEBUG", "--drain", "30"),
    )
    try:
        server.wait_until(serving=True)
        spec = specs_pb2.EigenbasisSpec(generator="generators/tiny", distance="mse", samples=64)
        request = geometry_pb2.ComputeEigenbasisRequest(spec=spec)
        basis = server.geometry.ComputeEigenbasis(request, metadata=CALLER, timeout=CALL_SECONDS)
        server.wait(basis.name)
        # What makes others write lines: a request that is none, a photograph that is none, a worker's death.
        with socket.create_connection(("127.0.0.1", int(server.http.rpartition(":")[2]))) as connection:
            connection.sendall(b"\x00\x01 no HTTP\r\n\r\n")
            connection.recv(1024)
        target = inversion_pb2.Target(image=values_pb2.Image(data=b"\x89PNG\r\n\x1a\n no picture"))
        settings = specs_pb2.InversionSettings(generator="generators/tiny", distance="mse")
        with pytest.raises(grpc.RpcError):
            server.inversion.Invert(
                inversion_pb2.InvertRequest(settings=settings, targets=[target]), timeout=CALL_SECONDS
            )
        answer = httpx.post(f"{server.http}/pullback_api.v1.Jobs/GetJob", json={}, headers=server.headers)
        assert answer.status_code == 400
        server.searches.kill()
        # What was killed is noticed, and started again.
        deadline = time.monotonic() + CALL_SECONDS
        for path in ("/livez", "/readyz", "/healthz"):
            while (answer := httpx.get(server.http + path)).status_code != 200:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.1)
        _check_metrics(httpx.get(f"{server.metrics}/metrics").text)
        job = invert_tiny(server, steps=4000)
        server.wait_for_step(job.name, 1)
        assert server.terminate() == 0
    finally:
        server.close()
    _check_log(server.log(), server.token, basis.name.removeprefix("jobs/"))
    _check_traces(traces)


def _check_metrics(text: str) -> None:
    samples = {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples[("pullback_evaluations_total", ("tiny", "eigenbasis", "sketch"))] == 64
    assert samples[("pullback_step_seconds_count", ("tiny", "eigenbasis", "sketch"))] >= 1
    assert samples[("pullback_part_restarts_total", ("searches",))] == 1
    assert samples[("pullback_resident_bytes", ("worker-0",))] > 2**20
    assert samples[("pullback_calls_total", ("INVALID_ARGUMENT", "pullback_api.v1.Jobs/GetJob", "http"))] == 1


def _check_log(log: str, token: str, job: str) -> None:
    assert token not in log
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"time", "level", "logger", "process", "pid", "message"} <= line.keys() for line in lines)
    taken = [line for line in lines if re.fullmatch(f"job {job} is taken in: .*", line["message"])]
    assert [(line["request"], line["job"], line["process"]) for line in taken] == [("rig-7", job, "server")]
    assert any(line.get("job") == job and "has ended" in line["message"] for line in lines)
    # Each call has a line of its own, where they are asked for.
    assert any(line["message"].startswith("pullback_api.v1.Jobs/GetJob over http") for line in lines)


def _check_traces(traces: Collector) -> None:
    call = traces.wait_for("server", "pullback_api.v1.Geometry/ComputeEigenbasis")
    whole, steps = traces.wait_for("server", "job eigenbasis"), traces.wait_for("worker-0", "worker steps")
    assert {call.trace_id.hex(), whole.trace_id.hex(), steps.trace_id.hex()} == {TRACE}
    assert (call.parent_span_id.hex(), whole.parent_span_id) == ("00f067aa0ba902b7", call.span_id)
    assert steps.parent_span_id == whole.span_id
    assert whole.start_time_unix_nano <= steps.start_time_unix_nano <= steps.end_time_unix_nano
