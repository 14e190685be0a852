"""How the points of a generation are weighted, the better against the worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pullback.search.methods.adaptation import Distribution
from pullback.search.methods.recombination import optimal_weights, ranked, selection_mass, shared_among_equals


@pytest.mark.parametrize("m", [2, 3, 4, 23, 40])
def test_optimal_weights_are_the_expected_order_statistics(m: int) -> None:
    # E z_{i:m}, by quadrature over the density of the i-th of m.
    z = np.linspace(-9, 9, 4001)
    expected = np.array(
        [
            np.trapezoid(-z * stats.beta.pdf(stats.norm.cdf(z), i, m + 1 - i) * stats.norm.pdf(z), z)
            for i in range(1, m + 1)
        ]
    )
    weights = optimal_weights(m)
    assert weights[weights > 0].sum() == pytest.approx(1)
    np.testing.assert_array_equal(weights, -weights[::-1])
    np.testing.assert_allclose(weights, expected / expected[expected > 1e-9].sum(), atol=0.01)


def test_equal_scores_share_their_weights() -> None:
    weights = np.array([0.6, 0.3, 0.1, -0.2, -0.8])
    shared = shared_among_equals(weights, np.array([5.0, 2.0, 2.0, 2.0, -1.0]))
    np.testing.assert_allclose(shared, [0.6, 0.2 / 3, 0.2 / 3, 0.2 / 3, -0.8])


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40))
def test_what_a_point_weighs_does_not_depend_on_the_order_in_which_points_are_told(counts: list[int]) -> None:
    scores = np.array(counts, dtype=np.float64)

    def by_score(told: np.ndarray) -> dict[float, float]:
        best = ranked(told)
        shared = shared_among_equals(optimal_weights(told.size), told[best])
        assert shared.sum() == pytest.approx(0, abs=1e-12)
        return dict(zip(told[best].tolist(), shared.tolist(), strict=True))

    assert by_score(scores) == pytest.approx(by_score(scores[::-1].copy()))


def test_a_generation_of_equal_scores_moves_nothing() -> None:
    begun = Distribution.begin(np.ones(6), 0.5)
    points = begun.sample(9, np.random.default_rng(0))
    after = begun.updated(points, np.full(9, 3.0), first=0.5, sigma=0.5, negative_weights=True)
    np.testing.assert_allclose(after.mean, begun.mean, atol=1e-12)
    np.testing.assert_allclose(after.path, 0, atol=1e-12)


@pytest.mark.parametrize("negative_weights", [False, True])
def test_the_path_of_scores_that_say_nothing_is_a_standard_normal_vector(negative_weights: bool) -> None:
    rng, n = np.random.default_rng(1), 30
    distribution, lengths = Distribution.begin(np.zeros(n), 1.0), []
    for _ in range(600):
        points = distribution.sample(14, rng)
        distribution = distribution.updated(
            points, rng.random(14), first=1.0, sigma=1.0, adapt_covariance=False, negative_weights=negative_weights
        )
        lengths.append(np.linalg.norm(distribution.path) ** 2)
    assert np.mean(lengths[100:]) == pytest.approx(n, rel=0.1)


@pytest.mark.parametrize("m", [2, 3, 4, 5, 6])
def test_few_scores_move_the_mean_towards_the_best_and_no_farther_than_samples_lie(m: int) -> None:
    begun, rng = Distribution.begin(np.zeros(20), 1.0), np.random.default_rng(m)
    points = begun.sample(m, rng)
    after = begun.updated(points, np.arange(m, 0.0, -1), first=1.0, sigma=1.0, negative_weights=True)
    assert after.mean @ points[0] > 0
    assert np.linalg.norm(after.mean) < 2 * np.linalg.norm(points, axis=1).max()


def test_points_from_elsewhere_that_all_agree_are_gone_to() -> None:
    # An evening's good latents, told to a new search: how they differ says little, where they lie a lot.
    n, rng = 60, np.random.default_rng(0)
    there = np.full(n, 1.5)
    begun = Distribution.begin(np.zeros(n), 1.0)
    points = there + 0.1 * rng.standard_normal((20, n))
    after = begun.updated(points, rng.random(20), first=1.0, sigma=1.0, negative_weights=True)
    assert np.linalg.norm(after.mean - there) < 0.4 * np.linalg.norm(there)


def test_negative_weights_climb_a_noisy_slope_straighter() -> None:
    n, m, noise = 60, 20, 3.0
    gained = {}
    for negative_weights in (False, True):
        rng = np.random.default_rng(2)
        distribution = Distribution.begin(np.zeros(n), 1.0)
        for _ in range(200):
            points = distribution.sample(m, rng)
            scores = points[:, 0] + noise * rng.standard_normal(m)
            distribution = distribution.updated(
                points, scores, first=1.0, sigma=1.0, adapt_covariance=False, negative_weights=negative_weights
            )
        gained[negative_weights] = distribution.mean[0] / np.linalg.norm(distribution.mean[1:])
    # Progress for the length of the way is as Σ wᵢ E zᵢ · √μ_eff: by theory 1.41 times as straight here.
    assert gained[True] > 1.25 * gained[False]


def test_the_mass_of_optimal_weights_is_that_of_unequal_scores() -> None:
    # Σ (E z)² ≈ m and Σ |E z| ≈ .8 m: some m (.4)² of them.
    assert selection_mass(optimal_weights(100)) == pytest.approx(16, rel=0.1)
