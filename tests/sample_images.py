"""Small images of one shade, as a server sends them."""

from __future__ import annotations

import io

from PIL import Image

from pullback_api.v1 import values_pb2

SIZE = 16


def picture(image_format: str, size: tuple[int, int], shade: int = 128) -> bytes:
    """An image file of one grey."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, image_format)
    return buffer.getvalue()


def png(shade: int = 128) -> values_pb2.Image:
    """An image of a generator's size."""
    return values_pb2.Image(
        data=picture("PNG", (SIZE, SIZE), shade), format=values_pb2.IMAGE_FORMAT_PNG, width=SIZE, height=SIZE
    )
