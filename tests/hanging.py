"""A worker that hangs in C, with the interpreter's lock: brought about from outside, by a signal."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from live_server import LiveServer

# Every process of the server runs it as it starts.
_CUSTOMIZE = """
import os, signal

def hang(*_):
    sum(range(int(os.environ["HANG_STEPS"])))
    open(os.environ["HANG_OVER"], "w").close()

signal.signal(signal.SIGUSR1, hang)
"""
SECONDS, FOR_EVER = 4 * 10**8, 10**13
"""Steps of some seconds, and of months."""


def environment_to_hang(folder: Path, steps: int) -> dict[str, str]:
    """What a server needs so that `hang` works.

    Args:
        folder: For files of this.
        steps: How long it hangs: some hundred million take seconds.
    """
    (folder / "sitecustomize.py").write_text(_CUSTOMIZE, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return {"PYTHONPATH": path, "HANG_STEPS": str(steps), "HANG_OVER": str(folder / "over")}


def hang(server: LiveServer) -> Path:
    """Has a server's worker hang; returns a file that is there once it goes on."""
    os.kill(server.worker.pid, signal.SIGUSR1)
    return Path(server.environment["HANG_OVER"])
