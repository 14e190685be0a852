"""Peers of the study of search against what their published programs came to for seven units of AlexNet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from observers import brief
from reporting import QUICK, Figure, Report
from search_arms.arm import Search
from search_arms.cholesky_cma import CholeskyCMA
from search_arms.pycma import PyCMA
from search_arms.sphere_cma import SphereCMA

from pullback import generators, neurons
from pullback.neurons import Unit

_UNITS = (("conv2", 14), ("conv2", 66), ("conv3", 15), ("conv3", 122), ("conv4", 22), ("conv4", 86), ("conv5", 93))
_DIM, _SIDE, _GENERATIONS = 100, 128, 37
# Mean activation in the last of 37 generations of 40, `faces`, one seed, without noise: SphereCMA by its published
# program, CholeskyCMA by its published program, the `cma` package.
_CAME_TO: dict[str, tuple[Callable[[int], Search], tuple[float, ...]]] = {
    "SphereCMA, norm 20": (
        lambda seed: SphereCMA(_DIM, seed, norm=20, generations=_GENERATIONS),
        (40.4, 53.1, 58.6, 31.8, 52.9, 40.4, 45.5),
    ),
    "SphereCMA, norm 10": (
        lambda seed: SphereCMA(_DIM, seed, norm=10, generations=_GENERATIONS),
        (33.9, 40.6, 33.5, 23.7, 46.2, 27.1, 44.0),
    ),
    "pycma, σ 1": (lambda seed: PyCMA(_DIM, seed, sigma=1), (22.6, 43.4, 44.0, 21.1, 40.9, 27.5, 26.3)),
    "pycma, σ 2": (lambda seed: PyCMA(_DIM, seed, sigma=2), (33.2, 55.0, 41.9, 21.3, 35.0, 24.1, 20.5)),
    "CholeskyCMA, σ 1": (lambda seed: CholeskyCMA(_DIM, seed, sigma=1), (26.3, 42.1, 26.2, 20.2, 34.1, 27.9, 29.7)),
    "CholeskyCMA, σ 2": (lambda seed: CholeskyCMA(_DIM, seed, sigma=2), (31.1, 46.2, 40.5, 21.6, 32.1, 25.4, 22.8)),
}
# Of single runs by different random numbers; their geometric mean over seven units varies by about a tenth.
_AGREES = (0.75, 1.33)


def bench_published(report: Report) -> None:
    """Each peer over what its published program came to, as geometric mean over the units."""
    generator = generators.load("faces")
    units = [Unit("alexnet", layer, channel, gain=1.0) for layer, channel in _UNITS[: 3 if QUICK else None]]
    network = neurons.load(units, side=_SIDE)

    def rates(latents: NDArray[np.float64], unit: NDArray[np.int64]) -> NDArray[np.float64]:
        with torch.inference_mode(), brief():
            images = generator.render(torch.from_numpy(latents).float(), "z").float()
            return network.respond_each(images, torch.from_numpy(unit)).double().numpy()

    for name, (begin, published) in list(_CAME_TO.items())[: 1 if QUICK else None]:
        searches, final = [begin(0) for _ in units], np.zeros(len(units))
        for _ in range(_GENERATIONS):
            for unit, search in enumerate(searches):
                points = search.ask()
                scores = rates(points, np.full(len(points), unit))
                search.tell(points, scores)
                final[unit] = scores.mean()
        ratio = float(np.exp(np.log(final / np.array(published[: len(units)])).mean()))
        least, most = _AGREES
        detail = " ".join(f"{value:.1f}" for value in final)
        report.add(Figure(f"{name} / as published", ratio, f"{least} to {most}", least < ratio < most, detail))
