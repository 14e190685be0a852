"""Whether what one gets hangs on its company: run as a program, under the switches of its environment.

Prints what was compared, a line each; the first difference raises.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inverting import basis_of, bits, starts_of
from pullback import distances, generators
from pullback.distances import EmbeddingDistance
from pullback.generators import Generator
from pullback.inversion import (
    AlignmentPrior,
    InversionResult,
    LossWeights,
    Problem,
    Query,
    StartBank,
    evaluate,
    evaluate_together,
    invert,
    make_bank,
    make_starts,
)
from pullback.inversion.batching import chunks, lanes
from tiny import write_catalogue
from tiny_style import tiny_style
from toys import Curved
from toys_photographs import Blobs, conditional

TARGETS = 2
# Switches of MKL, ATen and oneDNN, from all that the processor has downwards.
INSTRUCTIONS = {
    "as it is": {},
    "AVX2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE4": {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}

Variant = tuple[str, dict[str, Any]]
VARIANTS: list[Variant] = [
    ("hessian_adam", {"start": "bank", "restarts": 1, "steps": 5}),
    ("hessian_adam", {"start": "bank", "restarts": 5, "steps": 5, "thin": True}),
    ("adam", {"start": "prior", "restarts": 3, "steps": 5}),
    ("lbfgs", {"start": "prior", "restarts": 2, "steps": 3}),
    ("levenberg_marquardt", {"start": "mean", "restarts": 2, "steps": 2}),
    ("basin_cma", {"steps": 33}),
    ("hessian_basin_cma", {"steps": 33}),
]


def check_results(name: str, make: Callable[..., Problem], targets: Tensor, variant: Variant, bank: StartBank) -> None:
    """A target gets the same alone, at every place among others, and beside itself."""
    method, options = variant
    masks = torch.rand(len(targets), 1, *targets.shape[2:], generator=torch.Generator().manual_seed(4)).to(targets)

    def inverted(order: list[int]) -> InversionResult:
        problem = make(targets[order], masks[order])
        return invert(problem, method, eigenbasis=basis_of(problem), bank=bank, seed=3, **options)

    alone = [inverted([number]) for number in range(len(targets))]
    order = [*reversed(range(len(targets))), 1, 0]
    together = inverted(order)
    for place, number in enumerate(order):
        for field in fields(InversionResult):
            mine, theirs = getattr(together, field.name), getattr(alone[number], field.name)
            if isinstance(mine, Tensor):
                assert bits(mine[place]) == bits(theirs[0]), (name, method, field.name, place)
    print(name, method, *options.values())  # noqa: T201


def check_starts(name: str, make: Callable[..., Problem], targets: Tensor, bank: StartBank) -> None:
    """Starts of every kind."""
    for start in ("prior", "mean", "bank"):
        together = make_starts(make(targets, None), 3, 8, start=start, bank=bank)
        for number in range(len(targets)):
            alone = make_starts(make(targets[number : number + 1], None), 3, 8, start=start, bank=bank)
            assert bits(alone[0]) == bits(together[number]), (name, start, number)
    print(name, "starts")  # noqa: T201


def check_evaluations(name: str, make: Callable[..., Problem], targets: Tensor) -> None:
    """The points of jobs of several sizes, evaluated in one pass."""
    problems = [make(targets[: 1 + number % 3], None) for number in range(4)]
    queries = [
        Query(starts_of(problem, "adam", restarts, restarts), gradient=restarts != 2)
        for problem, restarts in zip(problems, (1, 7, 2, 4), strict=True)
    ]
    alone = [evaluate(problem, query) for problem, query in zip(problems, queries, strict=True)]
    for order in ([0, 1, 2, 3], [3, 1, 2, 0]):
        answers = evaluate_together([problems[i] for i in order], [queries[i] for i in order])
        for i, answer in zip(order, answers, strict=True):
            for part in ("loss", "distance", "gradient"):
                mine = getattr(alone[i], part)
                assert mine is None or bits(mine) == bits(getattr(answer, part)), (name, part, order)
    print(name, "evaluations")  # noqa: T201


def check_requests(name: str, make: Callable[..., Problem], targets: Tensor) -> None:
    """The same where targets of one request share kernels, as on a GPU: none of another's ever does."""
    usual, chunks.targets_meet = chunks.targets_meet, lambda device: True
    try:
        check_evaluations(f"{name}, as on a GPU,", make, targets)
    finally:
        chunks.targets_meet = usual


def check(
    name: str, generator: Generator, distance: EmbeddingDistance, space: str, variants: list[Variant], count: int
) -> None:
    """Everything, with one generator."""
    targets = generator.render(generator.space(space).sample(count, 7), space).detach()
    bank = make_bank(generator, distance, space, size=24, rank=8)

    def make(images: Tensor, masks: Tensor | None, **options: Any) -> Problem:
        weights = LossWeights(l1=0, l2=1, prior=0.01)
        return Problem(generator, distance, space, images, masks=masks, weights=weights, **options)

    check_starts(name, make, targets, bank)
    check_evaluations(name, make, targets)
    check_requests(name, make, targets)
    for variant in variants:
        check_results(name, make, targets, variant, bank)
    if name == "blobs":
        check_results(
            f"{name}, aligned",
            lambda images, masks: make(images, masks, alignment=AlignmentPrior()),
            targets,
            VARIANTS[2],
            bank,
        )


def compared_under(instructions: str, threads: int) -> list[str]:
    """What was compared in a process of those instructions and of so many threads.

    Raises:
        AssertionError: Something differs, or another error came.
    """
    # As in workers: two threads that wait for each other on a busy machine soon sleep.
    switches = {"GOMP_SPINCOUNT": "20000", "PULLBACK_TEST_THREADS": str(threads), **INSTRUCTIONS[instructions]}
    run = subprocess.run(
        [sys.executable, __file__], env={**os.environ, **switches}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return run.stdout.splitlines()


def main() -> None:
    """All of it."""
    torch.set_num_threads(int(os.environ["PULLBACK_TEST_THREADS"]))
    check("blobs", Blobs(), Curved(), "z", VARIANTS, TARGETS)
    # The kernels of large networks have all threads, those of small ones have one each.
    lanes.PER_THREAD, usual = 1, lanes.PER_THREAD
    check("blobs, as if large", Blobs(), Curved(), "z", VARIANTS[:4], TARGETS)
    lanes.PER_THREAD = usual
    check("conditional", conditional(), Curved(), "full", VARIANTS[:3], TARGETS)
    check("style z", tiny_style(), Curved(), "z", VARIANTS[:4], TARGETS)
    check("style w+", tiny_style(), Curved(), "w+", VARIANTS[1:3], TARGETS)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PULLBACK_CATALOGUE"] = str(write_catalogue(Path(folder)))
        # Of the methods that search by CMA only the networks are new here.
        check("tiny", generators.load("tiny"), Curved(), "z", VARIANTS[:5], TARGETS)
        del os.environ["PULLBACK_CATALOGUE"]
    # Networks of full width: what kernels there are for them differs from what there is for small ones.
    short: list[Variant] = [(method, {**options, "steps": 2}) for method, options in VARIANTS[:3:2]]
    check("faces", generators.load("faces"), distances.load("lpips-effnet-lite0"), "z", short, TARGETS)


if __name__ == "__main__":
    sys.exit(main())
