"""Catalogue files that are read beside the package's own: where they stand. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

# The table of a catalogue file that holds distances; all others are generators.
DISTANCES_TABLE = "distances"


def user_catalogue() -> Path:
    """The catalogue file of this user, beside the data folder of a server of theirs; it need not be there.

    `~/.local/share/pullback/catalogue.toml` on Linux (or below `$XDG_DATA_HOME`), and what the platform has for such
    data elsewhere.
    """
    return platformdirs.user_data_path("pullback", appauthor=False) / "catalogue.toml"


def catalogue_files(known: Mapping[str, Path]) -> list[Path]:
    """That of this user, where there is one, then those that `$PULLBACK_CATALOGUE` lists, separated as `$PATH` is.

    Args:
        known: Files of the package by the words that may stand for them there.
    """
    own, listed = user_catalogue(), os.environ.get("PULLBACK_CATALOGUE", "").split(os.pathsep)
    named = [known.get(name) or Path(name).expanduser() for name in listed if name]
    # What is no plain file or may not be read is told; only where there is nothing is that nothing's fault.
    return [*([own] if os.path.lexists(own) else []), *named]
