"""Score files of a rig, read by their suffixes: `.mat` of MATLAB 7.3 and older, `.h5`, `.csv`."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pullback_client.bridge.score_files import matrices, tables
from pullback_client.bridge.score_files.scores import MatrixRows, ScoreFile, UnreadableError
from pullback_client.errors import FailedPreconditionError


@dataclass(frozen=True)
class Reading:
    """How the score files of a block are read.

    Attributes:
        images: How many images the block has.
        rows: What the rows of a matrix are; None = its shape decides, and one that fits both ways is refused.
    """

    images: int
    rows: MatrixRows | None = None


def require_extras(suffix: str) -> None:
    """Raises FailedPreconditionError where a package that such files need is missing, with what to install.

    Args:
        suffix: `.mat`, `.h5` or `.csv`.
    """
    needed = {".mat": ("h5py", "scipy"), ".h5": ("h5py",)}.get(suffix, ())
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise FailedPreconditionError(
            f"{suffix} score files need {' and '.join(missing)} to be read: pip install 'pullback[bridge]'"
        )


def read(path: Path, reading: Reading) -> ScoreFile:
    """Reads a score file by its suffix.

    Raises:
        UnreadableError: It is not there whole yet, or is not a score file, or says something that can be understood in
            two ways; the message says what is wrong with it.
        FailedPreconditionError: A package that it needs is missing.
    """
    suffix = path.suffix.lower()
    require_extras(suffix)
    try:
        match suffix:
            case ".mat":
                return matrices.read_mat(path, reading.rows)
            case ".h5":
                return matrices.read_h5(path, reading.images, reading.rows)
            case _:
                return tables.read(path)
    except UnreadableError:
        raise
    # Files that are being written break their readers in more ways than their authors have thought of.
    except Exception as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error


def nothing(path: Path) -> ScoreFile:
    """A score file without a row.

    Args:
        path: The file that is not there.
    """
    return ScoreFile(path, (), None, np.empty((0, 1)))
