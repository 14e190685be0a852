"""`make bench-geometry`: the estimators of the metric side by side, in one run.

Quality is measured against the mean metric of exact positions that no method under test has seen. "As good" means no
worse on any of: C_H^log of the basis against the reference, and captured energy of its leading 5, 10, 20 and 50
vectors. `QUICK=1` takes fewer positions, one generator and no measurement of memory, and under 3 minutes; what it says
of the sketch is then only reported, since the figures to reach are about 100 positions and a good reference.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from reporting import QUICK, Figure, Report

from pullback import distances, generators
from pullback.distances import Distance
from pullback.generators import Generator
from pullback.geometry import Eigenbasis, metric_estimator, metric_tensor
from pullback.geometry.statistics import captured_energy, metric_consistency

KS = (5, 10, 20, 50)
SPACES = {"faces": "z"} if QUICK else {"faces": "z", "eyes": "noise"}
# The reference's own noise hides what a good basis captures: 60 positions cannot show a top-20 energy of .995.
REFERENCE_POSITIONS = {"faces": 20} if QUICK else {"faces": 300, "eyes": 150}
GRAM_POSITIONS = 20 if QUICK else 100
BACKPROP_POSITIONS = 1 if QUICK else 3
SKETCH_STEP = 250
SKETCH_MOST = 2_000 if QUICK else 10_000
REFERENCE_SEED, TEST_SEED = 1_000_003, 0
GRAM_BOUND_MIB = 72


@dataclass(frozen=True)
class Quality:
    """How well a basis serves the reference metric."""

    log_consistency: float
    energies: tuple[float, ...]

    def no_worse_than(self, other: Quality) -> bool:
        """Whether every figure is at least the other's."""
        mine, theirs = (self.log_consistency, *self.energies), (other.log_consistency, *other.energies)
        return all(a >= b for a, b in zip(mine, theirs, strict=True))

    def __str__(self) -> str:
        energies = ", ".join(f"{energy:.5f}" for energy in self.energies)
        return f"C_H^log {self.log_consistency:.5f}, energy {energies}"


def quality(basis: Eigenbasis, reference: NDArray[np.float64]) -> Quality:
    """The quality of a basis against a reference metric."""
    consistency = metric_consistency(basis.eigenvectors, reference[None]).log[0]
    return Quality(float(consistency), tuple(captured_energy(basis.eigenvectors, reference, KS).tolist()))


def run_estimator(
    generator: Generator, distance: Distance, space: str, method: str, samples: int, seed: int
) -> tuple[Eigenbasis, float]:
    """An estimate, and its seconds."""
    estimator = metric_estimator(generator, distance, space, method=method, samples=samples, seed=seed)
    began = time.perf_counter()
    state = estimator.init()
    while not estimator.done(state):
        state = estimator.step(state)
    return estimator.result(state), time.perf_counter() - began


def sketches(generator: Generator, distance: Distance, space: str) -> Iterator[tuple[Eigenbasis, int, float]]:
    """Ever better sketches of one run: basis, probes, and seconds so far without looking at it."""
    estimator = metric_estimator(generator, distance, space, method="sketch", samples=SKETCH_MOST, seed=TEST_SEED)
    state, seconds, following = estimator.init(), 0.0, SKETCH_STEP
    while not estimator.done(state):
        began = time.perf_counter()
        state = estimator.step(state)
        seconds += time.perf_counter() - began
        if state.samples >= following or estimator.done(state):
            following += SKETCH_STEP
            yield estimator.result(state), state.samples, seconds


def time_position(generator: Generator, distance: Distance, space: str, method: str) -> float:
    """Seconds of one position."""
    latents = generator.space(space).sample(BACKPROP_POSITIONS, TEST_SEED)
    began = time.perf_counter()
    for latent in latents:
        metric_tensor(generator, distance, latent, space, method)
    return (time.perf_counter() - began) / BACKPROP_POSITIONS


def bench_without_embedding(report: Report, generator: Generator, space: str) -> None:
    """What the paper's double backward costs of SSIM, over what the product of three factors does."""
    ssim = distances.load("ssim")
    metric_tensor(generator, ssim, generator.space(space).sample(1, 7)[0], space, "gauss_newton")
    ours, theirs = (time_position(generator, ssim, space, method) for method in ("gauss_newton", "full_backprop"))
    name = f"{generator.name}, ssim: full_backprop / gauss_newton, one position"
    report.add(Figure(name, theirs / ours, "≥ 2", theirs / ours >= 2, f"{theirs:.2f} s / {ours:.2f} s"))


def bench_generator(report: Report, name: str, space: str) -> None:
    """All figures of one generator."""
    generator, distance = generators.load(name), distances.load()
    # Neither method pays for the first call.
    run_estimator(generator, distance, space, "gram", 1, 7)
    run_estimator(generator, distance, space, "sketch", 16, 7)

    positions = REFERENCE_POSITIONS[name]
    reference, _ = run_estimator(generator, distance, space, "gram", positions, REFERENCE_SEED)
    exact, gram_seconds = run_estimator(generator, distance, space, "gram", GRAM_POSITIONS, TEST_SEED)
    goal = quality(exact, reference.metric)
    report.note(generator=name, reference_positions=positions, gram_positions=GRAM_POSITIONS, quality=str(goal))
    backprop_seconds = time_position(generator, distance, space, "full_backprop")
    ratio = backprop_seconds / (gram_seconds / GRAM_POSITIONS)
    detail = f"{backprop_seconds:.2f} s / {gram_seconds / GRAM_POSITIONS:.2f} s"
    report.add(Figure(f"{name}: full_backprop / gram, one position", ratio, "≥ 15", ratio >= 15, detail))
    bench_without_embedding(report, generator, space)

    good: tuple[int, float] | None = None
    for basis, probes, seconds in sketches(generator, distance, space):
        found = quality(basis, reference.metric)
        report.note(generator=name, probes=probes, seconds=round(seconds, 2), quality=str(found))
        if good is None and found.no_worse_than(goal):
            good = probes, seconds
        energy = found.energies[KS.index(20)]
        if good is not None and energy >= 0.995:
            break
    enough, cost = good or (probes, seconds)
    what = f"{enough} probes, {cost:.1f} s; " + ("as good" if good else "NOT as good")
    for title, paid, least in (
        (f"{name}: full_backprop × {GRAM_POSITIONS} / sketch as good", backprop_seconds * GRAM_POSITIONS, 80),
        (f"{name}: gram × {GRAM_POSITIONS} / sketch as good", gram_seconds, 2.5),
    ):
        ratio = paid / cost
        report.add(_judged(title, ratio, f"≥ {least}", good is not None and ratio >= least, what))
    detail = f"{probes} probes, {seconds:.1f} s; reference of {positions} positions"
    report.add(_judged(f"{name}: top-20 energy of the sketch / best", energy, "≥ 0.995", energy >= 0.995, detail))


def _judged(name: str, value: float, target: str, reached: bool, detail: str) -> Figure:
    """A figure with its verdict, where enough was computed for one."""
    return Figure(name, value, detail=detail) if QUICK else Figure(name, value, target, reached, detail)


def bench_memory(report: Report) -> None:
    """Peak memory of `gram` and `full_backprop` at a 512-d latent and 256 px, each in a process of its own.

    `gram` under about the least bound that it accepts; `full_backprop` has no blocks that a bound could make smaller.
    """
    lean, lean_seconds = measure_memory("gram", str(GRAM_BOUND_MIB))
    backprop, backprop_seconds = measure_memory("full_backprop")
    whole, whole_seconds = measure_memory("gram")
    detail = (
        f"gram {lean:.0f} MiB in {lean_seconds:.0f} s (max_memory = {GRAM_BOUND_MIB} MiB), full_backprop "
        f"{backprop:.0f} MiB in {backprop_seconds:.0f} s, gram without a bound {whole:.0f} MiB in {whole_seconds:.0f} s"
    )
    ratio = lean / backprop
    report.add(Figure("512-d, 256 px: memory of gram / full_backprop", ratio, "< 1", ratio < 1, detail))


def measure_memory(method: str, *bound: str) -> tuple[float, float]:
    """MiB that one metric adds at its peak, and its seconds."""
    script = Path(__file__).with_name("memory_of_method.py")
    run = subprocess.run([sys.executable, str(script), method, *bound], capture_output=True, text=True, check=True)
    seconds, peak = map(float, run.stdout.split())
    return peak, seconds


def main() -> None:
    """Runs everything and prints the table."""
    report = Report("geometry")
    if not QUICK:
        bench_memory(report)
    for name, space in SPACES.items():
        bench_generator(report, name, space)
    report.print_table()


if __name__ == "__main__":
    main()
