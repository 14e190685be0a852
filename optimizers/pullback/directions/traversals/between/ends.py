"""Ends of a walk from one latent to another, checked, and the walk that is made of what lies between them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.directions.traversals.checks import as_start, as_steps
from pullback.directions.traversals.walk import Walk
from pullback.errors import InvalidInputError

# Share of a vector's length below which it is rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Ends:
    """Where a walk starts, and where it ends.

    Attributes:
        start: z₀, shape (n,).
        end: z₁, shape (n,), another latent of the same space.
        space: Its name.

    Raises:
        InvalidInputError: A shape that differs, a latent that is not finite, or the same latent twice.
    """

    start: Tensor
    end: Tensor
    space: str

    def __post_init__(self) -> None:
        start = as_start(self.start)
        if self.end.shape != self.start.shape:
            raise InvalidInputError(
                f"a walk from a latent of {len(start)} coordinates ends in one of shape ({len(start)},), but shape "
                f"{tuple(self.end.shape)} came; map both into one space first"
            )
        if not self.end.isfinite().all():
            raise InvalidInputError("a walk ends in a finite latent, but this one holds NaN or infinity")
        if torch.equal(start, self.doubled[1]):
            raise InvalidInputError("a walk leads from one latent to another, but both are the same; take another end")

    @property
    def doubled(self) -> tuple[Float64[Tensor, " n"], Float64[Tensor, " n"]]:
        """Both in float64, where the start is."""
        start = self.start.detach().double()
        return start, self.end.detach().to(start)

    def shares(self, steps: Tensor) -> Float64[Tensor, "frames 1"]:
        """Steps as a column, where the ends are.

        Raises:
            InvalidInputError: They are not finite, do not ascend, or leave [0, 1].
        """
        found = as_steps(steps)
        if found[0] < 0 or found[-1] > 1:
            raise InvalidInputError(
                f"a walk from one latent to another goes from step 0 to 1, but {float(found[0]):g} to "
                f"{float(found[-1]):g} came"
            )
        return found.to(self.start.device)[:, None]

    def walk(self, latents: Float64[Tensor, "frames n"], steps: Tensor) -> Walk:
        """The walk of latents at these steps, in the start's precision; at 0 and 1 those of the ends, bit for bit."""
        steps = as_steps(steps)
        latents = latents.to(self.start)
        for place, end in ((0, self.start), (1, self.end)):
            latents[steps.to(latents.device) == place] = end.detach().to(latents)
        return Walk(latents, self.space, steps, self.start.detach())


def apart(a: Float64[Tensor, " n"], b: Float64[Tensor, " n"]) -> float:
    """The angle between two vectors, radians: exact for small and for large ones (Kahan)."""
    left, right = a * torch.linalg.vector_norm(b), b * torch.linalg.vector_norm(a)
    # 2 atan2(‖â − b̂‖, ‖â + b̂‖)
    return 2 * float(torch.atan2(torch.linalg.vector_norm(left - right), torch.linalg.vector_norm(left + right)))


def check_norms(ends: Ends, kind: str) -> tuple[float, float]:
    """The norms of the ends, none of which is zero.

    Args:
        ends: The ends.
        kind: What the walk is called in the message.

    Raises:
        InvalidInputError: A norm is zero, or the ends lie opposite each other.
    """
    start, end = ends.doubled
    norms = float(torch.linalg.vector_norm(start)), float(torch.linalg.vector_norm(end))
    if min(norms) <= _ROUNDING * max(norms):
        raise InvalidInputError(f"{kind} goes round the origin, but one of its ends lies there; take a straight walk")
    if torch.pi - apart(start, end) <= _ROUNDING:
        raise InvalidInputError(
            f"{kind} between opposite latents may go any way round; take a straight walk, or a latent between the two"
        )
    return norms
