"""Noise maps of a generator: flat side by side, or each by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def noise_values(shapes: Sequence[tuple[int, int]]) -> int:
    """How many numbers maps of those heights and widths hold."""
    return sum(math.prod(shape) for shape in shapes)


def split_maps(noise: Float[Tensor, "*batch values"], shapes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Maps that lie flat side by side, each of shape (…, height, width)."""
    parts = torch.split(noise, [math.prod(shape) for shape in shapes], dim=-1)
    return [torch.unflatten(part, -1, shape) for part, shape in zip(parts, shapes, strict=True)]
