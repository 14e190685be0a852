"""Scores that are made up, to try a rig without a subject: a smooth hill somewhere in latent space."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from pullback_api.v1 import search_pb2


class DryRun:
    """A made-up subject of one thread; what it answers depends on the seed, the latent and the trial's id alone."""

    def __init__(self, spec: search_pb2.SessionSpec, thread: int, dim: int) -> None:
        self._options = spec.dry_run
        self._seed = (spec.seed, thread)
        self._sign = -1.0 if spec.threads[thread].minimize else 1.0
        self._peak = np.random.default_rng([*self._seed, 0]).standard_normal(dim)
        # Var ‖z − z*‖² = 2 n + 4 ‖z*‖² over standard normal z: noise is measured in this unit.
        self._unit = float(np.sqrt(2 * dim + 4 * self._peak @ self._peak))

    def score(self, trial_id: str, latent: NDArray[np.float32]) -> float | None:
        """The score of a trial that showed the image of `latent`, shape (dim,); None where the trial fails."""
        rng = np.random.default_rng([*self._seed, 1, *hashlib.sha256(trial_id.encode()).digest()])
        if rng.random() < self._options.failing:
            return None
        away = latent.astype(np.float64) - self._peak
        # −‖z − z*‖², which every step towards z* improves.
        clean = -float(away @ away) / self._unit
        return self._sign * (clean + self._options.noise * float(rng.standard_normal()))
