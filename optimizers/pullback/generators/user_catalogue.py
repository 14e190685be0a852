"""Catalogue file of this user: where it stands. Imports no torch."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def user_catalogue() -> Path:
    """The catalogue file of this user, beside the data folder of a server of theirs; it need not be there.

    `~/.local/share/pullback/catalogue.toml` on Linux (or below `$XDG_DATA_HOME`), and what the platform has for such
    data elsewhere.
    """
    return platformdirs.user_data_path("pullback", appauthor=False) / "catalogue.toml"
