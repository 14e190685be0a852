"""Shares of the queue: nobody fills it, and clients take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pullback_server.errors import ApiError
from pullback_server.intake.callers import set_caller
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.queue_shares import MAX_QUEUED, TURN, Queued, QueueShares, check_place
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, submit
from pullback_server.store import Store
from pullback_server.supervision import Health

START = datetime(2026, 1, 31, tzinfo=timezone.utc)


def queued(*jobs: str, seconds: float = 0) -> list[Queued]:
    return [Queued(job, START + timedelta(seconds=seconds, milliseconds=number)) for number, job in enumerate(jobs)]


def order(shares: QueueShares, jobs: list[Queued]) -> list[str]:
    return [jobs[number].job for number in shares.in_turn(jobs)]


def test_one_client_alone_gets_half_of_the_places_and_leaves_the_others() -> None:
    taken = {"a": 0, "b": 0, "c": 0}

    def fill(client: str) -> None:
        while True:
            check_place(taken[client], sum(taken.values()))
            taken[client] += 1

    for client in "abc":
        with pytest.raises(ApiError) as caught:
            fill(client)
        assert caught.value.code.name == "RESOURCE_EXHAUSTED"
        assert caught.value.retry_seconds == 30
        assert "jobs of this client wait already" in caught.value.message
    assert taken == {"a": MAX_QUEUED // 2, "b": MAX_QUEUED // 4, "c": MAX_QUEUED // 8}
    with pytest.raises(ApiError, match="1,000 jobs wait already"):
        check_place(0, MAX_QUEUED)


def test_clients_alternate() -> None:
    shares = QueueShares()
    for job in ("a1", "a2", "a3", "b1", "b2", "c1"):
        shares.came(job, job[0])
    assert order(shares, queued("a1", "a2", "a3", "b1", "b2", "c1")) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    # What runs counts: its client has had a turn.
    shares.started("a1")
    assert order(shares, queued("a2", "a3", "b1", "b2", "c1")) == ["b1", "c1", "a2", "b2", "a3"]
    shares.requeued("a1")
    assert order(shares, queued("a1", "b1")) == ["a1", "b1"]


def test_jobs_of_one_client_stay_in_their_order() -> None:
    shares = QueueShares()
    names = [f"a{number}" for number in range(50)]
    for job in names:
        shares.came(job, "a")
    assert order(shares, queued(*names)) == names
    # Nobody knows whose they are after a restart.
    assert order(QueueShares(), queued(*names)) == names


def test_nobody_is_overtaken_for_good() -> None:
    shares = QueueShares()
    for number in range(4):
        shares.came(f"a{number}", "a")
    old = queued("a0", "a1", "a2", "a3")
    later = 3 * TURN.total_seconds() + 1
    new = [Queued(f"new{number}", START + timedelta(seconds=later, milliseconds=number)) for number in range(100)]
    for each in new:
        shares.came(each.job, each.job)
    assert order(shares, [*old, *new])[:4] == ["a0", "a1", "a2", "a3"]


def test_what_others_wait_for_has_its_turn_when_theirs_would_be() -> None:
    shares = QueueShares()
    jobs = [*queued("a1", "a2", "a3", "basis"), *queued("b1", "c1", seconds=1)]
    for each in jobs:
        shares.came(each.job, "a" if each.job == "basis" else each.job[0])
    assert order(shares, jobs) == ["a1", "b1", "c1", "a2", "a3", "basis"]
    # One who has brought nothing else wants it, and one after a job of its own.
    shares.wanted("basis", "b", START + timedelta(seconds=2))
    assert order(shares, jobs) == ["a1", "b1", "c1", "a2", "basis", "a3"]
    shares.wanted("basis", "d", START + timedelta(seconds=3))
    assert order(shares, jobs) == ["a1", "b1", "c1", "basis", "a2", "a3"]
    # Its own client gains nothing by wanting it too.
    shares.ended("basis")
    shares.came("basis", "a")
    shares.wanted("basis", "a", START + timedelta(seconds=3))
    assert order(shares, jobs) == ["a1", "b1", "c1", "a2", "a3", "basis"]
    # What has ended is not remembered.
    shares.ended("basis")
    shares.wanted("basis", "d", START)
    assert order(shares, queued("a1", "basis")) == ["a1", "basis"]


def test_what_has_ended_takes_no_place() -> None:
    shares = QueueShares()
    for job in ("a1", "a2", "a3"):
        shares.came(job, "a")
    shares.started("a1")
    assert (shares.waiting("a"), shares.waiting("b")) == (2, 0)
    shares.ended("a2")
    shares.requeued("a1")
    assert shares.waiting("a") == 2
    shares.ended("a1")
    shares.ended("a3")
    shares.ended("never there")
    assert shares.waiting("a") == 0


def test_whose_jobs_wait_is_known_after_a_restart(tmp_path: Path) -> None:
    workers: Any = Workers()

    async def serve(scenario: Callable[[Scheduler, Store], Awaitable[None]]) -> None:
        store = Store(tmp_path / "data")
        scheduler = Scheduler(store, workers, EventBroker(), Checkpoints(tmp_path / "checkpoints"), Health())
        await scheduler.start()
        await scenario(scheduler, store)
        await scheduler.stop()
        store.close()

    async def bring(scheduler: Scheduler, store: Store) -> None:
        for number in range(8):
            set_caller("", {"pullback-client": "greedy" if number < 6 else "modest"})
            name = f"job{number}"
            await submit(scheduler, store, Submission(name, "analysis", "", name.encode(), b"", name, 0))
        # Of those that ended nothing is kept.
        await scheduler.cancel("job0")

    async def look(scheduler: Scheduler, store: Store) -> None:
        assert (scheduler.shares.waiting("client greedy"), scheduler.shares.waiting("client modest")) == (5, 2)
        assert set(store.jobs.owners()) == {f"job{number}" for number in range(1, 8)}
        queued = [Queued(job.id, job.created) for job in store.jobs.queued()]
        turns = [queued[number].job for number in scheduler.shares.in_turn(queued)]
        assert turns[:4] == ["job1", "job6", "job2", "job7"]

    async def run() -> None:
        await serve(bring)
        await serve(look)

    asyncio.run(asyncio.wait_for(run(), 60))


class Workers:
    """An executor whose workers have no room."""

    def start(self, listener: Any) -> None: ...

    def loads(self) -> list[Any]:
        return [None]

    def cancel(self, job: str) -> None: ...

    async def stop(self) -> None: ...
