"""Files of what a generator drew: pictures, and sounds."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from PIL import Image
from torch import Tensor

from pullback import generators
from pullback.errors import InvalidInputError
from pullback.pictures import to_pictures
from pullback_api.sounds import Sound, write_wav
from pullback_api.v1 import values_pb2
from pullback_server.specs.common import FORMATS
from pullback_server.worker.presentation import encode

Drawn: TypeAlias = Image.Image | Sound
"""One image, or one sound, off the device."""


class File(NamedTuple):
    """A file, and the size that the contract tells of it: of a sound its samples, and 0."""

    data: bytes
    width: int
    height: int


def off_device(images: Tensor, generator: str) -> list[Drawn]:
    """Images in [0, 1], shape (B, C, H, W), as pictures; sounds in [−1, 1], shape (B, C, T), at their generator's rate.

    Raises:
        InvalidInputError: One of them holds NaN, or nothing says the rate of the sounds.
    """
    if images.ndim == 4:
        return list(to_pictures(images))
    if (rate := generators.entry(generator).sample_rate) is None:
        raise InvalidInputError(f"nothing says the sample rate of generator {generator!r}")
    if bool((nothing := images.detach().isnan().flatten(1).any(dim=1)).any()):
        raise InvalidInputError(
            f"sound {int(nothing.nonzero()[0])} of {len(images)} holds NaN: the generator's numbers overflow there. "
            "Its latent is too far from where the prior draws"
        )
    return [Sound(samples, rate) for samples in images.detach().clamp(-1, 1).float().cpu().numpy()]


def file_of(drawn: Drawn, image_format: str) -> File:
    """The file of a picture, `PNG` or `JPEG`; of a sound, which is `WAV`."""
    if isinstance(drawn, Sound):
        return File(write_wav(drawn), drawn.length, 0)
    return File(encode(drawn, image_format), drawn.width, drawn.height)


def message_of(drawn: Drawn) -> values_pb2.Image:
    """A picture as a PNG file, a sound as WAV, as the contract sends them."""
    image_format = "WAV" if isinstance(drawn, Sound) else "PNG"
    file = file_of(drawn, image_format)
    return values_pb2.Image(data=file.data, format=FORMATS[image_format], width=file.width, height=file.height)
