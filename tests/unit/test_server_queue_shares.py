"""Shares of the queue: nobody fills it, and clients take turns."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pullback_server.errors import ApiError
from pullback_server.queue_shares import MAX_QUEUED, TURN, Queued, QueueShares, check_place

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
