"""Geodesics beside great circles: how long they are in image distance, how even, and how far from the prior."""

from __future__ import annotations

import numpy as np
import torch
from reporting import QUICK, Figure, Report

from pullback import distances, generators
from pullback.directions.traversals import Walk, even_steps, frame_distances
from pullback.directions.traversals.between import geodesic, great_circle
from pullback.directions.traversals.between.ends import Ends
from pullback.distances import Distance
from pullback.generators import Generator

PAIRS = 4 if QUICK else 20
# Frames by which a way is measured: their chords are its length to a percent.
FINE = 65


def measured(generator: Generator, distance: Distance, walk: Walk) -> tuple[float, float]:
    """The length of a way in √D, and how uneven its frames are: standard deviation over mean of their gaps."""
    gaps = frame_distances(generator, distance, walk).sqrt()
    return float(gaps.sum()), float(gaps.std(correction=0) / gaps.mean())


def bench_geodesics(report: Report, name: str, space: str) -> None:
    """Ways between draws of the prior."""
    torch.set_num_threads(1)
    generator, distance = generators.load(name), distances.load()
    rows = []
    for seed in range(PAIRS):
        start, end = generator.space(space).sample(2, seed)
        ends = Ends(start, end, space)
        short = geodesic(generator, distance, ends, FINE)
        circle = great_circle(ends, even_steps(0.0, 1.0, FINE))
        norms = torch.linalg.vector_norm(short.latents, dim=1)
        rows.append([*measured(generator, distance, short), *measured(generator, distance, circle), *norms.aminmax()])
    lengths, uneven, circles, uneven_circles, least, greatest = np.array(rows, dtype=float).T
    ratio = float((lengths / circles).mean())
    detail = (
        f"mean of {PAIRS} pairs, {(lengths / circles).min():.3f} to {(lengths / circles).max():.3f}; unevenness "
        f"{uneven.mean():.3f} / {uneven_circles.mean():.3f}; ‖{space}‖ from {least.min():.1f} to {greatest.max():.1f}"
    )
    report.add(
        Figure(f"{name}, {space}: length of the geodesic / of the great circle", ratio, "≤ 0.9", ratio <= 0.9, detail)
    )
