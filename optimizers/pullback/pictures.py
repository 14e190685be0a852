"""Images as pictures: 8 bits a channel, and many of them on one sheet."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from pullback.errors import InvalidInputError


def to_pictures(images: Float[Tensor, "batch channels height width"]) -> list[Image.Image]:
    """Pictures of images in [0, 1] of 1 or 3 channels; levels beyond are cut off.

    Raises:
        InvalidInputError: An image holds NaN, which would be drawn as black.
    """
    nothing = images.detach().isnan().flatten(start_dim=1).any(dim=1)
    if bool(nothing.any()):
        raise InvalidInputError(
            f"image {int(nothing.nonzero()[0])} of {len(images)} holds NaN: the generator's numbers overflow there. "
            "Its latent is too far from where the prior draws"
        )
    levels = (images.detach().clamp(0, 1) * 255).round().to(torch.uint8).movedim(1, -1).cpu().numpy()
    return [Image.fromarray(level.squeeze(-1) if level.shape[-1] == 1 else level) for level in levels]


def side_by_side(pictures: Sequence[Image.Image], columns: int | None = None) -> bytes:
    """Pictures of one size and mode on one sheet, as a PNG.

    Args:
        pictures: At least one.
        columns: How many in a row; all when omitted. A last row that is not full ends in black.

    Raises:
        InvalidInputError: Fewer than one column.
    """
    columns = len(pictures) if columns is None else columns
    if columns < 1:
        raise InvalidInputError(f"a row has at least 1 image, but {columns} columns came")
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new(pictures[0].mode, (columns * width, rows * height))
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()
