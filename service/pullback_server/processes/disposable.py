"""Disposable processes: they do what may go wrong, within limits, and are killed where it does.

Untrusted bytes are parsed there. A process takes one task after the other, so that an ordinary one costs no start of a
process, and is replaced after some tasks, and after each failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pullback_server.deadlines import within
from pullback_server.errors import resource_exhausted, unavailable
from pullback_server.processes.disposable_child import CPU, FAILED, MEMORY, OUT_OF_MEMORY, PARENT
from pullback_server.processes.frames import (
    LENGTH_BYTES,
    BrokenFrameError,
    Header,
    length_of_header,
    pack,
    read_header,
)

# Threads would each take a share of the memory that the process may have.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
# Loading torch takes seconds, and minutes on a machine that swaps.
_START_SECONDS = 300.0
# When to try again where no process can be had.
_AGAIN_SECONDS = 5.0
_MAX_ANSWER_BYTES = 256 * 1024 * 1024
# How long a task takes as a rule, to say when there may be room.
_TASK_SECONDS = 2.0

_log = logging.getLogger(__name__)


class TaskFailedError(Exception):
    """A task that went wrong; says what became of its process."""


@dataclass(frozen=True)
class Limits:
    """What the tasks of disposable processes may use.

    Attributes:
        processes: Tasks at a time.
        waiting: Tasks that may wait for a process.
        memory_bytes: Memory of a process, beside what it has when it is ready.
        cpu_seconds: Processor time of a task.
        wall_seconds: Time of a task.
        tasks: After so many a process is replaced.
    """

    processes: int
    waiting: int
    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float
    tasks: int


class Disposable:
    """Processes that do one kind of task.

    Args:
        module: Has the function `work`, see `disposable_child.Work`; should import little.
        what: What a task is, in the plural, for people: `photographs`.
        limits: Of each.
    """

    def __init__(self, module: str, what: str, limits: Limits) -> None:
        self._module = module
        self._what = what
        self._limits = limits
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._places = asyncio.Semaphore(limits.processes)
        self._waiting = 0

    async def call(self, header: Header, parts: Sequence[bytes] = ()) -> tuple[Header, list[bytes]]:
        """Does one task. Where the caller is cancelled, the task ends at once.

        Raises:
            ApiError: RESOURCE_EXHAUSTED where too many wait, UNAVAILABLE where the system has no room for a process;
                both say when to try again.
            TaskFailedError: It went wrong: too long, too much memory, a crash.
        """
        async with self._place():
            process = self._idle.pop() if self._idle else await self._start()
            try:
                answer, made = await process.do(header, parts)
            except BaseException:
                # Whatever it was, the process is of no more use; and a call that is cancelled ends its task.
                await self._end(process)
                raise
            if FAILED in answer:
                await self._end(process)
                raise TaskFailedError(
                    f"it takes more than {self._limits.memory_bytes // 2**20:,} MiB of memory"
                    if answer[FAILED] == OUT_OF_MEMORY
                    else f"it could not be done: {answer[FAILED]}"
                )
            if process.tasks < self._limits.tasks:
                self._idle.append(process)
            else:
                await self._end(process)
            return answer, made

    async def close(self) -> None:
        """Ends all processes."""
        await asyncio.gather(*(self._end(process) for process in list(self._all)))
        self._idle.clear()

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= self._limits.waiting:
            seconds = max(1.0, round(self._waiting * _TASK_SECONDS / self._limits.processes))
            raise resource_exhausted(
                f"{self._waiting:,} {self._what} wait already; try again in {seconds:g} s", seconds
            )
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    async def _start(self) -> _Process:
        process = _Process(self._limits)
        await process.start(self._module)
        self._all.add(process)
        return process

    async def _end(self, process: _Process) -> None:
        self._all.discard(process)
        await process.end()


class _Process:
    """One of the processes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self.tasks = 0

    async def start(self, module: str) -> None:
        """Starts it, and waits until it is ready.

        Raises:
            ApiError: UNAVAILABLE where the system has no room for a process.
            TaskFailedError: It does not get so far.
        """
        # From the event loop's thread, which lives as long as the server: the process ends with it.
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "pullback_server.processes.disposable_child",
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
            )
        except OSError as error:
            # No descriptors, no memory: not the fault of what is to be read.
            raise unavailable(
                f"no process can be started ({error.strerror or error}); try again in {_AGAIN_SECONDS:.0f} s",
                _AGAIN_SECONDS,
            ) from None
        settings = {MEMORY: self._limits.memory_bytes, CPU: self._limits.cpu_seconds, PARENT: os.getpid()}
        try:
            await self._exchange(settings, (), _START_SECONDS)
        except BaseException:
            await self.end()
            raise

    async def do(self, header: Header, parts: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        """Does one task.

        Raises:
            TaskFailedError: The process ended, or took too long.
        """
        self.tasks += 1
        return await self._exchange(header, parts, self._limits.wall_seconds)

    async def end(self) -> None:
        """Kills it, if it still runs."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        assert process.stdin is not None  # noqa: S101  (piped)
        process.stdin.close()
        await asyncio.shield(process.wait())

    async def _exchange(self, header: Header, parts: Sequence[bytes], seconds: float) -> tuple[Header, list[bytes]]:
        try:
            return await within(seconds, self._send_and_receive(header, parts))
        except asyncio.TimeoutError:
            raise TaskFailedError(f"it takes longer than {seconds:.0f} s") from None
        except (BrokenFrameError, asyncio.IncompleteReadError, OSError) as error:
            raise TaskFailedError(await self._described(error)) from None

    async def _send_and_receive(self, header: Header, parts: Sequence[bytes]) -> tuple[Header, list[bytes]]:
        process = self._process
        assert process is not None  # noqa: S101  (started)
        assert process.stdin is not None  # noqa: S101  (piped)
        assert process.stdout is not None  # noqa: S101  (piped)
        for piece in pack(header, parts):
            process.stdin.write(piece)
            await process.stdin.drain()
        read = process.stdout.readexactly
        text = await read(length_of_header(await read(LENGTH_BYTES)))
        answer, sizes = read_header(text, _MAX_ANSWER_BYTES)
        return answer, [await read(size) for size in sizes]

    async def _described(self, error: Exception) -> str:
        """What became of the process."""
        process = self._process
        assert process is not None  # noqa: S101  (started)
        with contextlib.suppress(asyncio.TimeoutError):
            await within(1.0, asyncio.shield(process.wait()))
        status = process.returncode
        if status is None:
            return "its process says what nobody understands"
        if -status == _SIGXCPU:
            return f"it takes more than {self._limits.cpu_seconds} s of processor time"
        _log.warning("a disposable process ended with status %d", status)
        return f"its process has died ({'signal' if status < 0 else 'status'} {abs(status)})"


_SIGXCPU = 24
