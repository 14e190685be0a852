"""Supervised tasks, and the health in which they are seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from grpc_health.v1 import health_pb2

from pullback_server.supervision import Health, HealthServicer, supervised, tasks
from pullback_server.supervision.health import UNWELL_METADATA

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "RESTART_SECONDS", (0.01,))
    monkeypatch.setattr(tasks, "SETTLED_SECONDS", 0.05)


async def until(true: Callable[[], bool]) -> None:
    async def looking() -> None:
        while not true():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(looking(), 60)


async def returns() -> None:
    """Ends at once."""


async def raises() -> None:
    raise LookupError("no such thing")


async def cancels_itself() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("ending", "trouble"),
    [
        (returns, "ended by itself"),
        (raises, "ended with an error of the server's own; its log says more under reference "),
        (cancels_itself, "was cancelled from within"),
    ],
)
def test_a_task_that_ends_begins_again_and_is_seen(
    ending: Callable[[], Coroutine[Any, Any, None]], trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        health, begun = Health(), 0
        troubles: list[str | None] = []

        async def work() -> None:
            nonlocal begun
            begun += 1
            troubles.append(health.part("worrier").trouble)
            if begun <= 3:
                await ending()
            else:
                await asyncio.Event().wait()

        task = supervised("worrier", work, health)
        await until(lambda: begun == 4)
        # It is well again only when it has gone on for a while.
        assert troubles[0] is None
        assert [each is not None and each.startswith(trouble) for each in troubles[1:]] == [True] * 3
        await until(lambda: health.serving)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(scenario())
    assert f"worrier {trouble}" in caplog.text
    assert "; it begins again" in caplog.text


def test_cancelling_a_supervised_task_waits_for_what_it_runs() -> None:
    async def scenario() -> None:
        cleaned = False

        async def work() -> None:
            nonlocal cleaned
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.05)
                cleaned = True

        task = supervised("tidy", work, Health())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert cleaned

    asyncio.run(scenario())


def test_a_task_that_missed_its_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_SECONDS", 0.01)
    missed = 0

    async def misses() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # As `asyncio.wait_for` does where what it waits for is done in the same moment.
                missed += 1
                if missed == 3:
                    raise

    async def scenario() -> None:
        task = supervised("misser", misses, Health())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 60)

    asyncio.run(scenario())
    assert missed == 3


def test_what_a_task_says_of_itself_stands() -> None:
    async def scenario() -> None:
        health = Health()

        async def work() -> None:
            health.part("worrier").unwell("the disk is full")
            await asyncio.Event().wait()

        task = supervised("worrier", work, health)
        await asyncio.sleep(0.2)
        assert health.troubles == {"worrier": "the disk is full"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())


class Context:
    """Of a call of `Check`."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}

    def set_trailing_metadata(self, metadata: tuple[tuple[str, str], ...]) -> None:
        self.metadata.update(metadata)


def test_health_is_that_of_every_part_and_says_which_is_not_well() -> None:
    async def scenario() -> None:
        health = Health()
        servicer = HealthServicer(health, ["a.Service"])

        async def check(name: str) -> tuple[int, dict[str, str]]:
            context = Context()
            answer = await servicer.Check(health_pb2.HealthCheckRequest(service=name), context)  # type: ignore[arg-type]
            return answer.status, context.metadata

        health.part("worker-0")
        health.part("worker-1").well()
        assert await check("") == (NOT_SERVING, {UNWELL_METADATA: "worker-0: starting"})
        health.part("worker-0").well()
        assert await check("") == await check("a.Service") == (SERVING, {})
        health.part("worker-1").unwell("killed – by β")
        assert await check("a.Service") == (NOT_SERVING, {UNWELL_METADATA: "worker-1: killed ? by ?"})
        assert (await check("worker-0"))[0] == SERVING
        assert (await check("worker-1"))[0] == NOT_SERVING
        health.part("worker-1").well()
        # A part that is not needed yet says how it is, and troubles nobody else before it has started.
        health.part("worker-0-calls", needed=False)
        assert await check("worker-0-calls") == (NOT_SERVING, {UNWELL_METADATA: "worker-0-calls: starting"})
        assert await check("") == (SERVING, {})
        health.part("worker-0-calls").unwell("killed")
        assert await check("") == (NOT_SERVING, {UNWELL_METADATA: "worker-0-calls: killed"})
        health.part("worker-0-calls").well()
        health.close()
        assert (await check("worker-0"))[0] == (await check(""))[0] == NOT_SERVING

    asyncio.run(scenario())


def test_several_watch_health_until_the_server_goes_down() -> None:
    async def scenario() -> None:
        health = Health()
        servicer = HealthServicer(health, [])

        def watch() -> Any:
            return servicer.Watch(health_pb2.HealthCheckRequest(), None)  # type: ignore[arg-type]

        async def collect(seen: list[int]) -> None:
            async for answer in watch():
                seen.append(answer.status)

        seen: list[list[int]] = [[], []]
        watching = [asyncio.create_task(collect(each)) for each in seen]
        # One who leaves takes nothing along of what the others hear.
        gone = watch()
        await anext(gone)
        await gone.aclose()
        await until(lambda: all(each == [SERVING] for each in seen))
        health.part("worker-0")
        await until(lambda: all(each[-1] == NOT_SERVING for each in seen))
        health.part("worker-0").well()
        await until(lambda: all(each[-1] == SERVING for each in seen))
        health.close()
        await asyncio.gather(*watching)
        assert seen == [[SERVING, NOT_SERVING, SERVING, NOT_SERVING]] * 2

    asyncio.run(scenario())
