"""What crosses between device and host in loops that are run thousands of times, on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch

from pullback.generators import Generator
from pullback.geometry import metric_estimator
from pullback.geometry.point import Point
from pullback.geometry.pointwise.gram_iteration import GramIteration
from pullback.inversion import LossWeights, Problem, TargetSearches, evaluate_together, make_solver
from style_states import FORMS, ada_form, small_stylegan1
from tiny_style import tiny_style
from toys import Curved
from without_values import WithoutValues

META = torch.device("meta")
WEIGHTS = LossWeights(l1=1.0, l2=1.0, prior=0.1)


def crossings_of_steps(method: str, steps: int, **options: object) -> list[list[str]]:
    """What crosses at each step of an inversion of two images by a generator with a mapping network."""
    generator, distance, found = tiny_style().to(META), Curved().to(META), []
    with WithoutValues() as host:
        targets = torch.full((2, *generator.image_shape), 0.5, device=META)
        problem = Problem(generator, distance, "w", targets, weights=WEIGHTS, truncation=2.0)
        starts = torch.zeros(2, 3, problem.dim, device=META)
        searches = TargetSearches.begin(make_solver(method, steps=100, **options), problem, starts)
        for _ in range(steps):
            host.crossings.clear()
            problems, queries = zip(*searches.ask(), strict=True)
            searches = searches.tell(evaluate_together(problems, queries))
            found.append(list(host.crossings))
    return found


def test_a_crossing_is_seen():
    values, numbers = torch.ones(3, device=META), torch.ones(3)
    with WithoutValues() as host:
        assert bool(values.isfinite().all())
        assert (float(values[0]), values.cpu().tolist()) == (0.5, [0.0] * 3)
        numbers.to(META)
        values.new_tensor([1.0])
        values.copy_(numbers)
        numbers.copy_(values)
        assert values[values > 0].shape == (3,)
        values.to(torch.float64).sum()
    assert host.crossings == [
        "value of torch.bool",
        "value of torch.float32",
        "(3,) to the host",
        "(3,) to the device",
        "numbers of shape (1,) to the device",
        "(3,) to the device",
        "(3,) to the host",
        "mask",
    ]


def test_a_step_of_an_inversion_sends_nothing_and_waits_for_nothing():
    # At the first step the prior's moments are sent.
    assert crossings_of_steps("adam", 3)[1:] == [[], []]


def test_a_local_metric_of_an_inversion_neither():
    options = {"basis": "local", "local_every": 2}
    assert crossings_of_steps("hessian_adam", 4, **options)[1:] == [[], [], []]


def test_a_generators_images_need_nothing_from_the_host():
    generator = tiny_style().to(META)
    latents = torch.zeros(2, 6, device=META)
    with WithoutValues() as host:
        generator.render(latents, "z")
        generator.render(latents, "w")
    assert host.crossings == []


@pytest.mark.parametrize("made", [small_stylegan1, *(partial(ada_form, name, truncation=0.5) for name in FORMS)])
def test_neither_do_those_of_other_style_based_generators(made: Callable[[], Generator]):
    generator = made().to(META)
    with WithoutValues() as host:
        for space in ("z", "w", "w+"):
            generator.render(torch.zeros(2, generator.space(space).dim, device=META), space)
    assert host.crossings == []


def test_a_priors_moments_are_sent_once():
    prior, latents = tiny_style().space("w").prior, torch.zeros(2, 6, device=META)
    with WithoutValues() as host:
        prior.penalty(latents)
        assert host.crossings
        host.crossings.clear()
        prior.penalty(latents)
        prior.truncate(latents, 1.0)
    assert host.crossings == []


def test_a_priors_moments_that_were_first_asked_for_without_derivatives_serve_with_them():
    prior, latents = tiny_style().space("w").prior, torch.zeros(2, 6, dtype=torch.float64)
    with torch.inference_mode():
        prior.truncate(latents, 1.0)
    latents.requires_grad_()
    (gradient,) = torch.autograd.grad(prior.penalty(latents).sum(), latents)
    assert gradient.isfinite().all()


def test_a_piece_of_a_sketch_takes_latents_and_gives_gradients():
    generator, distance = tiny_style().to(META), Curved().to(META)
    estimator = metric_estimator(generator, distance, "w", samples=32)
    # The first one also measures what a row takes.
    with WithoutValues():
        begun = estimator.step(estimator.init())
    with WithoutValues() as host:
        estimator.step(begun)
    assert len(host.crossings) <= 2
    assert not any(crossing.startswith("numbers") for crossing in host.crossings)


@pytest.mark.parametrize("k", [2, 4])
def test_a_product_of_block_lanczos_is_asked_whether_it_is_finite_and_what_it_lacks(k: int):
    generator, distance = tiny_style().to(META), Curved().to(META)
    point = Point(generator, distance, torch.zeros(36), "w+")
    with WithoutValues() as host:
        pieces = GramIteration(k=k, block=4).eigenpairs_in_pieces(point)
        next(pieces)
        host.crossings.clear()
        next(pieces)
        next(pieces)
    assert host.crossings == 2 * ["mask", "value of torch.bool"]
