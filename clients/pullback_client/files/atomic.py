"""Atomic files: there whole or not at all."""

from __future__ import annotations

import io
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_client.files import protected_files
from pullback_client.text.printable import text_alone


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file atomically, making its folder where there is none. A file of that name is replaced.

    Raises:
        InvalidArgumentError: It is one of the `protected_files`.
    """
    protected_files.refuse([path])
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not called after the file, whose name may be as long as names can be.
    handle, name = tempfile.mkstemp(prefix=".pullback-", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp keeps its file to its owner; give this one the permissions that any new file gets.
        if os.name == "posix":
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def delete(path: Path) -> None:
    """Deletes a file where there is one.

    Raises:
        InvalidArgumentError: It is one of the `protected_files`.
    """
    protected_files.refuse([path])
    path.unlink(missing_ok=True)


def write_png(path: Path, image: Image.Image) -> None:
    """Writes an image as PNG, atomically."""
    write_bytes(path, to_png(image))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes indented JSON, atomically. Numbers that are not finite, which JSON does not know, become null."""
    write_bytes(path, to_json_file(value))


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]], provenance: Mapping[str, Any]) -> None:
    """Writes arrays and their provenance (a JSON text under `provenance`) as compressed npz, atomically."""
    write_bytes(path, to_npz(arrays, provenance))


def to_png(image: Image.Image) -> bytes:
    """What `write_png` writes."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def to_npz(arrays: Mapping[str, npt.NDArray[Any]], provenance: Mapping[str, Any]) -> bytes:
    """What `write_npz` writes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays, provenance=np.array(to_json(provenance)))
    return buffer.getvalue()


def to_json_file(value: Mapping[str, Any]) -> bytes:
    """What `write_json` writes."""
    return (to_json(value, indent=2) + "\n").encode()


def to_json(value: Mapping[str, Any], indent: int | None = None) -> str:
    """Strict JSON text of a value; numbers that are not finite become null, and what is no text becomes escapes."""
    return json.dumps(finite(value), indent=indent, allow_nan=False, ensure_ascii=False)


def finite(value: Any) -> Any:
    """The value with null in place of numbers that are not finite, and escapes in place of bytes that are no text.

    JSON knows neither.
    """
    match value:
        case str():
            return text_alone(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {finite(key): finite(item) for key, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case _:
            return value
