"""Log of the bridge: every line that it said, with its time, in a file of the folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from pullback_client.bridge.layout import LOG


class Log:
    """Appends lines to the log, and hands them on.

    Args:
        folder: The folder.
        report: Called with every line.
        now: The time of day.
    """

    def __init__(
        self,
        folder: Path,
        report: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc).astimezone(),
    ) -> None:
        self._path = folder / LOG
        self._report = report
        self._now = now
        self._trouble = ""

    def __call__(self, line: str) -> None:
        """Says a line. A log that cannot be written, as on a full disk, ends nothing, and is told once."""
        self._report(line)
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{self._now().isoformat(timespec='seconds')} {line}\n")
        except OSError as error:
            if (trouble := error.strerror or str(error)) != self._trouble:
                self._trouble = trouble
                self._report(f"{self._path} cannot be written: {trouble}; what is said is not kept there")
        else:
            self._trouble = ""
