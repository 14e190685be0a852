"""Many evolutions in lockstep: their images are rendered and looked at in shared batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from noises import Noise
from numpy.typing import NDArray
from observers import Observer
from search_arms.arm import Setting
from search_arms.beginning import Where, begin


@dataclass(frozen=True)
class Run:
    """One evolution: for which of the observer's units, and with which seed."""

    unit: int
    seed: int


@dataclass(frozen=True)
class Evolutions:
    """What evolutions of one optimizer came to, one row a run; all rates without noise, in spikes/s.

    Attributes:
        means: Mean rate of each generation, shape (runs, generations).
        norms: Mean norm of each generation's latents, likewise.
        shown: Images that were shown up to each generation's end, shape (generations,).
        best: Highest rate of all images, shape (runs,).
        latents: The latents that had it, shape (runs, dim).
    """

    means: NDArray[np.float64]
    norms: NDArray[np.float64]
    shown: NDArray[np.int64]
    best: NDArray[np.float64]
    latents: NDArray[np.float32]

    @property
    def first(self) -> NDArray[np.float64]:
        """Mean rate of the first generation, shape (runs,)."""
        return self.means[:, 0]

    @property
    def final(self) -> NDArray[np.float64]:
        """Mean rate of the last generation, shape (runs,)."""
        return self.means[:, -1]


def evolve(
    observer: Observer, setting: Setting, runs: Sequence[Run], images: int, noise: Noise, stay: float | None
) -> Evolutions:
    """Evolves for every run, in as many whole generations as `images` allow.

    Args:
        observer: Renders and looks.
        setting: Of every run's optimizer.
        runs: The runs.
        images: How many each may show; those of a first generation more than that are shown too.
        noise: Between rates and what optimizers are told.
        stay: Greatest norm of a latent; None = any.
    """
    where = Where(observer.space, observer.basis, images, stay)
    searches = [begin(setting, where, run.seed) for run in runs]
    draws = [np.random.default_rng([run.seed, run.unit]) for run in runs]
    units = np.array([run.unit for run in runs])
    best = np.full(len(runs), -np.inf)
    latents = np.zeros((len(runs), observer.space.dim), np.float32)
    means, norms, shown = [], [], [0]
    while True:
        points = np.stack([search.ask() for search in searches])
        count = points.shape[1]
        if means and shown[-1] + count > images:
            break
        rates = observer.rates(points.reshape(len(runs) * count, -1), np.repeat(units, count)).reshape(len(runs), -1)
        for row, search in enumerate(searches):
            search.tell(points[row], noise.of(rates[row], observer.spreads[units[row]], draws[row]))
        means.append(rates.mean(axis=1))
        norms.append(np.linalg.norm(points, axis=2).mean(axis=1))
        shown.append(shown[-1] + count)
        highest = rates.argmax(axis=1)
        values = np.take_along_axis(rates, highest[:, None], axis=1)[:, 0]
        better = values > best
        best = np.where(better, values, best)
        latents[better] = points[np.arange(len(runs)), highest][better]
    return Evolutions(np.stack(means, axis=1), np.stack(norms, axis=1), np.array(shown[1:]), best, latents)
