"""Shards of an eigenbasis: its estimator, which of its shards another worker may compute, and what comes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import safetensors.torch
from torch import Tensor

from pullback.errors import PullbackError
from pullback.geometry import metric_estimator
from pullback.geometry.estimators.estimator import MetricEstimator
from pullback_api.v1 import specs_pb2
from pullback_server.names import parse_generator
from pullback_server.specs import METRIC_METHODS
from pullback_server.specs.eigenbasis import DEFAULT_TOLERANCE
from pullback_server.worker.models import Models

_MIB = 2**20


def estimator_of(spec: specs_pb2.EigenbasisSpec, models: Models, tell_phase: Callable[[str], None]) -> MetricEstimator:
    """The estimator of a specified eigenbasis; `tell_phase` is told what is being waited for."""
    name = parse_generator(spec.generator, "generator")
    tell_phase(f"loading {name} and {spec.distance}")
    return metric_estimator(
        models.generator(name),
        models.distance(spec.distance),
        spec.space,
        method=METRIC_METHODS[spec.method],
        samples="auto" if spec.automatic else spec.samples,
        max_samples=spec.samples if spec.automatic else None,
        tolerance=spec.tolerance or DEFAULT_TOLERANCE,
        seed=spec.seed,
        k=spec.k or None,
        max_memory=spec.max_memory_mib * _MIB or None,
    )


@dataclass(frozen=True)
class Shards:
    """Shards that are to be computed by another worker, and what they must be computed with.

    Attributes:
        numbers: Which.
        rows: Whether they are rows.
        width: How many derivatives are computed at once, as the other one's memory allows: others come to other bits.
        weights: SHA-256 of the weights of generator and distance, which somebody may have replaced meanwhile.
    """

    numbers: tuple[int, ...]
    rows: bool
    width: int
    weights: tuple[str, str]

    @classmethod
    def of(cls, estimator: MetricEstimator, numbers: Sequence[int], *, rows: bool) -> Shards:
        """Shards of an estimator."""
        return cls(tuple(numbers), rows, estimator.width, _weights_of(estimator))

    def check_same(self, estimator: MetricEstimator) -> None:
        """Checks that an estimator has computed what the other one would have.

        Raises:
            PullbackError: It has not.
        """
        if self.weights != _weights_of(estimator):
            raise PullbackError("this worker has other weights than the one that it helps: its shards are not the same")
        if self.width != estimator.width:
            raise PullbackError(
                f"this worker computes {estimator.width} derivatives at once, and the one that it helps {self.width}, "
                "as their memory allows: their shards are not the same"
            )

    def to_bytes(self) -> bytes:
        """As bytes, for `from_bytes`."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Shards:
        """What `to_bytes` wrote."""
        said = json.loads(data)
        return cls(tuple(said["numbers"]), said["rows"], said["width"], tuple(said["weights"]))


def write_increments(increments: Mapping[int, Tensor]) -> bytes:
    """What shards add, by number, as one safetensors file."""
    return safetensors.torch.save({str(number): each.contiguous() for number, each in increments.items()})


def read_increments(data: bytes) -> dict[int, Tensor]:
    """What `write_increments` wrote."""
    return {int(number): each for number, each in safetensors.torch.load(data).items()}


def _weights_of(estimator: MetricEstimator) -> tuple[str, str]:
    return estimator.generator.weights_hash, estimator.distance.weights_hash
