"""Searches of 4,096 and 512 dimensions: functions whose metric has the spectrum published of real generators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from reporting import QUICK, Figure, Report
from search_arms.arm import Setting
from search_arms.beginning import Where, begin
from search_arms.settings import DEFAULT

from pullback.geometry import Eigenbasis, Provenance
from pullback.search import Block, SearchSpace

_FUNCTIONS = 2 if QUICK else 6
# Functions that all axes are searched for.
_WHOLE = 1 if QUICK else 4
_IMAGES = 400 if QUICK else 3000
_RIDGES = 32
_NOISES = (0.0, 3.0)
_SPREAD = 1.5
_PROVENANCE = Provenance("synthetic", "0" * 64, "z", "mse", "", "sketch", 2000, 0, "0")
# Wang & Ponce (2021), table 2: dimensions that hold .99, .999, .9999 and .99999 of the sum of eigenvalues.
_SHARES = (0.99, 0.999, 0.9999, 0.99999)
_SPECTRA = {
    "FC6 of DeePSiM": (4096, (297, 502, 661, 848)),
    "w of StyleGAN2, faces": (512, (153, 345, 471, 506)),
}


def spectrum(dim: int, dims: tuple[int, ...]) -> NDArray[np.float64]:
    """Eigenvalues, the greatest first, whose sums are as published, falling by powers of e in between.

    Of each stretch between two published dimensions the eigenvalues fall geometrically, from where the stretch before
    ended, so that they hold what is published of the sum.
    """
    rest = np.array([1.0, *(1 - share for share in _SHARES)])
    edges = [0, *dims, dim]
    masses = [*(rest[:-1] - rest[1:]), rest[-1]]
    values: list[NDArray[np.float64]] = []
    for first, last, mass in zip(edges[:-1], edges[1:], masses, strict=True):
        steps = np.arange(last - first)
        if not values:
            # .99 of the sum in the first stretch, falling to where the second begins.
            rates = np.geomspace(1e-4, 1, 400)
            ends = [mass * np.exp(-rate * (last - first)) / np.exp(-rate * steps).sum() for rate in rates]
            aim = masses[1] / (edges[2] - last) * 2
            rate = rates[int(np.argmin(np.abs(np.log(np.array(ends) / aim))))]
        else:
            top = values[-1][-1]
            rates = np.geomspace(1e-5, 1, 800)
            sums = np.array([top * np.exp(-rate * (steps + 1)).sum() for rate in rates])
            rate = rates[int(np.argmin(np.abs(np.log(sums / mass))))]
        raw = np.exp(-rate * steps)
        values.append(raw * mass / raw.sum())
    found: NDArray[np.float64] = np.sort(np.concatenate(values))[::-1]
    return found


@dataclass(frozen=True)
class Ridges:
    """A sum of ridges that saturate: Σ_j a_j tanh(b_j · Λ^½ Uᵀ z), with b_j normal and a_j positive.

    The mean over such functions of their gradients' outer products is U Λ Uᵀ up to a factor: that is their metric.

    Attributes:
        directions: Λ^½ b_j in axes of the eigenbasis, shape (ridges, dim).
        heights: a_j, shape (ridges,).
    """

    directions: NDArray[np.float64]
    heights: NDArray[np.float64]

    @classmethod
    def drawn(cls, values: NDArray[np.float64], seed: int) -> Ridges:
        """One function; what a draw of the prior gives a ridge has a standard deviation of 1/_SPREAD."""
        rng = np.random.default_rng([seed, 77])
        directions = rng.standard_normal((_RIDGES, len(values))) * np.sqrt(values / values.sum()) / _SPREAD
        return cls(directions, rng.exponential(size=_RIDGES))

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of points in axes of the eigenbasis, at most 1: that of all ridges at their height."""
        values: NDArray[np.float64] = np.tanh(points @ self.directions.T) @ self.heights / self.heights.sum()
        return values


@lru_cache(maxsize=1)
def _where(name: str) -> Where:
    dim, dims = _SPECTRA[name]
    values = spectrum(dim, dims)
    # The eigenvectors are the axes themselves; no optimizer makes use of that.
    basis = Eigenbasis(values / values[0], np.eye(dim), None, _PROVENANCE)
    return Where(SearchSpace((Block("standard-normal", dim),)), basis, _IMAGES)


def final(name: str, setting: Setting, seed: int, noise: float = 0) -> float:
    """Mean of the last generation for one function, without the noise that scores had.

    Args:
        name: Whose spectrum.
        setting: Of the optimizer.
        seed: Of the function and the optimizer.
        noise: In standard deviations of what draws of the prior have.
    """
    function, rng = Ridges.drawn(spectrum(*_SPECTRA[name]), seed), np.random.default_rng([seed, 5])
    spread = function(rng.standard_normal((400, _SPECTRA[name][0]))).std()
    search = begin(setting, _where(name), seed)
    shown, mean = 0, 0.0
    while True:
        points = search.ask()
        shown += len(points)
        if shown > _IMAGES:
            return mean
        scores = function(points)
        search.tell(points, scores + noise * spread * rng.standard_normal(len(scores)))
        mean = float(scores.mean())


def bench_ridges(report: Report) -> None:
    """500 axes of 4,096 against all, as in the paper; and the default beside the published optimizers."""
    name = "FC6 of DeePSiM"
    seeds = range(_FUNCTIONS)
    some = [final(name, Setting.of("hessian_cma", axes=500), seed) for seed in seeds]
    # A covariance of so many axes hardly changes within a search, but takes 6 s a generation.
    all_axes = Setting.of("hessian_cma", axes=4096, adapt_covariance=False)
    every = [final(name, all_axes, seed) for seed in range(_WHOLE)]
    first = float(np.mean(some[:_WHOLE]))
    ratio = first / float(np.mean(every))
    detail = f"{first:.3f} / {np.mean(every):.3f}, {_WHOLE} functions, {_IMAGES} images"
    report.add(Figure(f"{name}, 4,096 dimensions: 500 axes / all, final", ratio, "≥ 0.98", ratio >= 0.98, detail))
    for name, (dim, _) in _SPECTRA.items():
        norm = float(np.sqrt(dim))
        settings = [Setting.of(DEFAULT), Setting.of("SphereCMA", norm=norm), Setting.of("SphereCMA", norm=2 * norm)]
        settings += [Setting.of("CholeskyCMA", sigma=sigma) for sigma in (1.0, 2.0)]
        for noise, setting in product(_NOISES, settings):
            finals = [final(name, setting, seed, noise) for seed in seeds]
            told = f"{name}, {dim:,} dimensions, noise of {noise:g} SD: {setting}, final of 1"
            report.add(Figure(told, float(np.mean(finals)), detail=f"{_FUNCTIONS} functions, {_IMAGES} images"))
