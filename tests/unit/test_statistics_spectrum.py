"""Anisotropy and apparent speed of known spectra."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import metric_with
from pullback.errors import InvalidInputError
from pullback.geometry.statistics import (
    SpeedMoments,
    apparent_speed,
    apparent_speed_moments,
    dims_for,
    effective_rank,
    participation_ratio,
    sample_apparent_speed,
    spectrum_band,
    summarize,
)


def test_dims_for_counts_leading_shares_in_whatever_order_they_come() -> None:
    spectrum = np.array([0.1, 90.0, 9.0, 0.9])
    assert dims_for(spectrum, (0.5, 0.9 - 1e-9, 0.95, 0.9899, 0.995, 1.0)) == (1, 1, 2, 2, 3, 4)


def test_dims_for_answers_the_four_fractions_of_table_2_by_default() -> None:
    # 1, ½, ¼, …: k of them leave 2⁻ᵏ of the sum.
    assert dims_for(0.5 ** np.arange(60)) == (7, 10, 14, 17)


def test_negative_eigenvalues_count_as_zero() -> None:
    assert dims_for(np.array([3.0, 1.0, -2.0]), (1.0,)) == (2,)
    assert effective_rank(np.array([3.0, 1.0, -2.0])) == pytest.approx(4 / 3)
    assert participation_ratio(np.array([3.0, 1.0, -2.0])) == pytest.approx(16 / 10)


def test_a_flat_spectrum_has_full_rank_and_a_single_direction_has_rank_one() -> None:
    for rank in (effective_rank, participation_ratio):
        assert rank(np.full(7, 1e-200)) == pytest.approx(7)
        assert rank(np.array([0.0, 1e200, 0.0])) == pytest.approx(1)


def test_the_band_is_of_spectra_relative_to_their_largest_eigenvalue() -> None:
    # Position i has the spectrum (s, s i / 100) with any scale s, in any order.
    scales = np.random.default_rng(0).lognormal(size=101)
    spectra = np.stack([[scale * i / 100, scale] for i, scale in enumerate(scales)])
    band = spectrum_band(spectra)
    np.testing.assert_allclose(band.mean, [1, 0.5])
    np.testing.assert_allclose(band.low, [1, 0.05])
    np.testing.assert_allclose(band.high, [1, 0.95])
    assert band.percentiles == (5, 95)


def test_apparent_speed_is_the_rayleigh_quotient() -> None:
    metric = np.array([[2.0, 1.0], [1.0, 4.0]])
    directions = np.array([[1.0, 0.0], [0.0, 3.0], [1e-170, 1e-170]])
    np.testing.assert_allclose(apparent_speed(metric, directions), [2, 4, 4])


def test_moments_of_two_eigenvalues_are_those_of_an_arcsine_law() -> None:
    # n = 2: α = λ₂ + (λ₁ − λ₂) cos²θ with θ uniform, of mean (λ₁ + λ₂) / 2 and variance (λ₁ − λ₂)² / 8.
    assert apparent_speed_moments(np.array([5.0, 1.0])) == pytest.approx(SpeedMoments(3, 2))
    assert apparent_speed_moments(np.array([5.0, 1.0])).deviation == pytest.approx(2**0.5)


def test_moments_are_those_of_the_second_moments_of_a_dirichlet_law() -> None:
    # Eq. 14 as it stands in the paper.
    spectrum = np.geomspace(1, 1e-6, 30)
    n, total, squares = 30, spectrum.sum(), (spectrum**2).sum()
    moments = apparent_speed_moments(spectrum)
    assert moments.mean == pytest.approx(total / n)
    assert moments.variance == pytest.approx(2 / (n * (n + 2)) * squares - 2 / (n**2 * (n + 2)) * total**2)


def test_random_directions_have_the_moments_that_theory_gives() -> None:
    spectrum = np.geomspace(1, 1e-6, 40)
    count = 40_000
    directions = np.random.default_rng(3).normal(size=(count, 40))
    theory = apparent_speed_moments(spectrum)
    for speeds in (apparent_speed(metric_with(spectrum), directions), sample_apparent_speed(spectrum, count, seed=4)):
        mean, deviation = summarize(speeds)
        # Five standard errors of a mean; the deviation's are about as large.
        tolerance = 5 * theory.deviation / count**0.5
        assert mean == pytest.approx(theory.mean, abs=tolerance)
        assert deviation == pytest.approx(theory.deviation, abs=2 * tolerance)


def test_a_seed_gives_the_same_directions_and_another_seed_gives_others() -> None:
    spectrum = np.array([3.0, 2.0, 1.0])
    first, again, other = (sample_apparent_speed(spectrum, 5000, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_what_is_no_spectrum_is_refused() -> None:
    for statistic in (dims_for, effective_rank, participation_ratio, apparent_speed_moments, sample_apparent_speed):
        for spectrum, message in (
            (np.ones((2, 2)), r"have shape \(n,\), but \(2, 2\) came"),
            (np.ones(0), r"have shape \(n,\), but \(0,\) came"),
            (np.array([1.0, np.nan]), "finite, but NaN or infinity came"),
            (np.array([0.0, -1.0]), "has to be positive, but 0 came"),
        ):
            with pytest.raises(InvalidInputError, match=message):
                statistic(spectrum)


def test_numbers_out_of_range_are_refused() -> None:
    spectrum = np.array([2.0, 1.0])
    for fraction in (0.0, 1.1, float("nan")):
        with pytest.raises(InvalidInputError, match=f"above 0 and at most 1, but {fraction} came"):
            dims_for(spectrum, (0.5, fraction))
    with pytest.raises(InvalidInputError, match="at least 1 direction is drawn, but count = 0 came"):
        sample_apparent_speed(spectrum, 0)
    with pytest.raises(InvalidInputError, match="from 0 on, but -1 came"):
        sample_apparent_speed(spectrum, 1, -1)
    with pytest.raises(InvalidInputError, match=r"shape \(positions, n\), but \(2,\) came"):
        spectrum_band(spectrum)
    with pytest.raises(InvalidInputError, match=r"the lower first, but \(95.0, 5.0\) came"):
        spectrum_band(spectrum[None], (95.0, 5.0))
    with pytest.raises(InvalidInputError, match="over at least 1 value, but none came"):
        summarize(np.zeros(0))


@pytest.mark.parametrize(
    ("metric", "directions", "message"),
    [
        (np.eye(2), np.ones((4, 3)), r"shape \(m, 2\), but \(4, 3\) came"),
        (np.eye(2), np.ones(2), r"shape \(m, 2\), but \(2,\) came"),
        (np.eye(2), np.array([[1.0, 1.0], [0.0, 0.0]]), "a zero vector came"),
        (np.eye(2), np.array([[1.0, np.inf]]), "directions are finite"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), np.ones((1, 2)), "symmetric to 1e-05 .* off by 0.1"),
        (np.ones((2, 3)), np.ones((1, 2)), r"a square matrix, but shape \(2, 3\) came"),
    ],
)
def test_directions_and_metrics_that_do_not_fit_are_refused(
    metric: np.ndarray, directions: np.ndarray, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        apparent_speed(metric, directions)
