"""Disposable processes: limits that hold, whatever a task does, and the next task that finds a process all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from pullback_server.disposable.pool import Disposables
from pullback_server.disposable.process import Limits
from pullback_server.errors import ApiError

if sys.platform != "linux":
    pytest.skip("the kernel's limits are Linux'", allow_module_level=True)

LIMITS = Limits(cpu_seconds=1, memory_bytes=2**30, wall_seconds=60.0)
TASKS = """
import os, signal, sys, time

def prepare(what, *arguments):
    pass

def run(what, *arguments):
    if what == "answer":
        print("noise")
        return b"%d " % os.getpid() + arguments[0]
    if what == "hash":
        key = ()
        for _ in range(60):
            key = (key, key)
        hash(key)
    if what == "memory":
        return bytes(2**31)
    if what == "raise":
        raise ValueError("not a file – at all")
    if what == "sleep":
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "disposable_tasks.py").write_text(TASKS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "disposable_tasks"


def with_disposables(use: Callable[[Disposables], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        disposables = Disposables()
        try:
            await use(disposables)
        finally:
            await disposables.close()
            # Lets the loop hear that their pipes are closed.
            await asyncio.sleep(0.1)

    asyncio.run(main())
    assert not [child for child in psutil.Process().children() if "pullback_server.disposable" in str(child.cmdline())]


def test_one_that_behaves_is_kept_and_one_that_does_not_is_replaced(module: str) -> None:
    async def use(disposables: Disposables) -> None:
        async def answer() -> bytes:
            return (await disposables.run(module, "answer", b"x" * 300_000, limits=LIMITS)).partition(b" ")[0]

        first = await answer()
        with pytest.raises(ApiError, match="ValueError: not a file – at all"):
            await disposables.run(module, "raise", limits=LIMITS)
        assert await answer() == first
        with pytest.raises(ApiError, match=r"broke the process that did \(signal 11\)") as caught:
            await disposables.run(module, "die", limits=LIMITS)
        assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
        assert await answer() != first

    with_disposables(use)


@pytest.mark.parametrize(
    ("what", "reason"),
    [("hash", "took more than 1 s of processor time"), ("memory", "takes more than 1 GiB of memory")],
)
def test_what_takes_too_much_is_the_files_fault(module: str, what: str, reason: str) -> None:
    async def use(disposables: Disposables) -> None:
        for _ in range(2):
            with pytest.raises(ApiError, match=reason) as caught:
                await disposables.run(module, what, limits=LIMITS)
            assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT

    with_disposables(use)


def test_what_never_ends_says_when_to_try_again(module: str) -> None:
    async def use(disposables: Disposables) -> None:
        with pytest.raises(ApiError, match="not done after 1 s") as caught:
            await disposables.run(module, "sleep", limits=Limits(1, 2**30, wall_seconds=1.0))
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE
        assert caught.value.retry_seconds == 5.0

    with_disposables(use)


def test_one_that_is_killed_is_not_the_files_fault(module: str) -> None:
    async def use(disposables: Disposables) -> None:
        running = asyncio.create_task(disposables.run(module, "sleep", limits=LIMITS))
        deadline = time.monotonic() + 60
        while not (found := [each for each in psutil.Process().children() if "disposable" in str(each.cmdline())]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        os.kill(found[0].pid, signal.SIGKILL)
        with pytest.raises(ApiError, match="killed") as caught:
            await running
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE

    with_disposables(use)


def test_who_goes_away_takes_the_process_along(module: str) -> None:
    async def use(disposables: Disposables) -> None:
        running = asyncio.create_task(disposables.run(module, "sleep", limits=LIMITS))
        while not [each for each in psutil.Process().children() if "disposable" in str(each.cmdline())]:
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not [each for each in psutil.Process().children() if "disposable" in str(each.cmdline())]

    with_disposables(use)
