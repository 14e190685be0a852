"""Levenberg–Marquardt: against SciPy's, and what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import torch

from inverting import drive, problem_of
from pullback.errors import InvalidInputError
from pullback.inversion import (
    AlignmentPrior,
    LevenbergMarquardt,
    LossWeights,
    Problem,
    draw_starts,
    invert,
)
from pullback.inversion.problems.residual import residual_of
from toys import Curved, Linear, Poisoned, Quadratic, Smooth


def unreachable_problem() -> Problem:
    """A target that the generator cannot render, so that a residual is left."""
    targets = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return Problem(Smooth().double(), Curved().double(), "z", targets)


def test_it_finds_what_scipys_least_squares_finds() -> None:
    problem = unreachable_problem()
    start = 0.5 * draw_starts(problem, 1, seed=2)
    residual = residual_of(problem, start[0, 0], 0)

    def value(latent: np.ndarray) -> np.ndarray:
        return residual(torch.from_numpy(latent)).numpy()

    found = scipy.optimize.least_squares(value, start[0, 0].numpy(), method="lm", xtol=1e-12, ftol=1e-12)
    result, _ = drive(LevenbergMarquardt(steps=40), problem, start)
    assert float(result.losses[0]) == pytest.approx(2 * found.cost, rel=1e-6)
    np.testing.assert_allclose(result.latents[0], found.x, atol=1e-3)


def test_near_a_solution_without_a_residual_it_converges_quadratically() -> None:
    problem = problem_of(1)
    optimum = torch.randn(1, 6, generator=torch.Generator().manual_seed(11)).double()
    result, _ = drive(LevenbergMarquardt(steps=8), problem, optimum[None] + 0.05)
    assert result.losses[0] < 1e-20
    assert result.trace_loss[0, 0, 0] > 1e-3


def test_losses_that_are_taken_fall_and_a_step_that_fails_is_tried_shorter() -> None:
    problem = problem_of(1)
    starts = 3 * draw_starts(problem, 4, seed=3)
    result, asked = drive(LevenbergMarquardt(steps=15), problem, starts)
    points = torch.stack([query.points[0] for query in asked], dim=1)
    failures = 0
    for restart in range(4):
        trace, taken = result.trace_loss[0, restart], 0
        for step in range(1, 15):
            if trace[step] < trace[taken]:
                taken = step
            # Below, rounding decides.
            elif trace[taken] > 1e-12:
                failures += 1
                tried, again = points[restart, [step, step + 1]] - points[restart, taken]
                assert again.norm() < tried.norm()
    assert failures > 0


def test_it_turns_back_from_where_the_loss_is_not_finite() -> None:
    # x = ½ z², for which a Gauss–Newton step from below goes too far: to where the first pixel exceeds 0.6.
    generator = Quadratic(torch.diag_embed(torch.eye(2))).double()
    target = torch.tensor([0.59, 0.3])[None, :, None, None]
    problem = Problem(generator, Poisoned(0.6).double(), "z", target)
    starts = torch.tensor([[[0.3, 0.5], [2.0, 0.0]]]).double()
    result, asked = drive(LevenbergMarquardt(steps=25), problem, starts)
    assert result.trace_loss[0, 0].isnan()[1]
    torch.testing.assert_close(result.latents[0].square() / 2, target.flatten().double())
    assert all(torch.equal(query.points[0, 1], starts[0, 1]) for query in asked)


def test_where_the_image_does_not_change_it_stays() -> None:
    problem = Problem(Linear(torch.zeros(3, 2), (3, 1, 1)), Curved(), "z", torch.full((1, 3, 1, 1), 0.6))
    result, asked = drive(LevenbergMarquardt(steps=3), problem, torch.ones(1, 1, 2))
    assert torch.equal(asked[-1].points, torch.ones(1, 1, 2))
    assert result.losses.isfinite().all()


def test_a_loss_that_is_no_sum_of_squares_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"needs a loss of squares, but the weight l1 = 0.5 came; set it to 0"):
        invert(problem_of(weights=LossWeights(l1=0.5)), "levenberg_marquardt")
    with pytest.raises(InvalidInputError, match="an alignment is searched; leave it out"):
        invert(problem_of(alignment=AlignmentPrior()), "levenberg_marquardt")
