"""Start of a walk: a latent of our own, one that was found, or a photograph that is inverted first."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput, is_image
from pullback_client.inversion.result import Inversion
from pullback_client.wire.codec import Array
from pullback_client.wire.names import id_of

WalkStart: TypeAlias = "npt.ArrayLike | Inversion | ImageInput"
"""A latent (dim,) or (1, dim), an inversion, or a photograph, see `ImageInput`."""


class Start(NamedTuple):
    """A latent to start from.

    Attributes:
        latent: Shape (dim,).
        space: Its space; empty = that of the direction.
        generator: Id of the generator it was found for; empty where that is not known.
        noise_maps: The noise maps that belong to it; empty = the generator's own.
    """

    latent: Array
    space: str = ""
    generator: str = ""
    noise_maps: tuple[Array, ...] = ()


def is_photograph(start: Any) -> bool:
    """Whether a start is a photograph. An array of one axis, or of one row, is a latent; others are pixels."""
    if hasattr(start, "__array__") and not isinstance(start, Image.Image):
        shape = np.shape(start)
        return len(shape) > 2 or (len(shape) == 2 and shape[0] != 1)
    return is_image(start)


def start_of(start: Any, space: str | None = None) -> Start:
    """The start that a latent or an inversion is.

    Args:
        start: The latent or the inversion.
        space: Space of a latent; None = that of the direction.

    Raises:
        InvalidArgumentError: No latent.
    """
    if isinstance(start, Inversion):
        generator = id_of(start.settings["generator"])
        return Start(start.latent, start.settings["space"], generator, start.noise_maps)
    return Start(latent_of(start), space or "")


def latent_of(value: Any) -> Array:
    """One latent, shape (dim,), of a latent (dim,) or (1, dim) or of an inversion.

    Raises:
        InvalidArgumentError: It is none.
    """
    array = np.asarray(value.latent if isinstance(value, Inversion) else value)
    if array.ndim == 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise InvalidArgumentError(
            f"expected one latent of shape (dim,), got shape {array.shape} of dtype {array.dtype}; "
            "walk from several latents one by one"
        )
    return array
