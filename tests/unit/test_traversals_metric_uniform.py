"""Steps of equal image distance: closed forms where there is one, real distances elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from draining import drained
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.measurement import frame_distances
from pullback.directions.traversals.metric_uniform import metric_uniform
from pullback.directions.traversals.walk import even_steps
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators import Generator
from toys import Bounded, Curved, Euclidean, Linear, Poisoned, Quadratic, Smooth, Sphere


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_a_constant_metric_gives_even_steps() -> None:
    generator = Linear(torch.randn(12, 4, generator=torch.Generator().manual_seed(0)), (3, 2, 2)).double()
    walk = metric_uniform(generator, Euclidean().double(), doubles(1, 0, 2, 1), doubles(1, 2, 0, 1), -1.0, 3.0, 9, "z")
    torch.testing.assert_close(walk.steps, even_steps(-1.0, 3.0, 9))


def test_along_a_meridian_or_a_parallel_of_the_sphere_steps_are_even() -> None:
    for vector in (doubles(1, 0), doubles(0, 1)):
        walk = metric_uniform(Sphere().double(), Euclidean().double(), doubles(1, 0), vector, 0.0, 1.0, 6, "z")
        torch.testing.assert_close(walk.steps, even_steps(0.0, 1.0, 6))


def test_a_parabola_is_divided_as_its_square_root_says() -> None:
    # x = ½ t², so the length from a to t is ½ (t² − a²).
    generator = Quadratic(doubles(1).reshape(1, 1, 1)).double()
    walk = metric_uniform(generator, Euclidean(3).double(), doubles(0), doubles(1), 0.5, 4.0, 8, "z")
    expected = torch.linspace(0.25, 16, 8, dtype=torch.float64).sqrt()
    torch.testing.assert_close(walk.steps, expected, rtol=5e-3, atol=0)


@pytest.mark.parametrize("frames", [2, 3, 9, 40])
def test_the_ends_and_the_number_of_frames_are_those_asked_for(frames: int) -> None:
    start, vector = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    walk = metric_uniform(Smooth(), Curved(), start, vector, -2.0, 1.0, frames, "z")
    assert (len(walk.steps), float(walk.steps[0]), float(walk.steps[-1])) == (frames, -2, 1)
    assert bool((walk.steps.diff() > 0).all())
    torch.testing.assert_close(walk.latents, start + walk.steps.float()[:, None] * vector)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [Euclidean, Curved])
def test_image_distances_from_frame_to_frame_hardly_vary(kind: type, seed: int) -> None:
    generator, distance = Smooth(), kind()
    start, vector = torch.randn(2, 6, generator=torch.Generator().manual_seed(seed))
    walk = metric_uniform(generator, distance, start, vector, -2.0, 2.0, 9, "z")
    straight = linear(start, vector, even_steps(-2.0, 2.0, 9), "z")
    spreads = [frame_distances(generator, distance, each).var() for each in (walk, straight)]
    assert spreads[0] <= 0.02 * spreads[1]


def test_the_curved_path_of_a_real_network_is_divided_evenly(tiny_generator: Generator) -> None:
    start, vector = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    walk = metric_uniform(tiny_generator, Euclidean(), start, vector, -3.0, 3.0, 9, "z")
    gaps = frame_distances(tiny_generator, Euclidean(), walk).sqrt()
    assert gaps.std() / gaps.mean() < 0.02


def test_others_have_their_turn_after_every_few_frames() -> None:
    start, vector = torch.randn(2, 6, generator=torch.Generator().manual_seed(1))
    turns, walk = drained(metric_uniform.in_pieces(Smooth(), Curved(), start, vector, -2.0, 2.0, 20, "z"))
    # 77 places, and 20 frames at least once.
    assert turns >= 5 + 2
    again = metric_uniform(Smooth(), Curved(), start, vector, -2.0, 2.0, 20, "z")
    torch.testing.assert_close(walk.latents, again.latents, rtol=0, atol=0)


def test_what_cannot_be_divided_is_refused() -> None:
    start, vector = torch.zeros(6), torch.ones(6)
    with pytest.raises(InvalidInputError, match="'bounded' has no embedding"):
        metric_uniform(Smooth(), Bounded(), start, vector, -1.0, 1.0, 5, "z")
    with pytest.raises(InvalidInputError, match="2 frames or more, but 1 came"):
        metric_uniform(Smooth(), Euclidean(), start, vector, -1.0, 1.0, 1, "z")
    with pytest.raises(InvalidInputError, match="first step is below its last one"):
        metric_uniform(Smooth(), Euclidean(), start, vector, 1.0, 1.0, 5, "z")
    with pytest.raises(InvalidInputError, match="but zero came"):
        metric_uniform(Smooth(), Euclidean(), start, torch.zeros(6), -1.0, 1.0, 5, "z")
    flat = Linear(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), (3, 1, 1))
    with pytest.raises(InvalidInputError, match="the image does not change along this vector"):
        metric_uniform(flat, Euclidean(), torch.zeros(2), torch.tensor([0.0, 1.0]), -1.0, 1.0, 5, "z")
    with pytest.raises(InvalidInputError, match="load both on one device"):
        metric_uniform(Smooth().double(), Euclidean(), start, vector, -1.0, 1.0, 5, "z")
    with pytest.raises(PullbackError, match="is not finite; use another distance"):
        metric_uniform(Smooth(), Poisoned(-1.0), start, vector, -1.0, 1.0, 5, "z")
