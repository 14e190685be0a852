"""Files that the Ponce laboratory's analyses read afterwards: what the threads are, and every generation's scores."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from pullback_client.bridge.layout import SCORES_RECORD, SPACE_OPTS
from pullback_client.files.atomic import write_bytes
from pullback_client.search.history import SessionHistory
from pullback_client.search.records import SessionStatus

_FIELDS = ("name", "generator", "space", "optimizer", "population", "minimize")


def write_space_opts(folder: Path, status: SessionStatus) -> None:
    """Writes `space_opts`, a struct array of the threads, 1 × threads, atomically.

    Args:
        folder: Where to.
        status: The session.
    """
    threads = status.settings["threads"]
    options = np.zeros((1, len(threads)), dtype=[(name, object) for name in _FIELDS])
    for number, thread in enumerate(threads):
        method = thread["optimizer"]["method"].removeprefix("SEARCH_METHOD_").lower()
        generator = status.generators[number]
        options[0, number] = (
            f"{generator} {thread['space']} {method}",
            generator,
            thread["space"],
            method,
            float(thread["optimizer"].get("population", np.nan)),
            bool(thread.get("minimize")),
        )
    _write(folder / SPACE_OPTS, {"space_opts": options})


def write_scores_record(folder: Path, history: SessionHistory) -> None:
    """Writes the cell arrays `scores_record`, `ids_record` and `codes_record`, generations × threads, atomically.

    Row 1 is generation 0. A cell of a generation that a thread has not reached is empty.

    Args:
        folder: Where to.
        history: Everything the session knows.
    """
    shape = (
        max((each.summary.generation + 1 for each in history.generations), default=0),
        len(history.status.threads),
    )
    scores, ids, codes = (_cells(shape) for _ in range(3))
    for each in history.generations:
        place = each.summary.generation, each.summary.thread
        scores[place] = each.scores.reshape(-1, 1)
        codes[place] = each.latents
        ids[place] = np.array(each.image_ids, object).reshape(-1, 1)
    _write(folder / SCORES_RECORD, {"scores_record": scores, "ids_record": ids, "codes_record": codes})


def _cells(shape: tuple[int, int]) -> Any:
    cells = np.empty(shape, object)
    for place in np.ndindex(shape):
        cells[place] = np.empty((0, 0))
    return cells


def _write(path: Path, content: dict[str, Any]) -> None:
    from scipy.io import savemat  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `bridge` extra)

    buffer = io.BytesIO()
    savemat(buffer, content)
    write_bytes(path, buffer.getvalue())
