"""Inputs of distances: checks, and the messages for anything else."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError

_IMAGES = "images of shape (batch, channels, height, width)"
_SOUNDS = "sounds of shape (batch, channels, time)"


def is_sound(batch: Float[Tensor, "batch channels *size"], distance: str) -> bool:
    """Whether a batch holds sounds, (B, C, T), rather than images, (B, C, H, W).

    Raises:
        InvalidInputError: It holds neither.
    """
    if batch.ndim not in {3, 4}:
        raise InvalidInputError(f"distance {distance!r} takes {_IMAGES} or {_SOUNDS}, but shape {_shape(batch)} came")
    return batch.ndim == 3


def check_images(images: Float[Tensor, "batch channels *size"], distance: str) -> None:
    """Checks that a batch holds images.

    Args:
        images: The batch.
        distance: Name of the distance that asks, for the error.

    Raises:
        InvalidInputError: It holds something else.
    """
    if images.ndim != 4:
        raise InvalidInputError(
            f"distance {distance!r} takes {_IMAGES}, but shape {_shape(images)} came; the distances of sounds are stft "
            "and mse"
        )


def check_sounds(sounds: Float[Tensor, "batch channels *size"], distance: str, shortest: int) -> None:
    """Checks that a batch holds sounds.

    Args:
        sounds: The batch.
        distance: Name of the distance that asks, for the error.
        shortest: How many samples in time a sound has at least.

    Raises:
        InvalidInputError: It holds something else, or sounds that are too short.
    """
    if sounds.ndim != 3:
        raise InvalidInputError(
            f"distance {distance!r} takes {_SOUNDS}, but shape {_shape(sounds)} came; the distances of images are "
            "lpips-effnet-lite0, mse and others"
        )
    if sounds.shape[-1] < shortest:
        raise InvalidInputError(
            f"distance {distance!r} takes sounds of at least {shortest} samples, but {sounds.shape[-1]} came; pad them "
            "with silence, or use mse"
        )


def as_rgb(
    images: Float[Tensor, "batch channels *size"], distance: str, smallest: int = 1
) -> Float[Tensor, "batch 3 height width"]:
    """Images with three channels; the one channel of greyscale images is repeated.

    Args:
        images: Images with one channel or three.
        distance: Name of the distance that asks, for the error.
        smallest: Height and width below which the distance's network has no output.

    Raises:
        InvalidInputError: No images, images of another number of channels, or too small.
    """
    check_images(images, distance)
    channels, height, width = images.shape[1:]
    if channels not in {1, 3}:
        raise InvalidInputError(f"distance {distance!r} takes images of 1 or 3 channels, but {channels} came")
    if min(height, width) < smallest:
        raise InvalidInputError(
            f"distance {distance!r} takes images of at least {smallest} × {smallest} px, but {height} × {width} came; "
            f"enlarge them, or use a distance that resizes: lpips-effnet-lite0, or {distance}@SIDE, such as "
            f"{distance}@64"
        )
    return images.expand(-1, 3, -1, -1)


def _shape(batch: Tensor) -> tuple[int, ...]:
    return tuple(batch.shape)
