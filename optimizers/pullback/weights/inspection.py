"""Inspection of files that cannot be read: what they are instead, told from their bytes, and what to do."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from pathlib import Path

# Enough for every mark looked for here; a safetensors header is read as far as it goes.
_HEAD_BYTES = 4096
_LONGEST_HEADER = 100_000_000
_AGAIN = "download or copy it again"
_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/.*?\nsize (\d+)", re.DOTALL)
_PAGE = re.compile(rb"\s*(?:<!doctype html|<html|<head|<\?xml|<!--)", re.IGNORECASE)
_HDF5 = b"\x89HDF\r\n\x1a\n"
# By the first bytes of a file.
_FORMATS = (
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (_HDF5, "an HDF5 file (.h5, .hdf5; Keras, MATLAB v7.3)"),
    (b"MATLAB 5.0", "a MATLAB file (.mat)"),
    (b"\x1f\x8b", "a file compressed by gzip: unpack it first"),
    (b"BZh", "a file compressed by bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "a file compressed by xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstandard: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"%PDF-", "a PDF document"),
    (b"GGUF", "a GGUF file (llama.cpp)"),
    (b"SQLite format 3", "an SQLite database"),
)
_MEMBERS = (
    (re.compile(r"(?:.*/)?data\.pkl"), "a file of PyTorch (.pt, .pth)"),
    (re.compile(r"[^/]+\.npy"), "a file of NumPy arrays (.npz)"),
    (re.compile(r"[^/]+\.dist-info/.*"), "a Python wheel (.whl)"),
)


def inspect(path: str | os.PathLike[str]) -> str:
    """What a file is: one sentence without its full stop, with advice where there is any.

    For the errors of whoever could not read it; a file that cannot be opened is described, too.

    Args:
        path: The file, or whatever stands there.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return f"it is a folder{_files_of(path)}: name the file itself"
        with path.open("rb") as file:
            return _describe(file, path.stat().st_size)
    except FileNotFoundError:
        if path.is_symlink():
            return f"it is a link to {path.readlink()}, which is not there"
        return "there is no such file"
    except PermissionError:
        return "this user may not read it: change its permissions, or run as who may"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"


def inspect_bytes(content: bytes) -> str:
    """What bytes are, as `inspect` says of the file that holds them."""
    return _describe(io.BytesIO(content), len(content))


def is_safetensors(path: Path) -> bool:
    """Whether a file is of that format, whole or cut off; raises `OSError` where it cannot be read."""
    with path.open("rb") as file:
        return _begins_safetensors(file.read(10))


def _describe(file: io.BytesIO | io.BufferedReader, size: int) -> str:
    head = file.read(_HEAD_BYTES)
    if not head:
        return f"it is empty (0 bytes): {_AGAIN}"
    return (
        _replacement(head, size)
        or _archive(file, head, size)
        or _marked(head)
        or _safetensors(file, size)
        or _pickle(head, size)
        or _text(head, size)
        or _zeros(head)
        or f"it is of no format known here: {size} bytes that begin with {head[:8].hex(' ')}"
    )


def _replacement(head: bytes, size: int) -> str:
    """What stands in the place of the file that was meant."""
    if found := _LFS.match(head):
        return (
            f"it is a Git LFS pointer of {size} bytes in place of a file of {int(found[1])} bytes: "
            "run 'git lfs pull' where it was cloned"
        )
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return (
            f"it is a web page of {size} bytes, as a site answers that wants a log-in or a confirmation: "
            "download the file itself"
        )
    return ""


def _archive(file: io.BytesIO | io.BufferedReader, head: bytes, size: int) -> str:
    if not head.startswith(b"PK\x03\x04"):
        return ""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
        return f"it is a zip archive (.pt, .npz and wheels are such) that is cut off after {size} bytes: {_AGAIN}"
    for pattern, kind in _MEMBERS:
        if any(pattern.fullmatch(name) for name in names):
            return f"it is {kind} of {size} bytes"
    first = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return f"it is a zip archive of {first or 'nothing'}: unpack it first"


def _marked(head: bytes) -> str:
    if head[257:262] == b"ustar":
        return "it is a tar archive: unpack it first"
    # MATLAB's files have 512 bytes of their own before HDF5's.
    head = head[512:] if head[512:].startswith(_HDF5) else head
    return next((f"it is {name}" for mark, name in _FORMATS if head.startswith(mark)), "")


def _safetensors(file: io.BytesIO | io.BufferedReader, size: int) -> str:
    # The format: the length of a JSON header in 8 bytes, little-endian; the header; the tensors.
    file.seek(0)
    start = file.read(10)
    if not _begins_safetensors(start):
        return ""
    length = int.from_bytes(start[:8], "little")
    header = start[8:] + file.read(length - 2)
    if len(header) < length:
        return f"it is a safetensors file that is cut off after {size} bytes, within its header: {_AGAIN}"
    try:
        ends = [int(entry["data_offsets"][1]) for name, entry in json.loads(header).items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return f"it begins like a safetensors file, but its header is damaged: {_AGAIN}"
    whole = 8 + length + max(ends, default=0)
    if size == whole:
        return f"it is a safetensors file of {size} bytes"
    if size > whole:
        return f"it is a safetensors file of {whole} bytes with {size - whole} more behind it: {_AGAIN}"
    return f"it is a safetensors file of {whole} bytes, of which {size} are there: {_AGAIN}"


def _pickle(head: bytes, size: int) -> str:
    # From protocol 2 on it begins with its number. PyTorch wrote such until 1.6.
    if head[:1] != b"\x80" or head[1:2] not in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return ""
    return f"it is a pickle of {size} bytes (PyTorch before 1.6, Python, NVIDIA's .pkl)"


def _text(head: bytes, size: int) -> str:
    # The head may end within a character.
    whole = head if size <= len(head) else head.rpartition(b"\n")[0] or head[:-3]
    try:
        text = whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""
    if not all(character.isprintable() or character.isspace() for character in text):
        return ""
    first = text.strip().partition("\n")[0].strip()[:60]
    return f"it is {'JSON' if first.startswith('{') else 'text'} of {size} bytes that begins with {first!r}"


def _zeros(head: bytes) -> str:
    if head.strip(b"\0"):
        return ""
    return f"it begins with {len(head)} zero bytes, as a download that broke off leaves them: {_AGAIN}"


def _begins_safetensors(start: bytes) -> bool:
    return start[8:10] in {b'{"', b"{}"} and 2 <= int.from_bytes(start[:8], "little") <= _LONGEST_HEADER


def _files_of(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return f" of {', '.join(names[:3])}{', …' if len(names) > 3 else ''}" if names else " with nothing in it"
