"""A database that another program holds: who reads is answered, who writes is told, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from locking import write_locked
from pullback_api.v1 import analysis_pb2, jobs_pb2, specs_pb2
from pullback_server.jobs import recorder
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.protocol.messages import Finished, Progressed, StartJob, Stopped
from pullback_server.store import JobRecord, JobState, StorageBusyError, Store
from pullback_server.supervision import Health
from pullback_server.transactions import StoreUnavailableError, Transactions

ANALYSIS = "generators/tiny/analyses/a"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


def create(store: Store, job_id: str = "a") -> JobRecord:
    return store.jobs.create(
        job_id=job_id,
        kind="analysis",
        work=b"",
        result=f"generators/tiny/analyses/{job_id}",
        request_id=None,
        request_digest="0" * 64,
        progress=jobs_pb2.Progress(phase="waiting for a worker", total=7).SerializeToString(),
    )


class Worker:
    """An executor with one worker, which does what a test says."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.cancelled: list[str] = []

    def start(self, listener: Any) -> None:
        pass

    def loads(self) -> list[Any]:
        return [[]]

    def assign(self, start: StartJob, worker: int) -> bool:
        self.given.append(start.job)
        return True

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    async def suspend(self, timeout: float) -> None:
        pass

    async def stop(self) -> None:
        pass


async def until(true: Callable[[], bool]) -> None:
    async def looking() -> None:
        while not true():
            await asyncio.sleep(0.02)

    await asyncio.wait_for(looking(), 60)


def scheduled(store: Store, folder: Path, scenario: Callable[[Scheduler, Worker, Health], Any]) -> None:
    """Runs a scenario with a scheduler over that store."""

    async def run() -> None:
        worker, health = Worker(), Health()
        executor: Any = worker
        scheduler = Scheduler(store, executor, EventBroker(), Checkpoints(folder / "checkpoints"), health)
        await scheduler.start()
        try:
            await scenario(scheduler, worker, health)
        finally:
            await scheduler.stop()

    asyncio.run(run())


def test_who_reads_is_answered_and_who_writes_is_told_at_once(store: Store, tmp_path: Path) -> None:
    job = create(store)
    with write_locked(tmp_path / "data"):
        began = time.monotonic()
        assert store.jobs.find("a") == job
        with pytest.raises(StorageBusyError) as caught:
            create(store, "b")
        assert store.jobs.page(limit=9)[0][1] == job
        # SQLite itself would wait for half a minute.
        assert time.monotonic() - began < 20
    assert str(tmp_path) not in caught.value.told
    assert create(store, "b").id == "b"


def test_readers_do_not_wait_for_one_who_waits_to_write(store: Store, tmp_path: Path) -> None:
    job = create(store)

    async def scenario() -> None:
        transactions = Transactions()
        with write_locked(tmp_path / "data"):
            writing = asyncio.create_task(transactions.call(create, store, "b"))
            await asyncio.sleep(0)
            for _ in range(20):
                assert await transactions.call(store.jobs.find, "a") == job
            assert not writing.done()
            with pytest.raises(StoreUnavailableError) as caught:
                await writing
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE
        assert "held by another program" in caught.value.message
        assert str(tmp_path) not in caught.value.message
        assert transactions.trouble == caught.value.message
        assert (await transactions.call(create, store, "b")).id == "b"
        assert transactions.trouble == ""
        await transactions.close()

    asyncio.run(scenario())


def test_a_short_lock_is_waited_for(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        transactions = Transactions()
        with write_locked(tmp_path / "data"):
            writing = asyncio.create_task(transactions.call(create, store, "b"))
            await asyncio.sleep(0.5)
        assert (await writing).id == "b"
        await transactions.close()

    asyncio.run(scenario())


def test_a_reader_sees_one_moment_however_much_is_written_meanwhile(store: Store) -> None:
    create(store)
    with store._database.reading() as session:
        before = session.connection().exec_driver_sql("SELECT state FROM jobs").scalar()
        store.jobs.cancel("a")
        assert session.connection().exec_driver_sql("SELECT state FROM jobs").scalar() == before
    job = store.jobs.find("a")
    assert job is not None
    assert job.state == JobState.CANCELLED


def test_jobs_that_came_meanwhile_are_started_and_health_says_what_is_wrong(store: Store, tmp_path: Path) -> None:
    create(store)

    async def scenario(scheduler: Scheduler, worker: Worker, health: Health) -> None:
        await until(lambda: worker.given == ["a"])
        job = await scheduler.in_store(create, store, "b")
        with write_locked(tmp_path / "data"):
            scheduler.submitted(job)
            await until(lambda: health.parts["dispatcher"] is not None)
            await until(lambda: health.parts["store"] not in (None, "starting"))
            assert "held by another program" in (health.parts["dispatcher"] or "")
        await until(lambda: worker.given == ["a", "b"])
        await until(lambda: health.serving)

    scheduled(store, tmp_path, scenario)


def test_a_result_that_is_finished_meanwhile_is_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.05)
    create(store)
    made = analysis_pb2.MetricAnalysis(spec=specs_pb2.AnalysisSpec(generator="generators/tiny"), dim=3)

    async def scenario(scheduler: Scheduler, worker: Worker, health: Health) -> None:
        await until(lambda: worker.given == ["a"])
        with write_locked(tmp_path / "data"):
            for step in range(200):
                scheduler.on_job_message(Progressed("a", "metric", step, 200))
            scheduler.on_job_message(Finished("a", made.SerializeToString()))
            await until(lambda: health.parts["recorder"] is not None)
            assert (await scheduler.in_store(store.jobs.find, "a")).state == JobState.RUNNING
        await until(lambda: store.jobs.find("a").state == JobState.SUCCEEDED)
        content = store.blobs.read(store.results.find(ANALYSIS).content)
        assert analysis_pb2.MetricAnalysis.FromString(content).dim == 3

    scheduled(store, tmp_path, scenario)


def test_a_job_is_cancelled_meanwhile_and_that_is_written_later(store: Store, tmp_path: Path) -> None:
    create(store)

    async def scenario(scheduler: Scheduler, worker: Worker, health: Health) -> None:
        await until(lambda: worker.given == ["a"])
        with write_locked(tmp_path / "data"):
            told = await scheduler.cancel("a")
            assert worker.cancelled == ["a"]
            assert told.state == JobState.RUNNING
            phase = jobs_pb2.Progress.FromString(told.progress).phase
            assert phase.startswith("cancelled, which is yet to be written down: ")
            # A worker that dies now, or asks for more, does not get it again.
            scheduler.on_job_message(Stopped("a", suspended=True))
            worker.given.clear()
            scheduler.on_room()
        await until(lambda: store.jobs.find("a").state == JobState.CANCELLED)
        assert worker.given == []

    scheduled(store, tmp_path, scenario)


def test_a_result_that_nobody_can_read_fails_its_job(store: Store, tmp_path: Path) -> None:
    create(store)
    create(store, "b")

    async def scenario(scheduler: Scheduler, worker: Worker, health: Health) -> None:
        await until(lambda: worker.given == ["a", "b"])
        scheduler.on_job_message(Finished("a", b"no message at all"))
        await until(lambda: store.jobs.find("a").state == JobState.FAILED)
        scheduler.on_job_message(
            Finished(
                "b",
                analysis_pb2.MetricAnalysis(
                    spec=specs_pb2.AnalysisSpec(generator="generators/tiny")
                ).SerializeToString(),
            )
        )
        await until(lambda: store.jobs.find("b").state == JobState.SUCCEEDED)

    scheduled(store, tmp_path, scenario)
