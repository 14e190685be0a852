"""Bombs: small files whose reading would take much memory or time. All are made here."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
from PIL import Image

from pullback_api.v1 import directions_pb2

_START_OF_SCAN = b"\xff\xda"


def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    """An image file."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def webp_bomb(width: int, height: int) -> bytes:
    """A WebP file of 34 bytes that promises so many pixels."""
    stream = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(9)
    chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def jpeg_of_scans(count: int, side: int = 2_000) -> bytes:
    """A progressive JPEG file of so many scans more than it needs; each goes over the whole picture."""
    whole = encoded(Image.new("RGB", (side, side), "teal"), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(_START_OF_SCAN) : -2] * count + whole[-2:]


def png_of_zeros(side: int, mode: str = "L") -> bytes:
    """A square of nothing, a thousandth of its size."""
    return encoded(Image.new(mode, (side, side)), "PNG", compress_level=9)


def png_with_text(size: int) -> bytes:
    """A small picture with compressed text of so many bytes beside it."""
    whole = encoded(Image.new("L", (16, 16)))
    text = b"Comment\0\0" + zlib.compress(bytes(size), 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    return whole[:33] + chunk * 8 + whole[33:]


def gif_of_frames(side: int, count: int) -> bytes:
    """An animation of so many frames, most of which are nearly nothing on a large canvas."""
    first, *_ = frames = [Image.new("P", (side, side), colour) for colour in (0, 1)]
    return encoded(first, "GIF", save_all=True, append_images=(frames * count)[1:count], optimize=False)


def tiff_of_zeros(side: int) -> bytes:
    """A square of nothing, in one strip."""
    return encoded(Image.new("L", (side, side)), "TIFF", compression="tiff_adobe_deflate")


def npy_of_claims(shape: tuple[int, ...]) -> bytes:
    """The head of an array of that shape, and nothing behind it."""
    head = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def npz_of_zeros(size: int) -> bytes:
    """An archive of arrays of zeros, each of so many bytes unpacked."""
    array = io.BytesIO()
    np.save(array, np.zeros((size // 8, 8), np.float64))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("comps", "mean", "stdev", "more"):
            archive.writestr(f"{name}.npy", array.getvalue())
    return buffer.getvalue()


def exponential_pickle(depth: int) -> bytes:
    """A dictionary whose key is a tuple of twice a tuple of twice …: hashing it takes 2 to the depth steps, in C."""
    levels = b"".join(b"q%ch%c\x86" % (level, level) for level in range(depth))
    return b"\x80\x02})" + levels + b"K\x01s."


def pickle_of_lists(depth: int) -> bytes:
    """A list of lists of lists …: a reader that goes down by calls runs out of them."""
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."


def pickle_of_bytes(size: int) -> bytes:
    """Says that so many bytes follow, of which there are none."""
    return b"\x80\x04" + pickle.BINBYTES8 + struct.pack("<Q", size) + b"."


def photographs() -> dict[str, bytes]:
    """Files for those who take photographs, by what they are."""
    return {
        "WebP of 64 million pixels in 34 bytes": webp_bomb(8_000, 7_999),
        "WebP of 16 million pixels in 34 bytes": webp_bomb(4_000, 4_000),
        "JPEG of 1,000 scans": jpeg_of_scans(1_000),
        "JPEG of 80 scans": jpeg_of_scans(80),
        "JPEG of 80 scans, 36 million pixels": jpeg_of_scans(80, 6_000),
        "PNG of 64 million zeros": png_of_zeros(8_000),
        "PNG of 16 million zeros in colour": png_of_zeros(4_000, "RGB"),
        "PNG with 8 × 64 MB of text": png_with_text(64_000_000),
        "GIF of 60 frames of 4 million pixels": gif_of_frames(2_000, 60),
        "TIFF of 64 million zeros in one strip": tiff_of_zeros(8_000),
    }


def files_of_directions() -> dict[str, tuple[directions_pb2.ImportFormat, bytes]]:
    """Files for those who take directions, by what they are: what they are called, and their bytes."""
    return {
        "NPZ of 4 × 60 MB of zeros": (directions_pb2.IMPORT_FORMAT_GANSPACE, npz_of_zeros(60_000_000)),
        "NPZ of 4 × 100 MB of zeros": (directions_pb2.IMPORT_FORMAT_GANSPACE, npz_of_zeros(100_000_000)),
        "NPY that claims 8 TB": (directions_pb2.IMPORT_FORMAT_SEFA, npy_of_claims((10**6, 10**6))),
        "pickle, tuples 60 deep as a key": (directions_pb2.IMPORT_FORMAT_HESSIAN_PENALTY, exponential_pickle(60)),
        "pickle, lists a million deep": (directions_pb2.IMPORT_FORMAT_DEFORMATOR, pickle_of_lists(1_000_000)),
        "pickle that claims 8 TB": (directions_pb2.IMPORT_FORMAT_HESSIAN_PENALTY, pickle_of_bytes(8 * 10**12)),
    }
