"""Agreement of metrics between positions and between distances, on metrics where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import metric_with, rotation
from pullback.errors import InvalidInputError
from pullback.geometry.statistics import (
    compare_metrics,
    metric_action,
    metric_consistency,
    metric_homogeneity,
    summarize_comparisons,
)

SPECTRUM = np.geomspace(100, 0.01, 12)


def metrics_of(count: int, seed: int = 0) -> np.ndarray:
    """Metrics near a common one."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(count, 40, 12)) * np.geomspace(1, 0.01, 12) @ rotation(12, seed)
    return np.stack([factor.T @ factor for factor in factors])


def test_the_action_is_the_rate_along_each_vector() -> None:
    metric = np.array([[2.0, 1.0], [1.0, 4.0]])
    np.testing.assert_allclose(metric_action(np.eye(2), metric), [2, 4])
    diagonal = np.array([[1.0], [1.0]]) / 2**0.5
    np.testing.assert_allclose(metric_action(diagonal, metric), [4])


def test_homogeneity_is_the_correlation_that_equations_5_and_6_define() -> None:
    metrics = metrics_of(4)
    found = metric_homogeneity(metrics)
    for i, first in enumerate(metrics):
        vectors = np.linalg.eigh(first)[1]
        for j, second in enumerate(metrics):
            action = np.diag(vectors.T @ second @ vectors)
            eigenvalues = np.linalg.eigvalsh(second)
            assert found.linear[i, j] == pytest.approx(np.corrcoef(action, eigenvalues)[0, 1], abs=1e-12)
            assert found.log[i, j] == pytest.approx(np.corrcoef(np.log(action), np.log(eigenvalues))[0, 1], abs=1e-10)


def test_summaries_leave_the_diagonal_out() -> None:
    found = metric_homogeneity(metrics_of(3))
    for matrix, summary in ((found.linear, found.linear_summary), (found.log, found.log_summary)):
        pairs = [matrix[i, j] for i in range(3) for j in range(3) if i != j]
        assert summary == pytest.approx((np.mean(pairs), np.std(pairs)))
        np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-12)


def test_a_metric_that_only_changes_its_scale_is_perfectly_homogeneous() -> None:
    metric = metric_with(SPECTRUM)
    found = metric_homogeneity(np.stack([metric, 7 * metric, 1e-9 * metric]))
    np.testing.assert_allclose(found.linear, 1)
    np.testing.assert_allclose(found.log, 1)


def test_unrelated_metrics_agree_less_than_related_ones() -> None:
    related = metric_homogeneity(metrics_of(4)).log_summary.mean
    unrelated = metric_homogeneity(np.stack([metric_with(SPECTRUM, seed) for seed in range(4)])).log_summary.mean
    assert unrelated < 0.6
    assert related > 0.95


def test_rotation_within_equal_eigenvalues_changes_nothing() -> None:
    eigenvalues = np.array([5.0, 5.0, 5.0, 1.0, 1.0, 0.1])
    mixed = np.zeros((6, 6))
    mixed[:3, :3], mixed[3:5, 3:5], mixed[5, 5] = rotation(3), rotation(2), 1
    first, second = np.diag(eigenvalues), mixed * eigenvalues @ mixed.T
    np.testing.assert_allclose(metric_homogeneity(np.stack([first, second])).log, 1)


def test_a_flat_metric_has_nothing_to_correlate() -> None:
    flat = metric_with(np.ones(12))
    found = metric_homogeneity(np.stack([metric_with(SPECTRUM), flat]))
    assert np.isnan(found.linear[:, 1]).all()
    assert np.isnan(found.log[:, 1]).all()
    assert np.isnan(found.log_summary.mean)
    assert np.isfinite(found.log[:, 0]).all()


def test_directions_that_are_zero_to_rounding_are_left_out_of_the_log_scale() -> None:
    vectors = rotation(6, 5)
    metric, other = (
        vectors * np.array(eigenvalues) @ vectors.T
        for eigenvalues in ([9.0, 3.0, 1.0, 1e-17, -1e-17, 0.0], [8.0, 4.0, 1.0, 0.0, 0.0, 0.0])
    )
    found = metric_homogeneity(np.stack([metric, other]))
    np.testing.assert_allclose(found.log, 1)
    comparison = compare_metrics(metric, other)
    assert comparison.log_agreement == pytest.approx(1)
    line = np.polyfit(np.log10([9, 3, 1]), np.log10([8, 4, 1]), 1)
    assert (comparison.log_slope, comparison.log_intercept) == pytest.approx(tuple(line))


def test_a_floor_leaves_out_what_is_noise() -> None:
    noise = 10 ** np.random.default_rng(0).uniform(-10, -4, (2, 4))
    # Above the noise the two are alike; within it they are not.
    first, second = (np.diag([1e3, 1e2, 1e1, 1.0, *part]) for part in noise)
    metrics = np.stack([first, second])
    assert metric_homogeneity(metrics, floor=1e-6).log[0, 1] == pytest.approx(1, abs=1e-12)
    assert metric_homogeneity(metrics).log[0, 1] < 0.995
    # One direction left: nothing to correlate.
    assert np.isnan(metric_homogeneity(metrics, floor=0.5).log[0, 1])


def test_consistency_of_a_basis_with_held_out_metrics() -> None:
    metrics = metrics_of(5)
    vectors = np.linalg.eigh(metrics[:3].mean(axis=0))[1][:, ::-1]
    found = metric_consistency(vectors, metrics[3:])
    for k, metric in enumerate(metrics[3:]):
        action = np.diag(vectors.T @ metric @ vectors)
        eigenvalues = np.linalg.eigvalsh(metric)[::-1]
        assert found.linear[k] == pytest.approx(np.corrcoef(action, eigenvalues)[0, 1])
        assert found.log[k] == pytest.approx(np.corrcoef(np.log(action), np.log(eigenvalues))[0, 1])
    assert found.log_summary == pytest.approx((found.log.mean(), found.log.std()))
    assert found.linear_summary.mean == pytest.approx(found.linear.mean())


def test_a_metric_in_other_units_differs_in_the_intercept_alone() -> None:
    metric = metric_with(SPECTRUM)
    found = compare_metrics(metric, 100 * metric)
    assert found.log_intercept == pytest.approx(2)
    for value in (
        found.entry_correlation,
        found.spectrum_correlation,
        found.linear_agreement,
        found.log_agreement,
        found.linear_agreement_back,
        found.log_agreement_back,
        found.log_slope,
    ):
        assert value == pytest.approx(1)


def test_comparison_is_what_the_columns_of_table_3_say() -> None:
    first, second = metrics_of(2)
    found = compare_metrics(first, second)
    (values, vectors), (other, other_vectors) = np.linalg.eigh(first), np.linalg.eigh(second)
    assert found.entry_correlation == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1])
    assert found.spectrum_correlation == pytest.approx(np.corrcoef(values, other)[0, 1])
    there, back = np.diag(vectors.T @ second @ vectors), np.diag(other_vectors.T @ first @ other_vectors)
    assert found.linear_agreement == pytest.approx(np.corrcoef(there, other)[0, 1])
    assert found.log_agreement == pytest.approx(np.corrcoef(np.log(there), np.log(other))[0, 1])
    assert found.linear_agreement_back == pytest.approx(np.corrcoef(back, values)[0, 1])
    assert found.log_agreement_back == pytest.approx(np.corrcoef(np.log(back), np.log(values))[0, 1])
    slope, intercept = np.polyfit(np.log10(values), np.log10(other), 1)
    assert (found.log_slope, found.log_intercept) == pytest.approx((slope, intercept))


def test_comparisons_are_summarised_by_column() -> None:
    metrics = metrics_of(4)
    comparisons = [compare_metrics(metrics[0], metric) for metric in metrics[1:]]
    row = summarize_comparisons(comparisons)
    slopes = [comparison.log_slope for comparison in comparisons]
    assert row["log_slope"] == pytest.approx((np.mean(slopes), np.std(slopes)))
    assert list(row)[:2] == ["entry_correlation", "spectrum_correlation"]
    with pytest.raises(InvalidInputError, match="at least 1 value, but none came"):
        summarize_comparisons([])


def test_what_is_not_defined_is_nan_and_no_warning() -> None:
    zero = np.zeros((3, 3))
    found = compare_metrics(zero, metric_with([3.0, 2.0, 1.0]))
    for value in (found.entry_correlation, found.log_agreement_back, found.log_slope, found.log_intercept):
        assert np.isnan(value)


def test_metrics_that_do_not_fit_are_refused() -> None:
    good = metric_with([3.0, 2.0, 1.0])
    bad = good.copy()
    bad[0, 1] = np.nan
    with pytest.raises(InvalidInputError, match="position 1: a metric is finite, but this one holds NaN"):
        metric_homogeneity(np.stack([good, bad]))
    with pytest.raises(InvalidInputError, match="at least 2 positions, but 1 came"):
        metric_homogeneity(good[None])
    with pytest.raises(InvalidInputError, match=r"shape \(positions, n, n\), but \(3, 3\) came"):
        metric_homogeneity(good)
    with pytest.raises(InvalidInputError, match=r"one shape, but \(3, 3\) and \(2, 2\) came"):
        compare_metrics(good, np.eye(2))
    with pytest.raises(InvalidInputError, match=r"of 3 dimensions has shape \(3, 3\), but \(3, 2\) came"):
        metric_consistency(np.eye(3)[:, :2], good[None])
    with pytest.raises(InvalidInputError, match=r"vectors of 3 dimensions are needed, but shape \(2, 2\) came"):
        metric_action(np.eye(2), good)
    with pytest.raises(InvalidInputError, match="orthonormal to 1e-05, but these are off by 3"):
        metric_action(2 * np.eye(3), good)
    with pytest.raises(InvalidInputError, match=r"from 0 to below 1, but 1\.0 came"):
        metric_homogeneity(np.stack([good, good]), floor=1.0)
