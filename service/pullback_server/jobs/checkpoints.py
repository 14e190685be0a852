"""Checkpoints of jobs: the folder in which workers write them, and what is left there by a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pullback_server.store import JobState, UnreadableError, make_folder, move_aside

_SUFFIX = ".safetensors"

_log = logging.getLogger(__name__)


class Checkpoints:
    """The folder of the checkpoints of all jobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder)

    def path(self, job: str) -> Path:
        """Where a job's checkpoint is, or will be."""
        return self._folder / f"{job}{_SUFFIX}"

    def discard(self, job: str) -> None:
        """Removes a job's checkpoint, if there is one; where that fails, the next sweep does it.

        With it goes what a worker that was killed in the middle of writing has left.
        """
        path = self.path(job)
        try:
            for each in (path, *self._folder.glob(f".{path.name}.*")):
                each.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the checkpoint of job %s stays until the next start: %s", job, error)

    def sweep(self, state: Callable[[str], JobState | None]) -> None:
        """Removes what a crash left behind, and moves aside the checkpoints of jobs that nobody knows.

        Only while no worker is at work.

        Args:
            state: Tells where a job stands; None where there is no such job.
        """
        try:
            strangers = [path for path in sorted(self._folder.iterdir()) if self._is_stranger(path, state)]
        except OSError as error:
            _log.warning("what an earlier server left of checkpoints stays until the next start: %s", error)
            return
        if strangers:
            kept = move_aside(self._folder, strangers)
            _log.warning("%d checkpoints are of jobs that the database does not know: see %s", len(strangers), kept)

    def _is_stranger(self, path: Path, state: Callable[[str], JobState | None]) -> bool:
        """Whether a file is of a job that nobody knows; one that is of no use any more is removed."""
        if path.suffix != _SUFFIX:
            if path.name.startswith(".") and _SUFFIX in path.name:
                # A crash in the middle of writing.
                path.unlink(missing_ok=True)
            return False
        try:
            found = state(path.stem)
        except (UnreadableError, ValueError):
            # Its entry is damaged: what there is of it stays.
            return False
        if found is not None and found.ended:
            path.unlink(missing_ok=True)
        return found is None
