"""Kernels and rows: which rows go through the networks together.

What a kernel computes for a row may depend on how many rows there are, and on the row's place among them. So on a CPU
no row of one target ever meets one of another in a kernel: what a target gets is computed by the same calls, on
tensors of the same shapes, whether it is alone or in company, and is the same bit for bit on every processor. (Rows of
several targets in chunks of one fixed shape would not do: the last bit of a matrix product may hang on a row's place.)

A GPU is idle unless it is given many rows: there kernels have a fixed number of rows, of whichever targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor

# On two cores, more than four rows at once gain nothing.
_ROWS_CPU = 4
_ROWS_CUDA = 64


def rows_at_once(device: torch.device) -> int:
    """How many rows go through the networks at once, at most."""
    return _ROWS_CUDA if device.type == "cuda" else _ROWS_CPU


def chunks_of(counts: Sequence[int], device: torch.device) -> Iterator[tuple[slice, int]]:
    """The chunks of rows that lie one after the other, so many of each target.

    Args:
        counts: Rows of every target.
        device: Where they are computed.

    Yields:
        Which rows, and how many the kernels get: more than there are where a chunk has to be padded.
    """
    at_once = rows_at_once(device)
    if device.type == "cuda":
        total = sum(counts)
        for start in range(0, total, at_once):
            yield slice(start, min(start + at_once, total)), at_once
        return
    for count, end in zip(counts, accumulate(counts), strict=True):
        for start in range(end - count, end, at_once):
            stop = min(start + at_once, end)
            yield slice(start, stop), stop - start


def padded(chunk: Tensor, rows: int) -> Tensor:
    """A chunk of that many rows, the last of which is repeated where there are fewer, in memory of its own."""
    return torch.cat([chunk, chunk[-1:].expand(rows - len(chunk), *chunk.shape[1:])])


def each_by_itself(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """What a function of rows gives for each row, whatever the others are."""
    chunks = chunks_of([1] * len(rows), rows.device)
    return torch.cat([function(padded(rows[chunk], size))[: chunk.stop - chunk.start] for chunk, size in chunks])


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
