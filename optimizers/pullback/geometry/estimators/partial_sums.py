"""Sums of metrics that come to the same bits in whatever order their parts are added and merged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.errors import InvalidInputError


class Node(NamedTuple):
    """A place in one of two binary trees whose leaves are the shards, alternating between the trees.

    Attributes:
        half: Which tree: 0 or 1.
        level: Height over the leaves; the node covers 2 ** level of them.
        place: Number within its level, from the left.
    """

    half: int
    level: int
    place: int

    @classmethod
    def of_shard(cls, shard: int) -> Node:
        """The leaf of a shard."""
        return cls(shard % 2, 0, shard // 2)

    @property
    def shards(self) -> range:
        """The shards below it."""
        first = self.place << self.level
        return range(2 * first + self.half, 2 * (first + (1 << self.level)) + self.half, 2)

    @property
    def sibling(self) -> Node:
        """The other child of its parent."""
        return Node(self.half, self.level, self.place ^ 1)

    @property
    def parent(self) -> Node:
        """The node above."""
        return Node(self.half, self.level + 1, self.place >> 1)


class PartialSum(NamedTuple):
    """What a node holds.

    Attributes:
        total: Sum of the metrics of its samples, shape (n, n), float64 on the CPU.
        samples: How many there are.
    """

    total: Float64[Tensor, "n n"]
    samples: int


@dataclass(frozen=True)
class EstimatorState:
    """How far an estimate has come: the sums of the shards that are done.

    Floating-point sums depend on their order. Here a node's sum is always its left child's plus its right child's, and
    children give way to their parent once both are there. So the sums are a function of which shards are done, and a
    run of s shards takes no more than 4 log₂ s matrices.

    Attributes:
        dim: Number n of latent dimensions.
        sums: The topmost finished nodes.
        passes: How many times in a row the estimate has been found settled.
        agreement: What was found the last time that was looked at; None before.
    """

    dim: int
    sums: Mapping[Node, PartialSum] = field(default_factory=dict)
    passes: int = 0
    agreement: float | None = None

    @property
    def samples(self) -> int:
        """Number of samples in the sum."""
        return sum(part.samples for part in self.sums.values())

    @property
    def shards(self) -> frozenset[int]:
        """The shards that are done."""
        return frozenset(shard for node in self.sums for shard in node.shards)

    @property
    def total(self) -> Float64[Tensor, "n n"]:
        """Sum of all the metrics, shape (n, n)."""
        return self.half(0).total + self.half(1).total

    def half(self, number: int) -> PartialSum:
        """The sum over the shards of one half, 0 or 1."""
        total = torch.zeros(self.dim, self.dim, dtype=torch.float64)
        samples = 0
        # From the left.
        for node in sorted((node for node in self.sums if node.half == number), key=lambda node: node.shards.start):
            total = total + self.sums[node].total
            samples += self.sums[node].samples
        return PartialSum(total, samples)

    def with_shard(self, shard: int, total: Float64[Tensor, "n n"], samples: int) -> EstimatorState:
        """The state with one more shard.

        Raises:
            InvalidInputError: The shard is in it already.
        """
        return _merged(self, {Node.of_shard(shard): PartialSum(total, samples)})

    @staticmethod
    def merge(states: Iterable[EstimatorState]) -> EstimatorState:
        """The state of several workers' shards together: the same bits in whatever order they come.

        Raises:
            InvalidInputError: None came, they are of different spaces, or a shard is in two of them.
        """
        merged: EstimatorState | None = None
        for state in states:
            if merged is None:
                merged = EstimatorState(state.dim, state.sums)
            elif state.dim != merged.dim:
                raise InvalidInputError(f"states of {merged.dim} and of {state.dim} dimensions cannot be merged")
            else:
                merged = _merged(merged, state.sums)
        if merged is None:
            raise InvalidInputError("at least 1 state is merged, but none came")
        return merged

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        nodes = sorted(self.sums)
        empty = torch.zeros(0, self.dim, self.dim, dtype=torch.float64)
        return {
            "totals": torch.stack([self.sums[node].total for node in nodes]) if nodes else empty,
            "nodes": torch.tensor([[*node, self.sums[node].samples] for node in nodes]).reshape(-1, 4),
            "passes": torch.tensor(self.passes),
            "agreement": torch.tensor(float("nan") if self.agreement is None else self.agreement, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> EstimatorState:
        """The state that `to_tensors` wrote.

        Raises:
            InvalidInputError: A tensor is missing.
        """
        missing = [name for name in ("totals", "nodes", "passes", "agreement") if name not in tensors]
        if missing:
            raise InvalidInputError(f"a checkpoint of a metric's estimator lacks {', '.join(missing)}")
        totals, agreement = tensors["totals"].to("cpu"), tensors["agreement"].item()
        sums = {
            Node(half, level, place): PartialSum(total, samples)
            for (half, level, place, samples), total in zip(tensors["nodes"].long().tolist(), totals, strict=True)
        }
        return cls(totals.shape[-1], sums, int(tensors["passes"]), None if math.isnan(agreement) else agreement)


def _merged(state: EstimatorState, more: Mapping[Node, PartialSum]) -> EstimatorState:
    twice = state.shards.intersection(shard for node in more for shard in node.shards)
    if twice:
        raise InvalidInputError(f"shard {min(twice)} was added already")
    sums = dict(state.sums)
    for node, part in more.items():
        _put(sums, node, part)
    return EstimatorState(state.dim, sums, state.passes, state.agreement)


def _put(sums: dict[Node, PartialSum], node: Node, part: PartialSum) -> None:
    """Puts a node in its place, or its parent where its sibling is there."""
    other = sums.pop(node.sibling, None)
    if other is None:
        sums[node] = part
        return
    left, right = (part, other) if node < node.sibling else (other, part)
    _put(sums, node.parent, PartialSum(left.total + right.total, left.samples + right.samples))
