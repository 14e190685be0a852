"""Rows of a metric, stored as they come: of a large space they take less than one matrix, and are added up once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry.decomposition import RowsMetric

_NAMES = ("rows", "shards", "passes", "agreement")


class Shard(NamedTuple):
    """What a shard adds.

    Attributes:
        rows: R of its metrics' sum c Rᵀ R, shape (r, n), on the CPU, in the precision in which it was computed.
        samples: How many samples it holds.
    """

    rows: Float[Tensor, "r n"]
    samples: int


@dataclass(frozen=True)
class StoredRows:
    """How far an estimate has come: the rows of the shards that are done, in whatever order they came.

    Attributes:
        dim: Number n of latent dimensions.
        parts: The shards that are done, by number.
        passes: How many times in a row the estimate has been found settled.
        agreement: What was found the last time that was looked at; None before.
    """

    dim: int
    parts: Mapping[int, Shard] = field(default_factory=dict)
    passes: int = 0
    agreement: float | None = None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return sum(part.samples for part in self.parts.values())

    @property
    def shards(self) -> frozenset[int]:
        """The shards that are done."""
        return frozenset(self.parts)

    def with_shard(self, shard: int, rows: Float[Tensor, "r n"], samples: int) -> StoredRows:
        """The state with one more shard.

        Raises:
            InvalidInputError: The shard is in it already.
        """
        if shard in self.parts:
            raise InvalidInputError(f"shard {shard} was added already")
        return replace(self, parts={**self.parts, shard: Shard(rows, samples)})

    @staticmethod
    def merge(states: Iterable[StoredRows]) -> StoredRows:
        """The state of several workers' shards together: the same in whatever order they come.

        Raises:
            InvalidInputError: None came, they are of different spaces, or a shard is in two of them.
        """
        merged: StoredRows | None = None
        for state in states:
            if merged is None:
                merged = StoredRows(state.dim, state.parts)
                continue
            if state.dim != merged.dim:
                raise InvalidInputError(f"states of {merged.dim} and of {state.dim} dimensions cannot be merged")
            if twice := merged.shards & state.shards:
                raise InvalidInputError(f"shard {min(twice)} was added already")
            merged = replace(merged, parts={**merged.parts, **state.parts})
        if merged is None:
            raise InvalidInputError("at least 1 state is merged, but none came")
        return merged

    def metric(self, weight: float) -> RowsMetric:
        """The mean metric of all samples, whose halves are the even and the odd shards.

        Args:
            weight: c of the shards.
        """
        numbers = sorted(self.parts)
        rows = [self.parts[number].rows.numpy() for number in numbers]
        return RowsMetric(rows, [number % 2 for number in numbers], weight / self.samples)

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        numbers = sorted(self.parts)
        parts = [self.parts[number] for number in numbers]
        described = [[number, len(part.rows), part.samples] for number, part in zip(numbers, parts, strict=True)]
        return {
            "rows": torch.cat([part.rows for part in parts]) if parts else torch.zeros(0, self.dim),
            "shards": torch.tensor(described, dtype=torch.int64).reshape(-1, 3),
            "passes": torch.tensor(self.passes),
            "agreement": torch.tensor(float("nan") if self.agreement is None else self.agreement, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> StoredRows:
        """The state that `to_tensors` wrote.

        Raises:
            InvalidInputError: A tensor is missing.
        """
        missing = [name for name in _NAMES if name not in tensors]
        if missing:
            raise InvalidInputError(f"a checkpoint of a metric's estimator lacks {', '.join(missing)}")
        rows, described = tensors["rows"].to("cpu"), tensors["shards"].long().tolist()
        split = torch.split(rows, [length for _, length, _ in described]) if described else ()
        parts = {number: Shard(part, samples) for (number, _, samples), part in zip(described, split, strict=True)}
        agreement = tensors["agreement"].item()
        return cls(rows.shape[1], parts, int(tensors["passes"]), None if math.isnan(agreement) else agreement)
