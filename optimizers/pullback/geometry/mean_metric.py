"""The global metric as the mean of the metric at positions drawn from the prior."""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Float64
from torch import Tensor

from pullback.errors import InvalidInputError, PullbackError
from pullback.geometry.estimator import MetricEstimator
from pullback.geometry.point import Point, embedding_of
from pullback.geometry.pointwise import PointwiseMethod


class MeanMetric(MetricEstimator):
    """Averages the metric over positions.

    Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), §3.2. A step is one
    position; `batch_size` is the number of latent directions that go through the generator at once. Of an iteration,
    what is averaged is U_k Λ_k U_kᵀ of its k eigenpairs.

    Args:
        kind: The method.
        k: How many eigenpairs an iteration computes; its default when omitted.
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
        super().__init__(*arguments, **options)
        if kind.needs_embedding:
            embedding_of(self.distance)
        self.pointwise = kind(
            k=k, block=self.batch_size, max_memory=self.max_memory, reserved=self._memory_of_sums, seed=self.seed
        )

    def _sum_of_metrics(self, count: int, shard: int) -> Float64[Tensor, "n n"]:
        latents, contexts = self._draw(count, shard)
        (latent,) = latents
        context = None if contexts is None else contexts[0]
        point = Point(self.generator, self.distance, latent, self.space.name, context)
        try:
            return self.pointwise.metric(point).cpu()
        except InvalidInputError:
            raise
        except PullbackError as error:
            raise PullbackError(f"{error} (space {self.space.name!r}, seed {self.seed}, shard {shard})") from error
