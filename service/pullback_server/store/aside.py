"""Files and rows moved aside, which the store cannot use: they may be all that somebody has."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from pullback_server.store.privacy import make_folder

FOLDER = "aside"

_log = logging.getLogger(__name__)


def move_aside(folder: Path, paths: Iterable[Path]) -> Path | None:
    """Moves files to a new folder of `aside/`, beside `folder`, under their own names.

    Returns:
        Where they are; None where they cannot be moved, and are where they were.
    """
    kept = folder.parent / FOLDER / f"{folder.name}-{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%f}Z"
    try:
        make_folder(kept.parent)
        make_folder(kept)
        for path in paths:
            path.replace(kept / path.name)
    except OSError as error:
        _log.warning("what is not this database's stays where it is: %s", error)
        return None
    return kept
