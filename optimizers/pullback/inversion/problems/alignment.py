"""The frame of a reconstruction within its photograph: scale and shifts, searched along with the latent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.inversion.defaults import ALIGNMENT_DEVIATION

# Logarithm of the scale, shift to the right, shift downwards
ALIGNMENT_DIM = 3
# Standard deviations from the photograph's own frame that a search may go.
_REACH = 3.0


@dataclass(frozen=True)
class AlignmentPrior:
    """How far a frame may lie from the photograph's own: normal, cut off at three standard deviations.

    pix2latent (Huh et al., ECCV 2020) searches scale and shifts with a sensitivity of 0.1. Coordinates u of a frame are
    standardised, so that a solver may move them with the steps that suit a latent of a standard normal prior.

    Attributes:
        scale: Standard deviation of the logarithm of the scale, above 0, at most 0.5.
        shift: Standard deviation of the shifts, in units of the photograph's half side, above 0, at most 0.5.

    Raises:
        InvalidInputError: A deviation is out of range.
    """

    scale: float = ALIGNMENT_DEVIATION
    shift: float = ALIGNMENT_DEVIATION

    def __post_init__(self) -> None:
        for name, value in (("scale", self.scale), ("shift", self.shift)):
            if not (math.isfinite(value) and 0 < value <= 0.5):
                raise InvalidInputError(f"an alignment's {name} lies above 0 and at most at 0.5, but {value} came")

    def clamp(self, coordinates: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Coordinates within the reach of the search."""
        return coordinates.clamp(-_REACH, _REACH)

    def penalty(self, coordinates: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
        """½‖u‖², as for every normal prior."""
        return coordinates.square().sum(dim=-1) / 2

    def frames(self, coordinates: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Frames (scale, shift x, shift y) of standardised coordinates u."""
        # s = exp(σ_s u₀), t = σ_t (u₁, u₂)
        return torch.cat([(self.scale * coordinates[..., :1]).exp(), self.shift * coordinates[..., 1:]], dim=-1)


def cut_frames(
    images: Float[Tensor, "batch channels height width"], frames: Float[Tensor, "batch 3"]
) -> Float[Tensor, "batch channels height width"]:
    """What of each image lies within its frame, resampled to the image's size; differentiable in both.

    The frame's side is `scale` times the image's, its centre lies (shift x, shift y) half sides to the right of and
    below the image's centre. Of what lies outside the image there is 0, and of an image of ones therefore how much of
    each pixel lies inside.
    """
    scale, shift = frames[:, :1], frames[:, 1:]
    # x ↦ s x + t, in units of half sides
    linear = torch.eye(2, dtype=frames.dtype, device=frames.device) * scale[:, :, None]
    grid = functional.affine_grid(
        torch.cat([linear, shift[:, :, None]], dim=2), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, align_corners=False)
