"""Inversions in w and w+ with the class given: latents hang on none, and start where the w of that class lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import StyleGan2Ada
from pullback.geometry.seeding import derive_seed
from pullback.inversion import LossWeights, Problem, invert, led_into, make_starts
from style_states import ada_form, small_stylegan1
from toys import Euclidean

CLASSES = ("ant", "bee", "cat", "dog")
GIVEN = ["dog", "ant", "dog"]
GENERATOR: StyleGan2Ada = ada_form("conditional", CLASSES)
DISTANCE = Euclidean(0.05)


def targets() -> Tensor:
    """Of each class that is given, what some z makes of it."""
    z = GENERATOR.space("z").sample(len(GIVEN), 42)
    codes = torch.eye(len(CLASSES))[[CLASSES.index(label) for label in GIVEN]]
    return GENERATOR.render(torch.cat([z, codes], dim=1), "full")


TARGETS = targets()


def problem_of(space: str = "w", labels: list[str] | None = GIVEN, **options: object) -> Problem:
    return Problem(GENERATOR, DISTANCE, space, TARGETS, class_labels=labels, **options)  # type: ignore[arg-type]


def mean_of(label: str, space: str = "w") -> Tensor:
    own = GENERATOR.space_of_class(space, label)
    return own.prior.mean(own.dim)


@pytest.mark.parametrize("space", ["w", "w+"])
def test_each_target_starts_at_the_mean_of_its_class_or_among_its_draws(space: str) -> None:
    at_means = make_starts(problem_of(space), 2, start="mean")
    assert torch.equal(at_means[:, 0], torch.stack([mean_of(label, space) for label in GIVEN]))
    assert not torch.allclose(mean_of("dog"), mean_of("ant"))
    drawn = make_starts(problem_of(space), 2, seed=3)
    for restart in range(2):
        dog = GENERATOR.space_of_class(space, "dog").sample(1, derive_seed(3, 0, restart))[0]
        assert torch.equal(drawn[0, restart], dog)
        assert torch.equal(drawn[2, restart], dog)
        assert not torch.allclose(drawn[1, restart], dog)
    # An inversion starts at the mean where nothing else is said.
    found = invert(problem_of(space), "hessian_adam", basis="none", steps=1, restarts=1, learning_rate=1e-9)
    torch.testing.assert_close(found.latents, at_means[:, 0], atol=1e-6, rtol=0)


def test_the_penalty_and_the_truncation_are_those_of_the_class() -> None:
    latents = torch.randn(3, 1, 6, generator=torch.Generator().manual_seed(1))
    for number, label in enumerate(GIVEN):
        prior = GENERATOR.space_of_class("w", label).prior
        with_it, bare = (problem_of(weights=LossWeights(prior=weight), truncation=0.5) for weight in (0.2, 0.0))
        here = latents[number : number + 1]
        penalty = with_it.each()[number].evaluate(here)[0] - bare.each()[number].evaluate(here)[0]
        torch.testing.assert_close(penalty, 0.2 * prior.penalty(here))
        assert torch.equal(bare.each()[number].clamp(here), prior.truncate(here, 0.5))
        assert with_it.each()[number].moving_prior.spread() == prior.spread()
    together = problem_of(weights=LossWeights(prior=0.2)).evaluate(latents)[0]
    apart = [each.evaluate(latents[[number]])[0][0] for number, each in enumerate(with_it.each())]
    torch.testing.assert_close(together, torch.stack(apart))
    with pytest.raises(InvalidInputError, match="targets of several classes have a prior each"):
        problem_of(truncation=0.5).clamp(latents)


@pytest.mark.parametrize("method", ["adam", "basin_cma"])
def test_a_target_is_inverted_as_it_is_alone_whatever_the_classes_of_others(method: str) -> None:
    options = {"preset": "projector"} if method == "adam" else {}
    weights = LossWeights(prior=0.01)

    def found(which: slice) -> tuple[Tensor, Tensor]:
        problem = Problem(
            GENERATOR, DISTANCE, "w", TARGETS[which], weights=weights, truncation=2.0, class_labels=GIVEN[which]
        )
        steps = 8 if method == "adam" else 41
        result = invert(problem, method, steps=steps, **options)  # type: ignore[arg-type]
        return result.latents, result.losses

    together, losses = found(slice(None))
    alone, own = found(slice(1, 2))
    assert torch.equal(together[1:2], alone)
    assert torch.equal(losses[1:2], own)


def test_a_start_before_the_mapping_network_is_led_through_it_with_the_class() -> None:
    z = GENERATOR.space("z").sample(2, 5)
    code = torch.eye(len(CLASSES))[[3, 3]]
    expected = GENERATOR.map(torch.cat([z, code], dim=1), "full")
    assert torch.equal(led_into(GENERATOR, z, "z", "w", "dog"), expected)
    assert not torch.allclose(led_into(GENERATOR, z, "z", "w"), expected)
    # What has a class of its own keeps it, and w has none.
    full = torch.cat([z, torch.eye(len(CLASSES))[[1, 1]]], dim=1)
    assert torch.equal(led_into(GENERATOR, full, "full", "w", "dog"), GENERATOR.map(full, "full"))
    assert torch.equal(led_into(GENERATOR, expected, "w", "w+", "ant"), expected.repeat(1, 4))
    with pytest.raises(UnknownNameError, match="no class of generator 'ada' is named 'cow'; known: ant"):
        led_into(GENERATOR, z, "z", "w", "cow")


def test_classes_that_cannot_be_given_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="no class of generator 'ada' is named 'cow'"):
        problem_of(labels=["cow", "ant", "dog"])
    with pytest.raises(InvalidInputError, match="expected a class of each of 3 targets"):
        problem_of(labels=["ant"])
    with pytest.raises(
        InvalidInputError, match="w and w\\+ of generator 'ada' have priors of classes, but 'full' came"
    ):
        problem_of("full")
    with pytest.raises(InvalidInputError, match="bank are of every class; with a class given take 'mean' or 'prior'"):
        make_starts(problem_of(), 1, start="bank")
    with pytest.raises(InvalidInputError, match="holds no class; behind a mapping network the problem takes it"):
        make_starts(problem_of(labels=None), 1, classes=[0, 1, 2])
    other = small_stylegan1()
    with pytest.raises(UnknownNameError, match="no class of generator 'old'"):
        Problem(other, DISTANCE, "w", torch.zeros(1, *other.image_shape), class_labels=["ant"])
