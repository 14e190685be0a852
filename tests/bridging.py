"""A rig that exchanges files with a bridge, and its clock."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pullback_api.v1 import search_pb2
from pullback_client import EvolutionSession
from pullback_client.bridge import Bridge

if TYPE_CHECKING:
    from in_process import InProcessServer

Answer = Callable[[], None]


class Rig:
    """A rig and its clock: what happens in the folder is said step by step, a step for every pause of the bridge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.steps: list[Answer] = []
        self.lines: list[str] = []
        self.pauses = 0

    def bridge(self, session: EvolutionSession, **options: object) -> Bridge:
        return Bridge(
            session, self.folder, report=self.lines.append, clock=lambda: self.now, sleep=self.sleep, **options
        )  # type: ignore[arg-type]

    def seconds(self, count: float) -> list[Answer]:
        """Steps in which so many seconds pass, at the bridge's ten looks a second."""
        return [lambda: None] * round(10 * count)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()
            return
        self.pauses += 1
        # No OSError, of which a bridge thinks that it will pass.
        assert self.pauses <= 300, "the bridge waits for ever"

    def waiting(self, block: int = 0) -> str:
        """The line that says what a block waits for."""
        (line,) = [line for line in self.lines if line.startswith(f"block {block}: waiting for")]
        return line

    def images(self, block: int = 0) -> list[str]:
        """Names of a block's images, in the order in which to show them."""
        names = (path.name for path in self.folder.iterdir() if path.suffix in {".png", ".bmp"})
        return sorted(name for name in names if name.startswith(f"block{block:03d}_"))

    def csv(self, block: int = 0, *, names: list[str] | None = None) -> None:
        """Writes the scores of a block: 0, 1, 2 and so on."""
        names = self.images(block) if names is None else names
        lines = ["image_id,score", *(f"{name},{number}" for number, name in enumerate(names))]
        (self.folder / f"block{block:03d}.csv").write_text("\n".join(lines) + "\n")

    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)


class Killed(BaseException):
    """The bridge's process ends here."""


def killed() -> None:
    raise Killed


def told(server: InProcessServer) -> dict[str, search_pb2.TrialReport]:
    return server.told()


def scores(server: InProcessServer) -> list[float | None]:
    """The scores in the order in which the trials were asked; None where there was none."""
    return [report.score if report.HasField("score") else None for _, report in sorted(told(server).items())]


def mat73(ids: list[str], values: object) -> bytes:
    """A file as MATLAB 7.3 writes it: a cell array of strings is references to arrays of code units."""
    h5py = pytest.importorskip("h5py")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        cells = file.create_dataset("stimulusID", (1, len(ids)), dtype=h5py.ref_dtype)
        for number, text in enumerate(ids):
            codes = np.frombuffer(text.encode("utf-16-le"), "<u2")[:, None]
            cells[0, number] = file.create_dataset(f"#refs#/{number}", data=codes).ref
        file["tEvokedResp"] = values
    return buffer.getvalue()
