"""Sources of shards: what is computed in parts, none of which depends on another."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from pullback.distances import Distance
from pullback.generators import Generator as ImageGenerator
from pullback.geometry.estimators.estimator import MetricEstimator
from pullback.inversion import BankSamples
from pullback.inversion.starts.bank_samples import computed_here

# What came of one.
Shard = tuple[Tensor, ...]


@dataclass(frozen=True)
class ShardSource:
    """What is computed in shards.

    Attributes:
        shards: How many there are.
        compute: Computes one, in pieces.
        computed_with: What else decides over its bits, by name, as far as is known by now: how many rows memory allows
            at once, and the weights, which somebody may have replaced.
    """

    shards: int
    compute: Callable[[int], Generator[None, None, Shard]]
    computed_with: Callable[[], Mapping[str, str | int]]


def of_estimator(estimator: MetricEstimator, *, rows: bool) -> ShardSource:
    """Those of an estimator, for a state that stores rows or for one that does not."""

    def compute(number: int) -> Generator[None, None, Shard]:
        increment = yield from estimator.increment_in_pieces(number, rows=rows)
        return (increment,)

    def computed_with() -> Mapping[str, str | int]:
        weights = _weights(estimator.generator, estimator.distance)
        return {**weights, "derivatives at once": estimator.width, "stored rows": int(rows)}

    return ShardSource(estimator.shards, compute, computed_with)


def of_samples(samples: BankSamples) -> ShardSource:
    """Those of the samples of a bank of starts."""

    def computed_with() -> Mapping[str, str | int]:
        return {**_weights(samples.generator, samples.distance), "samples at once": samples.rows}

    return ShardSource(samples.shards, partial(computed_here, samples), computed_with)


def _weights(generator: ImageGenerator, distance: Distance) -> dict[str, str | int]:
    return {"weights of the generator": generator.weights_hash, "weights of the distance": distance.weights_hash}
