"""The cache of converted weight files.

Each converted file `NAME.safetensors` has a record `NAME.json` beside it: the SHA-256 of the published file that it was
made from, which part of that file, and the SHA-256 of the converted file. The record is written last, so a converted
file without one is an interrupted conversion and is made again. A file that differs from its record is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import platformdirs

from pullback.errors import WeightsCorruptedError
from pullback.files import write_whole
from pullback.weights.source import WeightsSource

_CHUNK = 1 << 20


def cache_folder() -> Path:
    """`$PULLBACK_CACHE`, or the platform's user cache folder for this project."""
    configured = os.environ.get("PULLBACK_CACHE")
    return Path(configured).expanduser() if configured else platformdirs.user_cache_path("pullback")


def converted_path(source: WeightsSource) -> Path:
    """Where the converted file of a source stands."""
    parts = [
        Path(source.file_name).stem,
        source.key,
        source.prefix.strip("."),
        source.layout.digest,
        source.identity[:16],
    ]
    name = "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts if part)
    return cache_folder() / "weights" / f"{name}.safetensors"


def placed_path(source: WeightsSource) -> Path:
    """Where someone without a network may put the published file by hand."""
    return cache_folder() / "placed" / f"{(source.sha256 or source.identity)[:16]}-{source.file_name}"


def placed_archive(source: WeightsSource) -> Path:
    """Where they may put the whole source distribution of a source of that kind, as it was published."""
    return cache_folder() / "placed" / source.archive_name


def find_converted(source: WeightsSource) -> Path | None:
    """The verified converted file of a source; None where there is none.

    Raises:
        WeightsCorruptedError: There is one, but not as it was written.
    """
    path = converted_path(source)
    try:
        record_text = _record_path(path).read_bytes()
        found = sha256_of(path)
    except FileNotFoundError:
        return None
    remedy = f"Delete {path} and {_record_path(path)}, then run again: it is fetched anew."
    try:
        record = json.loads(record_text)
        expected, origin, part = record["sha256"], record["source_sha256"], record["part"]
        tensors = record.get("tensors_sha256", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsCorruptedError(
            f"the record {_record_path(path)} of cached weights is damaged. {remedy}"
        ) from error
    if found != expected:
        raise WeightsCorruptedError(
            f"cached weights {path} are damaged: SHA-256 {found}, but {expected} was written. {remedy}"
        )
    if tensors != source.tensors_sha256 or not any(way.matches(origin) and part == _part(way) for way in source.ways):
        raise WeightsCorruptedError(
            f"cached weights {path} were made from a file with SHA-256 {origin} (part {part}), but {source} has "
            f"{source.sha256} (part {_part(source)}). {remedy}"
        )
    return path


def is_converted(source: WeightsSource) -> bool:
    """Whether the cache holds a converted file of a source; it is not verified."""
    path = converted_path(source)
    return path.is_file() and _record_path(path).is_file()


def write_converted(source: WeightsSource, way: WeightsSource, way_sha256: str, content: bytes) -> Path:
    """Writes the converted file of a source, then its record.

    Args:
        source: The source.
        way: The one of its ways by which the weights came.
        way_sha256: SHA-256 of the file that came.
        content: The converted file.
    """
    path = converted_path(source)
    record: dict[str, object] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "source_sha256": way_sha256,
        "part": _part(way),
        "source": str(way),
    }
    if source.tensors_sha256:
        record["tensors_sha256"] = source.tensors_sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    # An old record would condemn the new file if this process died between the two writes.
    _record_path(path).unlink(missing_ok=True)
    write_whole(path, content)
    write_whole(_record_path(path), json.dumps(record, indent=2).encode())
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _record_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _part(source: WeightsSource) -> list[str]:
    part = [source.key, source.prefix, *source.convolutions]
    return [*part, source.layout.digest] if source.layout.digest else part
