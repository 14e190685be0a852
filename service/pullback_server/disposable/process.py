"""A disposable process: runs one task after another within limits, and says what came of each.

It is spoken to over its standard input and output: a number of bytes and so many bytes, each way. What it is told is
pickled; what it says never is, for whatever it has read may have taken it over.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from pullback_server.processes.lifeline import end_with_parent

if sys.platform != "win32":
    import resource

# What its messages begin with.
READY, DONE, FAILED = b"r", b"d", b"f"
LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Limits:
    """What a task may take.

    Attributes:
        cpu_seconds: Processor time, once what the task needs is loaded.
        memory_bytes: Address space, beyond what the process has by then.
        wall_seconds: Time by the clock, as the server's side keeps it.
    """

    cpu_seconds: int
    memory_bytes: int
    wall_seconds: float


@dataclass(frozen=True)
class Task:
    """What is to be done: `run(*arguments)` of a module, after its `prepare(*arguments)`.

    Attributes:
        module: Full name of the module.
        arguments: The arguments of both.
        limits: What `run` may take.
    """

    module: str
    arguments: tuple[Any, ...]
    limits: Limits


def main(server: int) -> None:
    """Does what comes until the server is gone.

    Args:
        server: Process id of the server.
    """
    end_with_parent(server)
    # Ctrl-C reaches the whole process group; the server alone decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever a library prints is no answer.
    os.dup2(2, 1)
    while head := tasks.read(LENGTH.size):
        task: Task = pickle.loads(tasks.read(*LENGTH.unpack(head)))  # noqa: S301  (the server's own words)
        _answer(answers, *_done(task, answers))


def _done(task: Task, answers: BinaryIO) -> tuple[bytes, bytes]:
    # Loaded late: what a task needs is known only now.
    from pullback_server.worker.failures import describe, is_out_of_memory  # noqa: PLC0415

    try:
        module: ModuleType = import_module(task.module)
        module.prepare(*task.arguments)
        _answer(answers, READY, b"")
        with _limited(task.limits):
            return DONE, module.run(*task.arguments)
    except Exception as error:
        failure = describe(error)
        said = {"code": failure.code, "message": failure.message, "memory": is_out_of_memory(error)}
        return FAILED, json.dumps(said).encode()


def _answer(answers: BinaryIO, kind: bytes, content: bytes) -> None:
    answers.write(kind + LENGTH.pack(len(content)) + content)
    answers.flush()


@contextmanager
def _limited(limits: Limits) -> Iterator[None]:
    """Has the kernel end this process, or refuse it memory, where it takes more."""
    if sys.platform == "win32":
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = {
        # The clock of the limit counts whole seconds.
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_seconds,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most[resource.RLIMIT_AS] = pages * resource.getpagesize() + limits.memory_bytes
    before = {kind: resource.getrlimit(kind) for kind in most}
    for kind, value in most.items():
        hard = before[kind][1]
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    try:
        yield
    finally:
        for kind, pair in before.items():
            resource.setrlimit(kind, pair)
