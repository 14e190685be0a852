"""Course of an evolution: on the screen, and as files that are there while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.live import Live
from rich.table import Table

from pullback_client.files.atomic import write_bytes, write_json, write_png
from pullback_client.search import curve
from pullback_client.search.curve import Point
from pullback_client.search.generation_sheet import generation_sheet
from pullback_client.search.records import GenerationSummary, SessionEvent
from pullback_client.search.session import EvolutionSession

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40  # generations in a curve; older ones are left out


class Course:
    """The closed generations of a session, as they come.

    In the folder are, from the first closed generation on, each replaced as a whole with every further one:
    `best.png`, the best image so far; `live.png`, the latest generation's images, the best first; `curve.csv` and
    `curve.png`, the scores by generation. Of several threads, `best-0.png`, `live-0.png` and so on. `session.json` says
    from the beginning whose they are.

    Args:
        session: The session.
        folder: Where the files go; None = nowhere.
        console: Where lines and tables go.
    """

    def __init__(self, session: EvolutionSession, folder: Path | None, console: Console) -> None:
        self._session = session
        self._folder = folder
        self._console = console
        settings = session.last_status.settings["threads"]
        self._minimize = {number: bool(thread.get("minimize")) for number, thread in enumerate(settings)}
        self._points: dict[int, list[Point]] = {}
        self._best: dict[int, str] = {}
        self._live: Live | None = None
        self._files: set[Path] = set()

    @property
    def files(self) -> frozenset[Path]:
        """The files that were written."""
        return frozenset(self._files)

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Draws a table in a terminal while the block runs; elsewhere, a line for every generation is printed."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, get_renderable=self.table, refresh_per_second=4) as self._live:
            yield

    def recall(self, events: Iterable[SessionEvent], *, told: bool) -> None:
        """Takes the generations that were closed before.

        Args:
            events: What has happened in the session.
            told: Whether a line is printed for each of them.
        """
        for event in events:
            if event.kind == "generation_closed" and event.generation is not None:
                self._add(event.generation, told=told)
        for thread in self._points:
            self._write(thread)

    def add(self, summary: GenerationSummary) -> None:
        """Takes a generation that was closed."""
        self._add(summary, told=True)
        self._write(summary.thread)

    def table(self) -> Table:
        """The threads with their curves of mean scores."""
        table = Table("thread", "generation", "scored", "mean", "best of it", "best so far", "mean by generation")
        for thread, points in sorted(self._points.items()):
            last = points[-1]
            summary = last.summary
            table.add_row(
                str(thread),
                str(summary.generation),
                f"{summary.scored}/{summary.images}",
                _number(summary.mean_score),
                _number(summary.best_score),
                _number(last.best_score),
                sparkline([point.summary.mean_score for point in points[-_WIDTH:]]),
            )
        return table

    def _add(self, summary: GenerationSummary, *, told: bool) -> None:
        points = self._points.setdefault(summary.thread, [])
        last = points[-1] if points else None
        points.append(curve.following(last, summary, minimize=self._minimize[summary.thread]))
        if told and self._live is None:
            self._console.print(_line(points[-1]), soft_wrap=True, highlight=False)

    def _write(self, thread: int) -> None:
        if self._folder is None:
            return
        point = self._points[thread][-1]
        if not self._files:
            # Whoever goes on with the session after an interruption finds whose folder this is.
            self._files.add(self._folder / "session.json")
            write_json(self._folder / "session.json", self._session.last_status.provenance)
        everything = [each for number in sorted(self._points) for each in self._points[number]]
        self._keep(self._folder / "curve.csv", curve.table(everything))
        self._draw(self._folder / "curve.png", curve.drawing(dict(sorted(self._points.items()))))
        if point.best_image_id and self._best.get(thread) != point.best_image_id:
            self._draw(self._path(self._folder, "best", thread), self._session.image(point.best_image_id))
            self._best[thread] = point.best_image_id
        record = self._session.generation(thread, point.summary.generation)
        sheet = generation_sheet(point, record, self._session.image, minimize=self._minimize[thread])
        self._draw(self._path(self._folder, "live", thread), sheet)

    def _path(self, folder: Path, name: str, thread: int) -> Path:
        return folder / _of_thread(name, thread, len(self._minimize))

    def _keep(self, path: Path, data: bytes) -> None:
        write_bytes(path, data)
        self._files.add(path)

    def _draw(self, path: Path, image: Image.Image) -> None:
        write_png(path, image)
        self._files.add(path)


def course_files(folder: Path) -> list[Path]:
    """The files of a course that are in a folder, or may come to be: of one thread, and of each of several."""
    alone = [folder / name for name in ("best.png", "live.png", "curve.csv", "curve.png")]
    return [*alone, *sorted(folder.glob("best-[0-9]*.png")), *sorted(folder.glob("live-[0-9]*.png"))]


def sparkline(values: list[float | None]) -> str:
    """A curve of eight heights; a gap where there is no value."""
    known = [value for value in values if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return "".join(
        " " if value is None else _BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0]
        for value in values
    )


def _of_thread(name: str, thread: int, threads: int) -> str:
    return f"{name}.png" if threads == 1 else f"{name}-{thread}.png"


def _line(point: Point) -> str:
    summary = point.summary
    return (
        f"thread {summary.thread}, generation {summary.generation}: mean {_number(summary.mean_score)}, "
        f"best {_number(summary.best_score)}, best so far {_number(point.best_score)} "
        f"({summary.scored} of {summary.images} images scored)"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
