"""Starts that are given: an encoder's output, or an earlier inversion's latents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry import global_metric
from pullback.inversion import METHODS, AlignmentPrior, Problem, invert, leading_spaces, led_into, make_starts
from style_states import ada_form
from tiny_style import tiny_style
from toys import Euclidean

W = tiny_style().space("w")


def problem_of(space: str = "w", images: int = 2, **options: object) -> Problem:
    generator = tiny_style()
    latents = generator.space(space).sample(images, seed=3)
    return Problem(generator, Euclidean(0.1), space, generator.render(latents, space), **options)  # type: ignore[arg-type]


def test_a_given_start_is_that_of_the_first_restart_and_the_others_start_as_they_do_without() -> None:
    problem = problem_of()
    given = W.sample(2, seed=9)
    starts = make_starts(problem, 3, 5, latents=[given[0], None])
    without = make_starts(problem, 3, 5)
    assert torch.equal(starts[0, 0], given[0])
    assert torch.equal(starts[0, 1:], without[0, 1:])
    assert torch.equal(starts[1], without[1])


def test_no_bank_is_wanted_where_every_start_is_given() -> None:
    problem = problem_of()
    given = list(W.sample(2, seed=9))
    assert torch.equal(make_starts(problem, 1, start="bank", latents=given)[:, 0], torch.stack(given))
    with pytest.raises(InvalidInputError, match="bank"):
        make_starts(problem, 1, start="bank", latents=[given[0], None])


def test_a_frame_starts_where_it_does_without_a_given_latent() -> None:
    problem = problem_of(alignment=AlignmentPrior())
    given = W.sample(2, seed=9)
    starts = make_starts(problem, 2, 5, latents=list(given))
    assert torch.equal(starts[..., 6:], make_starts(problem, 2, 5)[..., 6:])
    assert torch.equal(starts[:, 0, :6], given)


def test_what_a_class_stands_in_leads_on_and_a_class_alone_does_not() -> None:
    generator = ada_form("conditional", ("ant", "bee", "cat", "dog"))
    assert leading_spaces(generator, "w+") == ["w+", "full", "z", "w"]
    assert leading_spaces(generator, "full") == ["full"]
    latents = generator.space("full").sample(3, seed=1)
    assert torch.equal(led_into(generator, latents, "full", "w"), generator.map(latents, "full"))
    with pytest.raises(InvalidInputError, match="a latent of w or full or z, but one of 'class' came"):
        led_into(generator, torch.eye(4), "class", "w")


def test_w_stands_in_every_layer_of_w_plus_and_z_is_mapped() -> None:
    generator = tiny_style()
    assert leading_spaces(generator, "w+") == ["w+", "z", "w"]
    assert leading_spaces(generator, "w") == ["w", "z"]
    assert leading_spaces(generator, "z") == ["z"]
    z, w = generator.space("z").sample(3, seed=1), W.sample(3, seed=1)
    assert torch.equal(led_into(generator, w, "w", "w+"), w.repeat(1, 6))
    torch.testing.assert_close(led_into(generator, z, "z", "w"), generator.network.mapping(z))
    assert torch.equal(led_into(generator, w, "w", "w"), w)
    for of, to in (("z", "w"), ("z", "w+"), ("w", "w+")):
        latents = generator.space(of).sample(3, seed=1)
        shown = generator.render(led_into(generator, latents, of, to), to)
        torch.testing.assert_close(shown, generator.render(latents, of))


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.restarts])
def test_every_method_starts_where_it_is_told(method: str) -> None:
    problem = problem_of(images=1)
    truth = W.sample(1, seed=3)
    basis = global_metric(problem.generator, problem.distance, "w", samples=8)
    found = invert(problem, method, eigenbasis=basis, restarts=2, steps=2, seed=1, latents=[truth[0]], start="prior")
    # The first is the target's own latent, where nothing is left to find.
    assert found.trace_distance[0, 0, 0] < 1e-9 < found.trace_distance[0, 1, 0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([torch.zeros(6)], "for each of 2 targets, but 1"),
        ([torch.zeros(7), None], r"shape \(6,\), but \(7,\) came"),
        ([torch.full((6,), float("nan")), None], "finite"),
    ],
)
def test_a_start_that_is_none_is_refused(given: list[Tensor | None], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make_starts(problem_of(), 1, latents=given)


def test_a_latent_that_leads_nowhere_is_refused() -> None:
    generator = tiny_style()
    with pytest.raises(InvalidInputError, match="a latent of z, but one of 'w' came"):
        led_into(generator, W.sample(1, seed=0), "w", "z")
    with pytest.raises(InvalidInputError, match=r"shape \(n, 6\), but \(1, 36\) came"):
        led_into(generator, generator.space("w+").sample(1, seed=0), "w", "w+")
