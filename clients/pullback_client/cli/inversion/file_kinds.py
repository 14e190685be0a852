"""Kinds of files as a folder shows them: what is a photograph by its content, and what by its name."""

from __future__ import annotations

from pathlib import Path

from pullback_api.pictures import WAV, FileKind, kind_of_file
from pullback_api.pictures.heif import FORMATS

_RAW = FileKind(
    "a camera's raw file", "develop it to PNG, JPEG or 16-bit TIFF, for example with the camera's own program"
)
_RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *(
            "3fr",
            "arw",
            "cr2",
            "cr3",
            "crw",
            "dcr",
            "dng",
            "erf",
            "fff",
            "iiq",
            "kdc",
            "mef",
            "mos",
            "mrw",
            "nef",
            "nrw",
        ),
        *("orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
_SUFFIXES = _RAW_SUFFIXES | frozenset(
    f".{name}"
    for name in (
        *("avif", "bmp", "dib", "exr", "gif", "hdr", "heic", "heif", "hif", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg"),
        *("jxl", "pgm", "png", "ppm", "psb", "psd", "tga", "tif", "tiff", "webp", "xcf"),
    )
)


def kind_of(path: Path) -> FileKind:
    """What a file is, by its first bytes, and where these are those of a TIFF file by its name too.

    Raises:
        OSError: It cannot be read.
    """
    kind = kind_of_file(path)
    # Most makers' raw files are TIFF files, whose first picture is a thumbnail.
    return _RAW if kind.format == "TIFF" and path.suffix.lower() in _RAW_SUFFIXES else kind


def may_be_sent(kind: FileKind) -> bool:
    """Whether a server may be able to read such a file, even where this client cannot."""
    return kind.format is not None or is_sound(kind)


def is_sound(kind: FileKind | None) -> bool:
    """Whether it is a sound that generators of sounds are inverted for."""
    return kind is WAV


def is_read_everywhere(kind: FileKind) -> bool:
    """Whether every server can read such a file, rather than only those that have a decoder for it."""
    return kind.format in FORMATS or is_sound(kind)


def is_called_photograph(path: Path) -> bool:
    """Whether a file is called like a photograph, whatever it holds."""
    return path.suffix.lower() in _SUFFIXES
