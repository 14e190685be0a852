"""`make bench-directions`: what finding directions costs, how evenly walks change images, and what survives them.

Eigenbases are kept in `bench-directions/`, so that a later run begins with them. `QUICK=1` takes fewer latents and
under 5 minutes; GENERATORS asks for other generators; `ONLY=cost,walks,geodesics,energy,frechet,warpage` runs parts of
it. What the figures are paired over stands in their last column.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from breaking import bench_frechet, bench_warpage
from peers import SPACES, eigenbasis_of, peers_of
from reporting import QUICK, Figure, Report
from shortest_ways import bench_geodesics
from torch import Tensor

from pullback import distances, generators
from pullback.directions import DirectionSet, hessian, mapping_basis, mapping_of
from pullback.directions.traversals import even_steps, frame_distances, linear, metric_uniform
from pullback.distances import Distance
from pullback.generators import Generator, StyleGan2
from pullback.geometry import Eigenbasis

GENERATORS = os.environ.get("GENERATORS", ",".join(SPACES)).split(",")
BASES = 5 if QUICK else 40
AXES, STARTS, FRAMES = (3, 2, 9) if QUICK else (10, 6, 17)
# Ends of a walk, in units of the rate at which images change.
REACH = 2.0
FOLDER = Path("bench-directions")


def double_backward_basis(mapping: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """Local Basis by the Hessian of ‖f(z) − f(z₀)‖², row by row as a metric by full back-propagation: left, values."""
    with torch.no_grad():
        base = mapping(z[None])
    at = z.clone().requires_grad_()
    moved = (mapping(at[None]) - base).square().sum()
    (gradient,) = torch.autograd.grad(moved, at, create_graph=True)
    rows = [torch.autograd.grad(part, at, retain_graph=True)[0] for part in gradient]
    # H = 2 JᵀJ = 2 R Σ² Rᵀ; the left vectors are J R Σ⁻¹.
    squares, right = torch.linalg.eigh(torch.stack(rows).double())
    values = (squares.flip(0).clamp(min=0) / 2).sqrt()
    moves = [torch.func.jvp(lambda x: mapping(x[None])[0], (z,), (each.to(z),))[1] for each in right.flip(1).T]
    return torch.stack(moves).double().T / values.clamp(min=1e-12), values


def bench_cost(report: Report) -> None:
    """Local Basis by forward mode against the same by double backward."""
    torch.set_num_threads(1)
    found = generators.load("faces32")
    mapping, space = mapping_of(found), found.space("z")
    seconds: dict[str, list[float]] = {"forward": [], "backward": []}
    angles = []
    for seed in range(BASES):
        z = space.sample(1, seed)[0]
        began = time.perf_counter()
        basis = mapping_basis(mapping, z)
        seconds["forward"].append(time.perf_counter() - began)
        began = time.perf_counter()
        left, values = double_backward_basis(mapping, z)
        seconds["backward"].append(time.perf_counter() - began)
        angles.append(float(abs(left[:, 0] @ basis.left[:, 0])))
        assert torch.allclose(values[:10], basis.values[:10], rtol=1e-2)
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    ratio = medians["forward"] / medians["backward"]
    detail = f"{1000 * medians['forward']:.2f} / {1000 * medians['backward']:.2f} ms, medians of {BASES} latents"
    detail += f"; first axes |cos| ≥ {min(angles):.6f}"
    report.add(Figure("faces32: Local Basis / its double-backward equivalent", ratio, "≤ 0.2", ratio <= 0.2, detail))


def variances(generator: Generator, distance: Distance, space: str, directions: DirectionSet) -> Mapping[str, Tensor]:
    """Variance of the distance from frame to frame of linear and of metric-uniform walks, one each a walk."""
    found: dict[str, list[Tensor]] = {"linear": [], "uniform": []}
    assert directions.rates is not None
    for seed in range(STARTS):
        start = generator.space(space).sample(1, seed)[0]
        for vector, rate in zip(torch.tensor(directions.vectors), directions.rates, strict=True):
            reach = REACH / rate**0.5
            straight = linear(start, vector, even_steps(-reach, reach, FRAMES), space)
            even = metric_uniform(generator, distance, start, vector, -reach, reach, FRAMES, space)
            for name, walk in (("linear", straight), ("uniform", even)):
                found[name].append(frame_distances(generator, distance, walk).var())
    return {name: torch.stack(values) for name, values in found.items()}


def bench_walks(report: Report) -> None:
    """How evenly images change from frame to frame."""
    distance = distances.load()
    for name in GENERATORS:
        generator, space = generators.load(name), SPACES[name]
        found = variances(generator, distance, space, hessian(basis_of(name), AXES))
        ratio = float(found["uniform"].mean() / found["linear"].mean())
        each = (found["uniform"] / found["linear"]).median()
        detail = (
            f"{AXES} axes × {STARTS} latents, {FRAMES} frames over ±{REACH:g} λ^-½; median of the walks' {each:.3f}"
        )
        title = f"{name}: variance of the distance a step, metric-uniform / linear"
        report.add(Figure(title, ratio, "≤ 0.25", ratio <= 0.25, detail))


def bench_energy(report: Report) -> None:
    """How much of each peer's leading directions lies in the top eigenspace, weighted by the rate of change."""
    for name in GENERATORS:
        basis = basis_of(name)
        top = basis.top(10)
        for method, found in peers_of(name, basis).items():
            measured = found.measured(basis)
            assert measured.rates is not None
            shares = ((measured.vectors @ top) ** 2).sum(axis=1)
            energy = float(shares @ measured.rates / measured.rates.sum())
            detail = f"unweighted {shares.mean():.3f}; of random directions {10 / basis.dim:.3f}; α_H " + ", ".join(
                f"{rate:.3g}" for rate in measured.rates
            )
            report.add(Figure(f"{name}: α_H-weighted share of {method} in the top 10", energy, detail=detail))


@lru_cache
def basis_of(name: str) -> Eigenbasis:
    """The eigenbasis of a generator, from this folder."""
    return eigenbasis_of(name, FOLDER)


def main() -> None:
    """Runs everything, or the parts that $ONLY names, and prints the table."""
    report = Report("directions")
    style = [name for name in GENERATORS if isinstance(generators.load(name), StyleGan2)]
    parts: dict[str, Callable[[], None]] = {
        "cost": lambda: bench_cost(report),
        "walks": lambda: bench_walks(report),
        "geodesics": lambda: [bench_geodesics(report, name, SPACES[name]) for name in GENERATORS] and None,
        "energy": lambda: bench_energy(report),
        "frechet": lambda: [bench_frechet(report, name, basis_of(name)) for name in style] and None,
        "warpage": lambda: [bench_warpage(report, name, basis_of(name)) for name in style] and None,
    }
    report.run(parts)


if __name__ == "__main__":
    main()
