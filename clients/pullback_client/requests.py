"""The request of an inversion: from the options of `Client.invert` to one message."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from PIL import Image

from pullback_api.v1 import inversion_pb2, specs_pb2
from pullback_client.eigenbasis import EigenbasisInfo
from pullback_client.errors import InvalidArgumentError, ResourceExhaustedError
from pullback_client.images import ImageInput, targets
from pullback_client.settings import InversionMethod, Schedule, inversion_settings
from pullback_client.transport import MAX_MESSAGE_BYTES

if TYPE_CHECKING:  # part of `typing` from Python 3.13
    from typing_extensions import TypeIs


class InversionOptions(TypedDict, total=False):
    """Options of an inversion. What is left out, or None, is the server's default."""

    method: InversionMethod
    """`hessian_adam` (the default) or `adam`."""
    space: str | None
    """Latent space; default the generator's first."""
    distance: str | None
    """Image distance."""
    weights: Mapping[str, float] | None
    """Weights of the loss, each ≥ 0: `distance` (default 1), `l1` (0), `l2` (1)."""
    steps: int | None
    """Updates per restart, 1 to 100000; default 200."""
    restarts: int | None
    """Independent starts per image, 1 to 1024; default 4."""
    seed: int
    """Seed of the starts, ≥ 0; default 0. The same seed gives every method the same starts."""
    learning_rate: float | None
    """> 0; default the method's own."""
    schedule: Schedule | None
    """How the learning rate goes over the steps: `constant` or `cosine`; default the method's own."""
    exponent: float | None
    """Hessian Adam: coordinates are scaled by λ^−exponent, 0 to 1."""
    eigenbasis: str | EigenbasisInfo | None
    """Hessian Adam: an eigenbasis or its resource name; default the one of the default specification."""
    masks: ImageInput | Sequence[ImageInput | None] | None
    """White counts, black is ignored; one for one image, a list as long as the images' for a list."""
    center_crop: bool
    """Cut the largest centred part of the generator's aspect, instead of refusing other aspects."""
    preview_every: int
    """Send previews with every so many steps; 0 = none."""


def invert_request(
    images: ImageInput | Sequence[ImageInput], generator: str, options: InversionOptions
) -> inversion_pb2.InvertRequest:
    """The message of an inversion, without a request id.

    Args:
        images: One image or a list.
        generator: Name of the generator.
        options: See `InversionOptions`.

    Raises:
        InvalidArgumentError: A value that cannot be sent.
        ResourceExhaustedError: Images that are too large for one message.
        TypeError: An option that does not exist.
    """
    if unknown := sorted(set(options) - set(InversionOptions.__annotations__)):
        raise TypeError(f"unknown options {', '.join(unknown)}; known: {', '.join(InversionOptions.__annotations__)}")
    basis, masks = options.get("eigenbasis"), options.get("masks")
    listed = [images] if is_image(images) else list(images)
    if not listed:
        raise InvalidArgumentError("no images: expected one, or a list of at least one")
    request = inversion_pb2.InvertRequest(
        settings=inversion_settings(
            generator,
            method=options.get("method", "hessian_adam"),
            space=options.get("space"),
            distance=options.get("distance"),
            weights=options.get("weights"),
            steps=options.get("steps"),
            restarts=options.get("restarts"),
            seed=options.get("seed", 0),
            learning_rate=options.get("learning_rate"),
            schedule=options.get("schedule"),
            exponent=options.get("exponent"),
            eigenbasis=None if basis is None else eigenbasis_name(basis),
            preview_every=options.get("preview_every", 0),
        ),
        targets=targets(
            listed,
            [None] * len(listed) if masks is None else [masks] if is_image(masks) else list(masks),
            center_crop=options.get("center_crop", False),
        ),
    )
    if (size := request.ByteSize()) >= MAX_MESSAGE_BYTES:
        raise ResourceExhaustedError(
            f"{len(listed)} images take {size / 2**20:.1f} MiB together; at most {MAX_MESSAGE_BYTES // 2**20} MiB "
            "can be sent in one request: send fewer at a time, or scale them down"
        )
    return request


def default_eigenbasis(request: inversion_pb2.InvertRequest) -> specs_pb2.EigenbasisSpec | None:
    """The specification of the eigenbasis that an inversion needs and does not name; None where it needs none."""
    settings = request.settings
    if settings.method != specs_pb2.INVERSION_METHOD_HESSIAN_ADAM or settings.eigenbasis:
        return None
    return specs_pb2.EigenbasisSpec(generator=settings.generator, space=settings.space, distance=settings.distance)


def eigenbasis_name(eigenbasis: str | EigenbasisInfo) -> str:
    """The resource name of an eigenbasis."""
    return eigenbasis.name if isinstance(eigenbasis, EigenbasisInfo) else eigenbasis


def is_image(value: ImageInput | Sequence[Any]) -> TypeIs[ImageInput]:
    """Whether a value is one image, rather than a list of them."""
    return isinstance(value, str | os.PathLike | Image.Image | np.ndarray)
