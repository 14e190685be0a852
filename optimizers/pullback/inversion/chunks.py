"""Chunks of a constant number of rows.

What a kernel computes for a row may depend on how many rows there are, though not on the others' values. So the
networks always see the same number of them, and a row's result does not depend on its company, bit for bit. (Products
of matrices of a few rows and columns are an exception: their last bit may depend on a row's place in the chunk.)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# On two cores, more than four rows at once gain nothing.
_ROWS_CPU = 4
_ROWS_CUDA = 64


def rows_at_once(device: torch.device) -> int:
    """How many rows go through the networks at once."""
    return _ROWS_CUDA if device.type == "cuda" else _ROWS_CPU


def padded(chunk: Tensor, rows: int) -> Tensor:
    """A chunk of that many rows, the last of which is repeated where there are fewer."""
    return torch.cat([chunk, chunk[-1:].expand(rows - len(chunk), *chunk.shape[1:])])


def in_chunks(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """What a function of rows gives for each row."""
    at_once = rows_at_once(rows.device)
    return torch.cat([function(padded(chunk, at_once))[: len(chunk)] for chunk in torch.split(rows, at_once)])
