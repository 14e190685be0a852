"""Memory of a server and its disposable processes, as Linux sees it."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import psutil


def memory_of(process: psutil.Process) -> int:
    """Bytes of a server and of its disposable processes; of pages that several have, each its share (PSS)."""
    total = _proportional(process.pid)
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "disposable_child" in " ".join(child.cmdline()):
                total += _proportional(child.pid)
    return total


def _proportional(pid: int) -> int:
    """Bytes of a process, of shared pages its share (PSS)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
