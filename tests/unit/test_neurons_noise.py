"""Spikes that are counted, and trials that are lost."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.errors import InvalidInputError
from pullback.neurons import drop, poisson


def test_spikes_have_the_mean_and_the_variance_of_a_poisson_process():
    rates = np.array([0.0, 5.0, 40.0])
    counted = poisson(np.tile(rates, (40_000, 1)), 0.2, np.random.default_rng(0))
    np.testing.assert_allclose(counted.mean(axis=0), rates, rtol=0.02)
    np.testing.assert_allclose(counted.var(axis=0), rates / 0.2, rtol=0.03)
    assert not counted[:, 0].any()


def test_a_rate_is_a_whole_number_of_spikes_by_the_time():
    counts = poisson(np.full(100, 30.0), 0.5, np.random.default_rng(1)) * 0.5
    np.testing.assert_array_equal(counts, counts.round())


def test_the_same_generator_draws_the_same_and_numpys_own_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002  (it is what must not change)
    first, second = (poisson([8.0, 9.0], 1.0, np.random.default_rng(2)) for _ in range(2))
    drop(first, 0.5, np.random.default_rng(3))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_lost_trials_are_nan_and_the_others_keep_their_score():
    scores = np.arange(10_000.0)
    left = drop(scores, 0.1, np.random.default_rng(4))
    lost = np.isnan(left)
    assert 0.08 < lost.mean() < 0.12
    np.testing.assert_array_equal(left[~lost], scores[~lost])
    assert not np.isnan(drop(scores, 0.0, np.random.default_rng(4))).any()
    assert np.isnan(drop(scores, 1.0, np.random.default_rng(4))).all()


@pytest.mark.parametrize(
    ("rates", "duration", "message"),
    [
        ([-1.0], 1.0, "rates are finite and at least 0"),
        ([np.nan], 1.0, "rates are finite and at least 0"),
        ([1.0], 0.0, "a finite time above 0 s, but 0.0 s came"),
    ],
)
def test_what_no_spikes_can_be_drawn_for_is_refused(rates: list[float], duration: float, message: str):
    with pytest.raises(InvalidInputError, match=message):
        poisson(rates, duration, np.random.default_rng(0))


def test_a_share_is_between_none_and_all():
    with pytest.raises(InvalidInputError, match=r"the share of lost trials is 0 to 1, but 1.5 came"):
        drop([1.0], 1.5, np.random.default_rng(0))
