"""Disposable processes: what goes wrong in one is told, and ends it alone."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pullback_server.errors import ApiError
from pullback_server.processes.disposable import Disposable, Limits, TaskFailedError

MODULE = "disposable_tasks"
TESTS = str(Path(__file__).parents[1])
MIB = 2**20


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks lie among the tests, of which the processes know nothing."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([TESTS, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]))


linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")


def limits(**changed: Any) -> Limits:
    usual = {
        "processes": 1,
        "waiting": 4,
        "memory_bytes": 256 * MIB,
        "cpu_seconds": 60,
        "wall_seconds": 120.0,
        "tasks": 100,
    }
    return Limits(**{**usual, **changed})


def run(test: Callable[[Disposable], Awaitable[None]], **changed: Any) -> None:
    async def main() -> None:
        pool = Disposable(MODULE, "tasks", limits(**changed))
        try:
            await test(pool)
        finally:
            await pool.close()
        assert children() == []

    asyncio.run(main())


def children() -> list[int]:
    return [child.pid for child in psutil.Process().children() if "disposable_child" in " ".join(child.cmdline())]


async def process_of(pool: Disposable) -> int:
    answer, _ = await pool.call({"do": "tell"})
    return int(answer["process"])


def test_bytes_go_and_come_and_the_process_stays() -> None:
    async def test(pool: Disposable) -> None:
        first = await process_of(pool)
        for parts in ([], [b""], [b"a" * 3_000_000, b"\0\xff"]):
            answer, made = await pool.call({"do": "echo", "more": [1, "é"]}, parts)
            assert (answer, made) == ({"more": [1, "é"]}, parts)
        assert await process_of(pool) == first

    run(test)


def test_what_a_library_prints_is_no_answer() -> None:
    async def test(pool: Disposable) -> None:
        assert await pool.call({"do": "print"}) == ({}, [])

    run(test)


def test_a_process_is_replaced_after_some_tasks() -> None:
    async def test(pool: Disposable) -> None:
        seen = [await process_of(pool) for _ in range(4)]
        assert seen[0] == seen[1] != seen[2] == seen[3]

    run(test, tasks=2)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("raise", "an error of the server's own; its log says more under reference"),
        ("exit", "its process has died (status 3)"),
        ("crash", "its process has died (signal 11)"),
        ("garble", "its process"),
        pytest.param("fill", "more than 256 MiB of memory", marks=linux),
    ],
)
def test_a_failure_is_told_and_the_next_task_has_another_process(task: str, words: str) -> None:
    async def test(pool: Disposable) -> None:
        first = await process_of(pool)
        with pytest.raises(TaskFailedError) as caught:
            await pool.call({"do": task})
        assert words in str(caught.value)
        assert "ZeroDivision" not in str(caught.value)
        assert await process_of(pool) != first

    run(test)


@linux
def test_processor_time_is_bounded_for_each_task() -> None:
    async def test(pool: Disposable) -> None:
        # Each of them alone is within the limit.
        for _ in range(4):
            await pool.call({"do": "spin", "seconds": 0.8})
        with pytest.raises(TaskFailedError, match="more than 2 s of processor time"):
            await pool.call({"do": "spin", "seconds": 1000})

    run(test, cpu_seconds=2)


def test_time_is_bounded() -> None:
    async def test(pool: Disposable) -> None:
        await process_of(pool)
        with pytest.raises(TaskFailedError, match="longer than 1 s"):
            await pool.call({"do": "sleep"})
        assert children() == []

    run(test, wall_seconds=1.0)


def test_a_call_that_is_cancelled_ends_its_task() -> None:
    async def test(pool: Disposable) -> None:
        await process_of(pool)
        call = asyncio.create_task(pool.call({"do": "sleep"}))
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(pool.call({"do": "sleep"}))
        await asyncio.sleep(0.2)
        for each in (waiting, call):
            each.cancel()
            with pytest.raises(asyncio.CancelledError):
                await each
        assert children() == []
        await process_of(pool)

    run(test)


def test_too_many_are_told_when_to_come_again() -> None:
    async def test(pool: Disposable) -> None:
        calls = [asyncio.create_task(pool.call({"do": "sleep"})) for _ in range(5)]
        await asyncio.sleep(0.2)
        with pytest.raises(ApiError) as caught:
            await pool.call({"do": "tell"})
        assert caught.value.code.name == "RESOURCE_EXHAUSTED"
        assert caught.value.retry_seconds is not None
        assert "4 tasks wait already; try again in 8 s" in caught.value.message
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await process_of(pool)

    run(test)


@linux
def test_it_ends_with_the_server() -> None:
    script = (
        "import asyncio, os\n"
        "from pullback_server.processes.disposable import Disposable, Limits\n"
        "async def main():\n"
        f"    pool = Disposable('{MODULE}', 'tasks', Limits(1, 1, {256 * MIB}, 60, 60.0, 9))\n"
        "    answer, _ = await pool.call({'do': 'tell'})\n"
        "    print(answer['process'], flush=True)\n"
        "    task = asyncio.create_task(pool.call({'do': 'sleep'}))\n"
        "    await asyncio.sleep(0.2)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )

    async def main() -> int:
        server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        out, _ = await server.communicate()
        return int(out)

    child = asyncio.run(main())
    deadline = time.monotonic() + 30
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert os.getpid() != child
