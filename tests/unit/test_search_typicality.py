"""How far from the prior a search goes: measured, and bounded."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from pullback.errors import InvalidInputError
from pullback.search import METHODS, Block, Constraint, SearchSpace, restore
from searching import class_space, evolve, normal_space, search

MIXED = (
    Block("standard-normal", 6),
    Block("one-hot", 3),
    Block("bounded", 5, (0.0, 2.0)),
    Block("truncated-normal", 20, (-2.0, 2.0)),
)


@pytest.mark.parametrize("dim", [3, 10, 100, 4096])
def test_typicality_is_the_share_of_the_priors_draws_that_lie_farther(dim: int) -> None:
    typicality = normal_space(dim).typicality
    distances = math.sqrt(dim) * np.linspace(0.01, 2.5, 200)
    expected = scipy.stats.chi.sf(distances, dim)
    np.testing.assert_allclose(typicality.of(distances), expected, atol=0.01 if dim < 10 else 0.002)
    assert typicality.farthest == pytest.approx(scipy.stats.chi.isf(0.01, dim), rel=0.002)


def test_typicality_fits_priors_that_are_not_normal() -> None:
    space = SearchSpace(MIXED)
    points = space.draw(20_000, np.random.default_rng(0))
    distances = np.linalg.norm(points - space.centre, axis=1)
    # Shares of what has a share are even.
    shares = np.sort(space.typicality.of(distances))
    np.testing.assert_allclose(shares, np.linspace(0, 1, len(shares)), atol=0.02)
    assert np.mean(distances > space.typicality.farthest) == pytest.approx(0.01, abs=0.005)


def test_distances_are_in_deviations_of_the_prior_and_leave_out_what_is_held() -> None:
    space = SearchSpace((Block("standard-normal", 2), Block("bounded", 1, (0.0, math.sqrt(12)))))
    latents = np.array([[3.0, 4.0, math.sqrt(3)], [0.0, 0.0, math.sqrt(3) + 1]])
    np.testing.assert_allclose(space.distances(latents), [5.0, 1.0], rtol=1e-6)
    # Of one class in c, √c.
    np.testing.assert_allclose(class_space(2, 5).distances(np.eye(7)[[4]] * 1.0), [math.sqrt(5)], rtol=1e-6)
    np.testing.assert_allclose(class_space(2, 3, held=1).distances(np.array([[0.6, 0.8, 0, 1, 0]])), [1.0], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stay", ["prior", 2.0])
def test_no_method_goes_farther_than_it_may(method: str, stay: float | str) -> None:
    optimizer = search(method, normal_space(12, Constraint(stay=stay)))
    reach = optimizer.setup.space.reach
    assert reach == (pytest.approx(scipy.stats.chi.isf(0.01, 12), rel=0.002) if stay == "prior" else 2.0)
    # What is best lies as far as one goes.
    for _ in range(8):
        latents = optimizer.ask().latents
        assert optimizer.setup.space.distances(latents).max() <= reach * (1 + 1e-6)
        optimizer.tell(latents, latents.sum(axis=1))
        optimizer = restore(optimizer.to_bytes())
    assert optimizer.setup.space.distances(optimizer.incumbent[None])[0] <= reach * (1 + 1e-6)
    assert optimizer.setup.space.constraint.stay == stay


def test_coordinates_of_every_kind_are_drawn_in_together() -> None:
    space = SearchSpace(MIXED, Constraint(stay=3.0, min_norm=2.0, truncation=1.5))
    points = 4 * space.draw(500, np.random.default_rng(1))
    latents = space.latents(points)
    assert space.distances(latents).max() <= 3.0 * (1 + 1e-6)
    assert np.linalg.norm(latents[:, :6], axis=1).min() >= 2.0 * (1 - 1e-6)
    # What lies within stays where it is.
    inside = space.centre + np.r_[np.full(6, 0.9), np.zeros(28)]
    np.testing.assert_allclose(space.points(space.latents(inside[None]))[0], inside, atol=1e-6)


def test_the_narrower_of_two_bounds_holds() -> None:
    far = np.full((1, 4), 100.0)
    for constraint, norm in ((Constraint(stay=3.0, max_norm=2.0), 2.0), (Constraint(stay=2.0, max_norm=3.0), 2.0)):
        assert np.linalg.norm(normal_space(4, constraint).latents(far)) == pytest.approx(norm, rel=1e-6)


@pytest.mark.parametrize(
    ("stay", "message"),
    [
        (0.0, "stay is 'prior', 'free' or a finite distance above 0, but 0.0 came"),
        (math.inf, "stay is 'prior', 'free' or a finite distance above 0, but inf came"),
        ("near", "stay is 'prior', 'free' or a finite distance above 0, but 'near' came"),
    ],
)
def test_a_stay_that_means_nothing_is_refused(stay: float | str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Constraint(stay=stay)


def test_a_stay_may_come_as_text() -> None:
    assert Constraint(stay="2.5") == Constraint(stay=2.5)


def test_no_latent_is_both_far_and_near() -> None:
    with pytest.raises(InvalidInputError, match=r"lower min_norm or raise stay"):
        normal_space(4, Constraint(stay=2.0, min_norm=3.0))


def test_a_search_that_may_go_anywhere_is_stored_as_before() -> None:
    optimizer = search("cholesky_cma", normal_space(5))
    evolve(optimizer, lambda latents: latents[:, 0].astype(np.float64), 2)
    assert b"stay" not in optimizer.to_bytes()
