"""Deadlines of what is waited for, and how long the last event of a job is known."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pullback_server.deadlines import within
from pullback_server.jobs.events import MOST_ENDED, EventBroker


def run(what: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(what, 60))


def test_what_comes_in_time_is_given_and_its_error_raised() -> None:
    async def fails() -> None:
        raise KeyError("a")

    async def scenario() -> None:
        assert await within(60, asyncio.sleep(0, "done")) == "done"
        with pytest.raises(KeyError, match="a"):
            await within(60, fails())

    run(scenario())


@pytest.mark.parametrize("seconds", [0.01, 0, -1])
def test_what_takes_longer_is_cancelled_and_has_ended(seconds: float) -> None:
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append("slow")

    async def scenario() -> None:
        task = asyncio.ensure_future(slow())
        await asyncio.sleep(0)
        with pytest.raises(asyncio.TimeoutError):
            await within(seconds, task)
        assert ended == ["slow"]

    run(scenario())


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_cancellation_that_comes_with_the_result_is_not_forgotten(turns: int) -> None:
    async def scenario() -> None:
        result = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(within(60, result))
        await asyncio.sleep(0)
        result.set_result("done")
        for _ in range(turns):
            await asyncio.sleep(0)
        # Nothing is cancelled that has ended.
        cancelled = task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError) == cancelled

    run(scenario())


def test_who_is_cancelled_cancels_what_it_waits_for() -> None:
    async def scenario() -> None:
        inner = asyncio.ensure_future(asyncio.sleep(60))
        task = asyncio.ensure_future(within(60, inner))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inner.cancelled()

    run(scenario())


def test_ends_are_known_for_a_while_and_jobs_that_go_on_for_ever() -> None:
    async def scenario() -> None:
        broker = EventBroker()
        broker.publish("goes on", 3)
        for number in range(3 * MOST_ENDED):
            broker.publish(f"job {number}", 1)
            broker.publish(f"job {number}", 2, ended=True)
        assert len(broker._latest) == MOST_ENDED + 1
        # Whoever has looked into the store just before is not left waiting.
        await broker.wait(f"job {3 * MOST_ENDED - 1}", after=1)
        await broker.wait("goes on", after=2)

    run(scenario())
