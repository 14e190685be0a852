"""What the tests of searches share: spaces, eigenbases, functions with a known optimum, and a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.search import Block, Constraint, Optimizer, SearchSettings, SearchSpace, make_optimizer

CMA_METHODS = ("cma", "hessian_cma", "cholesky_cma")
# To the end, however long that takes: with its step size adapted, as published, where the method has a choice.
ADAPTED: dict[str, dict[str, Any]] = {"hessian_cma": {"decay_generations": 0, "learning_rate": 1.0}}
PROVENANCE = Provenance("toy", "00", "z", "mse", "", method="gram", samples=1, seed=0, version="0")


def normal_space(dim: int, constraint: Constraint | None = None) -> SearchSpace:
    return SearchSpace((Block("standard-normal", dim),), constraint or Constraint())


def class_space(noise: int, classes: int, constraint: Constraint | None = None, held: int | None = None) -> SearchSpace:
    blocks = (Block("standard-normal", noise), Block("one-hot", classes))
    return SearchSpace(blocks, constraint or Constraint(), held)


def rotation(dim: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def basis_of(metric: np.ndarray) -> Eigenbasis:
    return Eigenbasis.from_metric(metric, PROVENANCE)


def search(method: str, space: SearchSpace, *, seed: int = 1, **options: Any) -> Optimizer:
    """A search by that method, in the eigenbasis of some metric where it needs one."""
    of_searches = ("start", "initial_latents", "minimize", "planned_generations")
    outside = {name: options.pop(name) for name in of_searches if name in options}
    metric = options.pop("metric", None)
    if metric is None:
        turned = rotation(space.dim, seed=9)
        metric = turned * np.geomspace(1, 1e-2, space.dim) @ turned.T
    settings = SearchSettings(method, **options)
    return make_optimizer(settings, space=space, eigenbasis=basis_of(metric), seed=seed, **outside)


def ellipsoid(metric: np.ndarray, optimum: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """−(x − o)ᵀ H (x − o), of which the best is zero."""

    def score(latents: np.ndarray) -> np.ndarray:
        away = latents.astype(np.float64) - optimum
        return -((away @ metric) * away).sum(axis=1)

    return score


def evolve(optimizer: Optimizer, score: Callable[[np.ndarray], np.ndarray], generations: int) -> None:
    for _ in range(generations):
        latents = optimizer.ask().latents
        optimizer.tell(latents, score(latents))


def evaluations_to(optimizer: Optimizer, score: Callable[[np.ndarray], np.ndarray], goal: float, most: int) -> int:
    """How many images it takes until the best of them reaches a score; `most` where it never does."""
    shown = 0
    while shown < most:
        latents = optimizer.ask().latents
        optimizer.tell(latents, score(latents))
        shown += len(latents)
        assert optimizer.best is not None
        if optimizer.best.score >= goal:
            return shown
    return most
