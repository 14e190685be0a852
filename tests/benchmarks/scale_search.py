"""Bases and searches of thousands of dimensions: the time and memory of a decomposition, of a tell, and its state.

Times are seconds of a processor, whatever else the machine does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from reporting import QUICK, Figure, Report

from pullback.geometry import Eigenbasis, Provenance
from pullback.geometry.decomposition import RowsMetric
from pullback.search import Block, Optimizer, SearchSettings, SearchSpace, make_optimizer, restore

PROVENANCE = Provenance("synthetic", "0" * 64, "z", "mse", "", "sketch", 2000, 0, "0")
PROBES, DIM, AXES = 2000, 9216, 500
SEARCHED = 4096
GENERATIONS = 5 if QUICK else 40
MOST_SECONDS, MOST_GIB, TELL_SECONDS, STATE_BYTES = 10.0, 1.0, 0.1, 1_000_000
_SHARD = 16


def gradients() -> list[np.ndarray]:
    """Synthetic gradients whose metric has eigenvalues that fall as i⁻², float32, in shards."""
    rng, scales = np.random.default_rng(0), np.arange(1, DIM + 1, dtype=np.float32) ** -1
    return [rng.standard_normal((_SHARD, DIM), dtype=np.float32) * scales for _ in range(PROBES // _SHARD)]


def decompose() -> tuple[float, float, Eigenbasis]:
    """Seconds and GiB of a decomposition beside the gradients, and what comes of it."""
    rows = gradients()
    before, began = _peak(), time.process_time()
    metric = RowsMetric(rows, [number % 2 for number in range(len(rows))], 2 / PROBES)
    basis = metric.leading(AXES, PROVENANCE)
    seconds = time.process_time() - began
    assert basis.k == AXES
    return seconds, (_peak() - before) / 2**30, basis


def _peak() -> int:
    # Of this program alone: what `getrusage` says begins with the peak of the process that started it.
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    return 1024 * int(fields["VmHWM"].split()[0])


def search() -> Optimizer:
    """`hessian_cma` in 500 axes of 4,096 dimensions."""
    vectors, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((SEARCHED, AXES)))
    basis = Eigenbasis(np.geomspace(100, 0.1, AXES), vectors, None, PROVENANCE, floor=0.05)
    space = SearchSpace((Block("standard-normal", SEARCHED),))
    return make_optimizer(SearchSettings("hessian_cma", axes=AXES), space=space, eigenbasis=basis)


def figures() -> Iterator[Figure]:
    """What is measured; the decomposition in a process of its own, so that its peak is its own."""
    printed = subprocess.run(
        [sys.executable, __file__, "decompose"], check=True, capture_output=True, text=True
    ).stdout.split()
    seconds, gib = map(float, printed)
    what = f"{AXES} axes of {DIM:,} dimensions from {PROBES:,} probes"
    rows = f"beside {4e-6 * PROBES * DIM:.0f} MB of gradients"
    yield Figure(f"{what}: decomposition, s", seconds, f"≤ {MOST_SECONDS:g}", seconds <= MOST_SECONDS)
    yield Figure(f"{what}: memory, GiB", gib, f"≤ {MOST_GIB:g}", gib <= MOST_GIB, rows)
    optimizer, tells = search(), []
    for _ in range(GENERATIONS):
        latents = optimizer.ask().latents
        scores = -np.square(latents - 0.5).sum(axis=1)
        began = time.process_time()
        optimizer.tell(latents, scores)
        tells.append(time.process_time() - began)
    state, constants = optimizer.to_parts()
    assert constants is not None
    assert restore(state, constants).to_parts()[0] == state
    tell, once = float(np.median(tells)), len(constants.to_bytes()) / 1e6
    name = f"hessian_cma, {AXES} axes of {SEARCHED:,} dimensions"
    detail = f"{GENERATIONS} generations, the longest {max(tells):.3f} s"
    yield Figure(f"{name}: tell, median, s", tell, f"≤ {TELL_SECONDS:g}", tell <= TELL_SECONDS, detail)
    size = float(len(state))
    once_told = f"and {once:.1f} MB once a search"
    yield Figure(f"{name}: state a generation, MB", size / 1e6, "≤ 1", size <= STATE_BYTES, once_told)


def bench_search(report: Report) -> None:
    """Decomposition, tell and state."""
    for figure in figures():
        report.add(figure)


def main() -> None:
    """Measures."""
    if sys.argv[1:2] == ["decompose"]:
        seconds, gib, _ = decompose()
        sys.stdout.write(f"{seconds} {gib}\n")
        return
    report = Report("scale: bases and searches")
    report.run({"search": lambda: bench_search(report)})


if __name__ == "__main__":
    main()
