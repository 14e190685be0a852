"""Progress bars of a notebook: HTML that is replaced as jobs go on, without a widget."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

from pullback_client.jobs.bars import Bar, bar_of
from pullback_client.jobs.events import JobEvent
from pullback_client.text import markup

_PAUSE = 0.25  # seconds between two drawings


def in_notebook() -> bool:
    """Whether this program is a notebook's: IPython is there, and talks to its user through a kernel."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return getattr(shell, "kernel", None) is not None


class NotebookBars:
    """Progress bars in the output of a cell, one for every job."""

    def __init__(self) -> None:
        self._bars: dict[str, Bar] = {}
        self._shown: Any = None
        self._drawn = 0.0

    def __enter__(self) -> NotebookBars:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bars:
            self._draw()

    def __call__(self, event: JobEvent) -> None:
        """Draws an event, unless another one was drawn a moment ago."""
        bar = bar_of(event)
        self._bars[bar.name] = bar
        if bar.ended or time.monotonic() - self._drawn >= _PAUSE:
            self._draw()

    def _draw(self) -> None:
        ipython: Any = importlib.import_module("IPython.display")  # there where `in_notebook` says so
        self._drawn = time.monotonic()
        page = ipython.HTML("".join(_markup(bar) for bar in self._bars.values()))
        if self._shown is None:
            self._shown = ipython.display(page, display_id=True)
        else:
            self._shown.update(page)


def _markup(bar: Bar) -> str:
    words = " ".join(part for part in (bar.description, f"{bar.completed:g}/{bar.total:g}", bar.loss) if part)
    return markup.bar(bar.completed / bar.total if bar.total else None, words)
