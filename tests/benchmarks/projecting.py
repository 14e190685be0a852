"""Projection with noise maps: the preset of NVIDIA's projector in w+, along the axes of the metric and without them.

`PROJECTOR_STEPS=300` takes so many updates.
"""

from __future__ import annotations

import os
from pathlib import Path

import photographs
from pairs import compare
from reporting import QUICK, Figure, Report
from sheets import save_sheet

from pullback import distances, generators
from pullback.geometry import Eigenbasis, global_metric
from pullback.inversion import PRESETS, InversionResult, Problem, invert

NAME, SIDE = "faces32", 32
TARGETS = 4 if QUICK else 12
# The ramps are shares of the updates, so that the preset means the same for a tenth of its 1,000.
STEPS = int(os.environ.get("PROJECTOR_STEPS", "60" if QUICK else "100"))
# As many probes as the server's.
SAMPLES = 2_000


def bench_projector(report: Report, out: Path) -> None:
    """Distances after equal evaluations from the same starts, under the same noise on latents."""
    preset, generator = PRESETS["projector"], generators.load(NAME)
    guide = preset.distance_for(SIDE)
    distance = distances.load(guide)
    preconditioner = distances.load(distances.entry(guide).preconditioner)
    basis = global_metric(generator, preconditioner, "w+" if preset.own_axes else "w", samples=SAMPLES)
    targets = photographs.faces(TARGETS, SIDE)

    def project(method: str, eigenbasis: Eigenbasis | None = None) -> InversionResult:
        problem = Problem(generator, distance, "w+", targets, weights=preset.weights, noise_maps=preset.noise_maps)
        return invert(problem, method, preset=preset.name, eigenbasis=eigenbasis, steps=STEPS)

    plain, along = project("adam"), project("hessian_adam", basis)
    found = compare(along.distances.numpy(), plain.distances.numpy())
    evaluations = int(along.evaluations.max())
    detail = (
        f"{evaluations} evaluations each; {along.distances.mean():.4f} / {plain.distances.mean():.4f}; {found}; "
        f"plain's end is reached after {_reached(along, plain):.0f} of {evaluations}, median"
    )
    name = f"{NAME}, w+ with noise under the projector preset: hessian_adam / adam, distance"
    report.add(Figure(name, found.ratio, "< 1, p < 1e-2", found.ratio < 1 and found.p < 1e-2, detail))
    save_sheet([targets, plain.images, along.images], out / "projector.png")


def _reached(along: InversionResult, plain: InversionResult) -> float:
    """The median number of evaluations after which one has reached the other's end; more than all where it has not."""
    best = along.trace_distance[:, 0].cummin(dim=1).values
    below = best <= plain.distances[:, None]
    return float((~below).sum(dim=1).add(1).float().median())
