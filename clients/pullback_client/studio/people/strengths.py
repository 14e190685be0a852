"""Strengths of images behind choices: Bradley and Terry's model, Luce's for more than two, and Thurstone's case V.

Bradley–Terry and Luce: the image i is chosen from the set S with probability exp(s_i) / Σ_{j∈S} exp(s_j).
Thurstone's case V: i is preferred to j with probability Φ(s_i − s_j), the unit being the deviation of a difference.

Strengths are those of the greatest posterior probability, with s ~ N(0, spread²) for each before anything was chosen:
an image that has always won has a finite strength too. Both log posteriors are concave; Newton's steps find the
maximum.

Sources: R. A. Bradley & M. E. Terry, Biometrika 39 (1952); R. D. Luce, Individual Choice Behavior (1959);
L. L. Thurstone, Psychological Review 34 (1927).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback_client.errors import InvalidArgumentError

Array: TypeAlias = "npt.NDArray[np.float64]"

SPREAD = 2.0
"""Deviation of strengths before anything was chosen."""

_STEPS = 200
_CLOSE = 1e-10


class Choice(NamedTuple):
    """A choice.

    Attributes:
        images: What stood side by side, each once.
        chosen: Which of it was chosen.
    """

    images: tuple[str, ...]
    chosen: str


# From strengths to the log likelihood of all choices, its gradient and its Hessian.
_Model: TypeAlias = Callable[[Array], tuple[float, Array, Array]]


def bradley_terry(
    choices: Sequence[Choice], known: Mapping[str, float] | None = None, *, spread: float = SPREAD
) -> dict[str, float]:
    """Strengths by Bradley and Terry's model; of sets of more than two by Luce's.

    Args:
        choices: What was chosen.
        known: Strengths that stand already, such as of anchors: they stay as they are.
        spread: See above, > 0; ∞ for the likelihood alone, whose maximum may lie nowhere.

    Returns:
        The strengths of all images of the choices that were not known; without known ones they have the mean 0.

    Raises:
        InvalidArgumentError: A choice is not among its images, or there is no maximum, as may be where `spread`
            is infinite.
    """
    return _strengths(choices, known or {}, spread, _luce)


def thurstone(
    choices: Sequence[Choice], known: Mapping[str, float] | None = None, *, spread: float = SPREAD
) -> dict[str, float]:
    """Strengths by Thurstone's case V, of pairs; see `bradley_terry`."""
    if any(len(choice.images) != 2 for choice in choices):
        raise InvalidArgumentError("Thurstone's case V is of pairs: expected two images in each choice")
    return _strengths(choices, known or {}, spread, _case_v)


def _strengths(
    choices: Sequence[Choice],
    known: Mapping[str, float],
    spread: float,
    model: Callable[[list[npt.NDArray[np.intp]], int], _Model],
) -> dict[str, float]:
    names = list(dict.fromkeys(image for choice in choices for image in choice.images))
    for choice in choices:
        if choice.chosen not in choice.images or len(set(choice.images)) < len(choice.images):
            raise InvalidArgumentError(f"expected a choice among different images, got {choice}")
    places = {name: place for place, name in enumerate(names)}
    # The chosen one first.
    rows = [
        np.array([places[choice.chosen], *(places[each] for each in choice.images if each != choice.chosen)])
        for choice in choices
    ]
    free = np.array([place for name, place in places.items() if name not in known], int)
    strengths = np.array([known.get(name, 0.0) for name in names])
    if free.size:
        strengths = _maximum(model(rows, len(names)), strengths, free, spread)
        if free.size == len(names):
            strengths -= strengths.mean()
    return {names[place]: float(strengths[place]) for place in free}


def _maximum(model: _Model, strengths: Array, free: Any, spread: float) -> Array:
    """The strengths of the greatest posterior, those that are not free as they are."""
    weight = 1 / spread**2

    def posterior(at: Array) -> tuple[float, Array, Array]:
        value, slope, bend = model(at)
        own = at[free]
        return (
            value - weight * float(own @ own) / 2,
            slope[free] - weight * own,
            bend[np.ix_(free, free)] - weight * np.eye(free.size),
        )

    value, slope, bend = posterior(strengths)
    for _ in range(_STEPS):
        # Without a prior a constant may be added to all: the shortest step leaves it alone.
        step = -np.linalg.lstsq(bend, slope, rcond=1e-12)[0]
        if np.abs(step).max() < _CLOSE:
            return strengths
        for halving in range(40):
            tried = strengths.copy()
            tried[free] += step / 2**halving
            new = posterior(tried)
            if new[0] >= value - 1e-12 * abs(value):
                break
        strengths, (value, slope, bend) = tried, new
    raise InvalidArgumentError("no strengths fit these choices best: some images always win; give a finite spread")


def _luce(rows: list[npt.NDArray[np.intp]], count: int) -> _Model:
    def model(strengths: Array) -> tuple[float, Array, Array]:
        value, slope, bend = 0.0, np.zeros(count), np.zeros((count, count))
        for row in rows:
            own = strengths[row]
            shares = np.exp(own - own.max())
            shares /= shares.sum()
            value += math.log(max(shares[0], 1e-300))
            slope[row] -= shares
            slope[row[0]] += 1
            bend[np.ix_(row, row)] -= np.diag(shares) - np.outer(shares, shares)
        return value, slope, bend

    return model


def _case_v(rows: list[npt.NDArray[np.intp]], count: int) -> _Model:
    def model(strengths: Array) -> tuple[float, Array, Array]:
        value, slope, bend = 0.0, np.zeros(count), np.zeros((count, count))
        for winner, loser in rows:
            ahead = float(strengths[winner] - strengths[loser])
            share = max(0.5 * math.erfc(-ahead / math.sqrt(2)), 1e-300)
            # d/dx log Φ(x) = φ(x) / Φ(x) = m;  d²/dx² = −m (x + m)
            ratio = math.exp(-ahead * ahead / 2) / math.sqrt(2 * math.pi) / share
            curve = ratio * (ahead + ratio)
            value += math.log(share)
            slope[[winner, loser]] += (ratio, -ratio)
            bend[np.ix_((winner, loser), (winner, loser))] -= np.array([[curve, -curve], [-curve, curve]])
        return value, slope, bend

    return model
