"""Hessian Adam along the axes of the metric at each restart's own latent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from inverting import drive, final_state, problem_of
from pullback.errors import InvalidInputError
from pullback.geometry import metric_tensor
from pullback.inversion import AlignmentPrior, LocalHessianAdam, Problem, draw_starts, evaluate
from toys import Curved, Linear, Poisoned


@pytest.mark.parametrize("exponent", [0.0, 0.25])
def test_it_is_adam_begun_anew_along_the_axes_of_every_metric(exponent: float) -> None:
    problem = problem_of(1)
    start = draw_starts(problem, 1, seed=3)
    solver = LocalHessianAdam(steps=9, every=4, exponent=exponent, learning_rate=0.05)
    result, _ = drive(solver, problem, start)
    expected, latent = [], start[0, 0]
    for step in range(10):
        if step % 4 == 0:
            # torch's own Adam on coordinates of the metric here, from the geometry core.
            values, vectors = np.linalg.eigh(metric_tensor(problem.generator, problem.distance, latent, "z").numpy())
            stretch = (values / values[-1]) ** -exponent
            to_latents = torch.from_numpy((vectors * stretch).T.copy())
            coordinates = (latent @ torch.from_numpy(vectors / stretch)).requires_grad_()
            optimizer = torch.optim.Adam([coordinates], lr=0.05)
        loss, _ = problem.evaluate((coordinates @ to_latents)[None, None])
        expected.append(loss.item())
        (coordinates.grad,) = torch.autograd.grad(loss.sum(), coordinates)
        optimizer.step()
        latent = (coordinates @ to_latents).detach()
    np.testing.assert_allclose(result.trace_loss[0, 0], expected, rtol=1e-7)


def test_every_restart_has_axes_of_its_own() -> None:
    problem = problem_of()
    state = final_state(LocalHessianAdam(steps=2), problem, draw_starts(problem, 2))
    axes = state.to_tensors()["memory.axes"]
    assert axes.shape == (2, 2, 6, 6)
    torch.testing.assert_close(axes.mT @ axes, torch.eye(6).double().expand(2, 2, 6, 6))
    assert all((a - b).abs().max() > 0.1 for a, b in pairwise(axes.flatten(0, 1)))


def test_a_metric_counts_as_many_evaluations_as_it_has_columns() -> None:
    problem = problem_of(1)
    starts = draw_starts(problem, 2)
    # Ten updates and one evaluation more; metrics before updates 0, 4 and 8.
    result, asked = drive(LocalHessianAdam(steps=10, every=4), problem, starts)
    assert [number for number, query in enumerate(asked) if query.gram] == [0, 4, 8]
    assert result.evaluations.tolist() == [2 * (11 + 3 * 6)]
    bounded, _ = drive(LocalHessianAdam(steps=100, every=4, evaluations=2 * (11 + 3 * 6)), problem, starts)
    assert bounded.evaluations.tolist() == [2 * (11 + 3 * 6)]
    assert bounded.trace_loss.shape[2] == 11


def test_where_the_metric_is_zero_or_not_finite_the_axes_are_the_latents_own() -> None:
    blank = Problem(Linear(torch.zeros(3, 2), (3, 1, 1)), Curved(), "z", torch.full((1, 3, 1, 1), 0.6))
    poisoned = Problem(Linear(0.1 * torch.eye(3)[:, :2], (3, 1, 1)), Poisoned(0.6), "z", torch.full((1, 3, 1, 1), 0.5))
    for problem, start in ((blank, torch.zeros(1, 1, 2)), (poisoned, torch.tensor([[[2.0, 0.0]]]))):
        solver = LocalHessianAdam(steps=3)
        state = solver.step(problem, solver.init(problem, start))
        # In some order
        assert torch.equal(state.memory["axes"][0, 0].abs().sort(dim=0).values, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        assert torch.equal(state.memory["stretch"], torch.ones(1, 1, 2))
        assert torch.equal(solver.ask(problem, state).points, start)


def test_a_frame_moves_along_without_a_part_in_the_metric() -> None:
    problem = problem_of(1, alignment=AlignmentPrior())
    solver = LocalHessianAdam(steps=6)
    state = solver.init(problem, draw_starts(problem, 2))
    assert evaluate(problem, solver.ask(problem, state)).gram.shape == (1, 2, 6, 6)
    result, asked = drive(solver, problem, draw_starts(problem, 2))
    assert result.losses[0] < result.trace_loss[0, :, 0].min()
    assert not torch.equal(asked[-1].points[..., 6:], asked[0].points[..., 6:])


@pytest.mark.parametrize("every", [0, 100_001])
def test_an_interval_out_of_range_is_refused(every: int) -> None:
    with pytest.raises(InvalidInputError, match=f"every 1 to 100000 updates, but {every} came"):
        LocalHessianAdam(every=every)
