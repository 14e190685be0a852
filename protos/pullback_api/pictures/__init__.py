"""Photographs as people have them: told by their first bytes and decoded in one way, for the client and the server."""

from pullback_api.pictures.arrays import as_array, from_array
from pullback_api.pictures.decoding import convert, decode, size_of, upright_size
from pullback_api.pictures.errors import PictureError
from pullback_api.pictures.heif import FORMATS
from pullback_api.pictures.kinds import EMPTY, HEAD_BYTES, WAV, FileKind, kind_of, kind_of_file
from pullback_api.pictures.limits import MAX_PIXELS, MIN_SIDE

__all__ = [
    "EMPTY",
    "FORMATS",
    "HEAD_BYTES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "WAV",
    "FileKind",
    "PictureError",
    "as_array",
    "convert",
    "decode",
    "from_array",
    "kind_of",
    "kind_of_file",
    "size_of",
    "upright_size",
]
