"""Metrics of the server in this process, as Prometheus reads them; and those who ask for them otherwise."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf.message import Message
from prometheus_client.parser import text_string_to_metric_families

import pullback_client
from in_process import Failure, InProcessServer
from pullback_api.v1 import jobs_pb2, specs_pb2, tunings_pb2
from pullback_client import Client
from pullback_server.address import AddressError
from pullback_server.jobs.watched import labels_of
from pullback_server.server import Config, Server
from pullback_server.store import JOB_KINDS
from pullback_server.supervision import Health
from pullback_server.watching import Watching
from pullback_server.watching.exposition import parse_address
from pullback_server.watching.metrics import Metrics
from pullback_server.watching.parts import PartsCollector

SERVICE = Path(__file__).parents[2] / "service"


@pytest.fixture
def server() -> Iterator[InProcessServer]:
    """As the one of all files, with metrics."""
    with InProcessServer(watching=Watching(metrics="0")) as server:
        yield server


def get(server: InProcessServer, path: str = "/metrics", **headers: str) -> httpx.Response:
    exposition = server.server.watch.exposition
    assert exposition is not None
    return httpx.get(f"http://{exposition.target}{path}", headers=headers)


def values(server: InProcessServer, name: str) -> dict[tuple[str, ...], float]:
    """Samples of a metric by the values of their labels, in the order of their names."""
    answer = get(server)
    assert answer.status_code == 200
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name
    }


def test_calls_are_counted_by_what_their_callers_are_told(client: Client, server: InProcessServer) -> None:
    client.list_generators()
    with pytest.raises(pullback_client.NotFoundError):
        client.get_job("jobs/none")
    server.failures["ListJobs"] = Failure(grpc.StatusCode.FAILED_PRECONDITION)
    with pytest.raises(pullback_client.FailedPreconditionError):
        client.list_jobs()
    with grpc.insecure_channel(server.target) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary("/pullback_api.v1.Jobs/Nothing")(b"")
    counted = {labels: value for labels, value in values(server, "pullback_calls_total").items() if value}
    assert {labels for labels in counted if labels[1].endswith("/GetJob")} == {
        ("NOT_FOUND", "pullback_api.v1.Jobs/GetJob", "grpc")
    }
    assert counted[("FAILED_PRECONDITION", "pullback_api.v1.Jobs/ListJobs", "grpc")] == 1
    # Whoever calls what there is not adds no labels, token or none.
    assert [labels[1] for labels in counted if "Nothing" in labels[1]] == []
    assert any(labels[1] == "other" for labels in counted)
    durations = values(server, "pullback_call_seconds_count")
    assert durations[("pullback_api.v1.Jobs/GetJob", "grpc")] == 1
    assert set(values(server, "pullback_open_calls").values()) == {0}


def test_the_first_of_what_is_rare_is_a_rise(client: Client, server: InProcessServer) -> None:
    # Prometheus sees no rise in a counter that was not there before.
    ended = values(server, "pullback_jobs_ended_total")
    assert ended == dict.fromkeys(product(JOB_KINDS, ("succeeded", "failed", "cancelled")), 0)
    server.bench.hold = True
    job = client.submit_eigenbasis("faces", samples=10)
    server.wait_for_start(job.name)
    server.finish(job.name)
    assert values(server, "pullback_jobs_ended_total") == {**ended, ("eigenbasis", "succeeded"): 1}
    trials = values(server, "pullback_trials_total")
    assert trials == {(event,): 0 for event in ("asked", "told", "dropped", "expired", "reclaimed")}
    calls = values(server, "pullback_calls_total")
    for labels in product(("INTERNAL", "UNKNOWN"), ("pullback_api.v1.Jobs/GetJob",), ("grpc", "http")):
        assert calls[labels] == 0


def test_jobs_are_counted_from_the_queue_to_their_end(client: Client, server: InProcessServer) -> None:
    server.bench.hold = True
    job = client.submit_eigenbasis("faces", samples=10)
    server.wait_for_start(job.name)
    other = client.submit_eigenbasis("faces", samples=11)
    assert values(server, "pullback_jobs")[("eigenbasis", "running")] >= 1
    other.cancel()
    server.finish(job.name)
    ended = values(server, "pullback_jobs_ended_total")
    assert {labels: value for labels, value in ended.items() if value} == {
        ("eigenbasis", "succeeded"): 1,
        ("eigenbasis", "cancelled"): 1,
    }
    assert set(values(server, "pullback_jobs").values()) == {0}
    assert values(server, "pullback_job_queue_seconds_count")[("eigenbasis",)] >= 1
    assert values(server, "pullback_job_seconds_count")[("eigenbasis",)] >= 1


@pytest.mark.parametrize(
    ("kind", "work", "generator"),
    [
        ("eigenbasis", specs_pb2.EigenbasisSpec(generator="generators/faces", method=1), "faces"),
        ("inversion", specs_pb2.InversionSettings(generator="generators/faces", method=1), "faces"),
        ("analysis", specs_pb2.AnalysisSpec(generator="generators/faces"), "faces"),
        ("directions", specs_pb2.DirectionsSpec(generator="generators/faces/tunings/x", method=1), "faces"),
        (
            "tuning",
            tunings_pb2.TuneRequest(settings=specs_pb2.TuningSettings(generator="generators/faces")),
            "faces",
        ),
    ],
)
def test_jobs_are_told_apart_by_what_there_are_few_of(kind: str, work: Message, generator: str) -> None:
    found, method = labels_of(kind, work.SerializeToString())
    assert found == generator
    assert method
    # All kinds that a job of the contract can be of.
    assert kind in JOB_KINDS
    assert len(jobs_pb2.Job.DESCRIPTOR.oneofs_by_name["work"].fields) == len(JOB_KINDS) == 5


def test_a_damaged_job_has_no_labels() -> None:
    assert labels_of("eigenbasis", b"\xff") == ("", "")


def test_generations_and_trials_are_counted(client: Client, server: InProcessServer) -> None:
    session = client.evolve("faces", optimizer="cma", population=4)
    session.run(lambda trial: 1.0, generations=2)
    assert values(server, "pullback_generations_total")[("faces", "cma")] >= 2
    trials = values(server, "pullback_trials_total")
    assert trials[("told",)] == 8 <= trials[("asked",)]
    assert values(server, "pullback_sessions_in_memory") == {(): 1}


def test_how_the_server_is_is_told_to_supervisors(server: InProcessServer) -> None:
    assert values(server, "pullback_stored_bytes")[("database",)] > 0
    assert values(server, "pullback_disk_free_bytes")[()] > 0
    assert get(server, "/livez").json() == {"status": "ALIVE"}
    ready = get(server, "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "SERVING")
    assert values(server, "pullback_serving") == {(): 1}
    assert values(server, "pullback_part_well")[("store",)] == 1
    # A part that looks at nothing, and so stays as it is told.
    server._do(lambda _: server.server._health.part("ours").unwell("no room"))
    assert get(server, "/livez").status_code == 200
    unready = get(server, "/readyz")
    assert (unready.status_code, unready.json()["parts"]["ours"]) == (503, "no room")
    assert values(server, "pullback_part_well")[("ours",)] == 0
    assert values(server, "pullback_serving") == {(): 0}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        ("GET /metrics HTTP/1.1\r\nHost: localhost:1\r\n\r\n", 200),
        ("GET /metrics HTTP/1.1\r\nHost: [::1]:1\r\n\r\n", 200),
        ("GET /metrics HTTP/1.0\r\n\r\n", 403),
        ("HEAD /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200),
        ("POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        ("GET /../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        ("\x00\xff\r\n\r\n", 405),
        ("GET /metrics HTTP/1.1\r\n" + "X: " + "x" * 20_000 + "\r\n\r\n", None),
    ],
)
def test_what_is_asked_otherwise_is_refused(server: InProcessServer, head: str, status: int | None) -> None:
    exposition = server.server.watch.exposition
    assert exposition is not None
    with socket.create_connection(("127.0.0.1", exposition.port), timeout=60) as connection:
        connection.sendall(head.encode("latin-1"))
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    assert (re.match(rb"HTTP/1.1 (\d+) ", answer) or {1: b"0"})[1] == str(status or 0).encode()
    if head.startswith("HEAD"):
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("address", ["", "a", "127.0.0.1", "127.0.0.1:99999", "::1:80", "1.2.3.4:x"])
def test_an_address_that_is_none_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="expected PORT"):
        Server(Config("127.0.0.1:0", tmp_path, watching=Watching(metrics=address)))


def test_metrics_are_for_this_machine_unless_another_is_said() -> None:
    assert parse_address("9464") == ("127.0.0.1", 9464)
    assert parse_address("0.0.0.0:9464") == ("0.0.0.0", 9464)
    assert parse_address("[::1]:9464") == ("::1", 9464)


def names() -> set[str]:
    """Names of all metrics, as the exposition has them."""
    metrics = Metrics()
    PartsCollector(Health(), metrics.registry)
    found = set()
    for family in metrics.registry.collect():
        found.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return found


def test_the_page_lists_every_metric_and_no_other() -> None:
    page = (SERVICE / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(pullback_\w+)`", page, re.MULTILINE)) == {
        name for name in names() if name.startswith("pullback_")
    } - {"pullback_build"} | {"pullback_build_info"}


def test_the_dashboard_asks_for_what_there_is() -> None:
    dashboard = json.loads((SERVICE / "deployment" / "grafana.json").read_text(encoding="utf-8"))
    asked = {target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())}
    assert asked
    known = names() | {f"{name}_{part}" for name in names() for part in ("bucket", "sum", "count", "info")}
    for expression in asked:
        assert set(re.findall(r"\b(?:pullback|process)_\w+", expression)) <= known, expression
    # Every metric of ours is in some panel.
    shown = {name for name in names() if any(name in expression for expression in asked)}
    assert {name for name in names() if name.startswith("pullback_")} <= shown


def test_the_dashboard_takes_apart_by_labels_that_there_are() -> None:
    page = (SERVICE / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(pullback_\w+)` \| ([\w, ]*)\|", page, re.MULTILINE)
    labels = {name: set(re.findall(r"\w+", text)) for name, text in listed}
    metrics = Metrics()
    for family in metrics.registry.collect():
        # What was never counted has no sample that would tell.
        for sample in family.samples:
            if found := set(sample.labels) - {"le"}:
                ending = {"counter": "_total", "info": "_info"}.get(family.type, "")
                assert found == labels[family.name + ending], sample
    dashboard = json.loads((SERVICE / "deployment" / "grafana.json").read_text(encoding="utf-8"))
    for target in (target for panel in dashboard["panels"] for target in panel.get("targets", ())):
        (asked,) = set(re.findall(r"\b(?:pullback|process)_\w+", target["expr"]))
        known = labels.get(re.sub("_bucket$", "", asked), set()) | {"instance"}
        grouped = [name for text in re.findall(r"by \(([^)]*)\)", target["expr"]) for name in re.findall(r"\w+", text)]
        assert set(grouped) - {"le"} <= known, target
        legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert legend <= (set(grouped) if grouped else known), target
