"""Base of the estimators of a global metric: an average over the space, one short step at a time."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

import pullback
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.errors import StoppedError as StoppedError  # noqa: PLC0414 (re-exported)
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.decomposition import leading_agreement, leading_of_metric
from pullback.geometry.eigenbasis import DEFAULT_AXES, LARGEST_COMPLETE, Eigenbasis, Provenance, most_stored
from pullback.geometry.estimators.partial_sums import EstimatorState
from pullback.geometry.estimators.stored_rows import StoredRows
from pullback.geometry.point import check_same_place
from pullback.geometry.pointwise.method import check_max_memory
from pullback.geometry.precision import in_full_precision
from pullback.geometry.seeding import derive_seed
from pullback.geometry.statistics.agreement import split_half_agreement
from pullback.pieces import finish

DEFAULT_TOLERANCE = 5e-3
State = EstimatorState | StoredRows
# What a shard adds to a state: a sum of metrics, or rows.
Increment = Float64[Tensor, "n n"] | Float[Tensor, "r n"]
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
    parts (`step(state, shard)`, `merge` of states), equals bit for bit one that was never interrupted, on machines of
    one kind and given the same `batch_size` and `max_memory`.

    Of a space of more than `LARGEST_COMPLETE` dimensions the result has the leading eigenpairs, and a method that can
    say its metrics by a few rows each (`rows_of_sample`) keeps these instead of n² numbers.

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
        max_memory: Bytes that the computation may add at its peak; None for blocks within the budget of the device.
        axes: How many eigenpairs the result of a large space has, at most.

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
    weight: ClassVar[float] = 1.0
    """By what the product of a sample's rows is multiplied."""

    def __init__(
        self,
        generator: ImageGenerator,
        distance: Distance,
        space: str,
        *,
        samples: int | str | None = None,
        seed: int = 0,
        batch_size: int | None = None,
        tolerance: float = DEFAULT_TOLERANCE,
        max_samples: int | None = None,
        max_memory: int | None = None,
        axes: int | None = None,
    ) -> None:
        self.generator = generator
        self.distance = distance
        self.space = generator.space(space)
        self.axes = min(DEFAULT_AXES, self.space.dim) if axes is None else axes
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
        if not 1 <= self.axes <= self.space.dim:
            raise InvalidInputError(f"between 1 and {self.space.dim} eigenpairs can be asked for, but k = {axes} came")
        check_same_place(generator, distance)
        derive_seed(seed)

    def _number_of_samples(self, samples: int | str | None, max_samples: int | None) -> int:
        if isinstance(samples, str):
            if samples != "auto":
                raise InvalidInputError(f"samples is a whole number or 'auto', but {samples!r} came")
            samples = min(self.default_max_samples, self._most_samples) if max_samples is None else max_samples
        elif max_samples is not None:
            raise InvalidInputError("max_samples bounds samples = 'auto'; leave it out where samples is a number")
        elif samples is None:
            samples = self.default_samples
        if samples < 1:
            raise InvalidInputError(f"a global metric averages at least 1 sample, but samples = {samples} came")
        if samples > self._most_samples:
            raise InvalidInputError(
                f"of a space of {self.space.dim:,} dimensions {self._most_samples:,} samples are stored at most, but "
                f"samples = {samples:,} came; take fewer"
            )
        return samples

    @property
    def width(self) -> int:
        """How many derivatives are computed at once, as far as is known by now: other widths come to other bits."""
        return self.batch_size

    @property
    def rows_of_sample(self) -> int:
        """How many rows say the metric of a sample; 0 where a method has the whole matrix."""
        return 0

    @property
    def _stores_rows(self) -> bool:
        return self.space.dim > LARGEST_COMPLETE and self.rows_of_sample > 0

    @property
    def _most_samples(self) -> int:
        """Samples whose rows can be stored."""
        return most_stored(self.space.dim, self.rows_of_sample) if self._stores_rows else sys.maxsize

    @property
    def shards(self) -> int:
        """Number of shards of the finished average; with `auto`, at most."""
        return math.ceil(self.samples / self.shard_size)

    def init(self) -> State:
        """The state before the first step."""
        return StoredRows(self.space.dim) if self._stores_rows else EstimatorState(self.space.dim)

    def restore(self, tensors: Mapping[str, Tensor]) -> State:
        """The state that a state's `to_tensors` wrote, of whichever kind it is.

        Raises:
            InvalidInputError: A tensor is missing.
        """
        return (StoredRows if "rows" in tensors else EstimatorState).from_tensors(tensors)

    def step(self, state: State, shard: int | None = None) -> State:
        """Adds one shard to the average.

        Args:
            state: Where it stands.
            shard: Number of the shard, from 0 to `shards` − 1; the first that the state lacks when omitted.

        Raises:
            InvalidInputError: The state is of another number of dimensions or has that shard already, or there is no
                such shard.
            PullbackError: A derivative of the distance is not finite.
        """
        return finish(self.step_in_pieces(state, shard))

    def step_in_pieces(self, state: State, shard: int | None = None) -> Generator[None, None, State]:
        """As `step`.

        Yields:
            Nothing, after every few derivatives: other work may be done then.
        """
        if state.dim != self.space.dim:
            raise InvalidInputError(
                f"space {self.space.name!r} has {self.space.dim} dimensions, but the state has {state.dim}"
            )
        if shard is None:
            shard = self.next_shard(state)
        increment = yield from self.increment_in_pieces(shard, rows=isinstance(state, StoredRows))
        return self.add(state, shard, increment)

    def next_shard(self, state: State) -> int:
        """The first shard that a state lacks; `shards` where it has all."""
        finished = state.shards
        return next((number for number in range(self.shards) if number not in finished), self.shards)

    def increment_in_pieces(self, shard: int, *, rows: bool) -> Generator[None, None, Increment]:
        """What a shard adds, which depends on nothing that was added before: it may be computed elsewhere.

        Args:
            shard: Number of the shard, from 0 to `shards` − 1.
            rows: Whether it is for a state that stores rows.

        Yields:
            Nothing, after every few derivatives: other work may be done then.

        Returns:
            Their rows, shape (r, n); otherwise the sum of its metrics, shape (n, n), float64.

        Raises:
            InvalidInputError: There is no such shard.
            PullbackError: A derivative of the distance is not finite.
        """
        if not 0 <= shard < self.shards:
            raise InvalidInputError(f"shards have numbers from 0 to {self.shards - 1}, but {shard} came")
        computed = self._rows if rows else self._sum_of_metrics
        increment = yield from in_full_precision(computed(self._samples_of(shard), shard))
        if not increment.isfinite().all():
            raise PullbackError(
                f"the derivative of distance {self.distance.name!r} at images of generator {self.generator.name!r} "
                f"(space {self.space.name!r}, seed {self.seed}, shard {shard}) is not finite; "
                "use another distance, or another seed if this is a rare image"
            )
        return increment

    def add(self, state: State, shard: int, increment: Increment) -> State:
        """A state with what a shard adds. Where the average ends by itself, shards are added in their order.

        Raises:
            InvalidInputError: The state has that shard already.
        """
        state = state.with_shard(shard, increment, self._samples_of(shard))
        return self._looked_at(state) if self.auto else state

    def _samples_of(self, shard: int) -> int:
        return min(self.shard_size, self.samples - shard * self.shard_size)

    def _looked_at(self, state: State) -> State:
        """The state, with what it tells of its own agreement where it is time to look."""
        if not _is_time_to_look(len(state.shards)):
            return state
        agreement = self.agreement(state)
        settled = agreement is not None and 1 - agreement <= self.tolerance
        return replace(state, passes=state.passes + 1 if settled else 0, agreement=agreement)

    def agreement(self, state: State) -> float | None:
        """How well the average so far agrees with the mean over the whole space; see `split_half_agreement`.

        Even and odd shards make the halves. Of a large space, by the leading eigenvectors.

        Returns:
            At most 1; None before there are two shards.
        """
        if isinstance(state, StoredRows):
            return state.metric(self.weight).agreement(self.axes) if state.samples else None
        halves = [state.half(number) for number in (0, 1)]
        if not all(samples for _, samples in halves):
            return None
        first, second = ((total / samples).numpy() for total, samples in halves)
        if self.space.dim > LARGEST_COMPLETE:
            return leading_agreement(first, second, self.axes)
        return split_half_agreement(first, second)

    def done(self, state: State) -> bool:
        """Whether the average holds all its samples, or has settled where that ends it."""
        return state.samples >= self.samples or (self.auto and state.passes >= _PASSES)

    def result(self, state: State) -> Eigenbasis:
        """The eigenbasis of the average so far; its provenance counts the samples that it really holds.

        It is complete for a space of up to `LARGEST_COMPLETE` dimensions.

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
        )
        if isinstance(state, StoredRows):
            metric = state.metric(self.weight)
            return metric.leading(self.axes, replace(provenance, agreement=metric.agreement(self.axes)))
        provenance, mean = replace(provenance, agreement=self.agreement(state)), (state.total / state.samples).numpy()
        if self.space.dim > LARGEST_COMPLETE:
            return leading_of_metric(mean, self.axes, provenance)
        return Eigenbasis.from_metric(mean, provenance)

    @abstractmethod
    def _sum_of_metrics(self, count: int, shard: int) -> Generator[None, None, Float64[Tensor, "n n"]]:
        """The sum of `count` samples of the metric, on the CPU; draws depend on `seed` and `shard` alone."""

    def _rows(self, count: int, shard: int) -> Generator[None, None, Float[Tensor, "r n"]]:
        """R of that sum c Rᵀ R, on the CPU; only of a method whose `rows_of_sample` is above 0."""
        raise NotImplementedError(f"method {self.method!r} has no rows")

    def _draw(self, count: int, shard: int) -> tuple[Float[Tensor, "count n"], Float[Tensor, "count m"] | None]:
        """Latents, and what surrounds them where the space is a block of others."""
        device, dtype = self.generator.device, self.generator.dtype
        latents = self.space.sample(count, derive_seed(self.seed, shard, 0)).to(device, dtype)
        if not self.generator.needs_context(self.space.name):
            return latents, None
        whole = self.generator.whole_of(self.space.name)
        return latents, whole.sample(count, derive_seed(self.seed, shard, 1)).to(device, dtype)

    @property
    def _memory_of_sums(self) -> int:
        """Bytes of the state, and of what adding and looking at it takes."""
        n = self.space.dim
        if self._stores_rows:
            rows = self.rows_of_sample * self.samples
            # The rows; products of rows or of coordinates, twice with their decomposition; the eigenvectors.
            return rows * n * self.generator.dtype.itemsize + (4 * min(rows, n) ** 2 + 3 * n * self.axes) * 8
        matrices = 4 * math.ceil(math.log2(self.shards + 1)) + 8
        return matrices * self.space.dim**2 * torch.float64.itemsize


def _is_time_to_look(shards: int) -> bool:
    """Whether this number of shards begins a new stretch, each longer than the one before."""
    if shards <= _FIRST_LOOK:
        return shards == _FIRST_LOOK
    return math.floor(math.log(shards, _LOOK_GROWTH)) > math.floor(math.log(shards - 1, _LOOK_GROWTH))
