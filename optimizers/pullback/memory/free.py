"""Free memory of devices and of this process, as the system tells it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

# Where the system does not tell.
_UNKNOWN = 4 * 2**30


def free_bytes(device: torch.device) -> int:
    """Bytes that this process could still take: on a CPU what is available to it, limits of its group included."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return max(min(_bounds(), default=_UNKNOWN), 0)


def _bounds() -> Iterator[int]:
    if sys.platform == "linux":
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        yield int(fields["MemAvailable"].split()[0]) * 1024
        yield from _room_of_groups()
        yield from _room_of_addresses()
    elif hasattr(os, "sysconf"):
        # What is available is not told; half of the memory is likely to be.
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _room_of_groups() -> Iterator[int]:
    """What control groups leave: those of containers and of service managers."""
    root = Path("/sys/fs/cgroup")
    try:
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return
    group = root / own.removeprefix("0::").strip().lstrip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            return
        try:
            limit = (folder / "memory.max").read_text().strip()
            used = int((folder / "memory.current").read_text())
            kept = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if limit != "max":
            # Files that are kept in memory make way.
            yield int(limit) - used + int(kept.get("inactive_file", 0))


def _room_of_addresses() -> Iterator[int]:
    import resource  # noqa: PLC0415  (not on every system)

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        yield soft - used
