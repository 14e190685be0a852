"""Problems of inversion, and what drives a solver by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pullback.generators.generator import LatentSpace
from pullback.geometry import Eigenbasis, Provenance
from pullback.inversion import (
    METHODS,
    BasinCMA,
    InversionResult,
    Problem,
    Query,
    Solver,
    SolverState,
    draw_starts,
    evaluate,
    make_solver,
    mean_starts,
)
from toys import Curved, Euclidean, Linear, Normal, Smooth

# Every method with every basis that it takes, the first of each being its own.
VARIANTS = [(method, basis) for method, known in METHODS.items() for basis in known.bases]
# A BasinCMA of three small generations.
TINY: dict[str, Any] = {"steps": None, "population": 5, "outer": 3, "inner": 2, "final": 3}


def problem_of(images: int = 2, **options: Any) -> Problem:
    """Targets that the generator can render; in double precision, n = 6."""
    generator = Smooth().double()
    latents = torch.randn(images, 6, generator=torch.Generator().manual_seed(11)).double()
    return Problem(generator, Curved().double(), "z", generator.render(latents, "z"), **options)


def block_problem(images: int = 1, **options: Any) -> Problem:
    """Targets of a linear generator with blocks `noise` (4) and `class` (3, with labels) in a space `full`."""
    rng = torch.Generator().manual_seed(5)
    generator = Linear(0.1 * torch.randn(12, 7, generator=rng), (3, 2, 2), [("noise", 4), ("class", 3)]).double()
    generator.spaces = {
        **generator.spaces,
        "class": LatentSpace("class", 3, Normal(), 4, labels=("ant", "bee", "cat")),
    }
    latents = torch.randn(images, 7, generator=rng).double()
    targets = generator.render(latents, "full").clamp(0, 1)
    return Problem(generator, Euclidean().double(), "full", targets, **options)


def basis_of(problem: Problem, metric: np.ndarray | None = None, *, method: str = "gram") -> Eigenbasis:
    """An eigenbasis of what moves in a problem: of a metric, or of some metric."""
    dim = problem.generator.space(problem.moves).dim
    if metric is None:
        factor = np.random.default_rng(0).normal(size=(dim, dim))
        metric = factor.T @ factor
    generator, distance = problem.generator, problem.distance
    provenance = Provenance(
        generator.name, generator.weights_hash, problem.moves, distance.name, distance.weights_hash, method, 1, 0, "0"
    )
    return Eigenbasis.from_metric(metric, provenance)


def identity_basis(problem: Problem) -> Eigenbasis:
    """An eigenbasis whose axes are the latent's own, in their order."""
    return basis_of(problem, np.diag(np.arange(problem.generator.space(problem.moves).dim, 0.0, -1.0)))


def solver_of(problem: Problem, method: str, basis: str, **options: Any) -> Solver[Any]:
    """A solver with a small budget, and with an eigenbasis where it takes one; the options are those of its class."""
    eigenbasis = None
    if basis in {"global", "separate"}:
        eigenbasis = basis_of(problem, method="gram" if basis == "global" else "separate(whole: gram)")
    solver = make_solver(method, eigenbasis=eigenbasis, basis=basis, steps=30 if METHODS[method].restarts == 0 else 9)
    return replace(solver, **((TINY if isinstance(solver, BasinCMA) else {}) | options))


def starts_of(problem: Problem, method: str, restarts: int = 3, seed: int = 0) -> Tensor:
    """Starts as the method takes them: several, or the mean of its population."""
    if METHODS[method].restarts:
        return draw_starts(problem, restarts, seed)
    return mean_starts(problem, 1, seed)


def drive(solver: Solver[Any], problem: Problem, starts: Tensor) -> tuple[InversionResult, list[Query]]:
    """The result of a solver, and everything that it asked for."""
    state, asked = solver.init(problem, starts), []
    while not solver.terminate(problem, state):
        asked.append(solver.ask(problem, state))
        state = solver.tell(problem, state, evaluate(problem, asked[-1]))
    return solver.postprocess(problem, state), asked


def final_state(solver: Solver[Any], problem: Problem, starts: Tensor) -> SolverState:
    """The state of a solver that has made all its steps."""
    state: Any = solver.init(problem, starts)
    while not solver.terminate(problem, state):
        state = solver.step(problem, state)
    return state


def assert_same(a: InversionResult, b: InversionResult, *, but: Sequence[str] = ()) -> None:
    """Checks that two results are equal bit for bit, NaN where the other is."""
    for field in fields(InversionResult):
        mine, theirs = getattr(a, field.name), getattr(b, field.name)
        if field.name not in but:
            assert bits(mine) == bits(theirs) if isinstance(mine, Tensor) else mine == theirs, field.name


def bits(values: Tensor) -> bytes:
    """The bytes of values, every NaN and both zeros alike."""
    return (values.nan_to_num(nan=torch.pi, posinf=torch.inf, neginf=-torch.inf) + 0.0).numpy().tobytes()
