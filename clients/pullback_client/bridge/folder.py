"""The folder that bridge and rig share: what lies in it, and when a file of it is whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pullback_client.bridge.score_files import READERS, ScoreFile, UnreadableError, read

SETTLING = 0.5
"""Seconds for which a score file must not have changed before it is read."""

POLL = 0.1
"""Seconds between two looks into the folder."""

_PATIENCE = 10.0  # seconds after which an unreadable file is reported, and reported again
_BLOCK = re.compile(r"block(\d+)[._]", re.IGNORECASE)


def last_block(folder: Path) -> int | None:
    """The highest block number in the names of a folder's files; None where there is none."""
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _BLOCK.match(path.name))]
    return max(numbers, default=None)


class ScoreWatch:
    """Waits for the score file of a block. What else lies in the folder is ignored.

    Args:
        folder: The folder.
        block: Number of the block.
        clock: Seconds that only rise.
        report: Called with a line for people about a file that cannot be read.
    """

    def __init__(self, folder: Path, block: int, clock: Callable[[], float], report: Callable[[str], None]) -> None:
        self._folder = folder
        self._names = {f"block{block:03d}{suffix}" for suffix in READERS}
        self._clock = clock
        self._report = report
        # Of each file: size and time of change, and since when they are so.
        self._seen: dict[Path, tuple[tuple[int, int], float]] = {}
        self._unreadable_since: float | None = None

    def look(self) -> ScoreFile | None:
        """The score file, once it has not changed for a while and can be read; None until then."""
        now = self._clock()
        # Whatever the case in which the rig's program, or its file system, writes names.
        for path in sorted(path for path in self._folder.iterdir() if path.name.lower() in self._names):
            if self._settled(path, now):
                try:
                    return read(path)
                except UnreadableError as error:
                    self._tell(error, now)
        return None

    def _settled(self, path: Path, now: float) -> bool:
        try:
            status = path.stat()
        except OSError:  # gone again, or locked by its writer
            return False
        signature = (status.st_size, status.st_mtime_ns)
        seen = self._seen.get(path)
        if seen is None or seen[0] != signature:
            self._seen[path] = (signature, now)
            return False
        return now - seen[1] >= SETTLING

    def _tell(self, error: UnreadableError, now: float) -> None:
        """Reports a file that stays unreadable; at first, it may be half written."""
        if self._unreadable_since is None:
            self._unreadable_since = now
        elif now - self._unreadable_since >= _PATIENCE:
            self._unreadable_since = now
            self._report(f"{error}; waiting for it to be written anew")
