"""A search by ask and tell, whatever its method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import ArrayLike

from pullback.errors import InvalidInputError
from pullback.search.defaults import SearchSettings
from pullback.search.methods.method import Method, Origin, State
from pullback.search.scores import Told
from pullback.search.serialization import Constants, to_bytes
from pullback.search.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a search proposes to show.

    Attributes:
        latents: Shape (n, dim), within the constraint: what is shown, and what is told back.
        origins: Where each came from.
    """

    latents: Float32[np.ndarray, "n dim"]
    origins: tuple[Origin, ...]


@dataclass(frozen=True, eq=False)
class Best(State):
    """The best score that was told.

    Attributes:
        latent: What was shown, shape (dim,).
        score: As it was told.
        id: Of what was shown; empty where it has none.
        generation: In which tell it came, from 0.
    """

    latent: Float32[np.ndarray, " dim"]
    score: float
    id: str
    generation: int


@dataclass(frozen=True)
class Setup:
    """What stays the same throughout a search.

    Attributes:
        settings: The settings, complete.
        space: Where it searches.
        minimize: Whether low scores are good ones.
    """

    settings: SearchSettings
    space: SearchSpace
    minimize: bool


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a search stands.

    Attributes:
        state: What its method knows.
        initial: Latents that were given for the first generation, and were not asked yet.
        waiting: Scores that wait for more of them.
        best: The best score so far; None before the first.
        generation: Tells so far.
    """

    state: State
    initial: Float32[np.ndarray, "n dim"]
    waiting: Told
    best: Best | None = None
    generation: int = 0


class Optimizer:
    """One search: ask, tell, ask, …; a function of its setup, its seed, and what it was asked and told.

    It draws random numbers of its own, so that two searches never disturb each other. It may be asked for any number of
    candidates at any time, and be told of any, in parts or of others than it proposed. An error changes nothing.
    Not to be used by several threads at once.

    Attributes:
        setup: What stays the same throughout.
    """

    def __init__(
        self,
        setup: Setup,
        method: Method[Any],
        standing: Standing,
        rng: np.random.Generator,
        constants: Constants | None = None,
    ) -> None:
        self.setup = setup
        self._constants = constants
        self._method = method
        self._standing = standing
        self._rng = rng

    @property
    def settings(self) -> SearchSettings:
        """The settings, with every default filled in."""
        return self.setup.settings

    @property
    def population(self) -> int:
        """Images of a full generation."""
        population = self.settings.population
        assert population is not None  # noqa: S101  (the settings are complete)
        return population

    @property
    def dim(self) -> int:
        """Number of coordinates of a latent."""
        return self.setup.space.dim

    @property
    def generation(self) -> int:
        """Tells so far."""
        return self._standing.generation

    @property
    def best(self) -> Best | None:
        """The best score that was told; None before the first."""
        return self._standing.best

    @property
    def incumbent(self) -> Float32[np.ndarray, " dim"]:
        """The latent that the search takes for the best now: its distribution's mean, where it has one.

        Otherwise the best that was told; before the first score, the prior's mean. Within the constraint.
        """
        point = self._method.incumbent(self._standing.state)
        if point is None and self.best is not None:
            return self.best.latent
        centre = self.setup.space.centre if point is None else point
        latent: Float32[np.ndarray, " dim"] = self.setup.space.latents(centre[None])[0]
        return latent

    def ask(self, n: int | None = None) -> Candidates:
        """Proposes candidates: what was given for the first generation first, and then what the method draws.

        Nothing is learnt by it; only random numbers and what was given are used up.

        Args:
            n: How many, at least 1; a full generation when omitted.

        Raises:
            InvalidInputError: n is below 1.
        """
        n = self.population if n is None else n
        if n < 1:
            raise InvalidInputError(f"at least 1 candidate can be asked for, but {n} came")
        standing = self._standing
        given = standing.initial[:n]
        latents, origins = [given], (Origin("initial"),) * len(given)
        if len(given) < n:
            drawn = self._method.sample(standing.state, n - len(given), self._rng)
            latents.append(self.setup.space.latents(drawn.points))
            origins += drawn.origins
        self._standing = replace(standing, initial=standing.initial[n:])
        return Candidates(np.concatenate(latents), origins)

    def tell(
        self,
        latents: ArrayLike,
        scores: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        variances: ArrayLike | None = None,
    ) -> None:
        """Learns from scores.

        Latents may be any: all or some of what was asked, what was carried over from before, or one's own. NaN is no
        score, and never a bad one: such a latent is left out. Scores too few to rank (fewer than 4; of `genetic` and
        `random`, none) are kept, and count with the next that are told. Every tell counts as a generation, also one
        without a score.

        Args:
            latents: Shape (m, dim), m ≥ 1, finite; what was shown, in float32.
            scores: Shape (m,), finite, or NaN where there is none.
            ids: Names of what was shown, for its offspring to call as their parents; empty where there is none.
            variances: Of the scores, shape (m,), at least 0, or NaN where not known: that of a mean of r repeats is
                s²/r, with s² from the repeats of all (of one's own few it says little, and would disturb the order).
                Scores that are less sure count less (`Told.reliable_scores`).

        Raises:
            InvalidInputError: A shape or a number cannot be used; nothing has changed then.
        """
        standing = self._standing
        told = Told.checked(latents, scores, ids=ids, variances=variances, dim=self.dim).scored()
        best = self._better(told)
        waiting = told.after(standing.waiting)
        state = standing.state
        if len(waiting.ids) >= self._method.least:
            values = waiting.reliable_scores() * (-1 if self.setup.minimize else 1)
            state = self._method.update(state, self.setup.space.points(waiting.latents), values, waiting.ids)
            waiting = Told.none(self.dim)
        self._standing = Standing(state, standing.initial, waiting, best, standing.generation + 1)

    def to_bytes(self) -> bytes:
        """The whole search as the bytes of one safetensors file; `restore` goes on from them bit for bit."""
        return self._to_bytes(None)

    def to_parts(self) -> tuple[bytes, Constants | None]:
        """The search as a file, without what is the same in all its states where that is large; and that.

        Of `hessian_cma` in 500 axes of 4,096 dimensions a state takes .6 MB, and what is the same 16 MB, once.
        """
        self._constants = Constants.of({"state": self._standing.state}, self._constants)
        return self._to_bytes(self._constants), self._constants

    def _to_bytes(self, constants: Constants | None) -> bytes:
        standing = self._standing
        values = {
            "settings": asdict(self.setup.settings),
            "space": self.setup.space.as_dict(),
            "minimize": self.setup.minimize,
            "generation": standing.generation,
            "rng": self._rng.bit_generator.state,
        }
        states: dict[str, State] = {"state": standing.state, "waiting": standing.waiting}
        if standing.best is not None:
            states["best"] = standing.best
        return to_bytes(values, states, {"initial": standing.initial}, constants)

    def _better(self, told: Told) -> Best | None:
        """The best score so far and of these; of equal ones, the earlier."""
        before = self.best
        if not told.ids:
            return before
        sign = -1 if self.setup.minimize else 1
        first = int(np.argmax(sign * told.scores))
        score = float(told.scores[first])
        if before is not None and sign * score <= sign * before.score:
            return before
        return Best(told.latents[first], score, told.ids[first], self.generation)
