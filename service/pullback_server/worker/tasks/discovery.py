"""Discovery of directions in steps: by the method that is trained, and by those that are not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping

import numpy as np
import torch
from torch import Tensor

from pullback.directions import DirectionSet, DpLase, DpLaseState
from pullback.directions.defaults import DirectionsSettings
from pullback.directions.discovery import discover
from pullback.distances import Distance
from pullback.generators import Generator as ImageGenerator
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.pieces import Underway

_FOUND = "found"


class Discovery(ABC):
    """A discovery over a state of named tensors.

    What is computed between two states, piece by piece, is in none of them: from a state that was stored, it begins
    anew.

    Attributes:
        phase: What it does, in a few words.
        total: Its steps in all.
    """

    phase: str
    total: int

    def __init__(self) -> None:
        self._finding: Underway[DirectionSet] = Underway()

    @property
    def amid_step(self) -> bool:
        """Whether some pieces are computed that no state holds."""
        return self._finding.begun

    @abstractmethod
    def init(self) -> Mapping[str, Tensor]:
        """The state before the first step."""

    @abstractmethod
    def step(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Does the next step, or a piece of it: the state after that."""

    @abstractmethod
    def made(self, state: Mapping[str, Tensor]) -> int:
        """How many steps were made."""

    def done(self, state: Mapping[str, Tensor]) -> bool:
        """Whether the directions are found."""
        return _FOUND in state

    def result(self, state: Mapping[str, Tensor]) -> DirectionSet:
        """The directions, once they are found."""
        return DirectionSet.from_bytes(state[_FOUND].numpy().tobytes())

    def _advance(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Does the next piece of what finds the directions; the state holds their file once they are found."""
        found = self._finding.advance(lambda: self._find(state))
        if found is None:
            return state
        return {_FOUND: torch.from_numpy(np.frombuffer(found.to_bytes(), dtype=np.uint8).copy())}

    @abstractmethod
    def _find(self, state: Mapping[str, Tensor]) -> Generator[None, None, DirectionSet]:
        """Finds the directions from a state in which nothing else is left to do."""


class Trained(Discovery):
    """DP-LaSE: one step is one update; what the directions are worth is computed in pieces at the end."""

    phase = "training directions"

    def __init__(self, generator: ImageGenerator, settings: DirectionsSettings) -> None:
        super().__init__()
        self.total = settings.samples
        self._training = DpLase(
            generator,
            settings.space,
            settings.k,
            layers=settings.layers,
            learn_density=settings.learn_density,
            samples=settings.samples,
            seed=settings.seed,
        )

    def init(self) -> Mapping[str, Tensor]:
        """Random directions."""
        return self._training.init().tensors

    def step(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Makes the next update, or does a piece of what follows the last one."""
        if self._training.done(DpLaseState(state)):
            return self._advance(state)
        return self._training.step(DpLaseState(state)).tensors

    def made(self, state: Mapping[str, Tensor]) -> int:
        """Updates so far."""
        return self.total if self.done(state) else DpLaseState(state).step

    def _find(self, state: Mapping[str, Tensor]) -> Generator[None, None, DirectionSet]:
        return self._training.result_in_pieces(DpLaseState(state))


class Untrained(Discovery):
    """Every other method: one step, in pieces."""

    phase = "discovering directions"
    total = 1

    def __init__(
        self,
        generator: ImageGenerator,
        settings: DirectionsSettings,
        *,
        eigenbasis: Eigenbasis,
        latent: Tensor | None,
        distance: Distance | None,
    ) -> None:
        super().__init__()
        self._generator = generator
        self._settings = settings
        self._eigenbasis = eigenbasis
        self._latent = latent
        self._distance = distance

    def init(self) -> Mapping[str, Tensor]:
        """Nothing yet."""
        return {}

    def step(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Does the next piece."""
        return self._advance(state)

    def made(self, state: Mapping[str, Tensor]) -> int:
        """1 once they are found."""
        return int(self.done(state))

    def _find(self, state: Mapping[str, Tensor]) -> Generator[None, None, DirectionSet]:
        del state
        return discover.in_pieces(
            self._generator,
            self._settings,
            eigenbasis=self._eigenbasis,
            latent=self._latent,
            distance=self._distance,
        )
