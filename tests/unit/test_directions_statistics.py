"""Statistics of directions: warpage, distance curves, Fréchet distances, perturbations, drift of the density."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from metrics import rotation
from pullback.directions import DirectionSet, Origin
from pullback.directions.mapping_basis import mapping_basis
from pullback.directions.statistics import (
    Moments,
    MomentSum,
    along_any,
    along_curve,
    along_direction,
    along_local_axis,
    density_drift,
    distance_curves,
    distances_along,
    frechet_distance,
    frechet_distance_of_features,
    image_moments,
    moved_latents,
    perturbation,
    prior_moments,
    random_distances,
    subspace_distances,
    warpage,
)
from pullback.directions.traversals import (
    curve,
    density_preserving,
    even_steps,
    lift,
    linear,
    spherical,
    spread,
)
from pullback.errors import InvalidInputError
from pullback.generators import Generator, StyleGan2
from pullback.geometry import Eigenbasis, global_metric
from pullback.geometry.statistics import geodesic_distance, projection_distance
from tiny_style import tiny_style
from toys import Euclidean, Linear, Smooth


@pytest.fixture(scope="module")
def style() -> StyleGan2:
    return tiny_style()


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def moments(mean: np.ndarray, covariance: np.ndarray, name: str = "somewhere") -> Moments:
    return Moments(name, 100, mean, covariance)


# Warpage


def test_random_subspaces_of_512_dimensions_stand_where_they_are_known_to() -> None:
    found = random_distances(512, (1, 2, 10, 20, 50), 40)
    # The standard error of these means is .004 for k = 1 and less beyond.
    np.testing.assert_allclose(found.geodesic.mean(axis=0), [1.534, 2.152, 4.599, 6.287, 9.244], atol=0.015)
    assert found.projection.shape == (40, 5)
    assert (found.projection[:, 1:] > 0.99).all()


def test_distances_of_subspaces_are_those_of_the_leading_columns() -> None:
    first, second = rotation(6, 0), rotation(6, 1)
    found = subspace_distances([first], [second], (1, 3))
    for column, k in enumerate((1, 3)):
        assert found.geodesic[0, column] == pytest.approx(geodesic_distance(first[:, :k], second[:, :k]))
        assert found.projection[0, column] == pytest.approx(projection_distance(first[:, :k], second[:, :k]))


def test_close_local_bases_are_nearer_than_far_ones_and_a_whole_space_is_one_with_itself(style: StyleGan2) -> None:
    found = warpage(style, ks=(1, 3, 6, 40), samples=12, epsilons=(1e-3, 0.5), seed=3)
    assert found.random.ks == found.far.ks == (1, 3, 6)
    means = {name: kind.geodesic.mean(axis=0) for name, kind in (found.close | {"far": found.far}).items()}
    assert (means[1e-3][:2] < means[0.5][:2]).all()
    assert (means[0.5][:2] < means["far"][:2]).all()
    np.testing.assert_allclose(found.far.geodesic[:, 2], 0, atol=1e-6)
    np.testing.assert_allclose(found.far.projection[:, 2], 0, atol=1e-6)


def test_far_and_global_are_measured_between_the_bases_they_say(style: StyleGan2) -> None:
    directions = draw(3, 6).double().numpy()
    found = warpage(style, ks=(2,), samples=3, references={"peer": directions}, seed=5)
    spans = np.linalg.qr(directions[:2].T)[0]
    for pair, z in enumerate(style.space("z").sample(3, 5)):
        base = mapping_basis(style.network.mapping, z).left[:, :2].numpy()
        assert found.to_global["peer"].geodesic[pair, 0] == pytest.approx(geodesic_distance(base, spans))
    again = warpage(style, ks=(2,), samples=3, seed=5)
    np.testing.assert_array_equal(again.far.geodesic, found.far.geodesic)


def test_a_warpage_that_cannot_be_measured_is_refused(style: StyleGan2, tiny_generator: Generator) -> None:
    with pytest.raises(InvalidInputError, match="has no mapping network"):
        warpage(tiny_generator)
    with pytest.raises(InvalidInputError, match="at least 1 pair is looked at, but samples = 0 came"):
        warpage(style, samples=0)
    with pytest.raises(InvalidInputError, match=r"ε = 0\.0 came"):
        warpage(style, samples=1, epsilons=(0.0,))
    with pytest.raises(InvalidInputError, match=r"subspaces of w have 1 to 6 dimensions, but ks = \[7, 40\] came"):
        warpage(style, samples=1, ks=(7, 40))
    with pytest.raises(InvalidInputError, match=r"peer: at least 3 directions of 6 coordinates .* \(2, 6\) came"):
        warpage(style, ks=(3,), samples=1, references={"peer": np.eye(6)[:2]})
    with pytest.raises(InvalidInputError, match="peer: these directions depend on each other"):
        warpage(style, ks=(3,), samples=1, references={"peer": np.ones((3, 6))})
    with pytest.raises(InvalidInputError, match="k is from 1 to the number of directions, 2, but 3 came"):
        subspace_distances([np.eye(4)[:, :2]], [np.eye(4)[:, :2]], (3,))


# Image distances along directions


def test_distances_along_axes_of_a_linear_generator_are_parabolas() -> None:
    generator, distance = Linear(torch.diag(torch.tensor([3.0, 2.0, 1.0])), (3, 1, 1)).double(), Euclidean().double()
    basis = global_metric(generator, distance, "z", method="gram", samples=1)
    steps = even_steps(-2.0, 2.0, 5)
    found = distance_curves(generator, distance, basis, "z", steps, axes=2, positions=3)
    # D(z₀, z₀ + t v) = t² ‖A v‖²
    squares = steps.numpy() ** 2
    np.testing.assert_allclose(found.top, np.broadcast_to(np.outer([9, 4], squares), (3, 2, 5)), atol=1e-12)
    np.testing.assert_allclose(found.bottom, np.broadcast_to(np.outer([4, 1], squares), (3, 2, 5)), atol=1e-12)
    ratios = found.random[:, :, 0] / squares[0]
    assert ((ratios >= 1) & (ratios <= 9)).all()
    assert len(np.unique(ratios)) == 6
    assert found.distance == "euclidean"


def test_distances_along_a_way_are_those_of_its_frames() -> None:
    generator, distance, steps = Smooth().double(), Euclidean().double(), even_steps(-1.0, 1.0, 3)
    start, vectors = draw(6).double(), draw(2, 6, seed=1).double()
    found = distances_along(generator, distance, start, vectors, steps, "z", spherical)
    image = generator.render(start[None], "z").expand(3, -1, -1, -1)
    for row, vector in zip(found, vectors, strict=True):
        images = generator.render(spherical(start, vector, steps, "z").latents, "z")
        np.testing.assert_allclose(row, distance(image, images).numpy(), atol=1e-20)


def test_curves_that_cannot_be_taken_are_refused() -> None:
    basis: Eigenbasis = global_metric(Smooth(), Euclidean(), "z", method="gram", samples=1)
    with pytest.raises(InvalidInputError, match="has 4 dimensions, but an eigenbasis of 6 came"):
        distance_curves(Linear(torch.eye(4), (4, 1, 1)), Euclidean(), basis, "z", even_steps(0.0, 1.0, 2))
    with pytest.raises(InvalidInputError, match="1 to 6 axes at 1 position or more are looked at, but 7 axes"):
        distance_curves(Smooth(), Euclidean(), basis, "z", even_steps(0.0, 1.0, 2), axes=7)


# The Fréchet distance


def test_frechet_distances_of_normal_distributions_have_a_closed_form() -> None:
    turn = rotation(5, 0)
    first, second = np.arange(1.0, 6.0), np.array([2.0, 0.0, 3.0, 1.0, 7.0])
    mean = np.arange(5.0)
    # Covariances that commute: ‖Δμ‖² + Σ (√a − √b)²
    expected = 4 * (mean**2).sum() + ((np.sqrt(first) - np.sqrt(second)) ** 2).sum()
    found = frechet_distance(
        moments(mean, turn @ np.diag(first) @ turn.T), moments(3 * mean, turn @ np.diag(second) @ turn.T)
    )
    assert found == pytest.approx(expected)


def test_frechet_distances_agree_with_the_matrix_square_root() -> None:
    rng = np.random.default_rng(0)
    first, second = (roots @ roots.T for roots in rng.normal(size=(2, 6, 6)))
    expected = np.trace(first + second - 2 * sqrtm(first @ second).real)
    found = frechet_distance(moments(np.zeros(6), first), moments(np.zeros(6), second))
    assert found == pytest.approx(expected)
    assert frechet_distance(moments(np.zeros(6), second), moments(np.zeros(6), first)) == pytest.approx(found)


def test_fewer_images_than_features_lose_no_digits() -> None:
    # Rank 1: √a and √b along one axis. The root of the product's spectrum would be good to 1e-8 only.
    axis = rotation(40, 0)[:, :1]
    found = frechet_distance(moments(np.zeros(40), 4 * axis @ axis.T), moments(np.zeros(40), 9 * axis @ axis.T))
    assert found == pytest.approx(1, abs=1e-12)
    same = moments(np.zeros(40), axis @ axis.T)
    assert frechet_distance(same, same) == pytest.approx(0, abs=1e-13)
    # One image, many times.
    assert frechet_distance(same, moments(np.zeros(40), np.zeros((40, 40)))) == pytest.approx(1)


@pytest.mark.parametrize(("images", "others"), [(12, 9), (200, 30)])
def test_the_distance_of_features_is_that_of_their_moments(images: int, others: int) -> None:
    rng = np.random.default_rng(1)
    first, second = 1 + rng.normal(size=(images, 20)) * np.arange(1, 21), rng.normal(size=(others, 20))
    one, other = np.cov(first.T), np.cov(second.T)
    shift = first.mean(axis=0) - second.mean(axis=0)
    # The root of a product that is singular is known to half the digits.
    expected = (
        shift @ shift + np.trace(one + other) - 2 * np.sqrt(np.linalg.eigvals(one @ other).astype(complex)).real.sum()
    )
    assert frechet_distance_of_features(first, second) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance_of_features(second, first) == pytest.approx(frechet_distance_of_features(first, second))
    assert frechet_distance_of_features(first, first) == pytest.approx(0, abs=1e-9)


def test_features_that_cannot_be_compared_are_refused() -> None:
    rows = np.zeros((3, 4))
    with pytest.raises(InvalidInputError, match="at least 2 images, but 1 came"):
        frechet_distance_of_features(rows, rows[:1])
    with pytest.raises(InvalidInputError, match="4 and 2 features came"):
        frechet_distance_of_features(rows, rows[:, :2])
    with pytest.raises(InvalidInputError, match="is not finite"):
        frechet_distance_of_features(np.full((3, 4), np.nan), rows)


def test_moments_are_those_of_all_images_at_once() -> None:
    images = 1000 + torch.rand(23, 3, 2, 2, generator=torch.Generator().manual_seed(0)).double()
    found = image_moments(Euclidean().double(), torch.split(images, 5))
    rows = images.flatten(1).numpy()
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(rows.T), atol=1e-12)
    assert (found.count, found.embedding) == (23, "euclidean")


def test_moments_of_the_prior_are_those_of_its_images() -> None:
    generator = Smooth()
    found = prior_moments(generator, Euclidean(), "z", 40, seed=2)
    rows = generator.render(generator.space("z").sample(40, 2), "z").flatten(1).double().numpy()
    np.testing.assert_allclose(found.covariance, np.cov(rows.T), atol=1e-7)


def test_sets_that_cannot_be_compared_are_refused() -> None:
    zero, one = np.zeros(2), np.eye(2)
    with pytest.raises(InvalidInputError, match="'here' of 2 features and 'there' of 2 came"):
        frechet_distance(moments(zero, one, "here"), moments(zero, one, "there"))
    total = MomentSum(Euclidean())
    with pytest.raises(InvalidInputError, match="at least 2 images, but 0 came"):
        total.result()
    total.add(torch.full((3, 3, 2, 2), math.nan))
    with pytest.raises(InvalidInputError, match="'euclidean' of these images is not finite"):
        total.result()


# Perturbation


def test_a_shift_of_a_linear_generator_costs_its_square() -> None:
    # Every second latent goes the other way: the mean stays, the variance along v grows by t² N/(N − 1).
    generator, samples = Linear(torch.eye(3), (3, 1, 1)).double(), 400
    vector = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    reference = prior_moments(generator, Euclidean().double(), "z", samples)
    way = along_direction(generator, vector, "z")
    found = perturbation(generator, Euclidean().double(), way, (1.0, 3.0), reference, space="z", samples=samples)
    starts = generator.space("z").sample(samples, 0).double()
    signs = 1 - 2 * (torch.arange(samples) % 2)
    for distance, strength in zip(found.distances, (1.0, 3.0), strict=True):
        rows = (starts + strength * signs[:, None] * vector).numpy()
        expected = moments(rows.mean(axis=0) + 0.5, np.cov(rows.T), "euclidean")
        assert distance == pytest.approx(frechet_distance(expected, reference))
    assert found.unmoved == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found.rises, found.distances - found.unmoved)
    assert (found.samples, found.embedding) == (400, "euclidean")


def test_every_way_starts_where_its_latent_is_and_goes_by_the_strength(style: StyleGan2) -> None:
    z, steps, vector = style.space("z").sample(1, 0)[0], even_steps(0.0, 2.0, 3), draw(6)
    w = style.map(z[None], "z")[0]
    basis = mapping_basis(style.network.mapping, z)
    layered = linear(lift(style, z, "z"), spread(vector, (), 6), steps, "w+")
    ways = {
        along_direction(style, vector, "w", start_space="z"): linear(w, vector, steps, "w"),
        along_direction(style, spread(vector, (), 6), "w+", start_space="z"): layered,
        along_direction(style, vector, "z", traversal=density_preserving): density_preserving(z, vector, steps, "z"),
        along_local_axis(style, 2): linear(w, basis.left[:, 2], steps, "w"),
        along_curve(style, 1, pieces=3): curve(style, z, steps, rank=1, pieces=3),
    }
    for way, expected in ways.items():
        found = way.move(z[None], steps)
        assert way.space == expected.space
        torch.testing.assert_close(found[0], expected.latents)


def test_a_random_direction_of_a_set_is_walked_by_a_random_share(style: StyleGan2) -> None:
    origin = Origin("tiny-style", "1" * 64, "w", "sefa", "0")
    directions = DirectionSet(np.eye(6)[:3], np.ones(3), origin)
    z = style.space("z").sample(1, 0).expand(60, -1)
    ways = [along_any(style, directions, start_space="z", seed=seed) for seed in (0, 0, 1)]
    first, again, other = (way.move(z, torch.tensor([0.0, 2.0])).diff(dim=1)[:, 0] for way in ways)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert int((first.abs() > 1e-5).sum(dim=1).max()) == 1
    assert set(first.abs().argmax(dim=1).tolist()) == {0, 1, 2}
    amounts = first.sum(dim=1)
    assert -2 <= float(amounts.min()) < -1 < 1 < float(amounts.max()) <= 2


def test_perturbations_in_w_render_what_the_way_gives(style: StyleGan2) -> None:
    reference = prior_moments(style, Euclidean(), "z", 20, seed=9)
    way = along_curve(style, 0, pieces=2)
    found = perturbation(style, Euclidean(), way, (0.5,), reference, space="z", samples=18)
    moved = []
    for number, z in enumerate(style.space("z").sample(18, 0)):
        steps = torch.tensor([0.5 if number % 2 == 0 else -0.5])
        moved.append(curve(style, z, steps, pieces=2).latents)
    expected = image_moments(Euclidean(), [style.render(torch.cat(moved), "w")])
    assert found.distances[0] == pytest.approx(frechet_distance(expected, reference), rel=1e-5)
    assert found.unmoved > 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_second_latent_is_moved_the_other_way(count: int) -> None:
    generator, vector, latents = Linear(torch.eye(3), (3, 1, 1)), draw(3), draw(count, 3)
    found = moved_latents(along_direction(generator, vector, "z"), latents, (1.0, 2.0))
    signs = torch.tensor([1.0, -1.0]).repeat(3)[:count]
    for moved, strength in zip(found, (0.0, 1.0, 2.0), strict=True):
        torch.testing.assert_close(moved, latents + strength * signs[:, None] * vector)


def test_ways_that_lead_nowhere_are_refused(style: StyleGan2, tiny_generator: Generator) -> None:
    with pytest.raises(InvalidInputError, match="has no mapping network"):
        along_local_axis(tiny_generator, 0)
    with pytest.raises(InvalidInputError, match="numbered 0 to 5, but rank 6 came"):
        along_local_axis(style, 6)
    way = along_direction(style, torch.ones(6), "z", start_space="w")
    with pytest.raises(InvalidInputError, match="of space 'w' of generator 'tiny-style' gives none of space 'z'"):
        way.move(torch.ones(2, 6), torch.ones(1))


def test_perturbations_that_cannot_be_measured_are_refused() -> None:
    generator = Linear(torch.eye(3), (3, 1, 1))
    way, reference = along_direction(generator, torch.ones(3), "z"), prior_moments(generator, Euclidean(), "z", 4)
    for strengths in ((), (0.0, 1.0), (2.0, 1.0)):
        with pytest.raises(InvalidInputError, match="strengths are above 0 and ascend"):
            perturbation(generator, Euclidean(), way, strengths, reference, space="z", samples=4)
    with pytest.raises(InvalidInputError, match="samples = 1 came"):
        perturbation(generator, Euclidean(), way, (1.0,), reference, space="z", samples=1)
    other = moments(np.zeros(3), np.eye(3), "there")
    with pytest.raises(InvalidInputError, match="embedding 'there', but 'euclidean' came"):
        perturbation(generator, Euclidean(), way, (1.0,), other, space="z", samples=4)


# Density


def test_walks_on_a_sphere_keep_the_density_and_straight_ones_lose_it(tiny_generator: Generator) -> None:
    start, vector, steps = draw(8), draw(8, seed=1), even_steps(-3.0, 3.0, 7)
    for kind in (spherical, density_preserving):
        drift = density_drift(tiny_generator, kind(start, vector, steps, "z"))
        np.testing.assert_allclose(drift.norms, 0, atol=1e-6)
        np.testing.assert_allclose(drift.log_densities, 0, atol=1e-5)
    walk = linear(start, vector, steps, "z")
    drift = density_drift(tiny_generator, walk)
    norms = walk.latents.double().norm(dim=1)
    expected = (start.double().square().sum() - norms.square()) / 2
    np.testing.assert_allclose(drift.log_densities, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(drift.norms, (norms / start.double().norm() - 1).numpy(), atol=1e-7)


def test_densities_of_w_are_those_of_its_prior_unless_another_is_given(style: StyleGan2) -> None:
    walk = linear(style.space("w").sample(1, 0)[0], draw(6), even_steps(-1.0, 1.0, 3), "w")
    penalties = style.prior.penalty(walk.latents.double())
    drift = density_drift(style, walk)
    np.testing.assert_allclose(drift.log_densities, (penalties[1] - penalties).numpy(), atol=1e-6)
    flat = density_drift(style, walk, lambda latents: latents[:, 0])
    np.testing.assert_allclose(flat.log_densities, (walk.latents - walk.start)[:, 0].numpy(), atol=1e-6)
