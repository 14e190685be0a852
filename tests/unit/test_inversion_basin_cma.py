"""BasinCMA in its three forms."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inverting import basis_of, block_problem, drive, problem_of
from pullback.errors import IncompatibleEigenbasisError, InvalidInputError
from pullback.inversion import (
    METHODS,
    AlignmentPrior,
    BasinCMA,
    BasinCMAHessianAdam,
    HessianBasinCMA,
    LossWeights,
    Problem,
    Query,
    mean_starts,
)
from pullback.inversion.problems.blocks import moving_blocks
from pullback.inversion.solvers.evolution import Evolution
from pullback.inversion.solvers.stages import Stages
from toys import Linear, Poisoned

FORMS = [BasinCMA, BasinCMAHessianAdam, HessianBasinCMA]


def generations(asked: list[Query], inner: int, outer: int) -> list[Tensor]:
    """What was drawn in every generation: the points before Adam."""
    return [asked[generation * (inner + 1)].points for generation in range(outer)]


def test_the_schedules_are_the_published_ones() -> None:
    assert BasinCMA().stages(1) == Stages(outer=30, inner=30, final=301)
    assert BasinCMAHessianAdam().stages(1) == Stages(outer=10, inner=10, final=501)
    for name, form in (("basin_cma", BasinCMA()), ("basin_cma_hessian_adam", BasinCMAHessianAdam())):
        assert METHODS[name].steps == form.stages(1).length - 1
        assert METHODS[name].options["learning_rate"] == form.learning_rate == 0.05
        assert form.population == 18
    # The other arms that were run: 50 × 0, 1 × 30, 1 × 0.
    for outer, inner in ((50, 0), (1, 30), (1, 0)):
        assert BasinCMAHessianAdam(outer=outer, inner=inner).stages(1).length == outer * (inner + 1) + 501


def test_cma_is_told_what_it_drew_with_the_loss_after_adam(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[np.ndarray, np.ndarray]] = []
    original = Evolution.told

    def spy(self: Evolution, losses: np.ndarray) -> Evolution:
        told.append((self.population, losses))
        return original(self, losses)

    monkeypatch.setattr(Evolution, "told", spy)
    problem = problem_of(1)
    form = BasinCMA(population=6, outer=3, inner=4, final=2, clamp=None)
    result, asked = drive(form, problem, mean_starts(problem, 1))
    for generation, (population, losses) in enumerate(told):
        np.testing.assert_allclose(asked[5 * generation].points[0], population)
        np.testing.assert_array_equal(losses, result.trace_loss[0, :, 5 * generation + 4])
        # What torch's own Adam makes of the draw has that loss.
        latents = torch.tensor(population).requires_grad_()
        optimizer = torch.optim.Adam([latents], lr=0.05)
        for _ in range(4):
            loss, _ = problem.evaluate(latents[None])
            (latents.grad,) = torch.autograd.grad(loss.sum(), latents)
            optimizer.step()
        np.testing.assert_allclose(losses, problem.evaluate(latents[None])[0][0].detach(), rtol=1e-9)
    assert len(told) == 3


def test_a_fresh_draw_is_refined_at_the_end_of_pix2latents_form() -> None:
    problem = problem_of(1)
    form = BasinCMA(population=5, outer=2, inner=1, final=3)
    _, asked = drive(form, problem, mean_starts(problem, 1))
    assert [query.points.shape[1] for query in asked] == [5] * 8
    assert (asked[4].points - asked[3].points).abs().max() > 0.1


@pytest.mark.parametrize("form", [BasinCMAHessianAdam, HessianBasinCMA])
def test_the_best_of_the_last_generation_are_refined_further_in_the_others(form: type[BasinCMA]) -> None:
    problem = problem_of(1)
    solver = form(population=6, outer=2, inner=2, final=3, finalists=2)
    result, asked = drive(solver, problem, mean_starts(problem, 1))
    assert [query.points.shape[1] for query in asked] == [6] * 6 + [2] * 4
    judged = result.trace_loss[0, :, 5]
    best = judged.argsort()[:2]
    # They go on from where Adam had brought them, and are evaluated there once more, with their gradients.
    torch.testing.assert_close(asked[6].points[0], asked[5].points[0, best])
    torch.testing.assert_close(result.trace_loss[0, best, 6], judged[best])
    assert result.trace_loss[0, :, 6].isfinite().sum() == 2


def test_the_step_size_of_the_last_stage_is_halved_as_published() -> None:
    problem = problem_of(1)
    solver = BasinCMAHessianAdam(population=4, outer=1, inner=0, final=7, finalists=1, halved_every=3)
    _, asked = drive(solver, problem, mean_starts(problem, 1))
    latent = asked[1].points[0].clone().requires_grad_()
    optimizer = torch.optim.Adam([latent], lr=0.05)
    halving = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    for query in asked[1:]:
        torch.testing.assert_close(query.points[0], latent.detach())
        loss, _ = problem.evaluate(latent[None])
        (latent.grad,) = torch.autograd.grad(loss.sum(), latent)
        optimizer.step()
        halving.step()


def test_noise_and_class_are_drawn_by_two_cmas_and_paired_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[np.ndarray, np.ndarray]] = []
    original = Evolution.told

    def spy(self: Evolution, losses: np.ndarray) -> Evolution:
        told.append((self.population, losses))
        return original(self, losses)

    monkeypatch.setattr(Evolution, "told", spy)
    problem = block_problem()
    assert [space.name for space in moving_blocks(problem)] == ["noise", "class"]
    start = torch.tensor([[[1.0, -1.0, 2.0, -2.0, 0.0, 1.0, 0.0]]]).double()
    solver = BasinCMAHessianAdam(population=400, outer=2, inner=1, final=1)
    _, asked = drive(solver, problem, start)
    noise, label = asked[0].points[0].split([4, 3], dim=1)
    # Noise around the start with σ .4, the class around 0 with σ .2.
    torch.testing.assert_close(noise.mean(dim=0), start[0, 0, :4], atol=0.1, rtol=0)
    torch.testing.assert_close(label.mean(dim=0), torch.zeros(3).double(), atol=0.05, rtol=0)
    torch.testing.assert_close(noise.std(dim=0), torch.full((4,), 0.4).double(), atol=0.06, rtol=0)
    torch.testing.assert_close(label.std(dim=0), torch.full((3,), 0.2).double(), atol=0.03, rtol=0)
    (of_noise, losses), (of_class, same) = told[:2]
    # Each is told what it drew itself, and both the same losses.
    np.testing.assert_allclose(of_noise, noise)
    np.testing.assert_allclose(of_class, label)
    np.testing.assert_array_equal(losses, same)
    assert abs(np.corrcoef(of_noise[:, 0], of_class[:, 0])[0, 1]) < 0.2


def test_pix2latent_searches_the_noise_alone_and_moves_the_class_less_fast() -> None:
    problem = block_problem()
    start = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]]).double()
    _, asked = drive(BasinCMA(population=6, outer=2, inner=2, final=1), problem, start)
    for drawn in generations(asked, 2, 2):
        # A class starts anew with every generation.
        assert torch.equal(drawn[0, :, 4:], start[0, :, 4:].expand(6, -1))
        assert drawn[0, :, :4].std() > 0.5
    # Adam's first step moves every coordinate by its step size.
    first = asked[1].points - asked[0].points
    inside = asked[1].points.abs() < 2
    torch.testing.assert_close(first[..., :4].abs()[inside[..., :4]].mean(), torch.tensor(0.05).double())
    torch.testing.assert_close(first[..., 4:].abs(), torch.full((1, 6, 3), 0.01).double())


def test_a_class_that_is_given_is_drawn_by_none() -> None:
    problem = block_problem(moves="noise")
    assert [space.name for space in moving_blocks(problem)] == ["noise"]
    start = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]]).double()
    for form in FORMS:
        _, asked = drive(form(population=4, outer=2, inner=1, final=1), problem, start)
        assert all(torch.equal(query.points[0, 0, 4:], start[0, 0, 4:]) for query in asked)


def test_pix2latent_clamps_latents_to_2() -> None:
    problem = problem_of(1)
    _, asked = drive(BasinCMA(population=30, outer=2, inner=3, final=2), problem, 5 + mean_starts(problem, 1))
    assert max(query.points.max() for query in asked) == 2


def test_with_both_parts_in_the_eigenbasis_candidates_differ_alike_along_every_axis() -> None:
    # z = c Λ̃^−½ Uᵀ and H = U Λ Uᵀ, so that for c ~ N(0, σ² I) the change along every axis, zᵀ uᵢ √λᵢ, has one variance.
    problem = problem_of(1)
    factor = torch.randn(6, 6, generator=torch.Generator().manual_seed(0)).double() @ torch.diag(
        torch.logspace(0, -1, 6).double()
    )
    basis = basis_of(problem, (factor @ factor.T).numpy())
    solver = HessianBasinCMA(eigenbasis=basis, exponent=0.5, population=2000, outer=1, inner=0, final=0)
    _, asked = drive(solver, problem, mean_starts(problem, 1))
    along = asked[0].points[0].numpy() @ basis.eigenvectors * np.sqrt(basis.eigenvalues)
    np.testing.assert_allclose(along.std(axis=0) / along.std(), 1, atol=0.1)
    raw = BasinCMAHessianAdam(eigenbasis=basis, population=2000, outer=1, inner=0, final=0)
    _, asked = drive(raw, problem, mean_starts(problem, 1))
    np.testing.assert_allclose(asked[0].points[0].std(dim=0), 0.4, atol=0.03)


def test_a_frame_is_searched_by_a_cma_of_its_own() -> None:
    problem = problem_of(1, alignment=AlignmentPrior())
    start = mean_starts(problem, 1)
    for form in FORMS:
        _, asked = drive(form(population=300, outer=1, inner=1, final=1), problem, start)
        frames = asked[0].points[0, :, 6:]
        assert 0.9 < frames.std() < 1.1
        assert not torch.equal(asked[1].points[..., 6:], asked[0].points[..., 6:])


def test_several_starts_are_several_searches() -> None:
    problem = problem_of(2)
    starts = torch.tensor([-2.0, 2.0]).double()[None, :, None].expand(2, 2, 6).clone()
    result, asked = drive(BasinCMAHessianAdam(population=5, outer=3, inner=1, final=2), problem, starts)
    assert asked[0].points.shape == (2, 10, 6)
    assert (asked[0].points[:, :5] < 0).double().mean() > 0.9
    assert (asked[0].points[:, 5:] > 0).double().mean() > 0.9
    # Four finalists of all ten candidates.
    assert asked[-1].points.shape == (2, 4, 6)
    assert result.trace_loss.shape[:2] == (2, 10)


def test_the_seed_decides_and_every_image_draws_what_it_draws_alone() -> None:
    problem = problem_of(2)
    same, other = BasinCMA(outer=1, inner=0, final=0, seed=1), BasinCMA(outer=1, inner=0, final=0, seed=2)
    first, again, third = (
        drive(solver, problem, mean_starts(problem, 1))[1][0].points for solver in (same, same, other)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, third)
    alone = drive(same, problem_of(1), mean_starts(problem_of(1), 1))[1][0].points
    for of_image in first:
        assert torch.equal(of_image, alone[0])


def test_an_evolution_is_cma_with_random_numbers_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cma  # it loads Matplotlib, for every process that collects the tests

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    strategy = cma.CMAEvolutionStrategy(
        [1.0, 2.0, 3.0],
        0.5,
        {"popsize": 6, "randn": lambda *shape: rng.standard_normal(shape), "seed": np.nan, "verbose": -10},
    )
    numbers = np.random.get_state()[1].copy()  # noqa: NPY002  (it is they that must not be used)
    evolution, other = (Evolution.begin(np.array([1.0, 2.0, 3.0]), 0.5, 6, seed) for seed in (5, 6))
    for _ in range(20):
        population = strategy.ask()
        np.testing.assert_array_equal(evolution.population, population)
        losses = (evolution.population**2).sum(axis=1)
        strategy.tell(population, losses)
        # Told twice, and with another between: the same comes out.
        told = evolution.told(losses)
        other = other.told((other.population**2).sum(axis=1))
        np.testing.assert_array_equal(told.population, evolution.told(losses).population)
        evolution = told
    assert np.square(evolution.population).sum(axis=1).min() < 1
    np.testing.assert_array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002
    assert not list(tmp_path.iterdir())


def test_losses_that_are_not_finite_count_as_the_worst() -> None:
    evolution = Evolution.begin(np.zeros(3), 0.5, 6, 0)
    losses = np.array([3.0, 1.0, np.nan, 2.0, np.inf, 0.0])
    worst = np.array([3.0, 1.0, 100.0, 2.0, 100.0, 0.0])
    np.testing.assert_array_equal(evolution.told(losses).population, evolution.told(worst).population)
    assert np.isfinite(evolution.told(np.full(6, np.nan)).population).all()


@pytest.mark.parametrize("form", FORMS)
def test_candidates_without_a_finite_loss_are_left_behind(form: type[BasinCMA]) -> None:
    # The distance is NaN for z₀ > 1, where half of the first candidates are.
    generator = Linear(0.1 * torch.eye(3), (3, 1, 1)).double()
    target = torch.tensor([0.58, 0.6, 0.5])[None, :, None, None]
    problem = Problem(generator, Poisoned(0.6).double(), "z", target, weights=LossWeights(l2=0.0))
    solver = form(population=8, outer=3, inner=5, final=60)
    result, _ = drive(solver, problem, torch.tensor([[[1.0, 0.0, 0.0]]]).double())
    assert result.trace_loss[0, :, 0].isnan().any()
    assert result.losses[0] < 1e-2 * result.trace_loss[0, :, 0].nan_to_num(nan=1e9).min()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 3}, "population of a BasinCMA is at least 4, but 3 came"),
        ({"outer": 0}, "outer of a BasinCMA is at least 1, but 0 came"),
        ({"inner": -1}, "inner of a BasinCMA is at least 0"),
        ({"final": -1}, "final of a BasinCMA is at least 0"),
        ({"finalists": 0}, "finalists of a BasinCMA is at least 1"),
        ({"seed": -1}, "seed of a BasinCMA is at least 0"),
        ({"sigma": 0.0}, "sigma of a BasinCMA is finite and above 0, but 0.0 came"),
        ({"class_sigma": float("nan")}, "class_sigma of a BasinCMA is finite"),
        ({"class_rate": -1.0}, "class_rate of a BasinCMA is finite"),
        ({"clamp": 0.0}, "clamp of a BasinCMA is finite"),
        ({"steps": 0}, "steps lie between 1 and 100000"),
        ({"learning_rate": 0.0}, "a learning rate is finite"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        BasinCMA(**options)


def test_a_budget_without_room_for_a_generation_is_refused_with_the_least() -> None:
    problem = problem_of(1)
    with pytest.raises(InvalidInputError, match=r"500 evaluations do not suffice .* expected at least 558"):
        BasinCMA(evaluations=500).init(problem, mean_starts(problem, 1))
    with pytest.raises(InvalidInputError, match="29 steps do not suffice for a generation: expected at least 30"):
        BasinCMA(steps=29).init(problem, mean_starts(problem, 1))


def test_cma_is_loaded_only_when_it_is_needed() -> None:
    code = "import sys, pullback.inversion; print('cma' in sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_an_eigenbasis_of_another_generator_is_refused() -> None:
    problem = problem_of(1)
    basis = basis_of(problem)
    foreign = replace(basis, provenance=replace(basis.provenance, generator="another"))
    with pytest.raises(IncompatibleEigenbasisError, match="generator is 'another' there and 'toy' here"):
        BasinCMAHessianAdam(eigenbasis=foreign).init(problem, mean_starts(problem, 1))
