"""Walks from one latent to another: closed forms, and geodesics against what is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from draining import drained
from pullback.directions.traversals.between import constant_density, geodesic, great_circle, straight
from pullback.directions.traversals.between.ends import Ends
from pullback.directions.traversals.measurement import frame_distances
from pullback.directions.traversals.walk import Walk, even_steps
from pullback.distances import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators import Bounded, Generator, LatentSpace, Product, StandardNormal
from toys import Bounded as WithoutEmbedding
from toys import Curved, Euclidean, Linear, Poisoned, Smooth, Sphere, ToyGenerator

T = even_steps(0.0, 1.0, 9)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def two(dim: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, dim, generator=torch.Generator().manual_seed(seed)).double()
    return first, second


def length(generator: Generator, distance: Distance, walk: Walk) -> float:
    return float(frame_distances(generator, distance, walk).sqrt().sum())


def unevenness(generator: Generator, distance: Distance, walk: Walk) -> float:
    gaps = frame_distances(generator, distance, walk).sqrt()
    return float(gaps.std(correction=0) / gaps.mean())


def with_prior(generator: ToyGenerator, prior: object) -> ToyGenerator:
    dim = generator.space("z").dim
    generator.spaces = {"z": LatentSpace("z", dim, prior)}  # type: ignore[arg-type]
    return generator


@pytest.mark.parametrize("way", [straight, great_circle, constant_density])
def test_walks_by_formula_begin_and_end_where_they_were_asked_to_bit_for_bit(
    way: Callable[[Ends, Tensor], Walk],
) -> None:
    start, end = (each.float() for each in two(7))
    walk = way(Ends(start, end, "z"), T)
    assert torch.equal(walk.latents[0], start)
    assert torch.equal(walk.latents[-1], end)
    assert walk.latents.dtype == torch.float32


def test_on_a_great_circle_angles_and_norms_change_evenly() -> None:
    start, end = doubles(3, 0, 0), doubles(0, 0, 5)
    walk = great_circle(Ends(start, end, "z"), T)
    torch.testing.assert_close(walk.latents.norm(dim=1), 3 + 2 * T)
    torch.testing.assert_close(torch.atan2(walk.latents[:, 2], walk.latents[:, 0]), T * math.pi / 2)
    assert not walk.latents[:, 1].any()


def test_ends_in_one_direction_have_a_great_circle_that_is_straight() -> None:
    start = doubles(1, 2, 2)
    walk = great_circle(Ends(start, 2 * start, "z"), T)
    torch.testing.assert_close(walk.latents, straight(Ends(start, 2 * start, "z"), T).latents)


def test_a_density_preserving_walk_lies_on_the_great_circle() -> None:
    start, end = two(6)
    walk = constant_density(Ends(start, end, "z"), T)
    torch.testing.assert_close(walk.latents.norm(dim=1), start.norm() + T * (end.norm() - start.norm()))
    # All of it in the plane of the two.
    _, singular, _ = torch.linalg.svd(walk.latents)
    assert singular[2] < 1e-12 * singular[0]


@pytest.mark.parametrize("way", [great_circle, constant_density])
def test_through_the_origin_there_is_no_great_circle(way: Callable[[Ends, Tensor], Walk]) -> None:
    start = doubles(1, 2, 2)
    with pytest.raises(InvalidInputError, match="opposite"):
        way(Ends(start, -start, "z"), T)
    with pytest.raises(InvalidInputError, match="one of its ends lies there"):
        way(Ends(start, 0 * start, "z"), T)


def test_ends_that_are_none_are_refused() -> None:
    start = doubles(1, 2, 2)
    for end, said in [
        (start, "both are the same"),
        (doubles(1, 2), r"ends in one of shape \(3,\), but shape \(2,\) came"),
        (doubles(1, math.nan, 2), "NaN"),
    ]:
        with pytest.raises(InvalidInputError, match=said):
            Ends(start, end, "z")
    with pytest.raises(InvalidInputError, match="from step 0 to 1, but -1 to 1 came"):
        straight(Ends(start, 2 * start, "z"), even_steps(-1.0, 1.0, 3))


def test_under_a_constant_metric_the_geodesic_is_straight() -> None:
    generator = Linear(torch.randn(12, 4, generator=torch.Generator().manual_seed(0)), (3, 2, 2)).double()
    start, end = two(4)
    walk = geodesic(generator, Euclidean().double(), Ends(start, end, "z"), 9)
    torch.testing.assert_close(walk.latents, straight(Ends(start, end, "z"), T).latents, rtol=0, atol=1e-6)


@pytest.mark.parametrize("span", [0.8, 1.6, 2.4])
def test_geodesics_of_the_sphere_are_its_great_circles(span: float) -> None:
    # From one point of a parallel to another: the parallel is not the shortest way.
    start, end = doubles(0.7, 0.0), doubles(0.7, span)
    walk = geodesic(Sphere().double(), Euclidean(3).double(), Ends(start, end, "z"), 33, evaluations=100)
    points = Sphere().double().render(walk.latents, "z").flatten(1)
    angle = math.acos(float(points[0] @ points[-1]))
    parallel = length(
        Sphere().double(), Euclidean(3).double(), straight(Ends(start, end, "z"), even_steps(0.0, 1.0, 33))
    )
    found = length(Sphere().double(), Euclidean(3).double(), walk)
    scale = Euclidean(3).double()(points[:1, :, None, None], points[-1:, :, None, None]).sqrt() / (
        2 * math.sin(angle / 2)
    )
    assert found / float(scale) == pytest.approx(angle, rel=2e-3)
    assert found < parallel
    # In one plane with the centre, evenly apart.
    normal = torch.linalg.cross(points[0], points[-1])
    assert float((points @ normal / normal.norm()).abs().max()) < 0.03
    assert unevenness(Sphere().double(), Euclidean(3).double(), walk) < 0.01


@pytest.mark.parametrize("kind", [Euclidean, Curved])
def test_a_geodesic_is_shorter_than_the_ways_by_formula(kind: type) -> None:
    generator, distance = Smooth().double(), kind().double()
    start, end = two(6, seed=2)
    ends = Ends(2 * start, 2 * end, "z")
    fine = even_steps(0.0, 1.0, 65)
    walk = geodesic(generator, distance, ends, 65)
    for way in (straight, great_circle):
        assert length(generator, distance, walk) < 0.98 * length(generator, distance, way(ends, fine))
    assert torch.equal(walk.latents[0], ends.start)
    assert torch.equal(walk.latents[-1], ends.end)
    assert unevenness(generator, distance, walk) < 0.02


def test_what_is_normal_keeps_a_likely_length() -> None:
    matrix = torch.randn(12, 50, generator=torch.Generator().manual_seed(0)).double()
    start, end = two(50)
    norms = []
    for prior in (StandardNormal(), Product(((StandardNormal(), 50),))):
        generator = with_prior(Linear(matrix, (3, 2, 2)).double(), prior)
        # Under a constant metric the shortest way is the chord, whose middle is too near the origin for a draw.
        walk = geodesic(generator, Euclidean().double(), Ends(start, end, "z"), 9)
        norms.append(float(walk.latents.norm(dim=1).min()))
        free = geodesic(generator, Euclidean().double(), Ends(start, end, "z"), 9, density_weight=0.0)
        assert float(free.latents.norm(dim=1).min()) < norms[-1]
    assert norms[0] == pytest.approx(norms[1])
    chord = straight(Ends(start, end, "z"), T).latents.norm(dim=1).min()
    assert chord + 1 < norms[0] < 8


def test_a_way_stays_within_the_bounds_of_its_space() -> None:
    generator = with_prior(Sphere().double(), Bounded(0.5, 3.0))
    start, end = doubles(0.6, 0.5), doubles(0.6, 3.0)
    walk = geodesic(generator, Euclidean(3).double(), Ends(start, end, "z"), 17)
    assert float(walk.latents.min()) >= 0.5
    assert float(walk.latents.max()) <= 3.0


def test_others_have_their_turn_and_nothing_comes_out_otherwise() -> None:
    ends = Ends(*two(6), "z")
    turns, walk = drained(geodesic.in_pieces(Smooth().double(), Curved().double(), ends, 9))
    assert turns > 30
    again = geodesic(Smooth().double(), Curved().double(), ends, 9)
    torch.testing.assert_close(walk.latents, again.latents, rtol=0, atol=0)


def test_what_has_no_geodesic_is_refused() -> None:
    ends = Ends(*(each.float() for each in two(6)), "z")
    with pytest.raises(InvalidInputError, match="has no embedding"):
        geodesic(Smooth(), WithoutEmbedding(), ends, 9)
    with pytest.raises(InvalidInputError, match="frames ≥ 2"):
        geodesic(Smooth(), Euclidean(), ends, 1)
    with pytest.raises(InvalidInputError, match=r"has shape \(6,\), but shape \(7,\) came"):
        geodesic(Smooth(), Euclidean(), Ends(*(each.float() for each in two(7)), "z"), 9)
    with pytest.raises(InvalidInputError, match="the same all the way"):
        geodesic(Linear(torch.zeros(12, 6), (3, 2, 2)), Euclidean(), ends, 9)
    with pytest.raises(PullbackError, match="not finite"):
        geodesic(Smooth(), Poisoned(0.0), ends, 9)
