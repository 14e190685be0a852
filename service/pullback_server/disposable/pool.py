"""The disposable processes of a server: a few, kept while they behave, replaced when they do not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pickle
import signal
import sys
from asyncio.subprocess import PIPE, Process

import grpc

from pullback_server.disposable.process import DONE, FAILED, LENGTH, READY, Limits, Task
from pullback_server.errors import ApiError, unavailable
from pullback_server.executor.sending import weight

# What reading a file may take. Of those that are files at all the largest takes a tenth.
READING = Limits(cpu_seconds=30, memory_bytes=3 * 2**30, wall_seconds=120.0)
# From its start until it has loaded what it needs, on a machine that swaps.
LOADING_SECONDS = 300.0
# Processes at a time; what waits for one; and how long one is kept that nobody needs.
PROCESSES, MAX_WAITING_BYTES, IDLE_SECONDS = 2, 256 * 1024 * 1024, 60.0
AGAIN_SECONDS = 5.0
MAX_ANSWER_BYTES = 1024 * 1024 * 1024
# One thread, and one heap for those that there are all the same: what is only reserved counts as address space too.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}

_log = logging.getLogger(__name__)


class Disposables:
    """Processes for what clients send. Lives on the event loop."""

    def __init__(self) -> None:
        self._idle: list[Process] = []
        self._free = asyncio.Semaphore(PROCESSES)
        self._waiting_bytes = 0

    async def run(self, module: str, *arguments: object, limits: Limits = READING) -> bytes:
        """What `module.run(*arguments)` returns, made in a process that is thrown away where it takes too much.

        Raises:
            ApiError: What the task raises, as a worker would tell it. INVALID_ARGUMENT where it takes more than it may
                or breaks its process; UNAVAILABLE where no process can be had, with when to try again.
        """
        size = weight(arguments)
        if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise unavailable(f"too many files wait to be read; try again in {AGAIN_SECONDS:.0f} s", AGAIN_SECONDS)
        self._waiting_bytes += size
        try:
            async with self._free:
                return await self._run(Task(module, arguments, limits))
        finally:
            self._waiting_bytes -= size

    async def close(self) -> None:
        """Ends the processes that are idle; the others end with their tasks."""
        while self._idle:
            await _end(self._idle.pop())

    async def _run(self, task: Task) -> bytes:
        process = self._idle.pop() if self._idle else await _start()
        behaved = False
        try:
            answer = await _ask(process, task)
            behaved = True
        except ApiError as error:
            behaved = isinstance(error, _ToldError)
            raise
        finally:
            if behaved:
                self._keep(process)
            else:
                await _end(process)
        return answer

    def _keep(self, process: Process) -> None:
        self._idle.append(process)
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._drop, process)

    def _drop(self, process: Process) -> None:
        # It may have been used, and kept, again: then it goes a little early, and another one starts when it is needed.
        if process in self._idle:
            self._idle.remove(process)
            with contextlib.suppress(ProcessLookupError):
                process.kill()


class _ToldError(ApiError):
    """What the task raised; its process is as good as before."""


async def _start() -> Process:
    # Where the server finds its modules, and not in whatever folder it was started.
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from pullback_server.disposable.process import main; main({os.getpid()})"
    )
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdin=PIPE, stdout=PIPE, env={**os.environ, **_ENVIRONMENT}
        )
    except OSError as error:
        _log.error("no process can be started to read a file: %s", error)
        raise unavailable(
            f"no process can be started to read the file ({error}); try again in {AGAIN_SECONDS:.0f} s", AGAIN_SECONDS
        ) from None


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _ask(process: Process, task: Task) -> bytes:
    assert process.stdin is not None  # noqa: S101  (asked for)
    content = pickle.dumps(task)
    try:
        process.stdin.write(LENGTH.pack(len(content)) + content)
        kind, said = await asyncio.wait_for(_read(process), LOADING_SECONDS)
        if kind == READY:
            kind, said = await asyncio.wait_for(_read(process), task.limits.wall_seconds)
    except asyncio.TimeoutError:
        raise unavailable(
            f"reading it was not done after {task.limits.wall_seconds:.0f} s; "
            f"try again in {AGAIN_SECONDS:.0f} s, when less goes on",
            AGAIN_SECONDS,
        ) from None
    except (asyncio.IncompleteReadError, ConnectionError):
        raise _broken(await process.wait(), task.limits) from None
    if kind == DONE:
        return said
    if kind != FAILED:
        raise ApiError(grpc.StatusCode.INTERNAL, "the process that read it spoke nonsense")
    failure = json.loads(said)
    if failure["memory"]:
        raise _too_large(task.limits)
    code = next(code for code in grpc.StatusCode if code.value[0] == failure["code"])
    raise _ToldError(code, str(failure["message"]))


async def _read(process: Process) -> tuple[bytes, bytes]:
    assert process.stdout is not None  # noqa: S101  (asked for)
    kind = await process.stdout.readexactly(1)
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    if length > MAX_ANSWER_BYTES:
        raise ApiError(grpc.StatusCode.INTERNAL, f"the process that read it answers with {length} bytes")
    return kind, await process.stdout.readexactly(length)


def _broken(exit_code: int, limits: Limits) -> ApiError:
    """Why a process ended in the middle of its task."""
    if sys.platform != "win32" and exit_code == -signal.SIGXCPU:
        return ApiError(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"reading it took more than {limits.cpu_seconds} s of processor time, which no sound file does; "
            "write the file anew, with nothing but what its format asks for",
        )
    if sys.platform != "win32" and exit_code == -signal.SIGKILL:
        return unavailable(
            f"the process that read it was killed, as the system does when memory runs out; "
            f"try again in {AGAIN_SECONDS:.0f} s",
            AGAIN_SECONDS,
        )
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return ApiError(
        grpc.StatusCode.INVALID_ARGUMENT, f"reading it broke the process that did ({how}): the file is damaged"
    )


def _too_large(limits: Limits) -> ApiError:
    return ApiError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"reading it takes more than {limits.memory_bytes / 2**30:.0f} GiB of memory, which no sound file does; "
        "write the file anew, with nothing but what its format asks for",
    )
