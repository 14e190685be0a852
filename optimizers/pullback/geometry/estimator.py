"""Estimators of a global metric: an average over the space, one short step at a time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

import pullback
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.errors import StoppedError as StoppedError  # noqa: PLC0414 (re-exported)
from pullback.generators.generator import Generator
from pullback.geometry.agreement import split_half_agreement
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.geometry.partial_sums import EstimatorState
from pullback.geometry.point import check_same_place
from pullback.geometry.pointwise import check_max_memory
from pullback.geometry.precision import full_precision
from pullback.geometry.seeding import derive_seed

DEFAULT_TOLERANCE = 5e-3
# An average has settled when it is found so as many times in a row, ...
_PASSES = 2
# ... looked at after so many shards, and again whenever there are this many times more.
_FIRST_LOOK = 8
_LOOK_GROWTH = 1.15


class MetricEstimator(ABC):
    """Averages the metric over latents drawn from the prior of a space.

    Use: `state = init()`, `state = step(state)` until `done(state)`, `result(state)`. The samples are cut into shards
    of `shard_size`, and a step adds one. Every draw is a function of the seed and the shard alone, and `EstimatorState`
    adds shards up in an order of its own. So an estimate that goes on from a stored state, or that workers computed in
    parts (`step(state, shard)`, `EstimatorState.merge`), equals bit for bit one that was never interrupted, on machines
    of one kind and given the same `batch_size` and `max_memory`.

    Where the space is only a block of the generator's input, the other coordinates are drawn from the prior of the
    whole input, afresh for every sample.

    Attributes:
        method: Name of the method.
        shard_size: Samples of a shard; the last may have fewer.
        generator: The generator.
        distance: The image distance, on the generator's device and in its precision.
        space: Name of the latent space.
        samples: How many samples the finished average holds; with `auto`, at most.
        auto: Whether the average ends as soon as it has settled: see `tolerance`.
        tolerance: By how much the agreement of the average with the mean over the whole space may fall short of 1, as
            `split_half_agreement` estimates it, twice in a row.
        seed: Any integer ≥ 0.
        batch_size: Images that are carried through the generator at once, at most.
        max_memory: Bytes that the computation may add at its peak; None for no bound.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, or generator and distance live on different devices or in
            different precisions.
    """

    method: str
    default_batch_size: int
    shard_size: ClassVar[int]
    default_samples: ClassVar[int]
    default_max_samples: ClassVar[int]

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        *,
        samples: int | str | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        tolerance: float = DEFAULT_TOLERANCE,
        max_samples: int | None = None,
        max_memory: int | None = None,
    ) -> None:
        self.generator = generator
        self.distance = distance
        self.space = generator.space(space)
        self.auto = samples == "auto"
        self.samples = self._number_of_samples(samples, max_samples)
        self.tolerance = tolerance
        self.seed = seed
        self.batch_size = self.default_batch_size if batch_size is None else batch_size
        self.max_memory = max_memory
        if self.batch_size < 1:
            raise InvalidInputError(f"a batch holds at least 1 image, but batch_size = {batch_size} came")
        if not 0 < tolerance < 1:
            raise InvalidInputError(f"a tolerance lies between 0 and 1, but {tolerance} came")
        check_max_memory(max_memory)
        check_same_place(generator, distance)
        derive_seed(seed)

    def _number_of_samples(self, samples: int | str | None, max_samples: int | None) -> int:
        if isinstance(samples, str):
            if samples != "auto":
                raise InvalidInputError(f"samples is a whole number or 'auto', but {samples!r} came")
            samples = self.default_max_samples if max_samples is None else max_samples
        elif max_samples is not None:
            raise InvalidInputError("max_samples bounds samples = 'auto'; leave it out where samples is a number")
        elif samples is None:
            samples = self.default_samples
        if samples < 1:
            raise InvalidInputError(f"a global metric averages at least 1 sample, but samples = {samples} came")
        return samples

    @property
    def shards(self) -> int:
        """Number of shards of the finished average; with `auto`, at most."""
        return math.ceil(self.samples / self.shard_size)

    def init(self) -> EstimatorState:
        """The state before the first step."""
        return EstimatorState(self.space.dim)

    def step(self, state: EstimatorState, shard: int | None = None) -> EstimatorState:
        """Adds one shard to the average.

        Args:
            state: Where it stands.
            shard: Number of the shard, from 0 to `shards` − 1; the first that the state lacks when omitted.

        Raises:
            InvalidInputError: The state is of another number of dimensions or has that shard already, or there is no
                such shard.
            PullbackError: A derivative of the distance is not finite.
        """
        if state.dim != self.space.dim:
            raise InvalidInputError(
                f"space {self.space.name!r} has {self.space.dim} dimensions, but the state has {state.dim}"
            )
        if shard is None:
            finished = state.shards
            shard = next((number for number in range(self.shards) if number not in finished), self.shards)
        if not 0 <= shard < self.shards:
            raise InvalidInputError(f"shards have numbers from 0 to {self.shards - 1}, but {shard} came")
        count = min(self.shard_size, self.samples - shard * self.shard_size)
        with full_precision():
            increment = self._sum_of_metrics(count, shard)
        if not increment.isfinite().all():
            raise PullbackError(
                f"the derivative of distance {self.distance.name!r} at images of generator {self.generator.name!r} "
                f"(space {self.space.name!r}, seed {self.seed}, shard {shard}) is not finite; "
                "use another distance, or another seed if this is a rare image"
            )
        state = state.with_shard(shard, increment, count)
        return self._looked_at(state) if self.auto else state

    def _looked_at(self, state: EstimatorState) -> EstimatorState:
        """The state, with what it tells of its own agreement where it is time to look."""
        if not _is_time_to_look(len(state.shards)):
            return state
        agreement = self.agreement(state)
        settled = agreement is not None and 1 - agreement <= self.tolerance
        return replace(state, passes=state.passes + 1 if settled else 0, agreement=agreement)

    def agreement(self, state: EstimatorState) -> float | None:
        """How well the average so far agrees with the mean over the whole space; see `split_half_agreement`.

        Even and odd shards make the halves.

        Returns:
            At most 1; None before there are two shards.
        """
        halves = [state.half(number) for number in (0, 1)]
        if not all(samples for _, samples in halves):
            return None
        first, second = ((total / samples).numpy() for total, samples in halves)
        return split_half_agreement(first, second)

    def done(self, state: EstimatorState) -> bool:
        """Whether the average holds all its samples, or has settled where that ends it."""
        return state.samples >= self.samples or (self.auto and state.passes >= _PASSES)

    def result(self, state: EstimatorState) -> Eigenbasis:
        """The eigenbasis of the average so far; its provenance counts the samples that it really holds.

        Raises:
            InvalidInputError: No step was made yet.
        """
        if state.samples < 1:
            raise InvalidInputError("this estimate holds no sample yet; make a step first")
        provenance = Provenance(
            generator=self.generator.name,
            weights_hash=self.generator.weights_hash,
            space=self.space.name,
            distance=self.distance.name,
            distance_hash=self.distance.weights_hash,
            method=self.method,
            samples=state.samples,
            seed=self.seed,
            version=pullback.__version__,
            agreement=self.agreement(state),
        )
        return Eigenbasis.from_metric((state.total / state.samples).numpy(), provenance)

    @abstractmethod
    def _sum_of_metrics(self, count: int, shard: int) -> Float64[Tensor, "n n"]:
        """The sum of `count` samples of the metric, on the CPU; draws depend on `seed` and `shard` alone."""

    def _draw(self, count: int, shard: int) -> tuple[Float[Tensor, "count n"], Float[Tensor, "count m"] | None]:
        """Latents, and the complete inputs that surround them where the space is a block of the input."""
        device, dtype = self.generator.device, self.generator.dtype
        latents = self.space.sample(count, derive_seed(self.seed, shard, 0)).to(device, dtype)
        if not self.generator.needs_context(self.space.name):
            return latents, None
        whole = self.generator.space(self.generator.input_space)
        return latents, whole.sample(count, derive_seed(self.seed, shard, 1)).to(device, dtype)

    @property
    def _memory_of_sums(self) -> int:
        """Bytes of the state, and of what adding and looking at it takes."""
        matrices = 4 * math.ceil(math.log2(self.shards + 1)) + 8
        return matrices * self.space.dim**2 * torch.float64.itemsize


def _is_time_to_look(shards: int) -> bool:
    """Whether this number of shards begins a new stretch, each longer than the one before."""
    if shards <= _FIRST_LOOK:
        return shards == _FIRST_LOOK
    return math.floor(math.log(shards, _LOOK_GROWTH)) > math.floor(math.log(shards - 1, _LOOK_GROWTH))
