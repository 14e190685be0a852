"""Generators, distances and banks of starts of a worker, loaded at their first use and kept."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import cache, lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pullback import distances, generators
from pullback.distances import Distance, DistanceEntry
from pullback.generators import CatalogueEntry
from pullback.generators import Generator as ImageGenerator
from pullback.inversion import BankSamples, StartBank, cached_bank
from pullback.inversion.tuning import TunedWeights
from pullback.pieces import Underway
from pullback_server.stored_files import StoredFile
from pullback_server.worker.files import content
from pullback_server.worker.parts import SharedShards, of_samples

# Distances that are kept, and banks: there are many more names than that, for a name may say a side.
KEPT_DISTANCES, KEPT_BANKS = 8, 8
# Tuned generators that are kept: each has all of its weights.
KEPT_TUNINGS = 2


def with_maps(generator: ImageGenerator, maps: Sequence[NDArray[np.float32]]) -> ImageGenerator:
    """A generator with noise maps in the place of its own, where any are given."""
    return generator.with_noise([torch.from_numpy(each) for each in maps]) if maps else generator


class Models:
    """The models on one device.

    Of distances and of banks, those that were used last are kept.

    Args:
        device: The device: `cpu`, `cuda:0`, …
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self._distance = lru_cache(maxsize=KEPT_DISTANCES)(self._load_distance)
        self.pooled_features = cache(self._load_pooled_features)
        self._tuned = lru_cache(maxsize=KEPT_TUNINGS)(_tuned)
        self._samples = lru_cache(maxsize=1)(BankSamples)
        self._generators: dict[str, tuple[CatalogueEntry, ImageGenerator]] = {}
        self._banks: dict[tuple[str, DistanceEntry, str], _Bank] = {}

    def generator(self, name: str) -> ImageGenerator:
        """The generator of that name, loaded anew where its entry of the catalogue was replaced."""
        found = generators.entry(name)
        known = self._generators.get(name)
        if known is None or known[0] != found:
            known = self._generators[name] = (found, generators.load(name, device=self.device))
        return known[1]

    def tuned(self, name: str, tuning: StoredFile | None) -> ImageGenerator:
        """The generator of that name, with tuned weights where there are some; the generator itself stays as it is.

        Raises:
            WeightsError: They were tuned from other weights.
            DamagedFileError: Their file is missing or damaged.
            FileUnavailableError: It cannot be read at the moment.
        """
        generator = self.generator(name)
        return generator if tuning is None else self._tuned(generator, tuning)

    def distance(self, name: str) -> Distance:
        """The distance of that name, loaded anew where its entry of the catalogue was replaced."""
        return self._distance(name, distances.entry(name))

    def bank_samples(self, generator: str, distance: str, space: str) -> BankSamples:
        """The samples of a bank of starts."""
        return self._samples(self.generator(generator), self.distance(distance), space)

    def bank(
        self, generator: str, distance: str, space: str, tell: Callable[[int, int, SharedShards | None], None]
    ) -> Generator[None, None, StartBank]:
        """The bank of starts of a generator's space; made in pieces where it is not in the cache.

        Whoever wants it while it is being made helps to make it.

        Args:
            generator: Name of the generator.
            distance: Name of the distance.
            space: Name of the space.
            tell: Called after every piece with how many samples there are, with their number in all, and, for whoever
                has begun it and nobody else, with the shards that other workers may compute; None for none.
        """
        key = (generator, distances.entry(distance), space)
        begun = False
        while True:
            model = self.generator(generator)
            if key not in self._banks or self._banks[key].generator is not model:
                begun = True
                self._banks[key] = _Bank(model, self.distance(distance), space)
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
            # One job's helpers are enough: where they come to grief, others are not to be drawn into it.
            tell(bank.made, bank.total, bank.shards if begun else None)
            yield

    def synchronize(self) -> None:
        """Waits until everything is computed that was asked for."""
        if torch.device(self.device).type == "cuda":
            torch.cuda.synchronize(self.device)

    def _forget_banks(self, used: tuple[str, DistanceEntry, str]) -> None:
        """Lets go of those that were not used for longest; one that is being made stays."""
        self._banks[used] = self._banks.pop(used)
        finished = [key for key, bank in self._banks.items() if bank.is_finished]
        for key in finished[:-KEPT_BANKS]:
            del self._banks[key]

    def _load_distance(self, name: str, found: DistanceEntry) -> Distance:
        del found  # It tells one distance of that name from another.
        return distances.load(name, device=self.device)

    def _load_pooled_features(self) -> distances.PooledFeatures:
        return distances.load_pooled_features(self.device)


def _tuned(generator: ImageGenerator, tuning: StoredFile) -> ImageGenerator:
    return TunedWeights.from_bytes(content(tuning)).applied(generator)


class _Bank:
    """A bank of starts that is made, or being made.

    Attributes:
        generator: Whose they are.
        made: How many samples there are.
        total: Their number in all; 0 where that is not known yet.
        shards: The samples, while they are computed.
    """

    def __init__(self, generator: ImageGenerator, distance: Distance, space: str) -> None:
        self.generator = generator
        self.made = self.total = 0
        self.shards: SharedShards | None = None
        self._found: StartBank | None = None
        self._making: Underway[StartBank] = Underway()
        self._begin = partial(
            cached_bank.in_pieces, generator, distance, space, shard_of=self._shard, progress=self._tell
        )

    @property
    def is_finished(self) -> bool:
        """Whether it is there whole."""
        return self._found is not None

    def advance(self) -> StartBank | None:
        """Makes the next piece; returns the bank once it is there."""
        if self._found is None:
            self._found = self._making.advance(self._begin)
            if self._found is not None:
                self.shards = None
        return self._found

    def _shard(self, samples: BankSamples, number: int) -> Generator[None, None, tuple[Tensor, Tensor]]:
        """The shard that is wanted, which is always the next one."""
        del number
        if self.shards is None:
            self.shards = SharedShards(of_samples(samples))
        while (made := self.shards.advance()) is None:
            yield
        embeddings, thumbnails = made
        return embeddings, thumbnails

    def _tell(self, made: int, total: int) -> None:
        self.made, self.total = made, total
