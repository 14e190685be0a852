"""The course of an evolution on the screen: scores by generation, and the best image as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pullback_client.files import write_png
from pullback_client.search.records import GenerationSummary
from pullback_client.search.session import EvolutionSession

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40  # generations in a curve; older ones are left out


class Course:
    """The closed generations of a session, as they come.

    Args:
        session: The session.
        folder: Where the best image so far goes; None = nowhere.
        console: Where lines and tables go.
    """

    def __init__(self, session: EvolutionSession, folder: Path | None, console: Console) -> None:
        self._session = session
        self._folder = folder
        self._console = console
        self._closed: dict[int, list[GenerationSummary]] = {}
        self._best: dict[int, str] = {}
        self._live: Live | None = None

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Draws a table in a terminal while the block runs; elsewhere, a line for every generation is printed."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, get_renderable=self.table, refresh_per_second=4) as self._live:
            yield

    def add(self, summary: GenerationSummary) -> None:
        """Takes a generation that was closed."""
        self._closed.setdefault(summary.thread, []).append(summary)
        self._save_best(summary.thread)
        if self._live is None:
            self._console.print(_line(summary), soft_wrap=True)

    def table(self) -> Table:
        """The threads with their curves of mean scores."""
        table = Table("thread", "generation", "scored", "mean", "best", "mean by generation")
        for thread, summaries in sorted(self._closed.items()):
            last = summaries[-1]
            table.add_row(
                str(thread),
                str(last.generation),
                f"{last.scored}/{last.images}",
                _number(last.mean_score),
                _number(last.best_score),
                sparkline([summary.mean_score for summary in summaries[-_WIDTH:]]),
            )
        return table

    def _save_best(self, thread: int) -> None:
        if self._folder is None:
            return
        best = self._session.best(thread)
        if best is not None and self._best.get(thread) != best.image_id:
            self._best[thread] = best.image_id
            single = len(self._session.last_status.threads) == 1
            write_png(self._folder / ("best.png" if single else f"best-{thread}.png"), best.image)


def course_files(folder: Path) -> list[Path]:
    """The best images that are in a folder, or may come to be: of one thread, and of each of several."""
    return [folder / "best.png", *sorted(folder.glob("best-[0-9]*.png"))]


def sparkline(values: list[float | None]) -> str:
    """A curve of eight heights; a gap where there is no value."""
    known = [value for value in values if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return "".join(
        " " if value is None else _BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0]
        for value in values
    )


def _line(summary: GenerationSummary) -> str:
    return (
        f"thread {summary.thread}, generation {summary.generation}: mean {_number(summary.mean_score)}, "
        f"best {_number(summary.best_score)} ({summary.scored} of {summary.images} images scored)"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
