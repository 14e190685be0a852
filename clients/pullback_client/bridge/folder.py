"""Folder that bridge and rig share: what lies in it, and when a file of it is whole."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pullback_client.bridge.layout import SUFFIXES
from pullback_client.bridge.score_files import Reading, read
from pullback_client.bridge.score_files.scores import ScoreFile, UnreadableError

SETTLING = 0.5
"""Seconds for which a score file must not have changed before it is read, as XDream waits."""

SETTLE = 10.0
"""Seconds without a change after which a score file is taken for finished, though rows are missing."""

COARSE = 2.5
"""Seconds after which a file that is changed surely has another time: those of FAT are even seconds."""

POLL = 0.1
"""Seconds between two looks into the folder."""

_ALIKE = "csv|tsv|txt|xlsx?|mat|h5|hdf5|npy|npz|json"  # in which rigs keep scores
_BLOCK = re.compile(r"block(\d+)[._]", re.IGNORECASE)


def last_block(folder: Path) -> int | None:
    """The highest block number in the names of a folder's files; None where there is none."""
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _BLOCK.match(path.name))]
    return max(numbers, default=None)


def _names(block: int) -> set[str]:
    return {f"block{block:03d}{suffix}" for suffix in SUFFIXES}


class Candidate(NamedTuple):
    """A score file that can be read.

    Attributes:
        scores: What it says.
        unchanged: For how many seconds it has not changed.
    """

    scores: ScoreFile
    unchanged: float


@dataclass
class _Seen:
    """A file as it lies there: its size and time, since when they are so, and for how long when it was read."""

    signature: tuple[int, int]
    since: float
    scores: ScoreFile | None = None
    read: float = 0.0
    said: bool = False
    refused: bool = False


class LateScores:
    """Notices score files of a block that are written after it was ended, since they are told no more.

    Args:
        folder: The folder.
        block: Number of the block, whose files are as they were told.
    """

    def __init__(self, folder: Path, block: int) -> None:
        self._folder = folder
        self._names = _names(block)
        self._known = self._lying()

    def written(self) -> list[Path]:
        """The files that were written since this was last asked."""
        lying = self._lying()
        new = [path for path, signature in lying.items() if self._known.get(path) != signature]
        self._known = lying
        return new

    def _lying(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in sorted(self._folder.iterdir()):
            if path.name.lower() in self._names:
                # Gone again, or locked by its writer.
                with contextlib.suppress(OSError):
                    status = path.stat()
                    found[path] = (status.st_size, status.st_mtime_ns)
        return found


class ScoreWatch:
    """Watches for the score file of a block. What else lies in the folder is ignored.

    Args:
        folder: The folder.
        block: Number of the block.
        reading: How its score files are read.
        settle: Seconds without a change after which a file that cannot be read is taken for broken.
        clock: Seconds that only rise.
        report: Called with a line for people about a file that cannot be used, once for every version of it.
    """

    def __init__(
        self,
        folder: Path,
        block: int,
        reading: Reading,
        settle: float,
        clock: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._names = _names(block)
        self._alike = re.compile(rf"block[ _-]?0*{block}\.({_ALIKE})", re.IGNORECASE)
        self._said: set[str] = set()
        self._reading = reading
        self._settle = settle
        self._clock = clock
        self._report = report
        self._seen: dict[Path, _Seen] = {}
        self.lying = False
        """Whether any file that may hold scores lay there at the last look, whether it can be read or not."""

    def look(self) -> list[Candidate]:
        """The score files that have not changed for `SETTLING`, can be read and were not refused.

        Raises:
            FailedPreconditionError: A package that such a file needs is missing.
        """
        now = self._clock()
        # Capitals or not: the rig's program, or its file system, may write names in either.
        lying = sorted(path for path in self._folder.iterdir() if self._alike.fullmatch(path.name))
        paths = [path for path in lying if path.name.lower() in self._names]
        others = [path.name for path in lying if path not in paths]
        self.lying = bool(paths or others)
        # A rig whose files are called otherwise waits for the bridge, and the bridge for the rig.
        for name in others:
            if name not in self._said:
                self._said.add(name)
                self._report(f"{name} is not read: expected {', '.join(sorted(self._names))}")
        candidates = [self._candidate(path, now) for path in paths]
        return [candidate for candidate in candidates if candidate is not None]

    def forgive(self) -> None:
        """Looks at the files that were refused again, since more is taken now."""
        self._said.clear()
        for seen in self._seen.values():
            seen.refused = False

    def refuse(self, path: Path, why: str) -> None:
        """Reports what is wrong with a file, which is left as it is and looked at again once it has changed."""
        self._seen[path].refused = True
        self._wait_for_another(why)

    def _candidate(self, path: Path, now: float) -> Candidate | None:
        seen = self._lying(path, now)
        if seen is None or (unchanged := now - seen.since) < SETTLING:
            return None
        # What was read early is read a second time: it may have been written anew since, and keep its size and time.
        if seen.scores is None or seen.read < COARSE <= unchanged:
            try:
                scores = read(path, self._reading)
            except UnreadableError as error:
                # At first it may be half written. It is read again all the same: its writer may hold it locked.
                if unchanged >= self._settle and not seen.said:
                    seen.said = True
                    self._wait_for_another(str(error))
                return None
            if seen.scores is not None and not scores.says_as(seen.scores):
                self._seen[path] = _Seen(seen.signature, now)
                return None
            seen.scores, seen.read = scores, unchanged
        if not seen.scores.values.size and unchanged >= self._settle and not seen.said:
            seen.said = True
            self._wait_for_another(f"{path} has no row yet: expected one for every image")
        return None if seen.refused else Candidate(seen.scores, unchanged)

    def _lying(self, path: Path, now: float) -> _Seen | None:
        try:
            status = path.stat()
        except OSError:  # gone again, or locked by its writer
            return None
        signature = (status.st_size, status.st_mtime_ns)
        seen = self._seen.get(path)
        if seen is None or seen.signature != signature:
            seen = self._seen[path] = _Seen(signature, now)
        return seen

    def _wait_for_another(self, why: str) -> None:
        self._report(f"{why}; waiting for it to be written anew")
