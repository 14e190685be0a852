"""The audit trail: who did what and when, and nothing of what was in it."""

from __future__ import annotations

import json
import re
import stat
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from PIL import Image

import pullback_client
from in_process import InProcessServer
from pullback_client import Client
from pullback_server.contract import DESCRIPTORS, only_reads
from pullback_server.keeping.audit import Trail, trail
from pullback_server.keeping.audit.audited import HANDING_OUT

METHODS = [method for service in DESCRIPTORS for method in service.methods]
NOTED = [method for method in METHODS if not only_reads(method.name) or method.name in HANDING_OUT]
# Of a request, what may name what it is about; what none of these does names what its answer says was made.
NAMING = ("name", "session", "parent", "generator", "resource")
# Answered without their request being looked at: no more is told of what they are about than they make.
MAKING = {"ComputeEigenbasis", "AnalyzeMetric", "Invert", "Tune", "CreateSession", "DiscoverDirections", "CreateKey"}


def entries(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted((data / "audit").glob("*")) for line in path.read_text().splitlines()]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_changes_or_hands_out_is_noted_without_content(tmp_path: Path) -> None:
    photo = tmp_path / "a face.png"
    Image.new("RGB", (20, 20), "red").save(photo)
    with InProcessServer(tmp_path / "data") as server, Client(server.target, timeout=60) as client:
        client.invert(photo, "faces", steps=3)
        session = client.evolve("faces", optimizer="cma", population=4, title="a secret title")
        batch = session.ask()
        session.tell(batch, [1.0] * len(batch))
        with pytest.raises(pullback_client.FailedPreconditionError):
            client.delete_session(session.name)
        with pytest.raises(pullback_client.NotFoundError):
            client.delete_inversion("inversions/none")
        with pytest.raises(pullback_client.InvalidArgumentError):
            client.delete_inversion("what somebody wrote")
        client.list_jobs()
    done = entries(tmp_path / "data")
    said = [(entry["what"], entry.get("of"), entry.get("made"), entry["ended"]) for entry in done]
    assert ("Inversion/Invert", None, "jobs/2", "OK") in said
    assert ("Inversion/GetInversion", "inversions/2", None, "OK") in said
    assert ("Search/CreateSession", None, session.name, "OK") in said
    assert ("Search/DeleteSession", session.name, None, "FAILED_PRECONDITION") in said
    assert ("Inversion/DeleteInversion", "inversions/none", None, "NOT_FOUND") in said
    assert ("Inversion/DeleteInversion", None, None, "INVALID_ARGUMENT") in said
    assert {what for what, *_ in said} & {"Jobs/ListJobs", "Jobs/WatchJob", "Jobs/GetJob"} == set()
    assert all(entry["who"] and entry["time"].endswith("+00:00") for entry in done)
    text = json.dumps(done)
    for content in ("face.png", "secret title", "wrote"):
        assert content not in text
    for path in (tmp_path / "data" / "audit").glob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


def what_of(method: MethodDescriptor) -> str:
    return f"{method.containing_service.name}/{method.name}"


def naming(method: MethodDescriptor) -> str:
    """The field of a method's request that says what it is about; empty where there is none."""
    return next((name for name in NAMING if name in method.input_type.fields_by_name), "")


def test_whatever_changes_something_says_what_it_is_about() -> None:
    unnamed = {method.name for method in NOTED if not naming(method)}
    assert unnamed == MAKING
    # Reading is told from the rest by how methods are named: one that is named otherwise is noted.
    assert {method.name for method in METHODS} - {method.name for method in NOTED} == {
        *("ListGenerators", "GetGenerator", "SampleLatents", "Render", "ListDistances", "GetEigenbasis"),
        *("StreamEigenbasis", "ListEigenbases", "GetAnalysis", "ListAnalyses", "ListInversions", "GetJob", "ListJobs"),
        *("WatchJob", "WaitJob", "GetSession", "ListSessions", "WatchSession", "GetDirections", "ListDirections"),
        *("Traverse", "ListTunings", "ListKeys", "GetServerStatus"),
    }


def test_every_method_that_changes_something_leaves_a_line_over_grpc_and_over_http(tmp_path: Path) -> None:
    data, began = tmp_path / "data", datetime.now(timezone.utc)
    expected = []
    with InProcessServer(data, http="127.0.0.1:0") as server:
        with Client(server.target) as operator:
            token = operator.create_key("omar", role="operator").token
        assert server.server.http_endpoint is not None
        base = f"http://127.0.0.1:{server.server.http_endpoint.port}"
        headers = {"Authorization": f"Bearer {token}"}
        with grpc.insecure_channel(server.target) as channel, httpx.Client(base_url=base, headers=headers) as http:
            for method in METHODS:
                if method not in NOTED and method.server_streaming:
                    continue
                path = f"/{method.containing_service.full_name}/{method.name}"
                request, field = GetMessageClass(method.input_type)(), naming(method)
                name = f"jobs/of-{method.name.lower()}"
                if field:
                    setattr(request, field, name)
                make = channel.unary_stream if method.server_streaming else channel.unary_unary
                call = make(path, type(request).SerializeToString, GetMessageClass(method.output_type).FromString)
                try:
                    answer = call(request, metadata=[("authorization", f"Bearer {token}")], timeout=60)
                    if method.server_streaming:
                        list(answer)
                except grpc.RpcError:
                    # Most names are of nothing that there is: what was tried is noted all the same.
                    pass
                if not method.server_streaming:
                    http.post(path, json=json_format.MessageToDict(request), timeout=60)
                if method in NOTED:
                    expected += [(what_of(method), name if field else None)] * (2 - method.server_streaming)
    done = entries(data)
    found = [(entry["what"], entry.get("of")) for entry in done if entry["who"] == "key omar"]
    assert found == expected
    for entry in done:
        assert began.timestamp() - 1 <= datetime.fromisoformat(entry["time"]).timestamp() <= time.time() + 1
        assert re.fullmatch("[A-Z_]+", entry["ended"])


def test_of_keys_and_of_what_is_shared_is_noted_which_and_with_whom(tmp_path: Path) -> None:
    with InProcessServer(tmp_path / "data") as server, Client(server.target, timeout=60) as client:
        client.create_key("ada")
        session = client.evolve("faces", optimizer="cma", population=4)
        client.share(session.name, "ada")
        client.share(session.name, "ada", withdraw=True)
        client.share(session.name)
        client.revoke_key("ada")
    said = [entry for entry in entries(tmp_path / "data") if entry["what"].startswith("Access/")]
    for entry in said:
        assert entry.pop("who").startswith("client ")
        assert entry.pop("time")
        assert entry.pop("ended") == "OK"
    about = {"what": "Access/Share", "of": session.name}
    assert said == [
        {"what": "Access/CreateKey", "made": "keys/ada"},
        {**about, "with": "keys/ada"},
        {**about, "withdrawn": "keys/ada"},
        {**about, "with": "keys/-"},
        {"what": "Access/RevokeKey", "of": "keys/ada"},
    ]


def test_lines_wait_for_a_full_disk_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(trail, "_MAX_WAITING", 3)
    (tmp_path / "audit").touch()
    written = Trail(tmp_path)
    for number in range(5):
        written.note({"what": str(number)})
    (tmp_path / "audit").unlink()
    until(
        lambda: (tmp_path / "audit").is_dir() and entries(tmp_path)[-1:] != [] and entries(tmp_path)[-1]["what"] == "4"
    )
    written.note({"what": "last"})
    written.close()
    found = entries(tmp_path)
    kept = [entry["what"] for entry in found if "lines" not in entry]
    assert kept == [*sorted(kept[:-1]), "last"]
    # How many there was no room for depends on when the thread took the first.
    assert len(kept) + sum(entry.get("lines", 0) for entry in found) == 6
    before = len(found)
    again = Trail(tmp_path)
    again.note({"what": "of the next server"})
    again.close()
    assert len(entries(tmp_path)) == before + 1
