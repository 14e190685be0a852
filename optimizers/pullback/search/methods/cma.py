"""CMA-ES by the `cma` package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.search.methods.adaptation import Distribution
from pullback.search.methods.method import Beginning, Drawn, Method
from pullback.search.methods.recombination import bounded_sigma


@dataclass(frozen=True)
class CMA(Method[Distribution]):
    """CMA-ES with active covariance updates (Hansen & Ostermeier, Evol. Comput. 9, 2001; the `cma` package).

    The package's object is not kept, only the distribution that it holds: for every update one is made for as many
    points as there are, given the state, told, and read. So a search that was restored has nothing that another has
    not, and a generation of any size gets the weights and rates that are right for it.

    Attributes:
        sigma: First step size.
    """

    sigma: float

    name: ClassVar[str] = "cma"
    state_type: ClassVar[type[Distribution]] = Distribution

    def first(self, beginning: Beginning) -> Distribution:
        """Around the point, or the prior's mean."""
        return self.begin(beginning.centre)

    def begin(self, start: Float64[np.ndarray, " k"]) -> Distribution:
        """N(start, σ² I).

        Raises:
            InvalidInputError: There is but one coordinate, which the package does not search.
        """
        if start.size < 2:
            raise InvalidInputError("method 'cma' searches 2 coordinates or more, but 1 came; take 'cholesky_cma'")
        return _read(_strategy(start, self.sigma, self.least))

    def sample(self, state: Distribution, n: int, rng: np.random.Generator) -> Drawn:
        """Draws from the distribution."""
        return Drawn.sampled(state.sample(n, rng))

    def update(
        self,
        state: Distribution,
        points: Float64[np.ndarray, "m k"],
        scores: Float64[np.ndarray, " m"],
        ids: tuple[str, ...],
    ) -> Distribution:
        """The distribution after a generation; the package draws points nearer that lie farther than samples could."""
        del ids
        strategy = _strategy(state.mean, state.sigma, len(points))
        # It will not be told before it was asked; this draws nothing, see `_strategy`.
        strategy.ask()
        _write(strategy, state)
        # The package minimizes.
        strategy.tell(list(points.copy()), (-scores).tolist())
        strategy.sm.update_now()
        told = _read(strategy)
        return replace(told, sigma=bounded_sigma(told.sigma, self.sigma, float(told.lengths.max())))

    def incumbent(self, state: Distribution) -> Float64[np.ndarray, " k"]:
        """The mean."""
        return state.mean


def _strategy(mean: Float64[np.ndarray, " k"], sigma: float, m: int) -> Any:
    """A new strategy of the package for m points, that draws no random numbers, writes no files and prints nothing."""
    import cma  # noqa: PLC0415  (slow to import, and no other method needs it)

    options = {
        "popsize": m,
        "randn": _zeros,
        "seed": np.nan,
        "verbose": -10,
        "verb_log": 0,
        # From 300 dimensions on the package would use its two-point adaptation, which must be told all that was asked.
        "AdaptSigma": cma.sigma_adaptation.CMAAdaptSigmaCSA,
        # Mirrored samples and changes of coordinates would be state beyond what is kept here.
        "CMA_mirrors": 0,
        "conditioncov_alleviate": False,
    }
    return cma.CMAEvolutionStrategy(mean, sigma, options)


def _read(strategy: Any) -> Distribution:
    model = strategy.sm
    return Distribution(
        mean=strategy.mean,
        sigma=float(strategy.sigma),
        covariance=model.C,
        axes=model.B,
        lengths=model.D,
        path=strategy.adapt_sigma.ps,
        rank_one_path=strategy.pc,
        updates=strategy.countiter,
        decomposed=model.last_update,
    )


def _write(strategy: Any, state: Distribution) -> None:
    model = strategy.sm
    # It asks for the mean before this one as well, and makes nothing of it.
    strategy.mean = strategy.mean_old = state.mean.copy()
    strategy.pc = state.rank_one_path.copy()
    strategy.adapt_sigma.ps = state.path.copy()
    model.C, model.B, model.D = state.covariance.copy(), state.axes.copy(), state.lengths.copy()
    # Each update tells the model once.
    strategy.countiter = model.count_tell = state.updates
    model.last_update = state.decomposed


def _zeros(*shape: int) -> NDArray[np.float64]:
    return np.zeros(shape)
