"""Resizing of images to the side that a distance's name says."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.distances.inputs import as_rgb


def to_side(
    images: Float[Tensor, "batch channels *size"], distance: str, side: int, smallest: int
) -> Float[Tensor, "batch 3 rows columns"]:
    """Images with three channels, at `side` × `side` px: what of them a distance's network sees.

    They are shrunk by means over areas, so that every pixel counts and none is passed over, and enlarged bilinearly.
    Linear, so differentiable as often as one likes.

    Args:
        images: Images with one channel or three.
        distance: Name of the distance that asks, for errors.
        side: Height and width in pixels; 0 leaves them as they are.
        smallest: Height and width below which the network has no output.

    Raises:
        InvalidInputError: No images, images of another number of channels, or, without a side, too small.
    """
    if not side:
        return as_rgb(images, distance, smallest)
    whole = as_rgb(images, distance)
    if whole.shape[-2:] == (side, side):
        return whole
    if min(whole.shape[-2:]) >= side:
        return functional.interpolate(whole, (side, side), mode="area")
    return functional.interpolate(whole, (side, side), mode="bilinear", antialias=True)
