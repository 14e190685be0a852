"""Beginning of arms: from a setting, and what bounds it, to a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.geometry import Eigenbasis
from pullback.search import Constraint, SearchSpace
from search_arms.arm import Points, Search, Setting, within
from search_arms.cholesky_cma import CholeskyCMA
from search_arms.genetic import Genetic
from search_arms.lra_cma import LRACMA
from search_arms.ngopt import NGOpt
from search_arms.ours import Ours
from search_arms.pycma import PyCMA
from search_arms.sphere_cma import SphereCMA

PEERS: dict[str, Callable[..., Search]] = {
    "SphereCMA": SphereCMA,
    "CholeskyCMA": CholeskyCMA,
    "pycma": PyCMA,
    "XDream": Genetic,
    "LRA-CMA": LRACMA,
    "NGOpt": NGOpt,
}
"""Optimizers of others by their names."""


@dataclass(frozen=True)
class Where:
    """What every arm is given.

    Attributes:
        space: The space, of standard-normal coordinates.
        basis: Its eigenbasis.
        images: How many may be shown.
        stay: Greatest norm of what is shown; None = any.
    """

    space: SearchSpace
    basis: Eigenbasis
    images: int
    stay: float | None = None


class Bounded:
    """A peer of which what is shown keeps to the bound.

    Attributes:
        search: The peer.
        stay: The bound.
    """

    def __init__(self, search: Search, stay: float | None) -> None:
        self._search, self._stay = search, stay
        self._asked: Points = np.zeros((0, 0))

    def ask(self) -> Points:
        """The peer's points, each moved to the nearest that is admitted."""
        self._asked = self._search.ask()
        return within(self._asked, self._stay)

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """Told of its own points, as it is where a user's function moves them."""
        del points
        self._search.tell(self._asked, scores)


def begin(setting: Setting, where: Where, seed: int) -> Search:
    """A search that was told nothing yet."""
    options: dict[str, Any] = dict(setting.options)
    if setting.method not in PEERS:
        space = replace(where.space, constraint=Constraint(stay=options.pop("stay", where.stay)))
        return Ours(Setting.of(setting.method, **options), space, where.basis, where.images, seed)
    if setting.method == "SphereCMA":
        # Over as many generations as there will be, of the mean and forty others.
        options.setdefault("generations", max(where.images // 41, 2))
    if setting.method == "NGOpt":
        options["budget"] = where.images
    return Bounded(PEERS[setting.method](where.space.dim, seed, **options), where.stay)
