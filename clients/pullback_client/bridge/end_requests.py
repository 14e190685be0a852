"""Requests to end a block before every image has a score: marker files in the folder, and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from pullback_client.bridge.layout import END_BLOCK, END_BRIDGE

Ending: TypeAlias = Literal["", "block", "bridge"]
"""What was asked to end: nothing; the block that is shown; that, and the bridge after it."""

_MARKERS: dict[str, Ending] = {END_BLOCK: "block", END_BRIDGE: "bridge"}


class EndRequests:
    """Looks whether somebody, as the animal has stopped, asks to end the block that is shown.

    Args:
        folder: The folder, in which a marker file asks.
        keys: What keys have asked since it was last called.
    """

    def __init__(self, folder: Path, keys: Callable[[], Ending]) -> None:
        self._folder = folder
        self._keys = keys
        self._pressed: set[Ending] = set()

    def look(self) -> Ending:
        """What is asked, the same until it is `taken`."""
        self._pressed.add(self._keys())
        asked = {*self._pressed, *(ending for _, ending in self._markers())}
        return "bridge" if "bridge" in asked else "block" if "block" in asked else ""

    def taken(self) -> None:
        """Forgets what was asked, and removes the markers, which would end the next block as well."""
        for path, _ in self._markers():
            path.unlink(missing_ok=True)
        self._pressed.clear()

    def _markers(self) -> list[tuple[Path, Ending]]:
        found = []
        for path in self._folder.iterdir():
            # Editors on Windows add a suffix, and do not show it.
            ending = _MARKERS.get(path.name.casefold().removesuffix(".txt"))
            if ending is not None:
                found.append((path, ending))
        return found
