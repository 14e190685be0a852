"""Adam, Hessian Adam, and the loop around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inverting import assert_same, basis_of, problem_of
from pullback.errors import IncompatibleEigenbasisError, InvalidInputError, PullbackError, UnknownNameError
from pullback.inversion import Adam, HessianAdam, LossWeights, Problem, draw_starts, invert
from toys import Curved, Euclidean, Linear, Poisoned, Smooth


def run_torch_adam(problem: Problem, start: Tensor, to_latents: Tensor, steps: int, **options: Any) -> list[float]:
    """Losses of torch's own Adam on one restart of the first target."""
    coordinates = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([coordinates], **options)
    losses = []
    for _ in range(steps + 1):
        optimizer.zero_grad()
        loss, _ = problem.evaluate((coordinates @ to_latents)[None, None])
        losses.append(loss.item())
        (coordinates.grad,) = torch.autograd.grad(loss.sum(), coordinates)
        optimizer.step()
    return losses


def test_adam_equals_torch_adam_step_for_step() -> None:
    problem = problem_of(1)
    starts = draw_starts(problem, 1, seed=2)
    result = invert(problem, "adam", starts=starts, steps=40, learning_rate=0.07)
    expected = run_torch_adam(problem, starts[0, 0], torch.eye(6).double(), 40, lr=0.07)
    np.testing.assert_allclose(result.trace_loss[0, 0], expected, rtol=1e-9)


def test_hessian_adam_equals_torch_adam_on_rotated_coordinates() -> None:
    problem = problem_of(1)
    basis, starts = basis_of(problem), draw_starts(problem, 1, seed=2)
    result = invert(
        problem,
        "hessian_adam",
        eigenbasis=basis,
        starts=starts,
        steps=40,
        learning_rate=0.07,
        schedule="constant",
        exponent=0.0,
        thin=False,
        betas=(0.9, 0.999),
    )
    rotation = torch.from_numpy(basis.eigenvectors.copy())
    expected = run_torch_adam(problem, starts[0, 0] @ rotation, rotation.T, 40, lr=0.07)
    np.testing.assert_allclose(result.trace_loss[0, 0], expected, rtol=1e-9)


def test_with_an_exponent_it_equals_torch_adam_on_scaled_coordinates_with_a_floor() -> None:
    problem = problem_of(1)
    basis = basis_of(problem, np.diag([1.0, 0.5, 0.1, 1e-3, 1e-9, 0.0]))
    starts = draw_starts(problem, 1, seed=2)
    result = invert(
        problem,
        "hessian_adam",
        eigenbasis=basis,
        starts=starts,
        steps=20,
        learning_rate=0.01,
        schedule="constant",
        exponent=0.25,
        thin=False,
        betas=(0.9, 0.999),
    )
    stretch = torch.tensor([1.0, 0.5, 0.1, 1e-3, 1e-4, 1e-4]).double() ** -0.25
    expected = run_torch_adam(problem, starts[0, 0] / stretch, torch.diag(stretch), 20, lr=0.01)
    np.testing.assert_allclose(result.trace_loss[0, 0], expected, rtol=1e-8)


def test_rotating_the_latent_space_and_its_basis_changes_nothing() -> None:
    # Hessian Adam sees the eigenbasis alone, so its path does not depend on how the latents are laid out.
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)).double())[0]
    matrix = 0.1 * torch.randn(12, 4, generator=torch.Generator().manual_seed(1)).double()
    traces = []
    for turn in (torch.eye(4).double(), rotation):
        generator = Linear(matrix @ turn.T, (3, 2, 2)).double()
        problem = Problem(generator, Euclidean().double(), "z", torch.full((1, 3, 2, 2), 0.6))
        metric = 2 * turn @ matrix.T @ matrix @ turn.T
        start = torch.tensor([[[1.0, -2.0, 0.5, 0.3]]]).double() @ turn.T
        traces.append(invert(problem, eigenbasis=basis_of(problem, metric.numpy()), starts=start, steps=25).trace_loss)
    torch.testing.assert_close(traces[0], traces[1], rtol=1e-8, atol=1e-12)


def test_a_target_that_can_be_rendered_is_found() -> None:
    result = invert(problem_of(), "adam", restarts=4, steps=300, schedule="cosine")
    assert result.losses.max() < 1e-4
    torch.testing.assert_close(result.images, problem_of().targets, atol=0.02, rtol=0)


def test_the_cosine_schedule_ends_without_moving() -> None:
    problem = problem_of(1)
    solver = Adam(steps=50, schedule="cosine", learning_rate=0.1)
    state = solver.init(problem, draw_starts(problem, 1))
    sizes = []
    while not solver.terminate(problem, state):
        before = state.coordinates
        state = solver.step(problem, state)
        sizes.append(float((state.coordinates - before).abs().max()))
    assert sizes[0] == pytest.approx(0.1)
    assert sizes[49] < 1e-3
    assert sizes[50] == 0
    assert len(sizes) == 51


def test_results_have_the_shapes_and_values_they_promise() -> None:
    problem = problem_of()
    result = invert(problem, "adam", restarts=3, steps=10)
    assert result.latents.shape == (2, 6)
    assert result.images.shape == (2, 3, 4, 4)
    assert result.trace_loss.shape == result.trace_distance.shape == (2, 3, 11)
    assert result.restart_latents.shape == (2, 3, 6)
    assert result.finished
    assert torch.equal(result.losses, result.trace_loss.flatten(1).amin(dim=1))
    for image in range(2):
        restart, step = result.best_restart[image], result.best_step[image]
        assert result.losses[image] == result.trace_loss[image, restart, step]
        assert result.distances[image] == result.trace_distance[image, restart, step]
        assert torch.equal(result.latents[image], result.restart_latents[image, restart])
    loss, distance = problem.evaluate(result.latents[:, None])
    torch.testing.assert_close(loss[:, 0], result.losses)
    torch.testing.assert_close(distance[:, 0], result.distances)
    torch.testing.assert_close(result.images, problem.generator.render(result.latents, "z"))


def test_the_best_is_returned_and_not_the_last() -> None:
    # A start at the optimum and a huge step: the loss can only go up.
    generator = Smooth()
    latents = torch.full((1, 6), 0.1)
    problem = Problem(generator, Euclidean(), "z", generator.render(latents, "z"))
    shifted = latents[:, None] + torch.tensor([0.0, 1e-3])[None, :, None]
    result = invert(problem, "adam", starts=shifted, steps=5, learning_rate=5.0)
    assert result.trace_loss[0, :, -1].min() > result.losses[0]
    assert result.best_restart[0] == 0
    assert result.best_step[0] == 0
    assert torch.equal(result.latents, latents)


def test_a_step_leaves_the_state_before_it_untouched() -> None:
    problem = problem_of()
    solver = Adam(steps=3)
    state = solver.step(problem, solver.init(problem, draw_starts(problem, 2)))
    before = {name: tensor.clone() for name, tensor in state.to_tensors().items()}
    solver.step(problem, state)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.to_tensors().items())


def test_a_seed_reproduces_a_result_exactly_and_another_does_not() -> None:
    problem = problem_of()
    assert_same(invert(problem, "adam", steps=5, seed=3), invert(problem, "adam", steps=5, seed=3))
    other = invert(problem, "adam", steps=5, seed=4)
    assert not torch.equal(invert(problem, "adam", steps=5, seed=3).latents, other.latents)


def test_starts_depend_neither_on_company_nor_on_the_number_of_restarts() -> None:
    many, few = draw_starts(problem_of(3), 5, seed=8), draw_starts(problem_of(1), 2, seed=8)
    # Every target gets what it gets alone, whatever its number.
    for of_target in many:
        assert torch.equal(of_target[:2], few[0])
    assert len({tuple(start) for start in many[0].tolist()}) == 5


def test_should_stop_returns_the_best_so_far_and_says_so() -> None:
    calls = iter([False, False, True])
    result = invert(problem_of(), "adam", steps=100, should_stop=lambda: next(calls))
    assert not result.finished
    assert result.trace_loss.shape[2] == 3
    assert torch.equal(result.losses, result.trace_loss.flatten(1).amin(dim=1))


def test_progress_reports_updates_and_the_best_loss_of_each_target() -> None:
    seen: list[tuple[int, int, Tensor]] = []
    result = invert(problem_of(), "adam", steps=6, progress=lambda *report: seen.append(report))
    assert [(step, total) for step, total, _ in seen] == [(step, 6) for step in range(7)]
    best = result.trace_loss.amin(dim=1).cummin(dim=1).values
    assert torch.equal(torch.stack([loss for _, _, loss in seen], dim=1), best)


def poisoned_problem(images: int = 1) -> Problem:
    """x = ½ + z/10, and a distance that is NaN where the first pixel exceeds 0.6, that is z₀ > 1."""
    generator = Linear(0.1 * torch.eye(3), (3, 1, 1))
    return Problem(generator, Poisoned(0.6), "z", torch.full((images, 3, 1, 1), 0.5), weights=LossWeights(l2=0.0))


def test_a_restart_whose_loss_is_not_finite_stays_and_is_never_best() -> None:
    starts = torch.tensor([[[2.0, 0.0, 0.0], [0.5, 0.5, 0.5]]])
    result = invert(poisoned_problem(), "adam", starts=starts, steps=8)
    assert result.trace_loss[0, 0].isnan().all()
    assert result.trace_loss[0, 1].isfinite().all()
    assert result.best_restart[0] == 1
    assert result.losses[0] < result.trace_loss[0, 1, 0]
    alone = invert(poisoned_problem(), "adam", starts=starts[:, 1:], steps=8)
    assert torch.equal(result.trace_loss[0, 1], alone.trace_loss[0, 0])
    assert torch.equal(result.restart_latents[0, 0], starts[0, 0])


def test_a_restart_that_runs_into_nan_keeps_what_it_had() -> None:
    # The target lies just below the bound, and Adam's first steps are longer than the way to it.
    generator = Linear(0.1 * torch.eye(3), (3, 1, 1))
    target = torch.tensor([0.59999, 0.5, 0.5])[None, :, None, None]
    problem = Problem(generator, Poisoned(0.6), "z", target)
    result = invert(problem, "adam", starts=torch.tensor([[[0.9, 0.0, 0.3]]]), steps=8, learning_rate=0.2)
    assert result.trace_loss[0, 0].isnan().any()
    assert result.losses.isfinite().all()
    assert result.best_step[0] == 0


def test_when_nothing_is_finite_the_error_says_so() -> None:
    starts = torch.tensor([[[3.0, 0.0, 0.0]], [[2.0, 0.0, 0.0]]])
    with pytest.raises(PullbackError, match="no restart of any target ever had a finite loss"):
        invert(poisoned_problem(2), "adam", starts=starts, steps=2)


def test_a_target_without_a_finite_loss_leaves_the_others_their_results() -> None:
    starts = torch.tensor([[[0.5, 0.0, 0.0]], [[2.0, 0.0, 0.0]]])
    result = invert(poisoned_problem(2), "adam", starts=starts, steps=2)
    assert result.losses.isfinite().tolist() == [True, False]
    assert torch.equal(result.latents[1], starts[1, 0])


def test_float32_latents_stay_float32() -> None:
    generator = Smooth()
    problem = Problem(generator, Curved(), "z", generator.render(torch.zeros(1, 6), "z"))
    assert invert(problem, eigenbasis=basis_of(problem), steps=2).latents.dtype == torch.float32


def test_hessian_adam_without_or_with_a_foreign_eigenbasis_is_refused() -> None:
    problem = problem_of()
    with pytest.raises(InvalidInputError, match=r"needs an eigenbasis; compute one with pullback.geometry"):
        invert(problem)
    basis = basis_of(problem)
    foreign = replace(basis, provenance=replace(basis.provenance, generator="another"))
    with pytest.raises(IncompatibleEigenbasisError, match="generator is 'another' there and 'toy' here"):
        invert(problem, eigenbasis=foreign)
    state = HessianAdam(eigenbasis=basis).init(problem, draw_starts(problem, 1))
    solver = HessianAdam(eigenbasis=foreign)
    with pytest.raises(IncompatibleEigenbasisError):
        solver.step(problem, solver.restore(problem, state.to_tensors()))


def test_an_eigenbasis_of_another_distance_serves_as_one_with_these_numbers_does() -> None:
    problem = problem_of()
    other = basis_of(Problem(problem.generator, Euclidean().double(), "z", problem.targets))
    own = replace(other, provenance=replace(other.provenance, distance="curved"))
    found, expected = (invert(problem, eigenbasis=basis, steps=5) for basis in (other, own))
    assert other.provenance.distance == "euclidean"
    assert torch.equal(found.latents, expected.latents)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps lie between 1 and 100000, but 0 came"),
        ({"steps": 100_001}, "but 100001 came"),
        ({"restarts": 0}, "restarts lie between 1 and 1024, but 0 came"),
        ({"restarts": 1025}, "but 1025 came"),
        ({"learning_rate": 0.0}, "finite and above 0, but 0.0 came"),
        ({"learning_rate": float("nan")}, "finite and above 0, but nan came"),
        ({"exponent": -0.5}, "finite and not negative, but -0.5 came"),
        ({"seed": -1}, "from 0 on, but -1 came"),
        ({"starts": torch.zeros(1, 4, 6)}, r"have shape \(2, restarts, 6\), but shape \(1, 4, 6\) came"),
        ({"starts": torch.zeros(2, 0, 6)}, r"but shape \(2, 0, 6\) came"),
        ({"starts": torch.full((2, 1, 6), torch.nan)}, "starting points are finite"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    problem = problem_of()
    with pytest.raises(InvalidInputError, match=message):
        invert(problem, "hessian_adam", eigenbasis=basis_of(problem), **options)


@pytest.mark.parametrize(("betas", "eps", "message"), [((1.0, 0.9), 1e-8, "betas lie"), ((0.9, 0.9), 0.0, "eps is")])
def test_adams_own_options_out_of_range_are_refused(betas: tuple[float, float], eps: float, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Adam(betas=betas, eps=eps)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="no inversion method is named 'sgd'; known: "):
        invert(problem_of(), "sgd")
    with pytest.raises(UnknownNameError, match="no schedule is named 'linear'; known: constant, cosine"):
        invert(problem_of(), "adam", schedule="linear")


def test_a_checkpoint_of_something_else_is_refused() -> None:
    problem = problem_of(2)
    solver = Adam()
    tensors = solver.init(problem, draw_starts(problem, 1)).to_tensors()
    with pytest.raises(InvalidInputError, match=r"have shape \(1, restarts, 6\), but \(2, 1, 6\) came"):
        solver.restore(problem_of(1), tensors)
    with pytest.raises(InvalidInputError, match=r"lacks memory\.mean"):
        solver.restore(problem, {name: tensor for name, tensor in tensors.items() if name != "memory.mean"})
    with pytest.raises(InvalidInputError, match="make a step first"):
        solver.postprocess(problem, solver.init(problem, draw_starts(problem, 1)))
