"""Residuals and Jacobians at the points of a search, and evaluations side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from inverting import block_problem, problem_of
from pullback.errors import InvalidInputError
from pullback.geometry import metric_tensor
from pullback.inversion import LossWeights, Problem, Query, draw_starts, evaluate, evaluate_together
from pullback.inversion.problems.grams import grams_in_pieces
from pullback.inversion.problems.residual import residual_of
from pullback.pieces import finish
from toys import Curved, Euclidean, Poisoned, Smooth

MASKS = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"masks": MASKS},
        {"weights": LossWeights(distance=0.0, l2=2.0)},
        {"weights": LossWeights(distance=3.0, l2=0.0)},
        {"masks": MASKS, "weights": LossWeights(distance=0.5, l2=2.0)},
    ],
)
def test_the_loss_is_the_squared_length_of_the_residual(options: dict[str, Any]) -> None:
    problem = problem_of(**options)
    points = draw_starts(problem, 3, seed=5)
    loss, _ = problem.evaluate(points)
    for image in range(2):
        for point, expected in zip(points[image], loss[image], strict=True):
            residual = residual_of(problem, point, image)(point)
            torch.testing.assert_close(residual.square().sum(), expected)


@pytest.mark.parametrize("held_bytes", [2**28, 3000, 1])
def test_the_gram_matrix_is_that_of_the_residuals_dense_jacobian(held_bytes: int) -> None:
    problem = problem_of(masks=MASKS, weights=LossWeights(distance=0.5, l2=2.0, prior=0.3))
    points = draw_starts(problem, 2, seed=5)
    # With little memory, columns are held in panels.
    grams = finish(grams_in_pieces(problem, points, "residual", held_bytes))
    for image in range(2):
        for point, gram in zip(points[image], grams[image], strict=True):
            jacobian = torch.autograd.functional.jacobian(residual_of(problem, point, image), point)
            # ½ 0.3 ‖z‖² has the residual √(0.3/2) z.
            torch.testing.assert_close(gram, jacobian.T @ jacobian + 0.15 * torch.eye(6).double())


def test_half_the_metric_is_the_gram_matrix_of_the_embedding() -> None:
    problem = block_problem(2, moves="noise", masks=torch.full((2, 1, 2, 2), 0.5))
    points = draw_starts(problem, 2, seed=5)
    gram = evaluate(problem, Query(points, gram="embedding")).gram
    assert gram is not None
    for image in range(2):
        for point, mine in zip(points[image], gram[image], strict=True):
            metric = metric_tensor(problem.generator, problem.distance, point[:4], "noise", context=point)
            torch.testing.assert_close(2 * mine, metric)


def test_what_does_not_move_and_the_context_are_those_of_each_target() -> None:
    whole = torch.randn(2, 7, generator=torch.Generator().manual_seed(1)).double()
    inside = block_problem(2, moves="noise")
    outside = Problem(inside.generator, inside.distance, "noise", inside.targets, context=whole)
    for of in ("embedding", "residual"):
        mine = evaluate(inside, Query(whole[:, None], gram=of)).gram
        theirs = evaluate(outside, Query(whole[:, None, :4], gram=of)).gram
        assert mine is not None
        torch.testing.assert_close(mine, theirs)


def test_jacobians_and_gradients_are_only_computed_where_they_are_wanted() -> None:
    problem = problem_of(1)
    points = draw_starts(problem, 1)
    answer = evaluate(problem, Query(points, gradient=False))
    assert answer.gradient is None
    assert answer.gram is None
    plain, full = Query(points), Query(points, gram="residual")
    first, second = evaluate_together([problem, problem], [plain, full])
    assert first.gram is None
    assert second.gram is not None
    assert torch.equal(first.loss, second.loss)


def test_other_work_may_be_done_before_every_chunk_and_before_every_few_columns() -> None:
    problem = problem_of(1)

    def pauses(query: Query) -> int:
        return sum(1 for _ in evaluate_together.in_pieces([problem], [query]))

    points = draw_starts(problem, 9)
    # Four rows, and four of six columns, at once.
    assert pauses(Query(points)) == 3
    assert pauses(Query(points, gram="embedding")) == 3 + 9 * 2


def test_a_derivative_that_is_not_finite_is_passed_on() -> None:
    problem = Problem(Smooth().double(), Poisoned(-1.0).double(), "z", torch.full((1, 3, 4, 4), 0.5))
    answer = evaluate(problem, Query(draw_starts(problem, 2), gram="embedding"))
    assert answer.gram is not None
    assert answer.gram.isnan().any()
    assert not answer.finite.any()


def test_problems_of_different_things_are_not_evaluated_together() -> None:
    problem = problem_of(1)
    other = Problem(problem.generator, Euclidean().double(), "z", problem.targets)
    points = draw_starts(problem, 1)
    with pytest.raises(InvalidInputError, match="have the same generator, distance and space"):
        evaluate_together([problem, other], [Query(points), Query(points)])


def test_gradients_agree_with_finite_differences() -> None:
    problem = Problem(
        Smooth().double(),
        Curved().double(),
        "z",
        torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(2)),
        masks=MASKS[:1],
        weights=LossWeights(0.7, 0.4, 1.3, 0.2),
    )
    point = draw_starts(problem, 1, seed=8)
    gradient = evaluate(problem, Query(point)).gradient
    assert gradient is not None
    step = 1e-6 * torch.eye(6).double()
    ahead, behind = (problem.evaluate(point + sign * step[None])[0][0] for sign in (1, -1))
    np.testing.assert_allclose(gradient[0, 0], (ahead - behind) / 2e-6, rtol=1e-5)
