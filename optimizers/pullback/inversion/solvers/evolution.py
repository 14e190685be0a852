"""CMA-ES as a value: its population is there to be looked at, and being told of losses gives the next one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy.typing import NDArray
from torch import Tensor

from pullback.geometry.seeding import derive_seed

# Of random numbers, so that populations do not depend on what else is drawn.
_STREAM = 2


@dataclass(frozen=True, eq=False)
class Evolution:
    """CMA-ES (Hansen & Ostermeier, Evol. Comput. 9, 2001; the `cma` package) with random numbers of its own.

    The same seed and losses give the same populations, whatever else draws random numbers meanwhile: so a search is
    rebuilt by telling a new one the losses of before.

    Attributes:
        population: Samples, shape (λ, n).
    """

    population: Float64[np.ndarray, "population n"]
    _strategy: Any

    @classmethod
    def begin(cls, mean: NDArray[Any], sigma: float, population: int, seed: int) -> Evolution:
        """The first population, drawn from N(mean, σ² I).

        Args:
            mean: Shape (n,).
            sigma: σ, above 0.
            population: λ, at least 4.
            seed: Any integer ≥ 0.
        """
        import cma  # noqa: PLC0415  (no other method needs it)

        options = {"popsize": population, "randn": _Normal(seed), "seed": np.nan, "verbose": -10, "verb_log": 0}
        strategy = cma.CMAEvolutionStrategy(np.asarray(mean, dtype=np.float64), sigma, options)
        return cls(np.array(strategy.ask()), strategy)

    def told(self, losses: NDArray[Any]) -> Evolution:
        """The next population, from the losses of this one; one that is not finite counts as the worst.

        Args:
            losses: Shape (λ,); only their order matters.
        """
        finite = np.isfinite(losses)
        worst = losses[finite].max() if finite.any() else 0.0
        strategy = copy.deepcopy(self._strategy)
        strategy.tell(list(self.population.copy()), np.where(finite, losses, 2 * abs(worst) + 1).tolist())
        return Evolution(np.array(strategy.ask()), strategy)


@dataclass(frozen=True, eq=False)
class Evolutions:
    """CMA-ES for every image, every start and every block of the coordinates, each by itself.

    The candidates of a start are numbered together: the same numbers of all blocks make one candidate, and share its
    loss.

    Attributes:
        means: Where they began, shape (images, starts, k); what is in no block stays as it is there.
        blocks: The coordinates of each block.
        searches: By image, start and block.
    """

    means: Float[Tensor, "images starts k"]
    blocks: Sequence[slice]
    searches: Sequence[Sequence[Sequence[Evolution]]]

    @classmethod
    def begin(
        cls, means: Float[Tensor, "images starts k"], blocks: Sequence[tuple[slice, float]], population: int, seed: int
    ) -> Evolutions:
        """Those that were told nothing yet; what a start draws does not depend on how many images there are.

        Args:
            means: The mean of every start.
            blocks: Coordinates and standard deviation of every block.
            population: Candidates of a start.
            seed: Any integer ≥ 0.
        """
        searches = [
            [
                [
                    Evolution.begin(mean[block], sigma, population, derive_seed(seed, _STREAM, 0, start, number))
                    for number, (block, sigma) in enumerate(blocks)
                ]
                for start, mean in enumerate(of_image)
            ]
            for of_image in means.double().cpu().numpy()
        ]
        return cls(means, [block for block, _ in blocks], searches)

    def told(self, losses: Float[Tensor, "images candidates"]) -> Evolutions:
        """Those that come after these losses."""
        by_start = losses.double().cpu().numpy().reshape(*self.means.shape[:2], -1)
        searches = [
            [[evolution.told(each) for evolution in blocks] for blocks, each in zip(of_image, values, strict=True)]
            for of_image, values in zip(self.searches, by_start, strict=True)
        ]
        return Evolutions(self.means, self.blocks, searches)

    def candidates(self) -> Float[Tensor, "images candidates k"]:
        """The populations, those of one start after the other."""
        population = len(self.searches[0][0][0].population)
        drawn = self.means[:, :, None].repeat(1, 1, population, 1)
        for image, of_image in enumerate(self.searches):
            for start, blocks in enumerate(of_image):
                for block, evolution in zip(self.blocks, blocks, strict=True):
                    drawn[image, start, :, block] = torch.from_numpy(evolution.population).to(drawn)
        return drawn.flatten(1, 2)


class _Normal:
    """Standard normal numbers, in the form in which `cma` asks for them; it would take NumPy's global ones."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> NDArray[np.float64]:
        return self._rng.standard_normal(shape)
