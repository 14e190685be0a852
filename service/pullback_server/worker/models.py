"""Generators, distances and banks of starts of a worker, loaded at their first use and kept."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import cache, lru_cache, partial

import torch

from pullback import distances, generators
from pullback.distances import Distance
from pullback.generators import Generator as ImageGenerator
from pullback.inversion import StartBank, cached_bank
from pullback.pieces import Underway

# Distances that are kept, and banks: there are many more names than that, for a name may say a side.
KEPT_DISTANCES, KEPT_BANKS = 8, 8


class Models:
    """The models on one device.

    Of distances and of banks, those that were used last are kept.

    Args:
        device: The device: `cpu`, `cuda:0`, …
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.generator = cache(self._load_generator)
        self.distance = lru_cache(maxsize=KEPT_DISTANCES)(self._load_distance)
        self.pooled_features = cache(self._load_pooled_features)
        self._banks: dict[tuple[str, str, str], _Bank] = {}

    def bank(
        self, generator: str, distance: str, space: str, tell: Callable[[int, int], None]
    ) -> Generator[None, None, StartBank]:
        """The bank of starts of a generator's space; made in pieces where it is not in the cache.

        Whoever wants it while it is being made helps to make it.

        Args:
            generator: Name of the generator.
            distance: Name of the distance.
            space: Name of the space.
            tell: Called after every piece with how many samples there are, and with their number in all.
        """
        key = (generator, distance, space)
        while True:
            if key not in self._banks:
                self._banks[key] = _Bank(self.generator(generator), self.distance(distance), space)
            bank = self._banks[key]
            try:
                found = bank.advance()
            except Exception:
                # Whoever comes next tries again.
                del self._banks[key]
                raise
            if found is not None:
                self._forget_banks(key)
                return found
            tell(bank.made, bank.total)
            yield

    def synchronize(self) -> None:
        """Waits until everything is computed that was asked for."""
        if torch.device(self.device).type == "cuda":
            torch.cuda.synchronize(self.device)

    def _forget_banks(self, used: tuple[str, str, str]) -> None:
        """Lets go of those that were not used for longest; one that is being made stays."""
        self._banks[used] = self._banks.pop(used)
        finished = [key for key, bank in self._banks.items() if bank.is_finished]
        for key in finished[:-KEPT_BANKS]:
            del self._banks[key]

    def _load_generator(self, name: str) -> ImageGenerator:
        return generators.load(name, device=self.device)

    def _load_distance(self, name: str) -> Distance:
        return distances.load(name, device=self.device)

    def _load_pooled_features(self) -> distances.PooledFeatures:
        return distances.load_pooled_features(self.device)


class _Bank:
    """A bank of starts that is made, or being made."""

    def __init__(self, generator: ImageGenerator, distance: Distance, space: str) -> None:
        self.made = self.total = 0
        self._found: StartBank | None = None
        self._making: Underway[StartBank] = Underway()
        self._begin = partial(cached_bank.in_pieces, generator, distance, space, progress=self._tell)

    @property
    def is_finished(self) -> bool:
        """Whether it is there whole."""
        return self._found is not None

    def advance(self) -> StartBank | None:
        """Makes the next piece; returns the bank once it is there."""
        if self._found is None:
            self._found = self._making.advance(self._begin)
        return self._found

    def _tell(self, made: int, total: int) -> None:
        self.made, self.total = made, total
