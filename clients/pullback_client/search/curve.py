"""Curve of an evolution's scores: best so far, as a table and as a drawing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from pullback_client.search.records import GenerationSummary

_FIELDS = (
    "thread",
    "generation",
    "images",
    "scored",
    "dropped",
    "carried",
    "mean_score",
    "best_score",
    "best_image_id",
    "mean_distance",
    "mean_typicality",
    "best_distance",
    "best_typicality",
)
_SIZE, _LEFT, _RIGHT, _TOP, _BOTTOM = (900, 480), 80, 20, 40, 40  # pixels
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
_TICKS = 5


class Point(NamedTuple):
    """A closed generation, and the best image of its thread until then.

    Attributes:
        summary: The generation.
        best_score: The best score of this generation and those before; None while there is none.
        best_image_id: The image that has it; empty likewise.
        best_generation: The generation that it is of; None likewise.
    """

    summary: GenerationSummary
    best_score: float | None
    best_image_id: str
    best_generation: int | None


def following(last: Point | None, summary: GenerationSummary, *, minimize: bool) -> Point:
    """The point of the next generation of a thread; the first of equal scores stays the best.

    Args:
        last: The point of the generation before; None for the first.
        summary: The generation.
        minimize: Whether low scores are good ones.
    """
    score, best = summary.best_score, None if last is None else last.best_score
    if score is not None and (best is None or (score < best if minimize else score > best)):
        return Point(summary, score, summary.best_image_id, summary.generation)
    if last is None:
        return Point(summary, None, "", None)
    return last._replace(summary=summary)


def table(points: Iterable[Point]) -> bytes:
    """The course as CSV, a row for each generation of each thread; an empty cell = none."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FIELDS, "best_score_so_far", "best_image_id_so_far"])
    for point in points:
        values = [getattr(point.summary, name) for name in _FIELDS]
        writer.writerow(["" if value is None else value for value in (*values, point.best_score, point.best_image_id)])
    return text.getvalue().encode()


def drawing(threads: Mapping[int, Sequence[Point]]) -> Image.Image:
    """The course as a picture: of each thread the best so far, thick, the best of each generation and the mean, thin.

    Args:
        threads: The points of each thread, in order.
    """
    picture = Image.new("RGB", _SIZE, "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    points = [point for each in threads.values() for point in each]
    scores = [v for p in points for v in (p.best_score, p.summary.best_score, p.summary.mean_score) if v is not None]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if not high - low > 0:
        # One score all along: a line in the middle.
        margin = abs(low) or 1.0
        low, high = low - margin, high + margin
    last = max((point.summary.generation for point in points), default=0)
    width, height = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM

    def place(generation: float, score: float) -> tuple[float, float]:
        share = (score / 2 - low / 2) / (high / 2 - low / 2)  # halves: their difference is a number, too
        return _LEFT + width * generation / max(last, 1), _TOP + height * (1 - share)

    for tick in range(_TICKS):
        score = low * (1 - tick / (_TICKS - 1)) + high * tick / (_TICKS - 1)
        x, y = place(0, score)
        pen.line([(x, y), (x + width, y)], fill="#dddddd")
        pen.text((x - 6, y), f"{score:.4g}", fill="black", font=font, anchor="rm")
    for generation in range(0, last + 1, max(1, math.ceil(last / 10))):
        pen.text((place(generation, low)[0], _TOP + height + 8), str(generation), fill="black", font=font, anchor="ma")
    pen.text((_SIZE[0] / 2, _SIZE[1] - 4), "generation", fill="black", font=font, anchor="md")
    pen.text((_LEFT, 8), "score: best so far (thick), best and mean of each generation", fill="black", font=font)
    for thread, course in threads.items():
        colour = _COLOURS[thread % len(_COLOURS)]
        curves = (
            (3, [point.best_score for point in course]),
            (1, [point.summary.best_score for point in course]),
            (1, [point.summary.mean_score for point in course]),
        )
        for thickness, values in curves:
            line = [
                place(point.summary.generation, value)
                for point, value in zip(course, values, strict=True)
                if value is not None
            ]
            pen.line(line, fill=colour, width=thickness)
            for x, y in line:
                pen.ellipse([x - thickness, y - thickness, x + thickness, y + thickness], fill=colour)
        if len(threads) > 1:
            pen.text((_SIZE[0] - _RIGHT - 70 * (len(threads) - thread), 8), f"thread {thread}", fill=colour, font=font)
    return picture
