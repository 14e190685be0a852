"""A session as three CSV tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pullback_client.files.atomic import write_bytes
from pullback_client.search.history import SessionHistory

_IMAGES = (
    "image_id",
    "thread",
    "generation",
    "score",
    "origin",
    "parents",
    "opened",
    "closed",
    "distance",
    "typicality",
)
_TRIALS = (
    "trial_id",
    "image_id",
    "thread",
    "generation",
    "repetition",
    "reference",
    "outcome",
    "score",
    "used_score",
    "channel_values",
    "t_onset",
    "note",
    "asked",
    "told",
    "late",
)


FILES = ("images.csv", "codes.csv", "trials.csv")


def write(history: SessionHistory, folder: Path, prefix: str) -> list[Path]:
    """Writes `images.csv`, `codes.csv` (one latent a row) and `trials.csv`, each atomically; returns their paths.

    Lists within a cell have spaces between their entries, times are ISO 8601 in UTC, an empty cell = none.

    Args:
        history: The session.
        folder: Where to.
        prefix: What comes before the files' names.
    """
    width = max((generation.latents.shape[1] for generation in history.generations), default=0)
    tables = (
        (_IMAGES, _images(history)),
        (("image_id", "thread", "generation", *(f"code_{n}" for n in range(width))), _codes(history)),
        (_TRIALS, _trials(history)),
    )
    paths = []
    for name, (header, rows) in zip(FILES, tables, strict=True):
        paths.append(folder / f"{prefix}{name}")
        write_bytes(paths[-1], _table(header, rows))
    return paths


def _images(history: SessionHistory) -> Iterator[list[object]]:
    for generation in history.generations:
        summary = generation.summary
        numbers = (generation.scores, generation.distances, generation.typicalities)
        known = [[None if math.isnan(each) else each for each in column.tolist()] for column in numbers]
        rows = zip(generation.image_ids, generation.origins, *known, strict=True)
        for image_id, origin, score, distance, typicality in rows:
            yield [
                image_id,
                summary.thread,
                summary.generation,
                score,
                origin.kind,
                " ".join(origin.parents),
                generation.opened,
                generation.closed,
                distance,
                typicality,
            ]


def _codes(history: SessionHistory) -> Iterator[list[object]]:
    for generation in history.generations:
        summary = generation.summary
        for image_id, latent in zip(generation.image_ids, generation.latents, strict=True):
            # NumPy's shortest text of a float32 is read back as the same float32.
            yield [image_id, summary.thread, summary.generation, *(str(value) for value in latent)]


def _trials(history: SessionHistory) -> Iterator[list[object]]:
    for trial in history.trials:
        fields = {name: getattr(trial, name) for name in _TRIALS}
        fields["channel_values"] = " ".join(map(repr, trial.channel_values))
        yield list(fields.values())


def _table(header: Sequence[str], rows: Iterable[list[object]]) -> bytes:
    lines = _Lines()
    # A writer quotes what its lines end with: a note with a single return would end its row for who reads it.
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines).encode()


class _Lines(list[str]):
    """What is written, line by line."""

    def write(self, line: str) -> None:
        """Takes a line with its end."""
        self.append(line)


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return int(value)
        case datetime():
            return value.isoformat()
        case _:
            return value
