"""How directions are discovered in steps: the method that is trained, and those that find all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pullback.directions import DirectionSet, DpLase, DpLaseState, discover
from pullback.directions.defaults import DirectionsSettings
from pullback.distances import Distance
from pullback.generators import Generator
from pullback.geometry.eigenbasis import Eigenbasis

_FOUND = "found"


class Discovery(Protocol):
    """A discovery over a state of named tensors.

    Attributes:
        phase: What it does, in a few words.
        total: Its steps in all.
    """

    phase: str
    total: int

    def init(self) -> Mapping[str, Tensor]:
        """The state before the first step."""

    def step(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The state after the next step."""

    def made(self, state: Mapping[str, Tensor]) -> int:
        """How many steps were made."""

    def result(self, state: Mapping[str, Tensor]) -> DirectionSet:
        """The directions, once all steps are made."""


class Trained:
    """DP-LaSE: one step is one update."""

    phase = "training directions"

    def __init__(self, generator: Generator, settings: DirectionsSettings) -> None:
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
        """Makes the next update."""
        return self._training.step(DpLaseState(state)).tensors

    def made(self, state: Mapping[str, Tensor]) -> int:
        """Updates so far."""
        return DpLaseState(state).step

    def result(self, state: Mapping[str, Tensor]) -> DirectionSet:
        """The trained directions."""
        return self._training.result(DpLaseState(state))


class AtOnce:
    """Every other method: one step finds all directions, and the state is their file."""

    phase = "discovering directions"
    total = 1

    def __init__(
        self,
        generator: Generator,
        settings: DirectionsSettings,
        *,
        eigenbasis: Eigenbasis,
        latent: Tensor | None,
        distance: Distance | None,
    ) -> None:
        self._generator = generator
        self._settings = settings
        self._eigenbasis = eigenbasis
        self._latent = latent
        self._distance = distance

    def init(self) -> Mapping[str, Tensor]:
        """Nothing yet."""
        return {}

    def step(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Finds them."""
        del state
        found = discover(
            self._generator,
            self._settings,
            eigenbasis=self._eigenbasis,
            latent=self._latent,
            distance=self._distance,
        )
        return {_FOUND: torch.from_numpy(np.frombuffer(found.to_bytes(), dtype=np.uint8).copy())}

    def made(self, state: Mapping[str, Tensor]) -> int:
        """1 once they are found."""
        return len(state)

    def result(self, state: Mapping[str, Tensor]) -> DirectionSet:
        """What was found."""
        return DirectionSet.from_bytes(state[_FOUND].numpy().tobytes())
