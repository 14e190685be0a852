"""Disposable process from within: does one task after the other, each within its limits.

`python -m pullback_server.processes.disposable_child MODULE`, where `MODULE.work` takes and gives a header and bytes.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from pullback_server.error_texts import unforeseen
from pullback_server.processes.frames import BrokenFrameError, Header, pack, read_frame
from pullback_server.processes.lifeline import end_with_parent
from pullback_server.watching.logs import configure

MEMORY, CPU, PARENT = "memory_bytes", "cpu_seconds", "parent"
FAILED, OUT_OF_MEMORY = "failed", "out of memory"
# What a task may be given.
MAX_TASK_BYTES = 256 * 1024 * 1024

_log = logging.getLogger(__name__)


class Work(Protocol):
    """What a disposable process does."""

    def __call__(self, header: Header, parts: Sequence[bytes]) -> tuple[Header, Sequence[bytes]]:
        """Does one task; what it raises is logged, and told as the task's failure without a word of it."""
        ...


def main(arguments: Sequence[str]) -> None:
    """Serves until the other side closes."""
    configure(logging.WARNING, f"disposable {arguments[0].rpartition('.')[0].rpartition('.')[2]}", "%(message)s")
    # Ctrl-C is the server's, which ends this process when it needs it no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not stand among the answers.
    os.dup2(2, 1)
    settings, _ = read_frame(tasks.read, 0)
    end_with_parent(settings[PARENT])
    work: Work = importlib.import_module(arguments[0]).work
    _limit_memory(settings[MEMORY])
    _answer(answers, {"ready": True}, ())
    while True:
        try:
            header, parts = read_frame(tasks.read, MAX_TASK_BYTES)
        except BrokenFrameError:
            return
        _limit_cpu(settings[CPU])
        try:
            answer, made = work(header, parts)
        except MemoryError:
            answer, made = {FAILED: OUT_OF_MEMORY}, ()
        except Exception as error:
            answer, made = {FAILED: unforeseen()}, ()
            _log.error("a disposable process failed: %s", answer[FAILED], exc_info=error)
        del parts
        _answer(answers, answer, made)


def _answer(answers: BinaryIO, header: Header, parts: Sequence[bytes]) -> None:
    for piece in pack(header, parts):
        answers.write(piece)
    answers.flush()


def _limit_memory(more: int) -> None:
    """Lets the process have so many bytes more than it has now."""
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415  (not on every system)

    now = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))
    # A crash is told by its signal; the memory of somebody's photograph is not to be left on the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(seconds: int) -> None:
    """Has the process killed after so many seconds of processor time from now."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  (not on every system)

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
