"""Estimators of a global metric: an average over the space, one short step at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

import pullback
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.geometry.seeding import derive_seed


@dataclass(frozen=True)
class EstimatorState:
    """How far an estimate has come.

    Attributes:
        total: Sum of the metrics so far, shape (n, n), float64 on the CPU.
        samples: Number of samples in it.
        batches: Number of steps that were made.
    """

    total: Float64[Tensor, "n n"]
    samples: int
    batches: int

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        return {"total": self.total, "counts": torch.tensor([self.samples, self.batches])}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> EstimatorState:
        """The state that `to_tensors` wrote.

        Raises:
            InvalidInputError: A tensor is missing.
        """
        missing = [name for name in ("total", "counts") if name not in tensors]
        if missing:
            raise InvalidInputError(f"a checkpoint of a metric's estimator lacks {', '.join(missing)}")
        samples, batches = tensors["counts"].tolist()
        return cls(tensors["total"].to("cpu"), samples, batches)


class StoppedError(PullbackError):
    """A computation that was stopped when asked to; `state` goes on where it stood.

    Attributes:
        state: The state at the last completed step.
    """

    def __init__(self, state: EstimatorState, total: int) -> None:
        self.state = state
        super().__init__(f"stopped after {state.samples} of {total} samples")


class MetricEstimator(ABC):
    """Averages the metric over latents drawn from the prior of a space.

    Use: `state = init()`, `state = step(state)` until `done(state)`, `result(state)`. Every draw is a function
    of the seed and the number of the step alone, so that an estimate that goes on from a stored state equals, bit
    for bit, one that was never interrupted, given the same `batch_size`.

    Where the space covers only a block of the generator's input, the other coordinates are drawn from the
    prior of the whole input, afresh for every sample.

    Attributes:
        method: Name of the method.
        generator: The generator.
        distance: The image distance, on the generator's device and in its precision.
        space: Name of the latent space.
        samples: How many samples the finished average holds, at least 1.
        seed: Any integer ≥ 0.
        batch_size: Images that are carried through the generator at once, at least 1.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, or generator and distance live on different devices or in
            different precisions.
    """

    method: ClassVar[str]
    default_samples: ClassVar[int]
    default_batch_size: ClassVar[int]

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        *,
        samples: int | None = None,
        seed: int = 0,
        batch_size: int | None = None,
    ) -> None:
        self.generator = generator
        self.distance = distance
        self.space = generator.space(space)
        self.samples = self.default_samples if samples is None else samples
        self.seed = seed
        self.batch_size = self.default_batch_size if batch_size is None else batch_size
        if self.samples < 1:
            raise InvalidInputError(f"a global metric averages at least 1 sample, but samples = {samples} came")
        if self.batch_size < 1:
            raise InvalidInputError(f"a batch holds at least 1 image, but batch_size = {batch_size} came")
        check_same_place(generator, distance)
        derive_seed(seed)

    def init(self) -> EstimatorState:
        """The state before the first step."""
        return EstimatorState(torch.zeros(self.space.dim, self.space.dim, dtype=torch.float64), 0, 0)

    def step(self, state: EstimatorState) -> EstimatorState:
        """Adds one batch of samples to the average.

        Raises:
            InvalidInputError: The state is of another number of dimensions.
            PullbackError: A derivative of the distance is not finite.
        """
        if len(state.total) != self.space.dim:
            raise InvalidInputError(
                f"space {self.space.name!r} has {self.space.dim} dimensions, but the state has {len(state.total)}"
            )
        count = min(self._samples_per_step, self.samples - state.samples)
        increment = self._sum_of_metrics(count, state.batches)
        if not increment.isfinite().all():
            raise PullbackError(
                f"the derivative of distance {self.distance.name!r} at images of generator {self.generator.name!r} "
                f"(space {self.space.name!r}, seed {self.seed}, batch {state.batches}) is not finite; "
                "use another distance, or another seed if this is a rare image"
            )
        return EstimatorState(state.total + increment, state.samples + count, state.batches + 1)

    def done(self, state: EstimatorState) -> bool:
        """Whether the average holds all its samples."""
        return state.samples >= self.samples

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
        )
        return Eigenbasis.from_metric((state.total / state.samples).numpy(), provenance)

    @property
    @abstractmethod
    def _samples_per_step(self) -> int:
        """How many samples one step adds."""

    @abstractmethod
    def _sum_of_metrics(self, count: int, batch: int) -> Float64[Tensor, "n n"]:
        """The sum of `count` samples of the metric, on the CPU; draws depend on `seed` and `batch` alone."""

    def _draw(self, count: int, batch: int) -> tuple[Float[Tensor, "count n"], Float[Tensor, "count m"] | None]:
        """Latents, and the complete inputs that surround them where the space is a block of the input."""
        device, dtype = self.generator.device, self.generator.dtype
        latents = self.space.sample(count, derive_seed(self.seed, batch, 0)).to(device, dtype)
        whole = self.generator.space(self.generator.input_space)
        if whole.dim == self.space.dim:
            return latents, None
        return latents, whole.sample(count, derive_seed(self.seed, batch, 1)).to(device, dtype)


def check_same_place(generator: Generator, distance: Distance) -> None:
    """Checks that a generator and a distance can be composed.

    Raises:
        InvalidInputError: They live on different devices or in different precisions.
    """
    if (generator.device, generator.dtype) != (distance.device, distance.dtype):
        raise InvalidInputError(
            f"generator {generator.name!r} is on {generator.device} in {generator.dtype}, "
            f"distance {distance.name!r} on {distance.device} in {distance.dtype}; "
            "load both on one device and in one precision"
        )
