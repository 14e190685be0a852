"""What ends a search early: a plateau, or the time."""

from __future__ import annotations

import itertools

import pytest
import torch

from inverting import problem_of
from pullback.errors import InvalidInputError
from pullback.inversion import Limits, invert, solve


def trace(*losses: list[float]) -> torch.Tensor:
    """Losses of one restart for each target."""
    return torch.tensor(losses)[:, None]


def test_no_limits_end_nothing() -> None:
    assert not Limits().reached(trace([1.0] * 1000), 1e9)


def test_a_plateau_is_reached_when_no_target_has_improved_for_so_many_steps() -> None:
    limits = Limits(patience=3)
    falling, flat = [1.0, 0.9, 0.8, 0.7, 0.6], [1.0, 0.5, 0.5, 0.6, 0.5]
    assert not limits.reached(trace([1.0, 1.0, 1.0]), 0.0)
    assert limits.reached(trace([1.0, 1.0, 1.0, 1.0]), 0.0)
    assert not limits.reached(trace(falling), 0.0)
    assert limits.reached(trace(flat), 0.0)
    assert not limits.reached(trace(falling, flat), 0.0)


def test_to_improve_is_to_fall_by_a_thousandth_of_itself() -> None:
    limits = Limits(patience=2)
    assert limits.reached(trace([1.0, 0.9995, 0.9991]), 0.0)
    assert not limits.reached(trace([1.0, 0.9995, 0.998]), 0.0)
    assert not limits.reached(trace([1e-6, 1e-6, 0.998e-6]), 0.0)
    # Nothing is better than none.
    assert limits.reached(trace([0.0, 0.0, 0.0]), 0.0)


def test_what_was_given_up_or_never_finite_counts_as_standing_still() -> None:
    limits, nan = Limits(patience=2), float("nan")
    assert limits.reached(trace([nan, nan, nan]), 0.0)
    assert limits.reached(torch.tensor([[[1.0, nan, nan], [0.5, 0.5, 0.5]]]), 0.0)
    assert not limits.reached(torch.tensor([[[1.0, nan, nan], [0.5, 0.5, 0.4]]]), 0.0)
    # A first finite loss is progress.
    assert not limits.reached(trace([nan, nan, 3.0]), 0.0)


def test_an_inversion_ends_after_its_seconds_with_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that advances by a second whenever it is read.
    seconds = itertools.count()
    monkeypatch.setattr(solve.time, "perf_counter", lambda: float(next(seconds)))
    result = invert(problem_of(1), "adam", limits=Limits(seconds=5.0))
    assert result.trace_loss.shape[2] == 5
    assert not result.finished
    assert torch.equal(result.losses, result.trace_loss.flatten(1).amin(dim=1))


def test_an_inversion_ends_on_a_plateau() -> None:
    problem = problem_of(1)
    optimum = torch.randn(1, 6, generator=torch.Generator().manual_seed(11)).double()
    result = invert(problem, "adam", starts=optimum[None], steps=100, limits=Limits(patience=7))
    assert result.trace_loss.shape[2] == 8
    assert not result.finished


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0.0}, "seconds are finite and above 0, but 0.0 came"),
        ({"seconds": float("inf")}, "but inf came"),
        ({"patience": 0}, "a number of steps from 1 on, but 0 came"),
    ],
)
def test_limits_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Limits(**options)
