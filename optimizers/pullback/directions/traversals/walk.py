"""Walk of a traversal: latents in order, and where each lies along the way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class Walk:
    """Latents along a way.

    Attributes:
        latents: In the order of the steps, shape (frames, n).
        space: The space that they lie in.
        steps: Where each lies, signed, ascending, shape (frames,); the start is at 0. For a subspace, one column for
            each of its two directions, shape (frames, 2).
        start: The latent that the way starts from, shape (n,), in `space`.
    """

    latents: Float[Tensor, "frames n"]
    space: str
    steps: Tensor
    start: Float[Tensor, " n"]

    def __post_init__(self) -> None:
        if len(self.latents) != len(self.steps):
            raise InvalidInputError(f"{len(self.latents)} latents of a walk, but {len(self.steps)} steps came")


def even_steps(first: float, last: float, frames: int) -> Float[Tensor, " frames"]:
    """So many steps, evenly from the first to the last, float64.

    Raises:
        InvalidInputError: Fewer than two frames, or steps that are not finite or do not ascend.
    """
    if frames < 2:
        raise InvalidInputError(f"a walk has 2 frames or more, but {frames} came")
    if not -float("inf") < first < last < float("inf"):
        raise InvalidInputError(f"a walk's first step is below its last one, both finite, but {first} and {last} came")
    # (first · (m − i) + last · i) / m: exact at both ends, and at 0 where that lies in the middle.
    i = torch.arange(frames, dtype=torch.float64)
    return (first * (frames - 1 - i) + last * i) / (frames - 1)
