"""Inversions with classes that are embeddings in the weights: given, searched and free."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from biggan_states import LABELS, big_entry, big_state
from pullback.generators import build
from pullback.inversion import InversionResult, LossWeights, Problem, class_codes, invert, make_starts, nearest_class
from toys import Euclidean

NUMBERS = [3, 0, 4]


def problem_of(moves: str = "noise", **options: object) -> Problem:
    """One target of each of three classes, that the generator can draw."""
    generator = build(big_entry("biggan"), big_state("biggan"))
    codes = generator.space("class").prior.class_codes(3)
    targets = generator.render(torch.cat([generator.space("noise").sample(3, 42), codes[NUMBERS]], dim=1), "full")
    return Problem(generator, Euclidean(0.05), "full", targets, moves=moves, **options)  # type: ignore[arg-type]


def solve(problem: Problem, **options: object) -> InversionResult:
    return invert(problem, "adam", start="prior", **options)  # type: ignore[arg-type]


def embeddings() -> Tensor:
    return big_state("biggan")["shared.weight"]


def test_a_given_class_is_its_embedding_bit_for_bit() -> None:
    problem = problem_of(weights=LossWeights(prior=0.01), truncation=1.5)
    result = solve(problem, restarts=2, steps=5, classes=NUMBERS)
    assert torch.equal(class_codes(problem), embeddings())
    assert torch.equal(result.latents[:, 6:], embeddings()[NUMBERS])
    assert nearest_class(problem, result.latents) == [LABELS[number] for number in NUMBERS]


def test_a_search_starts_once_from_each_class_and_finds_the_one() -> None:
    problem = problem_of()
    starts = make_starts(problem, 2, search_classes=True)
    assert starts.shape == (3, 10, 9)
    assert torch.equal(starts[0, :5, 6:], embeddings())
    result = solve(problem, restarts=4, steps=60, search_classes=True)
    assert nearest_class(problem, result.latents) == [LABELS[number] for number in NUMBERS]
    assert torch.equal(result.latents[:, 6:], embeddings()[NUMBERS])


def test_a_free_class_begins_at_an_embedding_and_leaves_it() -> None:
    problem = problem_of("full")
    starts = make_starts(problem, 3)
    assert (torch.cdist(starts[0, :, 6:], embeddings()).amin(dim=1) == 0).all()
    result = solve(problem, restarts=3, steps=30)
    assert (torch.cdist(result.latents[:, 6:], embeddings()).amin(dim=1) > 1e-3).all()


def test_the_penalty_of_the_prior_counts_noise_and_the_way_to_the_nearest_embedding() -> None:
    latents = torch.randn(3, 2, 9, generator=torch.Generator().manual_seed(1))
    penalty = problem_of(weights=LossWeights(prior=0.2)).evaluate(latents)[0] - problem_of().evaluate(latents)[0]
    apart = torch.cdist(latents[..., 6:], embeddings()).square().amin(dim=2)
    spread = embeddings().var(dim=0, correction=0).mean()
    torch.testing.assert_close(penalty, 0.1 * (latents[..., :6].square().sum(dim=2) + apart / spread))


@pytest.mark.parametrize("moves", ["noise", "full"])
def test_a_truncation_keeps_embeddings_within_their_box(moves: str) -> None:
    problem = problem_of(moves, truncation=1.0)
    clamped = problem.clamp(10 * torch.randn(3, 2, 9, generator=torch.Generator().manual_seed(1)))
    assert clamped[..., :6].abs().max() == 1
    assert (clamped[..., 6:] <= embeddings().amax(dim=0)).all()
    assert (clamped[..., 6:] >= embeddings().amin(dim=0)).all()
