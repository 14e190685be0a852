"""Pins of weight files whose SHA-256 nobody published: what came first is what is expected from then on."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from pullback.errors import WeightsCorruptedError
from pullback.files import write_whole
from pullback.weights.cache import cache_folder
from pullback.weights.source import WeightsSource

_logger = logging.getLogger(__name__)


def pin_path(source: WeightsSource) -> Path:
    """Where the SHA-256 of a source's file is kept, one line of text."""
    return cache_folder() / "pinned" / f"{source.identity[:16]}-{source.file_name}.sha256"


def expected_sha256(source: WeightsSource) -> str:
    """The SHA-256 that a source's file has, or its beginning; empty where none was published and none came yet.

    Raises:
        WeightsCorruptedError: The pin is no SHA-256.
    """
    if source.sha256:
        return source.sha256
    try:
        pinned = pin_path(source).read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    if not re.fullmatch(r"[0-9a-f]{64}", pinned):
        raise WeightsCorruptedError(f"the pin {pin_path(source)} is damaged; delete it to pin {source} anew")
    return pinned


def pin(source: WeightsSource, sha256: str) -> None:
    """Keeps the SHA-256 of the file that came for a source without one, and says so; of others nothing is kept."""
    path = pin_path(source)
    if source.sha256 or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f"{sha256}\n".encode())
    _logger.warning(
        "no SHA-256 of %s was published: it is pinned to %s, which came now. To expect the same everywhere, write it "
        "into the catalogue as sha256",
        source,
        sha256,
    )
