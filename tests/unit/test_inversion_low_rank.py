"""Inversion along the axes of k eigenpairs, and along those of w in every layer of w+."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inverting import assert_same, basis_of, problem_of
from pullback.errors import IncompatibleEigenbasisError
from pullback.geometry import Eigenbasis, Provenance
from pullback.inversion import Problem, draw_starts, invert
from pullback.inversion.solvers.coordinates import Axes
from tiny_style import tiny_style
from toys import Euclidean

EXPONENT = 0.25


def few_axes(problem: Problem, k: int = 3) -> Eigenbasis:
    return basis_of(problem).truncated(k)


def test_coordinates_turn_into_the_axes_and_back() -> None:
    problem = problem_of(2)
    basis = few_axes(problem)
    coordinates = Axes(basis, EXPONENT).coordinates(problem)
    points = draw_starts(problem, 4, seed=1)
    seen = coordinates.of(points)
    # c = (u_iᵀz) λ̃ᵢ^p along the axes that it has; and lengths in the rest are stretched by the floor alone.
    share = torch.from_numpy(basis.spectrum / basis.spectrum[0])
    along = points @ torch.from_numpy(basis.eigenvectors.copy())
    torch.testing.assert_close(seen[..., :3], along * share[:3] ** EXPONENT)
    rest = points.square().sum(-1) - along.square().sum(-1)
    torch.testing.assert_close(seen[..., 3:].square().sum(-1), rest * share[-1] ** (2 * EXPONENT))
    torch.testing.assert_close(coordinates.points(seen, points), points)
    # Of each target by itself, bit for bit.
    assert torch.equal(coordinates.of(points[1:]), seen[1:])


def test_a_gradient_is_that_with_respect_to_the_coordinates() -> None:
    problem = problem_of(1)
    coordinates = Axes(few_axes(problem), EXPONENT).coordinates(problem)
    point = draw_starts(problem, 1, seed=1)
    free = coordinates.of(point).requires_grad_()
    loss = coordinates.points(free, point).sin().sum()
    (expected,) = torch.autograd.grad(loss, free)
    torch.testing.assert_close(coordinates.pull(point.cos()), expected)


@pytest.mark.parametrize("method", ["hessian_adam", "lbfgs", "basin_cma_hessian_adam", "hessian_basin_cma"])
def test_every_method_that_takes_a_basis_takes_one_of_few_axes(method: str) -> None:
    problem = problem_of(1)
    options = {} if "basin" in method else {"restarts": 2}
    result = invert(problem, method, eigenbasis=few_axes(problem), steps=60, basis="global", **options)
    assert result.finished
    assert result.losses.max() < result.trace_loss[..., 0].min()


def test_all_axes_without_their_metric_lead_where_those_with_it_lead() -> None:
    problem = problem_of(1)
    whole = basis_of(problem)
    bare = Eigenbasis(whole.eigenvalues, whole.eigenvectors, None, whole.provenance)
    starts = draw_starts(problem, 2, seed=2)
    one, other = (invert(problem, eigenbasis=basis, starts=starts, steps=20) for basis in (whole, bare))
    assert_same(one, other)


def layered_problem() -> tuple[Problem, Eigenbasis]:
    generator = tiny_style().double()
    images = generator.render(generator.space("z").sample(1, seed=5).double(), "z")
    problem = Problem(generator, Euclidean(0.01).double(), "w+", images)
    dim = generator.space("w").dim
    factor = np.random.default_rng(0).standard_normal((dim, dim))
    provenance = Provenance(generator.name, generator.weights_hash, "w", "mse", "", "gram", 1, 0, "0")
    return problem, Eigenbasis.from_metric(factor.T @ factor, provenance)


@pytest.mark.parametrize("k", [3, 6])
def test_in_w_plus_the_axes_of_w_stand_in_every_layer(k: int) -> None:
    problem, of_w = layered_problem()
    basis = of_w.truncated(k)
    coordinates = Axes(basis, EXPONENT).coordinates(problem)
    points = draw_starts(problem, 2, seed=1)
    dim = of_w.dim
    one_layer = Axes(basis, EXPONENT).coordinates(Problem(problem.generator, problem.distance, "w", problem.targets))
    parts = [one_layer.of(points[..., start : start + dim]) for start in range(0, points.shape[-1], dim)]
    torch.testing.assert_close(coordinates.of(points), torch.cat(parts, dim=-1))
    torch.testing.assert_close(coordinates.points(coordinates.of(points), points), points)
    result = invert(problem, eigenbasis=basis, starts=points, steps=30)
    assert result.losses.max() < result.trace_loss[..., 0].min()


def test_a_basis_of_w_plus_serves_no_w() -> None:
    problem, of_w = layered_problem()
    other = Problem(problem.generator, problem.distance, "z", problem.targets)
    with pytest.raises(IncompatibleEigenbasisError, match="space is 'w' there and 'z' here"):
        invert(other, eigenbasis=of_w, steps=2)
