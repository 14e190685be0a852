"""Folder of a walk that a command makes: what would be written over is refused first; then the walk is saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.directions import Traversal
from pullback_client.directions.traversal import FOLDER_FILES, FRAME_FILES


def refuse_walk_over(folder: Path, force: bool, inputs: Iterable[Path | None]) -> None:
    """Refuses a folder that is a file, or holds another walk and `force` is not said, or files that the command reads.

    Raises:
        InvalidArgumentError: It is such.
    """
    refuse_file_as_folder(folder)
    frames = sorted(file for pattern in FRAME_FILES for file in folder.glob(pattern))
    replaced = [*frames, *(folder / name for name in FOLDER_FILES)]
    refuse_overwriting(replaced, force, inputs)


def save_walk(walk: Traversal, folder: Path, upscale: int) -> list[Path]:
    """Saves a walk into a folder, which is made; the files that were written."""
    # One that is there is taken for a folder, whatever its name ends in.
    folder.mkdir(parents=True, exist_ok=True)
    return walk.save(folder, upscale=upscale)
