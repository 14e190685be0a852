"""Course of a session: of each thread its generations with their scores, and the lines that show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pullback_client.search.history import GenerationRecord
from pullback_client.studio.parts.charts import COLOURS, Line
from pullback_client.wire.codec import Array


@dataclass(frozen=True)
class Image:
    """An image of a generation: its id, and its score, NaN where it has none."""

    image_id: str
    score: float


@dataclass
class Course:
    """What is known of a session's generations.

    Attributes:
        minimize: Of each thread, whether low scores are good ones.
        generations: Of each thread, its generations by their numbers.
    """

    minimize: tuple[bool, ...]
    generations: dict[int, dict[int, GenerationRecord]] = field(default_factory=dict)

    def put(self, records: Iterable[GenerationRecord]) -> None:
        """Notes generations, in the place of what was known of them."""
        for record in records:
            self.generations.setdefault(record.summary.thread, {})[record.summary.generation] = record

    def unknown(self, thread: int, last: int) -> list[int]:
        """The generations of a thread, to the `last`, that are not known yet, or may still have changed."""
        known = self.generations.get(thread, {})
        return [number for number in range(last + 1) if number not in known or known[number].closed is None]

    def last(self, thread: int) -> int | None:
        """Number of the thread's last generation that has scores; None where none has."""
        scored = [number for number, record in self.generations.get(thread, {}).items() if _scores(record).size]
        return max(scored, default=None)

    def ranked(self, thread: int, generation: int) -> list[Image]:
        """The images of a generation, the best first, those without a score last."""
        record = self.generations.get(thread, {}).get(generation)
        if record is None:
            return []
        images = [Image(*pair) for pair in zip(record.image_ids, record.scores.tolist(), strict=True)]
        sign = 1.0 if self.minimize[thread] else -1.0
        return sorted(
            images, key=lambda each: (np.isnan(each.score), 0.0 if np.isnan(each.score) else sign * each.score)
        )

    def lines(self) -> list[Line]:
        """Of each thread the mean of its generations, with one standard deviation around it, and the best so far."""
        lines: list[Line] = []
        several = len(self.minimize) > 1
        for thread, low_is_good in enumerate(self.minimize):
            known = sorted(self.generations.get(thread, {}).items())
            scores = [(float(number), _scores(record)) for number, record in known]
            scores = [(number, found) for number, found in scores if found.size]
            best = (np.minimum if low_is_good else np.maximum).accumulate(
                [found.min() if low_is_good else found.max() for _, found in scores]
            )
            colour = COLOURS[thread % len(COLOURS)]
            of = f" of thread {thread}" if several else ""
            means = [(number, float(found.mean())) for number, found in scores]
            band = [(number, float(s.mean() - s.std()), float(s.mean() + s.std())) for number, s in scores]
            lines.append(Line(f"mean ± SD of a generation{of}", means, colour, band=band))
            so_far = [(number, float(value)) for (number, _), value in zip(scores, best, strict=True)]
            lines.append(Line(f"best so far{of}", so_far, colour, dashed=True))
        return lines


def _scores(record: GenerationRecord) -> Array:
    return record.scores[np.isfinite(record.scores)]
