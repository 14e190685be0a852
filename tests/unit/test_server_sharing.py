"""Sharing of jobs between workers: who is asked for a part, who gets it, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from pullback_server.jobs.sharing import Sharing
from pullback_server.protocol.batching import MEASUREMENT, Load
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import (
    Finished,
    JobFailed,
    LendPart,
    PartLent,
    Progressed,
    StartJob,
    Stopped,
    TakePart,
)
from pullback_server.stored_files import StoredFile


class Workers:
    """Stands for an executor: which workers are idle is as a test says."""

    def __init__(self) -> None:
        self.idle: list[int] = []
        self.told: list[LendPart | TakePart] = []
        self.given: dict[str, StartJob] = {}
        self.cancelled: list[str] = []

    def idle_beside(self, job: str) -> list[int]:
        del job
        return self.idle

    def tell(self, message: LendPart | TakePart) -> None:
        self.told.append(message)

    def assign(self, start: StartJob, worker: int) -> bool:
        self.idle.remove(worker)
        self.given[start.job] = start
        return True

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)


class Shared:
    """A job that runs, beside as many idle workers as a test says."""

    def __init__(self, kind: str = "eigenbasis", idle: int = 1, *, lends: bool = True) -> None:
        self.workers = Workers()
        self.rooms = 0
        executor: Any = self.workers
        self.sharing = Sharing(executor, self._on_room)
        self.sharing.began(start_of("1", kind))
        assert not self.sharing.heard(Progressed("1", "computing", 1, 2, lends=lends))
        self.rooms = 0
        self.workers.idle = list(range(1, 1 + idle))

    def _on_room(self) -> None:
        self.rooms += 1

    def lend(self, part: bytes = b"some") -> str:
        """Has the job's worker lend a part; returns the name under which it was given to another one."""
        before = set(self.workers.given)
        self.sharing.offer()
        assert self.workers.told.pop() == LendPart("1")
        assert self.sharing.heard(PartLent("1", part))
        (name,) = set(self.workers.given) - before
        return name


def start_of(job: str, kind: str) -> StartJob:
    photographs, eigenbasis = StoredFile("/blobs/p", "p"), StoredFile("/blobs/e", "e")
    return StartJob(job, kind, Load("batch", 3), False, b"work", photographs, eigenbasis, f"/checkpoints/{job}")


@pytest.mark.parametrize("kind", ["eigenbasis", "inversion"])
def test_a_part_is_given_to_an_idle_worker_and_its_result_to_the_job(kind: str) -> None:
    shared = Shared(kind)
    name = shared.lend()
    given = shared.workers.given[name]
    assert name != "1"
    assert given == StartJob(name, kind, MEASUREMENT, False, b"work", None, None, "", b"some")
    # It is nobody's job: nobody else hears of it.
    assert shared.sharing.heard(Progressed(name, "computing", 1, 2))
    assert shared.sharing.heard(Finished(name, b"made"))
    assert shared.workers.told == [TakePart("1", b"some", b"made")]
    assert not shared.sharing.heard(Progressed("1", "averaging", 1, 2))
    assert not shared.sharing.heard(Finished("1", b"result"))
    shared.workers.idle = [1]
    shared.sharing.offer()
    assert len(shared.workers.told) == 1


def test_nobody_is_asked_where_nobody_is_idle_or_nothing_has_parts() -> None:
    for shared in (Shared(idle=0), Shared("analysis", lends=False), Shared("inversion", lends=False)):
        shared.sharing.offer()
        assert shared.workers.told == []


def test_a_job_is_asked_once_and_again_when_it_has_come_further() -> None:
    shared = Shared()
    shared.sharing.offer()
    shared.sharing.offer()
    assert shared.workers.told == [LendPart("1")]
    assert shared.sharing.heard(PartLent("1", b""))
    shared.sharing.offer()
    assert shared.workers.told == [LendPart("1")]
    assert shared.rooms == 0
    assert not shared.sharing.heard(Progressed("1", "averaging", 1, 2))
    assert shared.rooms == 0
    assert not shared.sharing.heard(Progressed("1", "averaging", 1, 2, lends=True))
    assert shared.rooms == 1
    shared.sharing.offer()
    assert shared.workers.told == [LendPart("1"), LendPart("1")]


def test_a_job_that_came_in_between_has_the_worker() -> None:
    shared = Shared()
    shared.sharing.offer()
    shared.workers.idle = []
    assert shared.sharing.heard(PartLent("1", b"some"))
    assert shared.workers.given == {}
    assert shared.workers.told == [LendPart("1"), TakePart("1", b"some", b"")]


def test_several_idle_workers_get_parts() -> None:
    shared = Shared(idle=2)
    first, second = shared.lend(b"first"), shared.lend(b"second")
    # After each the dispatcher looks again.
    assert shared.rooms == 2
    assert shared.sharing.heard(Finished(second, b"2"))
    assert shared.sharing.heard(Finished(first, b"1"))
    assert shared.workers.told == [TakePart("1", b"second", b"2"), TakePart("1", b"first", b"1")]


@pytest.mark.parametrize("end", ["died", "failed"])
def test_a_part_that_came_to_grief_is_the_last(end: str) -> None:
    shared = Shared(idle=2)
    name = shared.lend()
    if end == "died":
        assert shared.sharing.lost([name, "2"]) == {name}
    else:
        assert shared.sharing.heard(JobFailed(name, Failure(13, "as the test says")))
    assert shared.workers.told == [TakePart("1", b"some", b"")]
    assert not shared.sharing.heard(Progressed("1", "computing", 1, 2, lends=True))
    shared.sharing.offer()
    assert len(shared.workers.told) == 1
    # What the job's worker said meanwhile is answered all the same.
    assert shared.sharing.heard(PartLent("1", b"more"))
    assert shared.workers.told[1:] == [TakePart("1", b"more", b"")]
    # Once it is begun again it is shared again.
    shared.sharing.ended("1")
    shared.sharing.began(start_of("1", "eigenbasis"))
    assert not shared.sharing.heard(Progressed("1", "computing", 1, 2, lends=True))
    shared.sharing.offer()
    assert shared.workers.told[2:] == [LendPart("1")]


@pytest.mark.parametrize(
    "end",
    [Finished("1", b""), Stopped("1", suspended=False), Stopped("1", suspended=True), JobFailed("1", Failure(3, "no"))],
)
def test_parts_of_a_job_that_has_ended_are_stopped(end: Finished | Stopped | JobFailed) -> None:
    shared = Shared()
    name = shared.lend()
    assert not shared.sharing.heard(end)
    assert shared.workers.cancelled == [name]
    assert shared.sharing.heard(Stopped(name, suspended=False))
    shared.workers.idle = [1]
    shared.sharing.offer()
    assert [each for each in shared.workers.told if isinstance(each, LendPart)] == []


def test_parts_of_a_job_whose_worker_has_died_are_stopped() -> None:
    shared = Shared()
    name = shared.lend()
    assert shared.sharing.lost(["1"]) == frozenset()
    assert shared.workers.cancelled == [name]
