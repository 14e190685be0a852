"""L-BFGS: against SciPy's, on quadratics, and where a step fails."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import torch

from inverting import basis_of, drive, problem_of
from pullback.errors import InvalidInputError
from pullback.inversion import LBFGS, LossWeights, Problem, Query, draw_starts, evaluate, invert
from toys import Euclidean, Linear, Poisoned


def quadratic(condition: float = 30.0) -> Problem:
    """x = ½ + A z under ‖a − b‖², n = 8, and a target that no latent renders."""
    rng = torch.Generator().manual_seed(2)
    rotation = torch.linalg.qr(torch.randn(8, 8, generator=rng).double())[0]
    spread = torch.logspace(0, -np.log10(condition) / 2, 8).double()
    matrix = 0.3 * torch.linalg.qr(torch.randn(12, 8, generator=rng).double())[0] @ torch.diag(spread) @ rotation.T
    generator = Linear(matrix, (3, 2, 2)).double()
    targets = torch.rand(1, 3, 2, 2, generator=rng).double()
    return Problem(generator, Euclidean().double(), "z", targets, weights=LossWeights(l2=0.0))


def test_on_a_quadratic_it_finds_what_scipy_finds_with_about_as_many_evaluations() -> None:
    problem = quadratic()
    start = draw_starts(problem, 1, seed=4)

    def value(latent: np.ndarray) -> tuple[float, np.ndarray]:
        answer = evaluate(problem, Query(torch.from_numpy(latent)[None, None]))
        assert answer.gradient is not None
        return float(answer.loss), answer.gradient[0, 0].numpy()

    found = scipy.optimize.minimize(
        value, start[0, 0].numpy(), jac=True, method="L-BFGS-B", options={"maxcor": 10, "ftol": 1e-15, "gtol": 1e-9}
    )
    result, _ = drive(LBFGS(steps=80), problem, start)
    np.testing.assert_allclose(result.latents[0], found.x, atol=1e-6)
    excess = result.trace_loss[0, 0] - found.fun
    # The least-squares solution is the oracle of both.
    matrix, aim = problem.generator.matrix, problem.targets.flatten() - 0.5
    np.testing.assert_allclose(result.latents[0], torch.linalg.lstsq(matrix, aim).solution, atol=1e-6)
    assert int((excess < 1e-12).nonzero()[0]) < 1.5 * found.nfev


def test_where_all_directions_are_alike_it_needs_two_updates() -> None:
    # Scaled by λ^−½ the loss is ½ λ₁ ‖c − c*‖². The first step goes along the gradient, straight towards c*; the pair
    # that it leaves says y = λ₁ s, so that the second, −g / λ₁, ends at c*, however far away that is.
    problem = quadratic()
    matrix, aim = problem.generator.matrix, problem.targets.flatten() - 0.5
    least = problem.evaluate(torch.linalg.lstsq(matrix, aim).solution[None, None])[0]
    metric = (2 * matrix.T @ matrix).numpy()
    options = {"starts": 3 * draw_starts(problem, 1, seed=4), "steps": 4, "thin": False}
    scaled = invert(problem, "lbfgs", eigenbasis=basis_of(problem, metric), exponent=0.5, **options)
    excess = scaled.trace_loss[0, 0] - least[0, 0]
    assert excess[1] > 1e-3
    assert excess[2].abs() < 1e-12
    raw = invert(problem, "lbfgs", basis="none", **options)
    assert (raw.trace_loss[0, 0] - least[0, 0])[2:].min() > 1e-4


def test_rotating_the_coordinates_changes_nothing_but_rounding() -> None:
    problem = problem_of(1)
    starts = draw_starts(problem, 2, seed=1)
    plain = invert(problem, "lbfgs", basis="none", starts=starts, steps=12)
    rotated = invert(problem, "lbfgs", eigenbasis=basis_of(problem), exponent=0.0, starts=starts, steps=12)
    torch.testing.assert_close(plain.trace_loss, rotated.trace_loss, rtol=1e-5, atol=1e-10, equal_nan=True)


def test_a_step_that_fails_is_shortened_until_the_loss_falls_enough() -> None:
    problem = problem_of(1)
    _, asked = drive(LBFGS(steps=40), problem, 3 * draw_starts(problem, 1, seed=6))
    points = [query.points[0, 0] for query in asked]
    losses = [float(problem.evaluate(point[None, None])[0]) for point in points]
    taken, failures = 0, 0
    for number in range(1, len(points) - 1):
        if losses[number] < losses[taken]:
            taken = number
        # Below, rounding decides.
        elif losses[taken] > 1e-12:
            failures += 1
            tried, shorter = points[number] - points[taken], points[number + 1] - points[taken]
            share = shorter.norm() / tried.norm()
            assert 0.099 < share < 0.501
            torch.testing.assert_close(shorter, share * tried)
    assert failures > 0


def test_it_turns_back_from_where_the_loss_is_not_finite() -> None:
    # The distance is NaN for z₀ > 1, the optimum lies just below, and the first step has length 1.
    generator = Linear(0.1 * torch.eye(3), (3, 1, 1)).double()
    target = torch.tensor([0.5999, 0.7, 0.5])[None, :, None, None]
    problem = Problem(generator, Poisoned(0.6).double(), "z", target)
    starts = torch.tensor([[[0.8, 2.0, 0.0], [2.0, 0.0, 0.0]]]).double()
    result, asked = drive(LBFGS(steps=60), problem, starts)
    assert result.trace_loss[0, 0].isnan()[1]
    torch.testing.assert_close(result.latents[0], torch.tensor([0.999, 2.0, 0.0]).double(), atol=1e-4, rtol=0)
    # A start where nothing is finite is not left.
    assert all(torch.equal(query.points[0, 1], starts[0, 1]) for query in asked)


def test_at_the_optimum_it_stays() -> None:
    problem = problem_of(1)
    optimum = torch.randn(1, 6, generator=torch.Generator().manual_seed(11)).double()[None]
    result, _ = drive(LBFGS(steps=5), problem, optimum)
    assert result.losses[0] < 1e-25
    assert result.trace_loss.isfinite().all()


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 1 pair, but history = 0 came"):
        LBFGS(history=0)
