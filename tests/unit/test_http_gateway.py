"""The HTTP application over servicers that answer as they are told."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2

from pullback_api.v1 import jobs_pb2, jobs_pb2_grpc, search_pb2, search_pb2_grpc, values_pb2
from pullback_server.access import Access
from pullback_server.errors import ApiError, Violations, not_found, unavailable
from pullback_server.http import HttpServer
from pullback_server.supervision import Health

JOBS, SEARCH = (
    module.DESCRIPTOR.services_by_name[name] for module, name in ((jobs_pb2, "Jobs"), (search_pb2, "Search"))
)
GET_JOB = "/pullback_api.v1.Jobs/GetJob"
ASK = "/pullback_api.v1.Search/Ask"
IMAGE = "/v1/sessions/abc/images/thread000_gen000_000001"
PNG = values_pb2.Image(data=b"\x89PNG", format=values_pb2.IMAGE_FORMAT_PNG)


class Servicers:
    """Jobs and Search whose methods are replaced by what a test wants."""

    def __init__(self) -> None:
        self.jobs = jobs_pb2_grpc.JobsServicer()
        self.search = search_pb2_grpc.SearchServicer()
        self.requests: list[Any] = []

    def answering(self, name: str, answer: Any) -> None:
        """Has a method return a message, or raise an error."""

        async def behaviour(request: Any, context: Any) -> Any:
            del context
            self.requests.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        setattr(self.jobs if hasattr(self.jobs, name) else self.search, name, behaviour)


@pytest.fixture
def servicers() -> Servicers:
    return Servicers()


@pytest.fixture
def send(servicers: Servicers) -> Callable[..., httpx.Response]:
    """Sends one request to the application."""

    def send(method: str, path: str, *, serving: bool = True, **options: Any) -> httpx.Response:
        async def main() -> httpx.Response:
            health = Health()
            health.part("worker-0").well()
            health.part("store")
            if serving:
                health.part("store").well()
            both = {JOBS: servicers.jobs, SEARCH: servicers.search}
            server = HttpServer(both, health, max_request_bytes=2_000, grace_seconds=1, access=Access(None))
            transport = httpx.ASGITransport(server.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **options)

        return asyncio.run(main())

    return send


Send = Callable[..., httpx.Response]


# Methods ------------------------------------------------------------------------------------------------------------


def test_a_method_answers_json_in_json(servicers: Servicers, send: Send) -> None:
    servicers.answering("Ask", search_pb2.AskResponse(retry_after_ms=50))
    answer = send("POST", ASK, json={"session": "sessions/a", "threads": 0})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "trials": [],
        "retry_after_ms": 50,
        "more": False,
        "finished": False,
        "waiting_for": "",
    }
    assert servicers.requests == [search_pb2.AskRequest(session="sessions/a", threads=[0])]


def test_a_method_answers_protobuf_in_protobuf(servicers: Servicers, send: Send) -> None:
    servicers.answering("GetJob", jobs_pb2.Job(name="jobs/a"))
    content = jobs_pb2.GetJobRequest(name="jobs/a").SerializeToString()
    answer = send("POST", GET_JOB, content=content, headers={"Content-Type": "application/proto"})
    assert jobs_pb2.Job.FromString(answer.content) == jobs_pb2.Job(name="jobs/a")


def test_what_a_servicer_has_read_from_the_store_is_answered_as_its_message(servicers: Servicers, send: Send) -> None:
    job = jobs_pb2.Job(name="jobs/a")
    servicers.answering("GetJob", job.SerializeToString())
    assert send("POST", GET_JOB, json={"name": "jobs/a"}).json()["name"] == "jobs/a"
    content = jobs_pb2.GetJobRequest(name="jobs/a").SerializeToString()
    answer = send("POST", GET_JOB, content=content, headers={"Content-Type": "application/proto"})
    assert jobs_pb2.Job.FromString(answer.content) == job


def test_every_unary_method_is_served_and_no_stream_is(servicers: Servicers, send: Send) -> None:
    for service in (JOBS, SEARCH):
        for method in service.methods:
            if not method.server_streaming:
                servicers.answering(method.name, ApiError(grpc.StatusCode.DATA_LOSS, "asked"))
            answer = send("POST", f"/{service.full_name}/{method.name}", json={})
            if method.server_streaming:
                assert answer.status_code == 404
                assert "streams are offered by gRPC only" in answer.json()["message"]
            else:
                assert answer.json()["message"] == "asked"


@pytest.mark.parametrize(
    ("timeout", "passed"),
    [
        ({}, 3.5),
        ({"timeout": 3600}, 3.5),
        ({"timeout": "3.9s"}, 3.5),
        ({"timeout": 3.25}, 3.25),
        ({"timeout": 1}, 1),
        ({"timeout": 0}, 0),
    ],
)
def test_waiting_for_a_job_is_cut_short(servicers: Servicers, send: Send, timeout: Any, passed: float) -> None:
    servicers.answering("WaitJob", jobs_pb2.Job())
    send("POST", "/pullback_api.v1.Jobs/WaitJob", json={"name": "jobs/a", **timeout})
    assert servicers.requests[0].timeout.ToMilliseconds() == passed * 1000


def test_a_timeout_out_of_range_is_left_for_the_servicer_to_refuse(servicers: Servicers, send: Send) -> None:
    servicers.answering("WaitJob", jobs_pb2.Job())
    for seconds in (-1, 3601):
        send("POST", "/pullback_api.v1.Jobs/WaitJob", json={"name": "jobs/a", "timeout": seconds})
    assert [request.timeout.seconds for request in servicers.requests] == [-1, 3601]


# Errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        (grpc.StatusCode.CANCELLED, 499, "canceled"),
        (grpc.StatusCode.INVALID_ARGUMENT, 400, "invalid_argument"),
        (grpc.StatusCode.NOT_FOUND, 404, "not_found"),
        (grpc.StatusCode.ALREADY_EXISTS, 409, "already_exists"),
        (grpc.StatusCode.FAILED_PRECONDITION, 400, "failed_precondition"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "resource_exhausted"),
        (grpc.StatusCode.DATA_LOSS, 500, "data_loss"),
        (grpc.StatusCode.UNAVAILABLE, 503, "unavailable"),
    ],
)
def test_an_error_has_its_status_code_and_message(
    servicers: Servicers, send: Send, code: grpc.StatusCode, status: int, name: str
) -> None:
    servicers.answering("GetJob", ApiError(code, "no such luck"))
    answer = send("POST", GET_JOB, json={})
    assert answer.status_code == status
    assert answer.json()["code"] == name
    assert answer.json()["message"] == "no such luck"


def test_fields_at_fault_are_said_plainly_and_as_over_grpc(servicers: Servicers, send: Send) -> None:
    wrong = Violations()
    wrong.add("spec.seed", "expected 0 or more, but −1 came")
    wrong.add("spec.lease", "too long")
    with pytest.raises(ApiError) as caught:
        wrong.raise_if_any()
    servicers.answering("CreateSession", caught.value)
    error = send("POST", "/pullback_api.v1.Search/CreateSession", json={}).json()
    assert error["fields"] == [
        {"field": "spec.seed", "description": "expected 0 or more, but −1 came"},
        {"field": "spec.lease", "description": "too long"},
    ]
    (detail,) = error["details"]
    assert detail["type"] == "google.rpc.BadRequest"
    packed = error_details_pb2.BadRequest.FromString(base64.b64decode(detail["value"] + "=="))
    assert [violation.field for violation in packed.field_violations] == ["spec.seed", "spec.lease"]


def test_a_body_that_cannot_be_read_names_the_field(send: Send) -> None:
    error = send("POST", GET_JOB, json={"nam": "jobs/a"})
    assert error.status_code == 400
    assert error.json()["fields"] == [{"field": "nam", "description": "no such field; GetJobRequest has name"}]


def test_unavailable_says_when_to_ask_again(servicers: Servicers, send: Send) -> None:
    servicers.answering("GetJob", unavailable("shutting down"))
    answer = send("POST", GET_JOB, json={})
    assert answer.json()["retry_after_ms"] > 0
    assert int(answer.headers["retry-after"]) >= 1
    servicers.answering("GetJob", not_found("none"))
    answer = send("POST", GET_JOB, json={})
    assert answer.json()["retry_after_ms"] == 0
    assert "retry-after" not in answer.headers


def test_a_caller_that_sees_no_bodies_of_errors_gets_them_with_status_200(servicers: Servicers, send: Send) -> None:
    servicers.answering("GetJob", not_found("no job 'jobs/a'"))
    answer = send("POST", GET_JOB, json={}, headers={"Pullback-Errors": "body"})
    assert answer.status_code == 200
    assert answer.json() == {
        "error": {"code": "not_found", "message": "no job 'jobs/a'", "fields": [], "retry_after_ms": 0}
    }


def test_an_unexpected_error_is_internal_and_logged(
    servicers: Servicers, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    servicers.answering("GetJob", ZeroDivisionError("SELECT by zero from /srv/secret"))
    answer = send("POST", GET_JOB, json={})
    assert answer.status_code == 500
    message = answer.json()["message"]
    assert re.fullmatch(r"an error of the server's own; its log says more under reference [0-9a-f]{8}", message)
    for secret in ("ZeroDivisionError", "SELECT", "/srv/secret"):
        assert secret not in answer.text
        assert secret in caplog.text
    assert message in caplog.text


def test_a_body_over_the_limit_is_refused(send: Send) -> None:
    answer = send("POST", GET_JOB, json={"name": "x" * 3_000})
    assert answer.status_code == 429
    assert "larger than the 2,000 bytes that are taken" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "words"),
    [
        ("GET", GET_JOB, {}, 405, "expected POST"),
        ("POST", GET_JOB, {"Content-Type": "text/plain"}, 415, "expected Content-Type: application/json"),
        ("POST", "/pullback_api.v1.Jobs/Nothing", {"Content-Type": "application/json"}, 404, "no such method"),
        ("GET", "/nothing", {}, 404, "GET /nothing: Not Found"),
        ("POST", "/healthz", {}, 405, "POST /healthz: Method Not Allowed"),
    ],
)
def test_what_is_no_call_says_what_was_expected(
    send: Send, method: str, path: str, headers: dict[str, str], status: int, words: str
) -> None:
    answer = send(method, path, headers=headers, content=b"{}" if method == "POST" else None)
    assert answer.status_code == status
    assert words in answer.json()["message"]


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1:50052", "[::1]:50052", "[::1]"])
def test_requests_to_this_machine_are_answered(send: Send, host: str) -> None:
    assert send("GET", "/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:50052", "127.0.0.1.evil.example", "", "192.168.0.1"])
def test_requests_under_a_foreign_name_are_refused(send: Send, host: str) -> None:
    answer = send("GET", "/healthz", headers={"Host": host})
    assert answer.status_code == 403
    assert f"its Host is {host!r}" in answer.json()["message"]


# Images and health --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".png", ".PNG"])
def test_an_image_is_a_file_that_may_be_cached_for_ever(servicers: Servicers, send: Send, suffix: str) -> None:
    servicers.answering("GetSessionImage", PNG)
    answer = send("GET", IMAGE + suffix)
    assert answer.content == PNG.data
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert servicers.requests == [
        search_pb2.GetSessionImageRequest(session="sessions/abc", image_id="thread000_gen000_000001")
    ]


def test_an_image_says_which_suffix_it_has(servicers: Servicers, send: Send) -> None:
    servicers.answering("GetSessionImage", values_pb2.Image(data=b"\xff\xd8", format=values_pb2.IMAGE_FORMAT_JPEG))
    assert send("GET", f"{IMAGE}.jpg").headers["content-type"] == "image/jpeg"
    answer = send("GET", f"{IMAGE}.png")
    assert answer.status_code == 404
    assert "is image/jpeg; ask for thread000_gen000_000001.jpg" in answer.json()["message"]


def test_an_image_that_is_being_rendered_is_asked_for_again(servicers: Servicers, send: Send) -> None:
    servicers.answering("GetSessionImage", unavailable("still being rendered"))
    answer = send("GET", f"{IMAGE}.png")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "cache-control" not in answer.headers


def test_an_image_that_cannot_be_there_names_the_field(servicers: Servicers, send: Send) -> None:
    wrong = Violations()
    wrong.add("session", "not a name")
    with pytest.raises(ApiError) as caught:
        wrong.raise_if_any()
    servicers.answering("GetSessionImage", caught.value)
    answer = send("GET", IMAGE)
    assert answer.status_code == 400
    assert answer.json()["fields"] == [{"field": "session", "description": "not a name"}]


def test_health_is_that_of_the_server(send: Send) -> None:
    assert send("GET", "/healthz").json() == {"status": "SERVING", "parts": {"worker-0": "well", "store": "well"}}
    answer = send("GET", "/healthz", serving=False)
    assert answer.status_code == 503
    content = json.loads(answer.content)
    assert content["message"] == "the server is NOT_SERVING: store: starting"
    assert content["parts"] == {"worker-0": "well", "store": "starting"}
