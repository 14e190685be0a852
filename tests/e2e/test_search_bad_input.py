"""Bad input to search sessions: a clear error with the field at fault, and nothing written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from live_server import LiveServer
from pullback_api.v1 import jobs_pb2, search_pb2, values_pb2
from requests_for_tiny import ask, begin_search, exported, search_spec

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def refused(call: Callable[[], Any], code: grpc.StatusCode) -> tuple[str, list[str]]:
    """Asserts that a call is refused with that code; returns its message, and the fields at fault."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert isinstance(error, grpc.Call)
    assert error.code() == code, error.details()
    fields = []
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        bad_request = error_details_pb2.BadRequest()
        assert detail.Unpack(bad_request)
        fields += [violation.field for violation in bad_request.field_violations]
    return error.details() or "", fields


def tell(server: LiveServer, session: search_pb2.Session, *trials: search_pb2.TrialReport, **fields: Any) -> Any:
    return server.search.Tell(search_pb2.TellRequest(session=session.name, trials=trials, **fields), timeout=60)


# Sessions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sessions/unknown", "sessions/" + "a" * 32])
def test_a_session_that_is_not_there_is_not_found(server: LiveServer, name: str) -> None:
    search = server.search
    calls: list[Callable[[], Any]] = [
        lambda: search.GetSession(search_pb2.GetSessionRequest(name=name), timeout=60),
        lambda: search.Ask(search_pb2.AskRequest(session=name), timeout=60),
        lambda: search.Tell(search_pb2.TellRequest(session=name), timeout=60),
        lambda: search.PauseSession(search_pb2.PauseSessionRequest(name=name), timeout=60),
        lambda: search.ResumeSession(search_pb2.ResumeSessionRequest(name=name), timeout=60),
        lambda: search.CloseSession(search_pb2.CloseSessionRequest(name=name), timeout=60),
        lambda: search.GetSessionImage(search_pb2.GetSessionImageRequest(session=name), timeout=60),
        lambda: list(search.WatchSession(search_pb2.WatchSessionRequest(name=name), timeout=60)),
        lambda: list(search.ExportSession(search_pb2.ExportSessionRequest(name=name), timeout=60)),
    ]
    for call in calls:
        assert "ListSessions" in refused(call, NOT_FOUND)[0]


@pytest.mark.parametrize("name", ["", "sessions/", "jobs/a", "sessions/A", "sessions/a/b"])
def test_a_name_of_another_form_is_refused(server: LiveServer, name: str) -> None:
    _, fields = refused(lambda: server.search.GetSession(search_pb2.GetSessionRequest(name=name), timeout=60), INVALID)
    assert fields == ["name"]


@pytest.mark.parametrize(
    ("spec", "code", "field"),
    [
        (search_pb2.SessionSpec(), INVALID, "spec.threads"),
        (search_spec({"generator": "generators/unknown"}), NOT_FOUND, None),
        (search_spec({"space": "w"}), INVALID, "spec.threads[0].space"),
        (search_spec({"optimizer": {"method": 1, "axes": 3}}), INVALID, "spec.threads[0].optimizer.axes"),
        (search_spec({"optimizer": {"method": 1, "sigma": math.nan}}), INVALID, "spec.threads[0].optimizer.sigma"),
        (search_spec({"optimizer": {"method": 2}, "eigenbasis": "generators/tiny/eigenbases/no"}), NOT_FOUND, None),
        (search_spec(seed=-1), INVALID, "spec.seed"),
    ],
)
def test_a_session_that_cannot_be_is_not_begun(
    server: LiveServer, spec: search_pb2.SessionSpec, code: grpc.StatusCode, field: str | None
) -> None:
    before = server.search.ListSessions(search_pb2.ListSessionsRequest(), timeout=60)
    request = search_pb2.CreateSessionRequest(spec=spec)
    _, fields = refused(lambda: server.search.CreateSession(request, timeout=60), code)
    assert fields == ([field] if field else [])
    assert server.search.ListSessions(search_pb2.ListSessionsRequest(), timeout=60) == before


def test_a_reference_that_is_no_image_is_refused(server: LiveServer) -> None:
    references = [
        search_pb2.ReferenceImage(label="good", image=values_pb2.Image(data=b"GIF89a")),
        search_pb2.ReferenceImage(label="none"),
    ]
    message, fields = refused(lambda: begin_search(server, references=references), INVALID)
    assert fields == ["spec.references[0].image", "spec.references[1].image"]
    assert "0 bytes" in message


def test_a_request_id_that_is_too_long_is_refused(server: LiveServer) -> None:
    _, fields = refused(lambda: begin_search(server, request_id="x" * 65), INVALID)
    assert fields == ["request_id"]


def test_what_is_wrong_with_a_session_is_told_before_an_eigenbasis_is_queued_for_it(live: LiveServer) -> None:
    # By their names: one that an earlier test cancelled may still be at its last step.
    def jobs() -> list[str]:
        return [job.name for job in live.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=60).jobs]

    before = jobs()
    references = [search_pb2.ReferenceImage(label="none")]
    refused(lambda: begin_search(live, {"optimizer": {}}, references=references), INVALID)
    assert jobs() == before


# Asking and telling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"count": -1}, "count"),
        ({"count": 1001}, "count"),
        ({"threads": [0, 1]}, "threads[1]"),
        ({"threads": [-1]}, "threads[0]"),
        ({"request_id": "x" * 65}, "request_id"),
        ({"wait": {"seconds": 4}}, "wait"),
        ({"wait": {"seconds": -1}}, "wait"),
    ],
)
def test_an_ask_that_cannot_be_answered_names_the_field(server: LiveServer, fields: dict[str, Any], field: str) -> None:
    session = begin_search(server)
    request = search_pb2.AskRequest(session=session.name, **fields)
    assert refused(lambda: server.search.Ask(request, timeout=60), INVALID)[1] == [field]


def test_a_tell_with_anything_wrong_writes_nothing(server: LiveServer) -> None:
    session = begin_search(server)
    trials = ask(server, session)
    good = search_pb2.TrialReport(trial_id=trials[0].trial_id, score=1.0)
    other = trials[1].trial_id
    tell(server, session, search_pb2.TrialReport(trial_id=trials[2].trial_id, score=5.0))
    before = exported(server, session)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"trial_id": other, "score": math.nan}, "trials[1].score"),
        ({"trial_id": other, "score": math.inf}, "trials[1].score"),
        ({"trial_id": other}, "trials[1].outcome"),
        ({"trial_id": "unknown", "score": 1.0}, "trials[1].image_id"),
        ({"trial_id": "mine", "image_id": "thread000_gen000_000099", "score": 1.0}, "trials[1].image_id"),
        ({"trial_id": other, "image_id": trials[2].image_id, "score": 1.0}, "trials[1].image_id"),
    ]
    for report, field in cases:
        call = lambda report=report: tell(server, session, good, search_pb2.TrialReport(**report))  # noqa: E731
        assert refused(call, INVALID)[1] == [field]
    columns = search_pb2.TrialColumns(trial_ids=[other, trials[3].trial_id], scores=[1.0])
    assert refused(lambda: tell(server, session, good, columns=columns), INVALID)[1] == ["columns.scores"]
    assert refused(lambda: tell(server, session, good, end_generation=[1]), INVALID)[1] == ["end_generation[0]"]
    conflict = search_pb2.TrialReport(trial_id=trials[2].trial_id, score=6.0)
    message, _ = refused(lambda: tell(server, session, good, conflict), grpc.StatusCode.ALREADY_EXISTS)
    assert trials[2].trial_id in message
    assert "another score" in message
    assert exported(server, session) == before


def test_duplicated_and_reordered_tells_count_once(server: LiveServer) -> None:
    session = begin_search(server)
    reports = [search_pb2.TrialReport(trial_id=trial.trial_id, score=1.0) for trial in ask(server, session)]
    first = tell(server, session, *reports[::-1], reports[0])
    assert (first.recorded, first.repeated_reports) == (6, 1)
    again = tell(server, session, *reports)
    assert (again.recorded, again.repeated_reports, again.late) == (0, 6, 0)


def test_an_image_that_is_not_there_is_not_found(server: LiveServer) -> None:
    session = begin_search(server)
    for name in ("", "thread000_gen000_000099", "reference_x", "../../etc/passwd"):
        request = search_pb2.GetSessionImageRequest(session=session.name, image_id=name)
        refused(lambda request=request: server.search.GetSessionImage(request, timeout=60), NOT_FOUND)


def test_a_watch_from_before_the_beginning_is_refused(server: LiveServer) -> None:
    session = begin_search(server)
    request = search_pb2.WatchSessionRequest(name=session.name, after_sequence=-1)
    assert refused(lambda: list(server.search.WatchSession(request, timeout=60)), INVALID)[1] == ["after_sequence"]


def test_states_and_pages_of_a_list_are_checked(server: LiveServer) -> None:
    for fields, field in (
        ({"states": [9]}, "states"),
        ({"page_size": -1}, "page_size"),
        ({"page_token": "?"}, "page_token"),
    ):
        request = search_pb2.ListSessionsRequest(**fields)
        assert refused(lambda request=request: server.search.ListSessions(request, timeout=60), INVALID)[1] == [field]
