"""The global metric as the mean of the metric at positions drawn from the prior."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from jaxtyping import Float, Float64
from torch import Tensor

from pullback.errors import InvalidInputError, MemoryExhaustedError, PullbackError
from pullback.geometry.estimators.estimator import MetricEstimator
from pullback.geometry.point import Point, embedding_of
from pullback.geometry.pointwise.method import DEFAULT_K, PointwiseMethod


class MeanMetric(MetricEstimator):
    """Averages the metric over positions.

    Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), §3.2. A step is one
    position; `batch_size` is the number of latent directions that go through the generator at once. Of an iteration,
    what is averaged is U_k Λ_k U_kᵀ of its k eigenpairs; of a large space, these are kept as Λ_k^½ U_kᵀ.

    Args:
        kind: The method.
        k: How many eigenpairs an iteration computes; its default when omitted. Of the other methods, how many the
            result of a large space has.
        arguments: As `MetricEstimator` takes them.
        options: As `MetricEstimator` takes them.

    Attributes:
        pointwise: What computes the metric at a position.
    """

    shard_size: ClassVar[int] = 1
    default_samples: ClassVar[int] = 100
    default_max_samples: ClassVar[int] = 1000

    def __init__(self, kind: type[PointwiseMethod], *arguments: Any, k: int | None = None, **options: Any) -> None:
        self.method = kind.name
        self.default_batch_size = kind.default_block
        self._of_position = (k or DEFAULT_K) if kind.iterative else 0
        super().__init__(*arguments, axes=None if kind.iterative else k, **options)
        if kind.iterative and k is not None:
            self.axes = min(max(k, self.axes), self.space.dim)
        if kind.needs_embedding:
            embedding_of(self.distance)
        self.pointwise = kind(
            k=k if kind.iterative else None,
            block=self.batch_size,
            max_memory=self.max_memory,
            reserved=self._memory_of_sums,
            seed=self.seed,
        )

    @property
    def width(self) -> int:
        """Directions that go through the network at once, once a position was computed."""
        return self.pointwise.width

    @property
    def rows_of_sample(self) -> int:
        """As many as an iteration computes eigenpairs."""
        return self._of_position

    def _rows(self, count: int, shard: int) -> Generator[None, None, Float[Tensor, "k n"]]:
        del count
        with self._place_told(shard):
            values, vectors = yield from self.pointwise.eigenpairs_in_pieces(self._point(shard))
        # U_k Λ_k U_kᵀ = Rᵀ R
        return (vectors * values.clamp_min(0).sqrt()).T.to("cpu", self.generator.dtype).contiguous()

    def _sum_of_metrics(self, count: int, shard: int) -> Generator[None, None, Float64[Tensor, "n n"]]:
        del count
        with self._place_told(shard):
            return (yield from self.pointwise.metric_in_pieces(self._point(shard))).cpu()

    def _point(self, shard: int) -> Point:
        latents, contexts = self._draw(1, shard)
        (latent,) = latents
        context = None if contexts is None else contexts[0]
        return Point(self.generator, self.distance, latent, self.space.name, context)

    @contextmanager
    def _place_told(self, shard: int) -> Iterator[None]:
        """Errors within say where they came about."""
        try:
            yield
        except (InvalidInputError, MemoryExhaustedError):
            raise
        except PullbackError as error:
            raise PullbackError(f"{error} (space {self.space.name!r}, seed {self.seed}, shard {shard})") from error
