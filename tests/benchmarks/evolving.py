"""Many evolutions in lockstep: their images are rendered and looked at in shared batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from observers import DURATION, Observer

from pullback.neurons import poisson
from pullback.search import Optimizer, SearchSettings, make_optimizer


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
        best: Highest rate of all images, shape (runs,).
        latents: The latents that had it, shape (runs, dim).
        population: Images of a generation.
    """

    means: NDArray[np.float64]
    best: NDArray[np.float64]
    latents: NDArray[np.float32]
    population: int

    @property
    def final(self) -> NDArray[np.float64]:
        """Mean rate of the last generation, shape (runs,)."""
        return self.means[:, -1]


def evolve(
    observer: Observer, settings: SearchSettings, runs: Sequence[Run], images: int, *, noisy: bool
) -> Evolutions:
    """Evolves for every run, in as many whole generations as `images` allow.

    Args:
        observer: Renders and looks.
        settings: Of every run's optimizer.
        runs: The runs.
        images: How many each may show.
        noisy: Whether optimizers are told spikes that were counted, rather than the rates behind them.
    """
    optimizers = [_begin(observer, settings, run) for run in runs]
    noise = [np.random.default_rng([run.seed, run.unit]) for run in runs]
    population = optimizers[0].population
    units = np.repeat([run.unit for run in runs], population)
    best = np.full(len(runs), -np.inf)
    latents = np.zeros((len(runs), observer.space.dim), np.float32)
    means = []
    for _ in range(images // population):
        shown = np.stack([optimizer.ask().latents for optimizer in optimizers])
        rates = observer.rates(shown.reshape(len(units), -1), units).reshape(len(runs), population)
        for row, optimizer in enumerate(optimizers):
            told = poisson(rates[row], DURATION, noise[row]) if noisy else rates[row]
            optimizer.tell(shown[row], told)
        means.append(rates.mean(axis=1))
        rows, highest = np.arange(len(runs)), rates.argmax(axis=1)
        better = rates[rows, highest] > best
        best = np.where(better, rates[rows, highest], best)
        latents[better] = shown[rows, highest][better]
    return Evolutions(np.stack(means, axis=1), best, latents, population)


def _begin(observer: Observer, settings: SearchSettings, run: Run) -> Optimizer:
    return make_optimizer(settings, space=observer.space, eigenbasis=observer.basis, seed=run.seed)
