"""Keys: what is another's is as if it were not there, whatever is called, over gRPC and over HTTP."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from PIL import Image

from in_process import InProcessServer
from pullback_api.v1 import geometry_pb2, jobs_pb2, search_pb2
from pullback_client import (
    AlreadyExistsError,
    Client,
    ClientError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from pullback_server.contract import DESCRIPTORS, only_reads

METHODS: dict[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method for service in DESCRIPTORS for method in service.methods
}
# What can be one's own, by the methods that name it: field and kind.
OWN = {
    "GetJob": ("name", "jobs"),
    "WatchJob": ("name", "jobs"),
    "WaitJob": ("name", "jobs"),
    "CancelJob": ("name", "jobs"),
    "DeleteJob": ("name", "jobs"),
    "GetInversion": ("name", "inversions"),
    "DeleteInversion": ("name", "inversions"),
    "GetSession": ("name", "sessions"),
    "Ask": ("session", "sessions"),
    "Tell": ("session", "sessions"),
    "ReclaimTrials": ("session", "sessions"),
    "PauseSession": ("name", "sessions"),
    "ResumeSession": ("name", "sessions"),
    "CloseSession": ("name", "sessions"),
    "DeleteSession": ("name", "sessions"),
    "GetSessionImage": ("session", "sessions"),
    "WatchSession": ("name", "sessions"),
    "ExportSession": ("name", "sessions"),
    "GetTuning": ("name", "tunings"),
    "StreamTuning": ("name", "tunings"),
    "DeleteTuning": ("name", "tunings"),
    "Render": ("generator", "tunings"),
    "Traverse": ("generator", "tunings"),
    "Share": ("resource", "jobs"),
}
# What is everybody's, or names nothing that is one's own.
EVERYBODYS = {
    *("ListGenerators", "GetGenerator", "SampleLatents", "ListDistances", "Tune"),
    *("ComputeEigenbasis", "GetEigenbasis", "StreamEigenbasis", "ListEigenbases", "DeleteEigenbasis"),
    *("AnalyzeMetric", "GetAnalysis", "ListAnalyses", "DeleteAnalysis"),
    *("DiscoverDirections", "GetDirections", "ListDirections", "ImportDirections", "AnnotateDirection"),
    *("DeleteDirections", "Invert", "CreateSession", "CreateKey", "RevokeKey", "GetServerStatus"),
}
LISTS = {"ListJobs", "ListInversions", "ListSessions", "ListTunings", "ListKeys"}
ONLY_READ = LISTS | {
    *("ListGenerators", "GetGenerator", "SampleLatents", "Render", "ListDistances", "GetEigenbasis", "ListEigenbases"),
    *("StreamEigenbasis", "GetAnalysis", "ListAnalyses", "GetInversion", "GetJob", "WatchJob", "WaitJob", "GetSession"),
    *("GetSessionImage", "WatchSession", "ExportSession", "GetDirections", "ListDirections", "Traverse", "GetTuning"),
    *("StreamTuning", "GetServerStatus"),
}
OPERATORS = {"CreateKey", "RevokeKey", "DeleteEigenbasis", "DeleteAnalysis", "DeleteDirections"}
MORE: dict[str, dict[str, Any]] = {
    "Share": {"key": "keys/-"},
    "ReclaimTrials": {"all_clients": True},
    "WaitJob": {"timeout": "0s"},
    "GetSessionImage": {"image_id": "none"},
    "Tell": {"trials": []},
    "ListTunings": {"parent": "generators/-"},
}
NONE = "2none2"


@dataclass
class Laboratory:
    """A server with an operator and keys, of which `ada` has a job with its inversion, and a session.

    Attributes:
        server: The server.
        tokens: Of each key.
        names: What is Ada's, by its kind.
    """

    server: InProcessServer
    tokens: dict[str, str]
    names: dict[str, str]

    def client(self, key: str | None) -> Client:
        return Client(self.server.target, token=None if key is None else self.tokens[key], timeout=60)

    def call(self, key: str, path: str, request: Message) -> tuple[str, str, Any]:
        """Code, message and answer of a call over gRPC; of a stream, its first message."""
        method = METHODS[path]
        answer_class = GetMessageClass(method.output_type)
        metadata = [("authorization", f"Bearer {self.tokens[key]}")]
        with grpc.insecure_channel(self.server.target) as channel:
            make = channel.unary_stream if method.server_streaming else channel.unary_unary
            stub = make(path, type(request).SerializeToString, answer_class.FromString)
            try:
                answer = stub(request, metadata=metadata, timeout=60)
                found = next(iter(answer), None) if method.server_streaming else answer
            except grpc.RpcError as error:
                failed: Any = error
                return failed.code().name, failed.details(), None
            return "OK", "", found

    def post(self, key: str, path: str, content: dict[str, Any]) -> tuple[int, str]:
        """Status and text of a call over HTTP."""
        endpoint = self.server.server.http_endpoint
        assert endpoint is not None
        headers = {"Authorization": f"Bearer {self.tokens[key]}"}
        answer = httpx.post(f"http://127.0.0.1:{endpoint.port}{path}", json=content, headers=headers, timeout=60)
        return answer.status_code, answer.text


def request_for(path: str, name: str) -> Message:
    """A request of a method that names a resource."""
    method = METHODS[path]
    content = dict(MORE.get(method.name, {}))
    if method.name in OWN:
        content[OWN[method.name][0]] = name
    return json_format.ParseDict(content, GetMessageClass(method.input_type)())


def photograph() -> Image.Image:
    return Image.new("RGB", (64, 64), (90, 60, 30))


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with InProcessServer(http="127.0.0.1:0") as server:
        with Client(server.target) as operator:
            tokens = {
                name: operator.create_key(name, role=role).token
                for name, role in (("ada", "user"), ("bob", "user"), ("val", "viewer"), ("omar", "operator"))
            }
        found = Laboratory(server, tokens, {})
        with found.client("ada") as ada:
            session = ada.evolve("faces", title="Ada's rig")
            tuning = ada.tune(ada.invert(photograph(), "faces"), steps=9)
            job = next(job.name for job in ada.list_jobs() if job.kind == "inversion")
        found.names = {"jobs": job, "inversions": job.replace("jobs", "inversions"), "sessions": session.name}
        found.names["tunings"] = tuning.name
        yield found


def test_every_method_is_looked_at() -> None:
    assert OWN.keys() | EVERYBODYS | LISTS == {method.name for method in METHODS.values()}
    assert {method.name for method in METHODS.values() if only_reads(method.name)} == ONLY_READ


@pytest.mark.parametrize("key", ["bob", "val"])
@pytest.mark.parametrize("path", [path for path, method in METHODS.items() if method.name in OWN])
def test_what_is_anothers_is_as_if_it_were_not_there(laboratory: Laboratory, path: str, key: str) -> None:
    method = METHODS[path]
    if key == "val" and not only_reads(method.name):
        kinds = [OWN[method.name][1]]
    else:
        kinds = list(laboratory.names) if method.name == "Share" else [OWN[method.name][1]]
    for kind in kinds:
        there = laboratory.names[kind]
        none = f"{there.rpartition('/')[0]}/{NONE}"
        answers = [laboratory.call(key, path, request_for(path, name)) for name in (there, none)]
        expected = "NOT_FOUND" if key == "bob" or only_reads(method.name) else "PERMISSION_DENIED"
        assert answers[0][0] == expected
        assert answers[0][1].replace(there, none) == answers[1][1]
        if not method.server_streaming:
            bodies = []
            for name in (there, none):
                content = json_format.MessageToDict(request_for(path, name), preserving_proto_field_name=True)
                bodies.append(laboratory.post(key, path, content))
            assert bodies[0][0] == {"NOT_FOUND": 404, "PERMISSION_DENIED": 403}[expected]
            # What is packed in it says the same again, in base64.
            plain = [re.sub(r'"value": ?"[^"]*"', "", text) for _, text in bodies]
            assert plain[0].replace(there, none) == plain[1]


@pytest.mark.parametrize("path", [path for path, method in METHODS.items() if method.name in OWN])
def test_its_owner_and_operators_find_it(laboratory: Laboratory, path: str) -> None:
    method = METHODS[path]
    if method.name.startswith(("Delete", "Cancel", "Close", "Pause", "Resume", "Share")):
        return
    name = laboratory.names[OWN[method.name][1]]
    for key in ("ada", "omar"):
        code, message, _ = laboratory.call(key, path, request_for(path, name))
        assert code not in ("NOT_FOUND", "PERMISSION_DENIED") or "has no image" in message, (key, code, message)


@pytest.mark.parametrize("path", [path for path, method in METHODS.items() if method.name in LISTS])
def test_no_list_holds_what_is_anothers(laboratory: Laboratory, path: str) -> None:
    request = request_for(path, "")
    told = {key: str(laboratory.call(key, path, request)[2]) for key in ("ada", "omar", "bob", "val")}
    for name in laboratory.names.values():
        assert name not in told["bob"] + told["val"]
    if METHODS[path].name == "ListKeys":
        assert re.findall(r'name: "keys/(\w+)"', told["bob"]) == ["bob"]
        assert re.findall(r'name: "keys/(\w+)"', told["omar"]) == ["ada", "bob", "omar", "val"]
    else:
        kind = METHODS[path].name.removeprefix("List").lower()
        assert laboratory.names[kind] in told["ada"]
        assert laboratory.names[kind] in told["omar"]


def test_titles_and_beginnings_of_ids_find_nothing_of_anothers(laboratory: Laboratory) -> None:
    with laboratory.client("bob") as bob, laboratory.client("ada") as ada:
        assert ada.get_session("Ada's rig").name == laboratory.names["sessions"]
        for called in ("Ada's rig", laboratory.names["sessions"]):
            with pytest.raises(NotFoundError):
                bob.get_session(called)


@pytest.mark.parametrize("path", sorted(METHODS))
def test_roles_may_what_they_may(laboratory: Laboratory, path: str) -> None:
    method = METHODS[path]
    request = GetMessageClass(method.input_type)()
    for key, denied in (
        ("val", method.name in OPERATORS or not only_reads(method.name)),
        ("bob", method.name in OPERATORS),
        ("omar", False),
    ):
        code, _, _ = laboratory.call(key, path, request)
        assert (code == "PERMISSION_DENIED") == denied, (key, code)


def test_two_keys_may_give_their_requests_one_name(laboratory: Laboratory) -> None:
    spec = search_pb2.SessionSpec(threads=[search_pb2.ThreadSpec(generator="generators/faces")])
    path = "/pullback_api.v1.Search/CreateSession"
    made = {}
    for key, title in (("ada", "first"), ("bob", "second")):
        spec.title = title
        request = search_pb2.CreateSessionRequest(spec=spec, request_id="the same")
        made[key] = [laboratory.call(key, path, request)[2].name for _ in range(2)]
    assert made["ada"][0] == made["ada"][1]
    assert made["bob"][0] == made["bob"][1]
    assert made["ada"][0] != made["bob"][0]


def test_what_is_computed_once_for_everybody_is_seen_by_all_and_made_by_one_job(laboratory: Laboratory) -> None:
    request = geometry_pb2.ComputeEigenbasisRequest()
    request.spec.generator = "generators/eyes"
    path = "/pullback_api.v1.Geometry/ComputeEigenbasis"
    jobs = [laboratory.call(key, path, request)[2].name for key in ("ada", "bob")]
    assert jobs[0] == jobs[1]
    code, _, _ = laboratory.call("val", "/pullback_api.v1.Jobs/GetJob", jobs_pb2.GetJobRequest(name=jobs[0]))
    assert code == "OK"
    for method, request_class in (("CancelJob", jobs_pb2.CancelJobRequest), ("DeleteJob", jobs_pb2.DeleteJobRequest)):
        code, _, _ = laboratory.call("bob", f"/pullback_api.v1.Jobs/{method}", request_class(name=jobs[0]))
        assert code == "PERMISSION_DENIED"


def test_what_is_shared_is_seen_and_worked_with_and_stays_its_owners(laboratory: Laboratory) -> None:
    job, session = laboratory.names["jobs"], laboratory.names["sessions"]
    with laboratory.client("ada") as ada, laboratory.client("bob") as bob, laboratory.client("val") as val:
        assert ada.share(session, "bob") == ["bob"]
        assert ada.share(laboratory.names["inversions"], "-") == ["-"]
        joined = bob.get_session(session)
        batch = next(iter(joined))
        joined.tell(batch, [0.5] * len(batch))
        assert job in [each.name for each in val.list_jobs()]
        assert len(val.get_inversion(laboratory.names["inversions"])) == 1
        for change in (joined.close, joined.pause, lambda: bob.share(session, "val"), lambda: bob.delete_job(job)):
            with pytest.raises(PermissionDeniedError, match="belongs to another key"):
                change()
        with pytest.raises(NotFoundError):
            val.get_session(session)
        assert ada.share(session, "bob", withdraw=True) == []
        assert ada.share(job, withdraw=True) == []
        with pytest.raises(NotFoundError):
            joined.tell(batch, [0.5] * len(batch))
        assert job not in [each.name for each in val.list_jobs()]


def test_a_path_of_an_image_opens_it_and_its_plain_one_needs_the_owners_key(laboratory: Laboratory) -> None:
    endpoint = laboratory.server.server.http_endpoint
    assert endpoint is not None
    base, session = f"http://127.0.0.1:{endpoint.port}", laboratory.names["sessions"]
    with laboratory.client("ada") as ada:
        request = search_pb2.AskRequest(session=session, count=1)
        request.wait.FromSeconds(3)
        path = ada._transport.call(ada._transport.search.Ask, request).trials[0].image_path
    plain = re.sub(r"/images/[^/]+/", "/images/", path)
    statuses = {
        key: httpx.get(base + plain, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code
        for key, token in laboratory.tokens.items()
    }
    assert statuses == {"ada": 200, "bob": 404, "val": 404, "omar": 200}
    assert httpx.get(base + path, timeout=60).status_code == 200
    with httpx.Client(base_url=base, timeout=60) as http:
        # One connection, whose requests are by one after the other.
        for key, status in (("omar", 200), ("bob", 404), ("ada", 200), ("bob", 404)):
            header = {"Authorization": f"Bearer {laboratory.tokens[key]}"}
            found = http.post("/pullback_api.v1.Search/GetSession", json={"name": session}, headers=header)
            assert found.status_code == status


# Keys themselves ----------------------------------------------------------------------------------------------------


def test_a_key_lets_in_until_it_is_revoked_and_what_it_waits_for_ends(laboratory: Laboratory) -> None:
    with laboratory.client("omar") as omar:
        token = omar.create_key("eve").token
        with Client(laboratory.server.target, token=token) as eve:
            session = eve.evolve("faces")
            ended = threading.Event()
            errors: list[ClientError] = []

            def watch() -> None:
                try:
                    for _ in session.watch():
                        ended.set()
                except ClientError as error:
                    errors.append(error)

            thread = threading.Thread(target=watch)
            thread.start()
            assert ended.wait(60)
            revoked = omar.revoke_key("eve")
            assert revoked.revoked is not None
            thread.join(60)
            assert [type(error) for error in errors] == [UnauthenticatedError]
            with pytest.raises(UnauthenticatedError, match="'eve' was revoked"):
                eve.list_jobs()
        assert session.name in [each.name for each in omar.list_sessions()]
        with pytest.raises(AlreadyExistsError, match="there is a key 'eve' already, or was"):
            omar.create_key("eve")


def test_a_key_that_has_expired_lets_in_no_more(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime.now(timezone.utc) + timedelta(hours=1)
    with laboratory.client("omar") as omar:
        token = omar.create_key("guest", expires=end).token

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return end + timedelta(seconds=1)

    with Client(laboratory.server.target, token=token) as guest:
        guest.list_jobs()
        monkeypatch.setattr("pullback_server.access.keys.datetime", Later)
        with pytest.raises(UnauthenticatedError, match="'guest' has expired"):
            guest.list_jobs()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"name": "Ada Lovelace"}, "keys/{key}"),
        ({"name": "-"}, "stands for all keys"),
        ({"name": "x", "role": "king"}, "one of viewer, user, operator"),
        ({"name": "x", "expires": datetime(2020, 1, 1, tzinfo=timezone.utc)}, "a time in the future"),
        ({"name": "x", "expires": datetime(2030, 1, 1)}, "time zone"),
        ({"name": "x", "quotas": {"jobs": 3}}, "queued_jobs"),
        ({"name": "x", "quotas": {"running_jobs": 0}}, "expected 1 or more"),
        ({"name": "x", "quotas": {"device_seconds": float("nan")}}, "expected more than 0"),
    ],
)
def test_what_is_no_key_is_told(laboratory: Laboratory, wanted: dict[str, Any], message: str) -> None:
    with laboratory.client("omar") as omar, pytest.raises(InvalidArgumentError, match=message):
        omar.create_key(**wanted)


def test_no_token_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with InProcessServer() as server:
        with Client(server.target) as operator:
            token = operator.create_key("ada").token
        with Client(server.target, token=token) as ada, pytest.raises(NotFoundError):
            ada.get_session("none")
        server.stop()
        kept = [path for path in server.data.rglob("*") if path.is_file()]
        assert kept
        assert not [path for path in kept if token.encode() in path.read_bytes()]
        server.start()
        with Client(server.target, token=token) as ada:
            assert [key.name for key in ada.list_keys()] == ["ada"]
    assert token not in caplog.text
