"""Score files that hold matrices: MATLAB's `.mat` and HDF5. h5py and SciPy are imported to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pullback_client.bridge.layout import INDICES, ONSET, RESPONSES, SCORES, STIMULUS_ID
from pullback_client.bridge.score_files import mat5, mat73
from pullback_client.bridge.score_files.scores import MatrixRows, ScoreFile, UnreadableError, places
from pullback_client.wire.codec import Array


def read_mat(path: Path, rows: MatrixRows | None) -> ScoreFile:
    """Reads a .mat of any version. One matrix means the same in all of them.

    Args:
        path: The file.
        rows: What the rows of its matrix are, as MATLAB shows it; None = its shape decides.

    Raises:
        UnreadableError: It is no such file, or its matrix fits both ways.
    """
    import h5py  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `bridge` extra)

    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            _require(path, file, (STIMULUS_ID, RESPONSES))
            ids = mat73.names(path, file, STIMULUS_ID)
            values = mat73.matrix(path, file, RESPONSES)
            onsets = mat73.matrix(path, file, ONSET) if ONSET in file else None
    else:
        content = mat5.load(path, (STIMULUS_ID, RESPONSES, ONSET))
        _require(path, content, (STIMULUS_ID, RESPONSES))
        ids = mat5.names(path, content, STIMULUS_ID)
        values = mat5.matrix(path, content, RESPONSES)
        onsets = mat5.matrix(path, content, ONSET) if ONSET in content else None
    if "" in ids:
        raise UnreadableError(f"{path}: {STIMULUS_ID}{{{ids.index('') + 1}}} is empty: it names no image")
    oriented = _oriented(path, RESPONSES, values, ids, rows)
    return ScoreFile(path, tuple(ids), None, oriented, onsets=_onsets(path, onsets, len(ids)))


def read_h5(path: Path, images: int, rows: MatrixRows | None) -> ScoreFile:
    """Reads an .h5.

    Args:
        path: The file.
        images: How many images the block has.
        rows: What the rows of its matrix are, as HDF5 counts dimensions; None = its shape decides.

    Raises:
        UnreadableError: It is no such file, or its matrix fits both ways.
    """
    import h5py  # noqa: PLC0415  (of the `bridge` extra)

    with h5py.File(path, "r") as file:
        _require(path, file, (SCORES,))
        values = mat73.stored(path, file, SCORES)
        onsets = mat73.stored(path, file, ONSET) if ONSET in file else None
        given = np.ravel(mat73.stored(path, file, INDICES)).tolist() if INDICES in file else list(range(images))
    indices = places(path, given)
    if values.ndim <= 1:
        values = values.reshape(-1, 1)
    oriented = _oriented(path, SCORES, values, [f"index {place}" for place in indices], rows)
    return ScoreFile(path, None, indices, oriented, onsets=_onsets(path, onsets, len(indices)))


def _require(path: Path, content: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if missing := [name for name in names if name not in content]:
        held = ", ".join(sorted(name for name in content if not name.startswith(("#", "__")))) or "nothing"
        raise UnreadableError(f"{path} has no {' and no '.join(missing)}; it holds {held}")


def _oriented(path: Path, name: str, values: Array, ids: Sequence[str], rows: MatrixRows | None) -> Array:
    """The values with images in rows.

    Some rigs write images × channels, some, as XDream's, the other way round. Where the shape does not say which, it is
    not guessed: scores of other images would be told.
    """
    count, shape = len(ids), " × ".join(map(str, values.shape))
    if values.ndim != 2:
        raise UnreadableError(f"{path}: {name} is {shape}: expected a matrix of images and channels")
    # Of one channel, or of one image: there is one way to read it.
    if values.size == count and 1 in values.shape:
        return values.reshape(count, 1)
    if count == 1 and 1 in values.shape:
        return values.reshape(1, -1)
    if rows is not None:
        if values.shape[0 if rows == "images" else 1] != count:
            raise UnreadableError(f"{path}: {name} is {shape} for {count} images, with {rows} in its rows")
        return values if rows == "images" else values.T
    if values.shape == (count, count):
        first = f"{ids[0]} then has"
        raise UnreadableError(
            f"{path}: {name} is {shape} for {count} images, so its rows may be images ({first} {_few(values[0])}) or "
            f"channels ({first} {_few(values[:, 0])}). Start the bridge with --rows images or --rows channels"
        )
    if count not in values.shape:
        raise UnreadableError(f"{path}: {name} is {shape} for {count} images: expected as many rows, or columns")
    return values if values.shape[0] == count else values.T


def _few(values: Array) -> str:
    told = ", ".join(f"{value:g}" for value in values[:4])
    return told if len(values) <= 4 else f"{told} …"


def _onsets(path: Path, onsets: Array | None, count: int) -> Array | None:
    if onsets is None:
        return None
    if onsets.size != count or max(onsets.shape, default=1) != count:
        shape = " × ".join(map(str, onsets.shape))
        raise UnreadableError(f"{path}: {ONSET} is {shape} for {count} images: expected one number for each")
    return onsets.ravel()
