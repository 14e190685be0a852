"""Audit trail: files that are only appended to, one for each month, a line of JSON for each thing that was done."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from pullback_server.store import make_folder

FOLDER = "audit"

# Lines that wait while the disk is full; then the oldest are lost, and how many is said.
_MAX_WAITING = 10_000
_RETRY_SECONDS = 1.0
_STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Trail:
    """Lines in `audit/YYYY-MM.jsonl`, its owner's alone. A thread writes them: nobody waits for the disk.

    A line is on disk within moments; a server that is killed may lose the last ones. No line is ever changed, and no
    file removed, by a server.

    Args:
        data: The data folder.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER
        self._waiting: deque[tuple[str, str]] = deque()
        self._lost = 0
        self._wake = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._write_forever, name="audit", daemon=True)
        self._thread.start()

    def note(self, entry: Mapping[str, str]) -> None:
        """Notes that something was done, now."""
        now = datetime.now(timezone.utc)
        line = json.dumps({"time": now.isoformat(timespec="milliseconds"), **entry}, ensure_ascii=True)
        with self._wake:
            if len(self._waiting) >= _MAX_WAITING:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append((f"{now:%Y-%m}", line))
            self._wake.notify()

    def close(self) -> None:
        """Writes what waits, as far as the disk takes it."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        self._thread.join(_STOP_SECONDS)

    def _write_forever(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._ending)
                lines, lost = list(self._waiting), self._lost
                self._waiting.clear()
                self._lost = 0
            if not lines:
                return
            if lost:
                lines.insert(0, (lines[0][0], json.dumps({"what": "lines that could not be written", "lines": lost})))
            self._insist(lines)

    def _insist(self, lines: list[tuple[str, str]]) -> None:
        """Writes lines, however long the disk does not take them; those that it does not take at the end are lost."""
        told = False
        while True:
            try:
                self._append(lines)
                return
            except OSError as error:
                if not told:
                    _log.error("what was done cannot be written down for now: %s", error)
                told = True
            with self._wake:
                if self._ending:
                    _log.error("%d lines of the audit trail are lost", len(lines))
                    return
                self._wake.wait(_RETRY_SECONDS)

    def _append(self, lines: list[tuple[str, str]]) -> None:
        make_folder(self._folder)
        for month in dict.fromkeys(month for month, _ in lines):
            text = "".join(f"{line}\n" for each, line in lines if each == month)
            path = self._folder / f"{month}.jsonl"
            descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
            try:
                before, left = os.fstat(descriptor).st_size, memoryview(text.encode())
                try:
                    while left:
                        left = left[os.write(descriptor, left) :]
                    os.fsync(descriptor)
                except OSError:
                    # A full disk may have taken a part of it.
                    os.ftruncate(descriptor, before)
                    raise
            finally:
                os.close(descriptor)
