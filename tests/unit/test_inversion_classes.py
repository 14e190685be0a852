"""Classes of conditional generators: given, free or searched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pullback.errors import InvalidInputError
from pullback.geometry import Eigenbasis, global_metric
from pullback.inversion import (
    InversionResult,
    LossWeights,
    Problem,
    class_block,
    class_space,
    invert,
    make_bank,
    make_starts,
    nearest_class,
)
from toys import Euclidean
from toys_photographs import LABELS, conditional

IMAGES = 6
METHODS = ("adam", "hessian_adam")


def problem_of(moves: str = "noise", **options: object) -> Problem:
    """Two targets of each class, that the generator can draw."""
    generator = conditional()
    noise = generator.space("noise").sample(IMAGES, 42)
    latents = torch.cat([noise, torch.eye(3).repeat(2, 1)], dim=1)
    targets = generator.render(latents, "full")
    return Problem(generator, Euclidean(0.05), "full", targets, moves=moves, **options)  # type: ignore[arg-type]


def basis_of(problem: Problem) -> Eigenbasis:
    return global_metric(problem.generator, problem.distance, problem.moves, method="gram", samples=5)


def solve(problem: Problem, method: str, **options: object) -> InversionResult:
    bank = make_bank(problem.generator, problem.distance, "full", size=60, rank=32)
    return invert(problem, method, eigenbasis=basis_of(problem), bank=bank, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["adam", "hessian_adam", "lbfgs"])
def test_a_search_through_classes_gives_the_worse_ones_up_whatever_the_method(method: str) -> None:
    problem = problem_of()
    searched = solve(problem, method, restarts=2, steps=7, start="prior", search_classes=True)
    # Six restarts of 8 evaluations each, of which most were not made.
    assert searched.restart_latents.shape[1] == 6
    assert bool((searched.evaluations < 6 * 8 / 2).all())
    kept = solve(problem, method, restarts=2, steps=7, start="prior", search_classes=True, thin=False)
    assert bool((kept.evaluations == 6 * 8).all())


def test_the_class_space_lies_within_the_problems_space() -> None:
    problem = problem_of()
    assert class_space(problem).name == "class"
    assert class_block(problem) == slice(5, 8)
    targets = problem.targets[:1]
    assert class_block(Problem(problem.generator, problem.distance, "class", targets)) == slice(0, 3)
    with pytest.raises(InvalidInputError, match="space 'noise' of generator 'tiny-classes' holds no class"):
        class_block(Problem(problem.generator, problem.distance, "noise", targets))


def test_the_nearest_class_is_that_of_the_nearest_unit_vector() -> None:
    latents = torch.randn(2, 20, 8, generator=torch.Generator().manual_seed(0))
    expected = [
        LABELS[int(np.linalg.norm(latent[5:] - np.eye(3), axis=1).argmin())] for latent in latents.flatten(0, 1).numpy()
    ]
    assert nearest_class(problem_of(), latents) == expected


@pytest.mark.parametrize("method", METHODS)
def test_a_given_class_is_in_the_result_bit_for_bit(method: str) -> None:
    problem = problem_of(weights=LossWeights(prior=0.01), truncation=1.5)
    numbers = [0, 1, 2, 2, 1, 0]
    result = solve(problem, method, restarts=2, steps=10, start="bank", classes=numbers)
    held = torch.eye(3)[numbers]
    assert torch.equal(result.latents[:, 5:], held)
    assert torch.equal(result.restart_latents[..., 5:], held[:, None].expand(-1, 2, -1))
    assert nearest_class(problem, result.latents) == [LABELS[number] for number in numbers]
    # The noise does move.
    starts = make_starts(problem, 2, start="mean", classes=numbers)
    assert not torch.equal(result.restart_latents[..., :5], starts[..., :5])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", ["prior", "bank"])
def test_class_search_finds_the_class(method: str, start: str) -> None:
    problem = problem_of()
    result = solve(problem, method, restarts=3, steps=100, start=start, search_classes=True, thin=True)
    assert nearest_class(problem, result.latents) == [*LABELS, *LABELS]
    # Each stays exactly what it is.
    assert torch.equal(result.latents[:, 5:], torch.eye(3).repeat(2, 1))
    torch.testing.assert_close(result.images, problem.targets, atol=0.1, rtol=0)


def test_a_free_class_moves_with_the_noise() -> None:
    problem = problem_of("full")
    result = solve(problem, "hessian_adam", restarts=4, steps=100, start="bank")
    assert (result.latents[:, 5:] != result.latents[:, 5:].round()).any(dim=1).all()
    torch.testing.assert_close(result.images, problem.targets, atol=0.1, rtol=0)
    assert nearest_class(problem, result.latents) == [*LABELS, *LABELS]


def test_the_penalty_of_the_prior_counts_noise_and_what_a_class_lacks_to_be_one() -> None:
    latents = torch.randn(IMAGES, 2, 8, generator=torch.Generator().manual_seed(1))
    penalty = problem_of(weights=LossWeights(prior=0.2)).evaluate(latents)[0] - problem_of().evaluate(latents)[0]
    noise, classes = latents[..., :5], latents[..., 5:]
    apart = torch.cdist(classes, torch.eye(3)).square().amin(dim=2)
    torch.testing.assert_close(penalty, 0.1 * (noise.square().sum(dim=2) + apart))
