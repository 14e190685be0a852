"""Damaged rows: each concerns its own resource alone, which is named, and the log tells of it once."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from pullback_api.v1 import (
    analysis_pb2,
    directions_pb2,
    geometry_pb2,
    inversion_pb2,
    jobs_pb2,
    search_pb2,
)
from pullback_server.access import Access, Keys
from pullback_server.access.usage import Usage
from pullback_server.errors import ApiError
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, submit
from pullback_server.protocol.calls import Evolved
from pullback_server.protocol.messages import StartJob
from pullback_server.servicers import (
    DirectionsServicer,
    GeometryServicer,
    InversionServicer,
    JobsServicer,
    SearchServicer,
)
from pullback_server.sessions.registry import SessionRegistry
from pullback_server.sessions.state.events import Began
from pullback_server.store import JobState, ResultRecord, Store
from pullback_server.supervision import Health
from pullback_server.transactions import Transactions
from session_driver import session_spec

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, timezone.utc)
HEADERS: dict[str, Callable[[str], Any]] = {
    "eigenbasis": lambda name: geometry_pb2.Eigenbasis(name=name),
    "analysis": lambda name: analysis_pb2.MetricAnalysis(name=name),
    "directions": lambda name: directions_pb2.DirectionSet(name=name),
    "inversion": lambda name: inversion_pb2.InversionResult(name=name),
}
NO_TEXT = "CAST(x'61ff62' AS TEXT)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


def damage(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "data" / "pullback.sqlite") as other:
        other.execute(statement)
    other.close()


def create(store: Store, job_id: str, **fields: Any) -> None:
    defaults = {
        "kind": "analysis",
        "work": b"",
        "result": f"generators/tiny/analyses/{job_id}",
        "request_id": None,
        "request_digest": "0" * 64,
        "progress": b"",
    }
    store.jobs.create(job_id=job_id, **{**defaults, **fields})


def keep(store: Store, kind: str, name: str) -> ResultRecord:
    message = HEADERS[kind](name)
    record = ResultRecord(
        name, kind, "tiny", "", NOW, message.SerializeToString(), store.blobs.write(name.encode() * 100)
    )
    store.results.keep(record)
    return record


class Workers:
    """An executor that notes what jobs it is given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def start(self, listener: Any) -> None: ...

    def loads(self) -> list[Any]:
        return [[]]

    def assign(self, start: StartJob, worker: int) -> bool:
        self.given.append(start.job)
        return True

    def cancel(self, job: str) -> None: ...

    async def stop(self) -> None: ...

    async def begin_search(self, **call: Any) -> Evolved:
        await asyncio.Event().wait()
        raise AssertionError


def served(store: Store, scenario: Callable[[Any], Awaitable[None]]) -> None:
    """Runs a scenario with the servicers over that store."""

    async def run() -> None:
        transactions = Transactions()
        scheduler: Any = SimpleNamespace(in_store=transactions.call, usage=Usage(store, transactions.call, Keys()))
        nobody: Any = None
        workers: Any = Workers()
        registry = SessionRegistry(store, scheduler, workers, Access(None))
        await scenario(
            SimpleNamespace(
                geometry=GeometryServicer(store, scheduler),
                inversion=InversionServicer(store, scheduler, nobody),
                jobs=JobsServicer(store, scheduler, EventBroker()),
                directions=DirectionsServicer(store, scheduler, nobody, nobody),
                search=SearchServicer(registry, nobody),
                registry=registry,
            )
        )
        await registry.stop()
        await transactions.close()

    asyncio.run(asyncio.wait_for(run(), 60))


@dataclass(frozen=True)
class Kind:
    """A kind of results: where it is listed, and how one is got."""

    kind: str
    name: str
    list: Callable[[Any], Awaitable[Any]]
    get: Callable[[Any, str], Awaitable[Any]]
    field: str


PARENT = {"parent": "generators/-"}
KINDS = [
    Kind(
        "eigenbasis",
        "generators/tiny/eigenbases/{}",
        lambda s: s.geometry.ListEigenbases(geometry_pb2.ListEigenbasesRequest(**PARENT), None),
        lambda s, name: s.geometry.GetEigenbasis(geometry_pb2.GetEigenbasisRequest(name=name), None),
        "eigenbases",
    ),
    Kind(
        "analysis",
        "generators/tiny/analyses/{}",
        lambda s: s.geometry.ListAnalyses(geometry_pb2.ListAnalysesRequest(**PARENT), None),
        lambda s, name: s.geometry.GetAnalysis(geometry_pb2.GetAnalysisRequest(name=name), None),
        "analyses",
    ),
    Kind(
        "directions",
        "generators/tiny/directions/{}",
        lambda s: s.directions.ListDirections(directions_pb2.ListDirectionsRequest(**PARENT), None),
        lambda s, name: s.directions.GetDirections(directions_pb2.GetDirectionsRequest(name=name), None),
        "directions",
    ),
    Kind(
        "inversion",
        "inversions/{}",
        lambda s: s.inversion.ListInversions(inversion_pb2.ListInversionsRequest(), None),
        lambda s, name: s.inversion.GetInversion(inversion_pb2.GetInversionRequest(name=name), None),
        "inversions",
    ),
]


async def refusal(call: Awaitable[Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await call
    return caught.value


def check(error: ApiError, name: str, folder: Path) -> None:
    assert error.code == grpc.StatusCode.DATA_LOSS
    assert error.message.startswith(f"{name} cannot be read: ")
    assert "put the server's data back from a backup, or" in error.message
    for secret in (str(folder), "SELECT", "nonsense", "Error"):
        assert secret not in error.message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@pytest.mark.parametrize(
    "column", ["header = x'ffffff'", "header = 'text'", "created = 'nonsense'", f"content = {NO_TEXT}"]
)
def test_a_damaged_result_is_named_in_its_list_and_in_its_error(
    store: Store, tmp_path: Path, kind: Kind, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    names = [kind.name.format(letter) for letter in "abc"]
    for name in names:
        keep(store, kind.kind, name)
    damage(tmp_path, f"UPDATE results SET {column} WHERE name = '{names[1]}'")

    async def scenario(servicers: Any) -> None:
        for _ in range(3):
            page = await kind.list(servicers)
            assert [each.name for each in getattr(page, kind.field)] == [names[2], names[0]]
            (unreadable,) = page.unreadable
            assert unreadable.name == names[1]
            assert unreadable.reason.startswith(f"{names[1]} cannot be read: ")
        if "header" not in column:
            for _ in range(3):
                check(await refusal(kind.get(servicers, names[1])), names[1], tmp_path)

    with caplog.at_level(logging.ERROR):
        served(store, scenario)
    assert len([line for line in caplog.messages if names[1] in line]) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@pytest.mark.parametrize("lost", [True, False])
def test_a_result_whose_file_is_lost_or_damaged_is_named(
    store: Store, tmp_path: Path, kind: Kind, lost: bool, caplog: pytest.LogCaptureFixture
) -> None:
    name = kind.name.format("a")
    (path,) = (tmp_path / "data" / "blobs").rglob(keep(store, kind.kind, name).content)
    if lost:
        path.unlink()
    else:
        path.write_bytes(b"else")

    async def scenario(servicers: Any) -> None:
        for _ in range(3):
            check(await refusal(kind.get(servicers, name)), name, tmp_path)

    with caplog.at_level(logging.ERROR):
        served(store, scenario)
    assert len([line for line in caplog.messages if name in line]) == 1


def test_a_whole_file_that_holds_something_else_is_named(store: Store, tmp_path: Path) -> None:
    names = {kind.kind: kind.name.format("else") for kind in KINDS}
    for kind, name in names.items():
        keep(store, kind, name)

    async def scenario(servicers: Any) -> None:
        for kind in KINDS:
            check(await refusal(kind.get(servicers, names[kind.kind])), names[kind.kind], tmp_path)

    served(store, scenario)


@pytest.mark.parametrize(
    "statement", ["header = x'ffffff'", "created = 'nonsense'", f"content = {NO_TEXT}", f"job = {NO_TEXT}"]
)
def test_what_is_damaged_can_be_deleted(store: Store, tmp_path: Path, statement: str) -> None:
    names = ["generators/tiny/eigenbases/b", "generators/tiny/directions/d"]
    for kind, name in zip(("eigenbasis", "directions"), names, strict=True):
        keep(store, kind, name)
    damage(tmp_path, f"UPDATE results SET {statement}")

    async def scenario(servicers: Any) -> None:
        await servicers.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=names[0]), None)
        await servicers.directions.DeleteDirections(directions_pb2.DeleteDirectionsRequest(name=names[1]), None)
        for kind in (KINDS[0], KINDS[2]):
            page = await kind.list(servicers)
            assert not page.unreadable
        gone = await refusal(
            servicers.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=names[0]), None)
        )
        assert gone.code == grpc.StatusCode.NOT_FOUND

    served(store, scenario)


@pytest.mark.parametrize(
    "column",
    [
        "progress = x'ffffff'",
        "work = x'ffffff'",
        "error = x'ffffff', state = 4",
        "created = 'nonsense'",
        "state = 77",
        f"kind = {NO_TEXT}",
    ],
)
def test_a_damaged_job_is_named_in_the_list_and_in_its_error(
    store: Store, tmp_path: Path, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    for letter in "abc":
        create(store, f"job-{letter}", request_id=f"request-{letter}")
    damage(tmp_path, f"UPDATE jobs SET {column} WHERE id = 'job-b'")

    async def scenario(servicers: Any) -> None:
        for _ in range(3):
            page = await servicers.jobs.ListJobs(jobs_pb2.ListJobsRequest(), None)
            assert [job.name for job in page.jobs] == ["jobs/job-c", "jobs/job-a"]
            assert [each.name for each in page.unreadable] == ["jobs/job-b"]
        for method, request in (
            (servicers.jobs.GetJob, jobs_pb2.GetJobRequest(name="jobs/job-b")),
            (servicers.jobs.WaitJob, jobs_pb2.WaitJobRequest(name="jobs/job-b", timeout={"seconds": 0})),
        ):
            check(await refusal(method(request, None)), "jobs/job-b", tmp_path)
        small = await servicers.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=2), None)
        assert [job.name for job in small.jobs] == ["jobs/job-c"]
        rest = await servicers.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_token=small.next_page_token), None)
        assert [job.name for job in rest.jobs] == ["jobs/job-a"]

    with caplog.at_level(logging.ERROR):
        served(store, scenario)
    assert len([line for line in caplog.messages if "job-b" in line]) == 1


def test_an_id_that_is_no_text_is_shown_as_far_as_it_can_be_read(store: Store, tmp_path: Path) -> None:
    for letter in "ab":
        create(store, letter)
    damage(tmp_path, "PRAGMA foreign_keys = OFF")
    damage(tmp_path, f"UPDATE jobs SET id = {NO_TEXT} WHERE id = 'b'")

    async def scenario(servicers: Any) -> None:
        page = await servicers.jobs.ListJobs(jobs_pb2.ListJobsRequest(), None)
        assert [job.name for job in page.jobs] == ["jobs/a"]
        assert [each.name for each in page.unreadable] == ["jobs/a\ufffdb"]

    served(store, scenario)


def test_a_damaged_result_is_made_again_when_it_is_asked_for_and_keeps_what_people_say_of_it(
    store: Store, tmp_path: Path
) -> None:
    name = "generators/tiny/analyses/mine"
    create(store, "first", result=name)
    store.jobs.start("first")
    record = ResultRecord(name, "analysis", "tiny", "first", NOW, b"", store.blobs.write(b"content"))
    store.jobs.finish(record, b"")
    assert store.jobs.maker_of(name).id == "first"  # type: ignore[union-attr]
    (path,) = (tmp_path / "data" / "blobs").rglob(record.content)
    path.write_bytes(b"c0ntent")
    assert store.jobs.maker_of(name) is None
    create(store, "second", result=name)
    store.jobs.start("second")
    again = ResultRecord(name, "analysis", "tiny", "second", NOW, b"", store.blobs.write(b"other content"))
    assert store.jobs.finish(again, b"").state == JobState.SUCCEEDED
    assert store.results.find(name) == again
    assert store.jobs.maker_of(name).id == "second"  # type: ignore[union-attr]
    assert not path.exists()


def test_a_file_whose_reference_is_damaged_is_moved_aside_and_not_removed(store: Store, tmp_path: Path) -> None:
    kept = keep(store, "analysis", "generators/tiny/analyses/a")
    damage(tmp_path, f"UPDATE results SET content = {NO_TEXT}")
    swept = store.sweep_blobs()
    assert (swept.removed, swept.strangers) == (0, 1)
    assert swept.aside is not None
    assert (swept.aside / kept.content).is_file()


# At the start of a server ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["progress = x'ffffff'", "created = 'nonsense'", f"work = {NO_TEXT}", "uses = 'x'"])
def test_damaged_jobs_do_not_keep_a_server_from_starting_the_others(
    store: Store, tmp_path: Path, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    for letter in "abcd":
        create(store, letter)
    for letter in "ab":
        store.jobs.start(letter)
    damage(tmp_path, f"UPDATE jobs SET {column} WHERE id IN ('a', 'c')")
    workers: Any = Workers()

    async def run() -> None:
        health = Health()
        scheduler = Scheduler(store, workers, EventBroker(), Checkpoints(tmp_path / "checkpoints"), health)
        await scheduler.start()
        while not {"b", "d"} <= set(workers.given):
            await asyncio.sleep(0.01)
        assert health.parts["dispatcher"] is None
        assert health.parts["recorder"] is None
        await scheduler.stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(asyncio.wait_for(run(), 60))
    assert "Traceback" not in caplog.text


def test_a_job_that_cannot_be_started_for_a_damaged_eigenbasis_fails_alone(store: Store, tmp_path: Path) -> None:
    basis = keep(store, "eigenbasis", "generators/tiny/eigenbases/b")
    create(store, "a", uses=basis.name)
    create(store, "b")
    damage(tmp_path, "UPDATE results SET created = 'nonsense'")
    workers: Any = Workers()

    async def run() -> None:
        scheduler = Scheduler(store, workers, EventBroker(), Checkpoints(tmp_path / "checkpoints"), Health())
        await scheduler.start()
        while store.jobs.find("a").state != JobState.FAILED or workers.given != ["b"]:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        await scheduler.stop()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert basis.name.encode() in (store.jobs.find("a").error or b"")  # type: ignore[union-attr]


def test_a_damaged_job_does_not_stand_for_its_request(store: Store, tmp_path: Path) -> None:
    name = "generators/tiny/analyses/mine"
    create(store, "old", result=name)
    damage(tmp_path, "UPDATE jobs SET created = 'nonsense'")
    workers: Any = Workers()

    async def run() -> None:
        scheduler = Scheduler(store, workers, EventBroker(), Checkpoints(tmp_path / "checkpoints"), Health())
        submission = Submission("new", "analysis", "", b"", b"", name, 0, shared_result=True)
        assert (await submit(scheduler, store, submission)).id == "new"
        await scheduler.stop()

    asyncio.run(asyncio.wait_for(run(), 60))


# Sessions -------------------------------------------------------------------------------------------------------------


def begin(store: Store, session_ids: str) -> None:
    """Begins sessions, whose first generation nobody makes."""

    async def scenario(servicers: Any) -> None:
        for letter in session_ids:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    "pullback_server.sessions.registry.new_id", lambda taken, letter=letter: f"session-{letter}"
                )
                spec = session_spec(({"generator": "generators/tiny"},))
                began = Began("0.1.0", ("a" * 64,), ("",), ())
                await servicers.registry.create(request_id="", content=b"", spec=spec, began=began)

    served(store, scenario)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE session_specs SET spec = x'ffffff' WHERE session = 'session-b'",
        "DELETE FROM session_specs WHERE session = 'session-b'",
        "UPDATE sessions SET updated = 'nonsense' WHERE id = 'session-b'",
        "UPDATE sessions SET summary = x'ffffff' WHERE id = 'session-b'; LOG",
    ],
)
def test_a_damaged_session_is_named_in_the_list_and_in_its_error(
    store: Store, tmp_path: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    begin(store, "abc")
    statement, _, log_too = statement.partition(";")
    damage(tmp_path, statement)
    if log_too:
        damage(tmp_path, "UPDATE session_events SET payload = x'ffffff' WHERE session = 'session-b'")

    async def scenario(servicers: Any) -> None:
        for _ in range(2):
            page = await servicers.search.ListSessions(search_pb2.ListSessionsRequest(), None)
            assert [each.name for each in page.sessions] == ["sessions/session-c", "sessions/session-a"]
            assert [each.name for each in page.unreadable] == ["sessions/session-b"]
        for method, request in (
            (servicers.search.GetSession, search_pb2.GetSessionRequest(name="sessions/session-b")),
            (servicers.search.PauseSession, search_pb2.PauseSessionRequest(name="sessions/session-b")),
            (servicers.search.Ask, search_pb2.AskRequest(session="sessions/session-b")),
        ):
            check(await refusal(method(request, None)), "sessions/session-b", tmp_path)

    with caplog.at_level(logging.ERROR):
        served(store, scenario)
    assert len([line for line in caplog.messages if "session-b" in line]) == 1


def test_what_follows_from_a_sessions_log_is_taken_from_there(store: Store, tmp_path: Path) -> None:
    begin(store, "a")
    found: list[search_pb2.Session] = []

    async def scenario(servicers: Any) -> None:
        found.append(await servicers.search.GetSession(search_pb2.GetSessionRequest(name="sessions/session-a"), None))
        found.extend((await servicers.search.ListSessions(search_pb2.ListSessionsRequest(), None)).sessions)

    served(store, scenario)
    damage(tmp_path, "UPDATE sessions SET summary = x'ffffff'")
    served(store, scenario)
    assert found[1:] == [found[0]] * 3


def test_a_damaged_session_does_not_keep_the_others_from_going_on(store: Store, tmp_path: Path) -> None:
    begin(store, "abc")
    damage(tmp_path, "UPDATE session_events SET payload = x'ffffff' WHERE session = 'session-c'")
    damage(tmp_path, "UPDATE session_specs SET spec = x'ffffff' WHERE session = 'session-b'")
    begun = []

    class Beginning(Workers):
        async def begin_search(self, **call: Any) -> Evolved:
            begun.append(call["seed"])
            return await super().begin_search(**call)

    async def run() -> None:
        transactions = Transactions()
        scheduler: Any = SimpleNamespace(in_store=transactions.call, usage=Usage(store, transactions.call, Keys()))
        workers: Any = Beginning()
        registry = SessionRegistry(store, scheduler, workers, Access(None))
        await registry.start()
        while not begun:
            await asyncio.sleep(0.01)
        await registry.stop()
        await transactions.close()

    asyncio.run(asyncio.wait_for(run(), 60))
