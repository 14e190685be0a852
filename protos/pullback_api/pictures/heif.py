"""HEIC and AVIF photographs: read where there is a decoder for them."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import IO, Any

from PIL import Image, features

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
"""The formats that are read everywhere, by Pillow's names. JPEG includes the MPO files of phones."""

ADVICE = (
    "convert it to JPEG or PNG, or install what reads it, with: pip install pillow-heif (with the client, which then "
    "sends it as PNG, or with the server)"
)


def is_readable() -> bool:
    """Whether HEIC files can be read: whether pillow-heif is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


@functools.cache
def is_avif_readable() -> bool:
    """Whether AVIF files can be read: whether Pillow was built with a decoder."""
    return "avif" in features.modules and features.check("avif") is True


def opener() -> Callable[[IO[bytes], str], Image.Image]:
    """What opens a HEIC file. Nothing is registered with Pillow, so that other code sees no difference."""
    plugin: Any = importlib.import_module("pillow_heif")
    open_file: Callable[[IO[bytes], str], Image.Image] = plugin.HeifImageFile
    return open_file
