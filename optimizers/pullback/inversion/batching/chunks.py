"""Kernels and rows: which rows go through the networks together.

What a kernel computes for a row may depend on how many rows there are, and on the row's place among them. So no row of
one request ever meets one of another in a kernel: what a request gets is computed by the same calls, on tensors of the
same shapes, whether it is alone or in company, and is the same bit for bit on every processor and every device. (Rows
of several requests in chunks of one fixed shape would not do: the last bit of a matrix product may hang on a row's
place.)

On a CPU not even the rows of two targets of one request meet: what is found for a target is the same whatever the other
targets are. A GPU is idle unless it is given many rows: there the targets of one request share kernels, and what is
found for a target may change in its last bits with the targets beside it.

How many rows go at once is chosen when a search begins, from how many there are and what the budget of memory has room
for, and stays (see `Company`). Nothing is padded: one image is one row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.distances.distance import EmbeddingDistance
from pullback.generators.generator import Generator as ImageGenerator
from pullback.inversion.batching.lanes import in_lanes, lanes_of
from pullback.memory import budget_of, in_smaller_blocks
from pullback.pieces import finish

# On two cores, more than four rows at once gain nothing. Of fewer than two, each costs nearly as much as two do.
_ROWS_CPU = 4
_LEAST_ROWS_CPU = 2
_ROWS_ELSEWHERE = 64


@dataclass(eq=False)
class Company:
    """The targets of one request: their rows, and no others, may meet in a kernel where that is worth while.

    Attributes:
        rows: How many rows go through the networks at once, at most; None where nobody has chosen yet. It falls where
            memory is refused for so many, and never grows.
    """

    rows: int | None = None


def targets_meet(device: torch.device) -> bool:
    """Whether rows of several targets of one request share kernels on a device."""
    return device.type != "cpu"


def most_rows(device: torch.device) -> int:
    """How many rows are worth while at once, where memory suffices."""
    return _ROWS_ELSEWHERE if targets_meet(device) else _ROWS_CPU


def rows_to_meet(counts: Sequence[int], device: torch.device) -> int:
    """How many rows of one request, so many of each target, may share a kernel, where memory suffices."""
    return min(sum(counts) if targets_meet(device) else max(counts), most_rows(device))


def chunks_of(counts: Sequence[int], device: torch.device, rows: int, lanes: int = 1) -> Iterator[slice]:
    """The chunks of rows of one request that lie one after the other, so many of each target.

    Args:
        counts: Rows of every target.
        device: Where they are computed.
        rows: How many go at once, at most.
        lanes: How many chunks are computed side by side; the rows of a target alone keep all of them busy.
    """
    if targets_meet(device):
        counts, lanes = [sum(counts)], 1
    for count, end in zip(counts, accumulate(counts), strict=True):
        size = min(max(math.ceil(count / lanes), _LEAST_ROWS_CPU), rows)
        for start in range(end - count, end, size):
            yield slice(start, min(start + size, end))


def embed_each(
    distance: EmbeddingDistance,
    images: Float[Tensor, "images channels *size"],
    generator: ImageGenerator,
    most_bytes: float = math.inf,
) -> Float[Tensor, "images features"] | None:
    """The embedding of each image of a generator's shape; nothing is differentiated.

    Returns:
        The embeddings; None where those of several images would take more bytes than that.
    """

    @torch.no_grad()
    def embedded(chunk: slice) -> Tensor:
        # A copy: where a kernel begins in memory may matter too.
        return distance.embed(images[chunk].clone())

    lanes = lanes_of(generator, distance)
    block = budget_of(images.device).block("embeddings of targets", distance, generator)
    rows = block.rows(rows_to_meet([1] * len(images), images.device), lambda: embedded(slice(0, 1)), lanes=lanes.count)
    calls = [
        partial(in_smaller_blocks, chunk, block, embedded)
        for chunk in chunks_of([1] * len(images), images.device, rows)
    ]
    found = finish(in_lanes(calls[:1], lanes))
    first = found[0][0][0]
    if len(images) > 1 and len(images) * first.nbytes > most_bytes:
        return None
    found += finish(in_lanes(calls[1:], lanes))
    return torch.cat([part for parts in found for part in parts])


def products(rows: Tensor, matrix: Tensor) -> Tensor:
    """The products of every target's rows with one matrix, whatever the other targets are.

    Args:
        rows: Shape (targets, …, n).
        matrix: Shape (n, m).

    Returns:
        Shape (targets, …, m).
    """
    # Copies: where a kernel begins in memory may matter too.
    return torch.stack([of_target.clone() @ matrix for of_target in rows])
