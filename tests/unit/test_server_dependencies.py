"""Jobs and sessions that wait for jobs, with workers that do what the test says, and servers that are killed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import status_pb2

from pullback import generators
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback_api.v1 import jobs_pb2, search_pb2, specs_pb2
from pullback_server.access import Access
from pullback_server.errors import ApiError
from pullback_server.intake.callers import set_caller
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.queue_shares import MAX_QUEUED, Queued
from pullback_server.jobs.resources import job_message
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, eigenbasis_submission, needed_eigenbasis, submit
from pullback_server.protocol.calls import Evolved
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import Finished, JobFailed, Progressed, StartJob
from pullback_server.sessions.answers import Asker
from pullback_server.sessions.creation import Creation
from pullback_server.sessions.registry import SessionRegistry
from pullback_server.sessions.state.events import SessionState, StateChanged
from pullback_server.specs import complete_eigenbasis_spec, complete_session_spec
from pullback_server.store import JobRecord, JobState, StorageFullError, Store
from pullback_server.supervision import Health

FACES = generators.entry("faces")
SPEC = complete_eigenbasis_spec(specs_pb2.EigenbasisSpec(generator="generators/faces", distance="mse"), "spec")


class Workers:
    """An executor that takes every job while it has room, and computes none."""

    def __init__(self) -> None:
        self.room = True
        self.started: list[StartJob] = []
        self.cancelled: list[str] = []
        self.searches: list[dict[str, Any]] = []

    def start(self, listener: Any) -> None: ...

    def loads(self) -> list[Any]:
        return [[] if self.room else None]

    def assign(self, start: StartJob, worker: int) -> bool:
        del worker
        self.started.append(start)
        return True

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    async def begin_search(self, **call: Any) -> Evolved:
        self.searches.append(call)
        latents = np.full((call["count"], FACES.space("z").dim), call["seed"], np.float32)
        return Evolved(b"state", latents, (("sampled", ()),) * call["count"], ((1.0, 0.5),) * call["count"])

    async def render(self, **call: Any) -> AsyncIterator[Any]:
        for each in ():
            yield each

    async def stop(self) -> None: ...


@dataclass
class Serving:
    """A server from its start to its end."""

    store: Store
    workers: Any
    scheduler: Scheduler
    sessions: SessionRegistry

    async def submit(self, name: str, client: str = "", **fields: Any) -> JobRecord:
        """A job that needs the eigenbasis."""
        set_caller("", {"pullback-client": client} if client else {})
        needs = await needed_eigenbasis(self.scheduler, self.store, SPEC)
        submission = Submission(name, "inversion", "", name.encode(), b"", f"inversions/{name}", 7, needs=needs)
        uses = eigenbasis_submission("", SPEC).result
        return await submit(self.scheduler, self.store, replace(submission, uses=uses, **fields))

    async def until(self, name: str, state: JobState) -> JobRecord:
        """The job, once it is in that state; one that runs, once a worker has got it."""
        while True:
            job = self.job(name)
            given = state is not JobState.RUNNING or any(start.job == name for start in self.workers.started)
            if job.state == state and given:
                return job
            await asyncio.sleep(0.01)

    def job(self, name: str) -> JobRecord:
        job = self.store.jobs.find(name)
        assert job is not None
        return job

    def message(self, name: str) -> jobs_pb2.Job:
        return job_message(self.job(name))

    def finish(self, job: str) -> None:
        """The worker says that it has computed the eigenbasis."""
        self.scheduler.on_job_message(Finished(job, basis().to_bytes()))


def basis(distance: str = "mse") -> Eigenbasis:
    dim = FACES.space("z").dim
    provenance = Provenance("faces", FACES.weights_hash, "z", distance, "", "sketch", 2000, 0, "0.1.0")
    return Eigenbasis(np.ones(dim), np.eye(dim), np.eye(dim), provenance)


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Serving]:
    store, workers, broker = Store(folder / "data"), Workers(), EventBroker()
    executor: Any = workers
    scheduler = Scheduler(store, executor, broker, Checkpoints(folder / "checkpoints"), Health())
    sessions = SessionRegistry(store, scheduler, executor, Access(None))
    await scheduler.start()
    await sessions.start()
    yield Serving(store, workers, scheduler, sessions)
    broker.close()
    await sessions.stop()
    await scheduler.stop()
    store.close()


def run(folder: Path, *scenarios: Callable[[Serving], Awaitable[None]]) -> None:
    """One server after the other over a folder, each with its scenario: that ends as a kill does, with nothing said."""

    async def serve() -> None:
        for scenario in scenarios:
            async with server(folder) as live:
                await scenario(live)

    asyncio.run(asyncio.wait_for(serve(), timeout=60))


def test_a_job_waits_for_what_it_needs_is_told_how_far_that_is_and_starts_when_it_is_there(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        job = await live.submit("a")
        needed = job_message(job).waiting_for.removeprefix("jobs/")
        await live.until(needed, JobState.RUNNING)
        assert [start.job for start in live.workers.started] == [needed]
        live.scheduler.on_job_message(Progressed(needed, "averaging the metric", 5, 2000))
        while "averaging" not in (message := live.message("a")).progress.phase:
            await asyncio.sleep(0.01)
        assert message.progress.phase == f"waiting for jobs/{needed}: computing the eigenbasis (averaging the metric)"
        assert (message.progress.step, message.progress.total, message.waiting_for) == (5, 2000, f"jobs/{needed}")
        live.finish(needed)
        started = await live.until("a", JobState.RUNNING)
        assert started.needs is None
        assert live.workers.started[-1].eigenbasis is not None
        assert live.workers.started[-1].eigenbasis.read() == basis().to_bytes()
        shown = [(event.job.state, event.job.needs) for event in live.store.jobs.events("a", 0)]
        waiting = [(JobState.QUEUED, needed)] * (len(shown) - 2)
        assert shown == [*waiting, (JobState.QUEUED, None), (JobState.RUNNING, None)]
        # Another one has nothing to wait for.
        assert job_message(await live.submit("b")).waiting_for == ""

    run(tmp_path, scenario)


def test_what_is_needed_takes_a_place_of_who_asks_and_is_counted_for_no_other(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        live.workers.room = False
        first = await live.submit("a", "one")
        assert live.scheduler.shares.waiting("client one") == 2
        assert (await live.submit("b", "two")).needs == first.needs
        assert live.scheduler.shares.waiting("client two") == 1
        assert live.store.jobs.owners() == {first.needs: "client one", "a": "client one", "b": "client two"}
        # What waits for another job keeps no worker, and takes no turn.
        assert [job.id for job in live.store.jobs.queued()] == [first.needs]
        assert live.store.jobs.queue_length() == 3
        await live.scheduler.cancel("a")
        await live.scheduler.cancel("b")
        await live.until(str(first.needs), JobState.CANCELLED)
        # Whoever waits for its end is told a moment after it is in the store.
        while live.scheduler.shares.waiting("client one"):
            await asyncio.sleep(0.01)
        assert live.scheduler.shares.waiting("client two") == 0

    run(tmp_path, scenario)


def test_who_waits_for_what_another_brought_does_not_wait_for_the_others_queue(tmp_path: Path) -> None:
    needed: list[str] = []

    def turns(live: Serving) -> list[str]:
        jobs = live.store.jobs.queued()
        return [jobs[number].id for number in live.scheduler.shares.in_turn([Queued(j.id, j.created) for j in jobs])]

    async def bring(live: Serving) -> None:
        live.workers.room = False
        set_caller("", {"pullback-client": "one"})
        for name in ("x", "y", "z"):
            await submit(live.scheduler, live.store, Submission(name, "analysis", "", name.encode(), b"", name, 0))
        needed.append(str((await live.submit("a", "one")).needs))
        assert turns(live) == ["x", "y", "z", *needed]
        await live.submit("b", "two")
        assert turns(live) == ["x", *needed, "y", "z"]

    async def look(live: Serving) -> None:
        while len(live.workers.started) < 4:
            await asyncio.sleep(0.01)
        assert [start.job for start in live.workers.started][:2] == ["x", *needed]

    run(tmp_path, bring, look)


def test_where_there_is_no_place_for_both_none_is_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(live: Serving) -> None:
        live.workers.room = False
        monkeypatch.setattr(live.store.jobs, "queue_length", lambda: MAX_QUEUED - 1)
        with pytest.raises(ApiError) as caught:
            await live.submit("a", "one")
        assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert live.store.jobs.page(limit=9) == []
        assert live.scheduler.shares.waiting("client one") == 0

    run(tmp_path, scenario)


def test_jobs_fail_with_what_they_need_and_say_which_that_was(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        needed = str((await live.submit("a")).needs)
        await live.submit("b")
        await live.until(needed, JobState.RUNNING)
        failure = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "no memory is left")
        live.scheduler.on_job_message(JobFailed(needed, failure))
        for name in "ab":
            status = status_pb2.Status.FromString((await live.until(name, JobState.FAILED)).error or b"")
            assert status.code == failure.code
            assert status.message.startswith(f"jobs/{needed}, which was to compute the eigenbasis generators/faces/")
            assert status.message.endswith("failed: no memory is left")
        # The next one has it computed again.
        assert (await live.submit("c")).needs not in {needed, None}

    run(tmp_path, scenario)


def test_a_running_one_that_nobody_needs_any_more_is_stopped_but_not_one_that_was_asked_for(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        needed = str((await live.submit("a")).needs)
        await live.until(needed, JobState.RUNNING)
        await live.scheduler.cancel("a")
        await live.until(needed, JobState.CANCELLED)
        # In the store first, and then the worker hears of it.
        while needed not in live.workers.cancelled:
            await asyncio.sleep(0.01)
        needed = str((await live.submit("b")).needs)
        asked = await submit(live.scheduler, live.store, eigenbasis_submission("x", SPEC))
        assert asked.id == needed
        await live.scheduler.cancel("b")
        await live.submit("c")
        await live.scheduler.cancel("c")
        await asyncio.sleep(0.1)
        assert not live.job(needed).state.ended

    run(tmp_path, scenario)


def test_progress_goes_on_where_who_waits_cannot_be_told_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(live: Serving) -> None:
        needed = str((await live.submit("a")).needs)
        await live.until(needed, JobState.RUNNING)

        def full(needed: str, progress: bytes) -> list[JobRecord]:
            raise StorageFullError("no space", "the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(live.store.waiting, "tell", full)
            live.scheduler.on_job_message(Progressed(needed, "averaging the metric", 5, 2000))
            while "is not told how far it is: the disk is full" not in caplog.text:
                await asyncio.sleep(0.01)
        assert live.message(needed).progress.step == 5
        live.finish(needed)
        await live.until("a", JobState.RUNNING)
        assert "cannot be written down" not in caplog.text

    run(tmp_path, scenario)


def test_who_asks_for_what_was_computed_for_others_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(live: Serving) -> None:
        needed = str((await live.submit("a")).needs)
        live.finish(needed)
        await live.until("a", JobState.RUNNING)
        # An ended job never changes: the answer comes from a full disk too.
        monkeypatch.setattr(type(live.store.waiting), "adopt", None)
        assert (await submit(live.scheduler, live.store, eigenbasis_submission("x", SPEC))).id == needed

    run(tmp_path, scenario)


def test_a_job_whose_eigenbasis_is_gone_says_what_to_do(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        # Deleted after it was looked at, and before the job was taken in.
        uses = "generators/faces/eigenbases/x"
        submission = Submission("a", "inversion", "", b"a", b"", "inversions/a", 7, uses=uses)
        await submit(live.scheduler, live.store, submission)
        status = status_pb2.Status.FromString((await live.until("a", JobState.FAILED)).error or b"")
        assert f"{uses} is not there any more" in status.message
        assert "ask again" in status.message

    run(tmp_path, scenario)


def test_a_server_that_is_killed_leaves_nobody_waiting_for_ever(tmp_path: Path) -> None:
    needed: dict[str, str] = {}

    async def wait(live: Serving) -> None:
        live.workers.room = False
        needed["a"] = str((await live.submit("a")).needs)

    async def still_waits(live: Serving) -> None:
        assert live.job("a").needs == needed["a"]
        # Killed between two steps: what is needed is there, and nobody has been told.
        live.scheduler.dependencies.settle = no_settle  # type: ignore[method-assign]
        await live.until(needed["a"], JobState.RUNNING)
        live.finish(needed["a"])
        await live.until(needed["a"], JobState.SUCCEEDED)
        assert live.job("a").needs == needed["a"]

    async def goes_on(live: Serving) -> None:
        await live.until("a", JobState.RUNNING)

    run(tmp_path, wait, still_waits, goes_on)


async def no_settle(ended: JobRecord) -> None:
    del ended


def test_a_server_that_is_killed_leaves_nothing_to_be_computed_that_nobody_needs(tmp_path: Path) -> None:
    async def orphan(live: Serving) -> None:
        live.workers.room = False
        live.scheduler.dependencies.settle = no_settle  # type: ignore[method-assign]
        await live.submit("a")
        await live.scheduler.cancel("a")

    async def swept(live: Serving) -> None:
        (needed,) = [job for _, job in live.store.jobs.page(limit=9) if isinstance(job, JobRecord) and job.id != "a"]
        await live.until(needed.id, JobState.CANCELLED)

    run(tmp_path, orphan, swept)


def test_jobs_whose_needed_job_is_damaged_fail(tmp_path: Path) -> None:
    async def wait(live: Serving) -> None:
        live.workers.room = False
        await live.submit("a")

    async def fails(live: Serving) -> None:
        status = status_pb2.Status.FromString((await live.until("a", JobState.FAILED)).error or b"")
        assert status.code == grpc.StatusCode.DATA_LOSS.value[0]

    run(tmp_path, wait)
    with closing(sqlite3.connect(tmp_path / "data" / "pullback.sqlite")) as database, database:
        database.execute("UPDATE jobs SET created = 'nonsense' WHERE kind = 'eigenbasis'")
    run(tmp_path, fails)


def test_a_damaged_eigenbasis_of_the_default_specification_is_computed_again(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        needed = str((await live.submit("a")).needs)
        live.finish(needed)
        await live.until("a", JobState.RUNNING)
        for file in (tmp_path / "data" / "blobs").glob("*/*"):
            file.write_bytes(b"damaged")
        assert (await live.submit("b")).needs not in {needed, None}

    run(tmp_path, scenario)


# Sessions ------------------------------------------------------------------------------------------------------------


async def begin(live: Serving, threads: Sequence[search_pb2.ThreadSpec] = ()) -> str:
    """A session that names no eigenbasis; of one thread where none are given."""
    options = search_pb2.SearchOptions(method=search_pb2.SEARCH_METHOD_HESSIAN_CMA, population=4)
    thread = search_pb2.ThreadSpec(generator="generators/faces", optimizer=options)
    spec = complete_session_spec(search_pb2.SessionSpec(threads=threads or [thread], seed=3))
    decoders: Any = None
    began = (await Creation(live.store, live.scheduler, decoders).begin(spec)).began
    record = await live.sessions.create(request_id="", content=b"", spec=spec, began=began)
    return record.id


async def ask(live: Serving, session: str, *threads: int) -> search_pb2.AskResponse:
    async with live.sessions.using(session) as found:
        return await Asker(found, search_pb2.AskRequest(session=f"sessions/{session}", threads=threads)).answer(0.2)


async def thread_of(live: Serving, session: str, number: int = 0) -> search_pb2.Thread:
    return (await live.sessions.resource(await live.sessions.record(session))).threads[number]


def test_a_session_waits_for_its_eigenbasis_and_begins_as_one_that_had_it(tmp_path: Path) -> None:
    found: dict[str, Any] = {}

    async def wait(live: Serving) -> None:
        live.workers.room = False
        found["session"] = session = await begin(live)
        found["needed"] = (await thread_of(live, session)).waiting_for.removeprefix("jobs/")
        answer = await ask(live, session)
        assert (list(answer.trials), answer.waiting_for) == ([], f"jobs/{found['needed']}")
        assert answer.retry_after_ms == 500

    async def goes_on(live: Serving) -> None:
        session, needed = found["session"], found["needed"]
        assert (await thread_of(live, session)).waiting_for == f"jobs/{needed}"
        await live.until(needed, JobState.RUNNING)
        assert live.workers.searches == []
        live.finish(needed)
        while not (answer := await ask(live, session)).trials:
            pass
        assert (answer.waiting_for, (await thread_of(live, session)).waiting_for) == ("", "")
        # Another one finds it, and is begun alike.
        other = await begin(live)
        while not (await ask(live, other)).trials:
            pass
        first, second = live.workers.searches
        assert first == second
        assert first["eigenbasis"].read() == basis().to_bytes()
        kinds = [event.kind for event in live.store.sessions.events(session)]
        assert kinds[:3] == ["Began", "EigenbasisProvided", "GenerationOpened"]
        # What its log names is kept, whatever becomes of the eigenbasis.
        live.store.results.delete(live.job(needed).result)
        assert live.store.sweep_blobs().removed == 0

    run(tmp_path, wait, goes_on)


def test_a_session_passes_over_a_damaged_eigenbasis(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        needed = str((await live.submit("a")).needs)
        live.finish(needed)
        await live.until("a", JobState.RUNNING)
        for file in (tmp_path / "data" / "blobs").glob("*/*"):
            file.write_bytes(b"damaged")
        assert (await thread_of(live, await begin(live))).waiting_for not in {"", f"jobs/{needed}"}

    run(tmp_path, scenario)


def test_who_asks_another_thread_is_not_asked_back_at_once_because_one_waits(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        threads = [
            search_pb2.ThreadSpec(
                generator="generators/faces", optimizer=search_pb2.SearchOptions(method=method, population=4)
            )
            for method in (search_pb2.SEARCH_METHOD_RANDOM, search_pb2.SEARCH_METHOD_HESSIAN_CMA)
        ]
        session = await begin(live, threads)
        while not (await ask(live, session, 0)).trials:
            pass
        # All that there is of the one is out, and the other waits for minutes.
        answer = await ask(live, session, 0)
        assert (answer.waiting_for, answer.retry_after_ms) == ("", 500)
        assert (await ask(live, session)).waiting_for == (await thread_of(live, session, 1)).waiting_for != ""

    run(tmp_path, scenario)


def test_who_waits_for_an_end_does_not_look_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(live: Serving) -> None:
        job = await submit(live.scheduler, live.store, eigenbasis_submission("x", SPEC))
        await live.until("x", JobState.RUNNING)
        looks, look = [], live.store.jobs.find

        def counted(job_id: str) -> JobRecord | None:
            looks.append(job_id)
            return look(job_id)

        monkeypatch.setattr(live.store.jobs, "find", counted)
        waiting = [asyncio.create_task(live.scheduler.dependencies.until_ended(job)) for _ in range(10)]
        for step in range(1, 21):
            live.scheduler.on_job_message(Progressed("x", "averaging the metric", step, 2000))
            while (shown := look("x")) is None or job_message(shown).progress.step != step:
                await asyncio.sleep(0.001)
        assert len(looks) == len(waiting)
        await live.scheduler.cancel("x")
        assert {(await each).state for each in waiting} == {JobState.CANCELLED}

    run(tmp_path, scenario)


def test_who_waits_is_stopped_also_at_the_moment_at_which_the_server_goes_down() -> None:
    async def scenario() -> None:
        for turns in range(6):
            broker = EventBroker()
            waiting = asyncio.create_task(broker.wait("a", 0, 60.0))
            await asyncio.sleep(0.01)
            broker.close()
            for _ in range(turns):
                await asyncio.sleep(0)
            if waiting.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await waiting

    asyncio.run(scenario())


def test_a_session_that_is_closed_while_it_waits_stays_as_it_is(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        session = await begin(live)
        needed = (await thread_of(live, session)).waiting_for.removeprefix("jobs/")
        async with live.sessions.using(session) as open_session:
            await open_session.change(lambda journal: journal.add([StateChanged(SessionState.CLOSED.value)]))
        live.finish(needed)
        await live.until(needed, JobState.SUCCEEDED)
        await asyncio.sleep(0.1)
        assert [event.kind for event in live.store.sessions.events(session)] == ["Began", "StateChanged"]

    run(tmp_path, scenario)


def test_a_session_whose_eigenbasis_fails_names_the_job(tmp_path: Path) -> None:
    async def scenario(live: Serving) -> None:
        session = await begin(live)
        needed = (await thread_of(live, session)).waiting_for.removeprefix("jobs/")
        await live.until(needed, JobState.RUNNING)
        live.scheduler.on_job_message(JobFailed(needed, Failure(grpc.StatusCode.INTERNAL.value[0], "it exploded")))
        while not (await ask(live, session)).finished:
            pass
        failed = await thread_of(live, session)
        assert failed.state == search_pb2.THREAD_STATE_FAILED
        assert failed.error.code == grpc.StatusCode.INTERNAL.value[0]
        assert failed.error.message.startswith(f"jobs/{needed}, which was to compute the eigenbasis")
        assert failed.error.message.endswith("failed: it exploded")

    run(tmp_path, scenario)
