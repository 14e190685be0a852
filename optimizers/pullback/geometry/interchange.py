"""Eigenbases in the npz files of the published literature, in and out; NumPy only.

Layouts, by the keys of the files that accompany Wang & Ponce (ICLR 2021):

    generic    H_avg, eva_avg, evc_avg
    fc6        H_avg, eigv_avg, eigvect_avg
    biggan     {H, eigvals, eigvects}_{avg, clas_avg, nois_avg}: the parts full, class and noise in one file
    position   H_BP, eva_BP, evc_BP and feat: the metric at one latent, and that latent

Eigenvalues ascend in the files and descend here; eigenvectors are columns in both. Of k eigenpairs of n dimensions,
eigenvalues have the shape (k,) and eigenvectors (n, k); in the metric's place stands `floor_` with its key, the mean of
the other eigenvalues.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.files import write_whole
from pullback.geometry.checks import TOLERANCE, as_metric, check_orthonormal
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback.weights.inspection import inspect_bytes

# Second derivatives in float32 leave negative eigenvalues of about 1e-7 of the largest; one below this share is no
# rounding.
_NEGATIVE_TOLERANCE = 1e-4
_UNREADABLE = (ValueError, KeyError, EOFError, OSError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


class _Keys(NamedTuple):
    metric: str
    eigenvalues: str
    eigenvectors: str

    @property
    def floor(self) -> str:
        """What stands in the metric's place beside k eigenpairs."""
        return f"floor_{self.metric}"

    def within(self, present: set[str]) -> bool:
        """Whether all of them are there."""
        others = {self.eigenvalues, self.eigenvectors}
        return others <= present and (self.metric in present or self.floor in present)


_LATENT = "feat"
# The part of a layout that holds one basis is named "".
_LAYOUTS: dict[str, dict[str, _Keys]] = {
    "generic": {"": _Keys("H_avg", "eva_avg", "evc_avg")},
    "fc6": {"": _Keys("H_avg", "eigv_avg", "eigvect_avg")},
    "biggan": {
        "full": _Keys("H_avg", "eigvals_avg", "eigvects_avg"),
        "class": _Keys("H_clas_avg", "eigvals_clas_avg", "eigvects_clas_avg"),
        "noise": _Keys("H_nois_avg", "eigvals_nois_avg", "eigvects_nois_avg"),
    },
    "position": {"": _Keys("H_BP", "eva_BP", "evc_BP")},
}


def export_npz(
    bases: Eigenbasis | Mapping[str, Eigenbasis],
    path: str | os.PathLike[str],
    *,
    layout: str = "generic",
    latent: NDArray[Any] | None = None,
) -> None:
    """Writes eigenbases to an npz file with published keys, in float64, whole or not at all.

    The published keys have no room for provenance: safetensors (`Eigenbasis.save`) keeps it. A basis without its metric
    is written with its floor instead, which no published program reads.

    Args:
        bases: The basis; for layout `biggan` the three bases by part, `full`, `class` and `noise`.
        path: File to write, under exactly this name; one that is there is replaced.
        layout: `generic`, `fc6`, `biggan` or `position`.
        latent: For layout `position` the latent at which the metric stands, shape (n,); else none.

    Raises:
        UnknownNameError: No such layout.
        InvalidInputError: The layout takes other bases, or a latent is missing, superfluous or of another shape.
        OSError: The file cannot be written. Nothing is left behind then.
    """
    parts = _parts(layout)
    by_part = {"": bases} if isinstance(bases, Eigenbasis) else dict(bases)
    if by_part.keys() != parts.keys():
        wanted = "one eigenbasis" if list(parts) == [""] else f"eigenbases by name: {', '.join(parts)}"
        came = "one" if isinstance(bases, Eigenbasis) else ", ".join(by_part) or "none"
        raise InvalidInputError(f"layout {layout!r} takes {wanted}, but {came} came")
    arrays: dict[str, NDArray[np.float64]] = {}
    for part, keys in parts.items():
        basis = by_part[part]
        if basis.metric is None:
            arrays[keys.floor] = np.array(basis.floor)
        else:
            arrays[keys.metric] = basis.metric
        arrays[keys.eigenvalues] = basis.eigenvalues[::-1]
        arrays[keys.eigenvectors] = basis.eigenvectors[:, ::-1]
    if (layout == "position") != (latent is not None):
        raise InvalidInputError("a latent goes with layout 'position', and with no other")
    if latent is not None:
        arrays[_LATENT] = _as_latent(latent, by_part[""].dim)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # takes the names of arrays for those of its own arguments
    write_whole(path, buffer.getvalue())


def import_npz(
    path: str | os.PathLike[str],
    provenance: Provenance,
    *,
    layout: str | None = None,
    part: str | None = None,
    k: int | None = None,
) -> Eigenbasis:
    """Reads an eigenbasis from an npz file with published keys.

    What comes is checked, since the metric and its eigenvectors may be of different runs: the metric is symmetric
    to 1e-5 of its largest entry; the eigenvectors are orthonormal to 1e-5; H = U diag(λ) Uᵀ to 1e-5 of the largest
    eigenvalue; no eigenvalue is below −1e-4 of the largest. All hold for files in float32. Eigenvalues slightly below
    zero are kept as they are. The arrays are read in float64, and sorted descending.

    Args:
        path: The file. It is read without pickle.
        provenance: What the basis was computed from, as the caller knows it; its method becomes `imported`.
        layout: `generic`, `fc6`, `biggan` or `position`; by the keys of the file when omitted.
        part: Which basis of a `biggan` file: `full`, `class` or `noise`; the space of the provenance when omitted.
        k: How many leading eigenpairs to keep, with the mean of the others as the floor and without the metric: of a
            published basis of 4,096 dimensions 500 take 16 MB instead of 268. All when omitted.

    Raises:
        UnknownNameError: No such layout, or no such part of it.
        InvalidInputError: The file is no npz file, lacks a key, fits several layouts, or fails a check; the message
            names the file and the key, and says by how much.
        OSError: The file cannot be read.
    """
    try:
        arrays = _read(path)
        if layout is None:
            layout = _detect(arrays)
        keys = _keys_of(layout, provenance.space if part is None else part)
        provenance = replace(provenance, method="imported")
        if keys.metric not in arrays and keys.floor in arrays:
            basis = _leading(arrays, keys, provenance)
        else:
            metric, eigenvalues, eigenvectors = (_array(arrays, key) for key in keys)
            basis = _checked(metric, eigenvalues, eigenvectors, keys, provenance)
        return basis if k is None else basis.truncated(k)
    except InvalidInputError as error:
        raise InvalidInputError(f"{os.fspath(path)}: {error}") from error


def import_npz_latent(path: str | os.PathLike[str]) -> Float64[np.ndarray, " n"]:
    """Reads the latent of an npz file of layout `position`.

    Args:
        path: The file. It is read without pickle.

    Returns:
        The latent at which the file's metric stands, shape (n,).

    Raises:
        InvalidInputError: The file is no npz file, or its latent is missing, of another shape or not finite; the
            message names the file.
        OSError: The file cannot be read.
    """
    try:
        return _as_latent(_array(_read(path), _LATENT))
    except InvalidInputError as error:
        raise InvalidInputError(f"{os.fspath(path)}: {error}") from error


def _parts(layout: str) -> dict[str, _Keys]:
    if layout not in _LAYOUTS:
        raise UnknownNameError("layout of an npz file", layout, _LAYOUTS)
    return _LAYOUTS[layout]


def _keys_of(layout: str, part: str) -> _Keys:
    parts = _parts(layout)
    if list(parts) == [""]:
        return parts[""]
    if part not in parts:
        raise UnknownNameError(f"part of layout {layout!r}", part, parts)
    return parts[part]


def _detect(keys: Iterable[str]) -> str:
    present = set(keys)
    fitting = [layout for layout, parts in _LAYOUTS.items() if any(keys.within(present) for keys in parts.values())]
    if len(fitting) == 1:
        return fitting[0]
    came = f"of the known keys the file holds {', '.join(sorted(present)) or 'none'}"
    if fitting:
        raise InvalidInputError(f"{came}, which fits the layouts {' and '.join(fitting)}; say which one is meant")
    known = "; ".join(
        f"{layout} ({', '.join(key for names in parts.values() for key in names)})"
        for layout, parts in _LAYOUTS.items()
    )
    raise InvalidInputError(f"{came}, which fits no known layout: {known}")


def _read(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    data = Path(path).read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise InvalidInputError(f"not an npz file: {inspect_bytes(data)}")
    known = {key for parts in _LAYOUTS.values() for names in parts.values() for key in (*names, names.floor)}
    known.add(_LATENT)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {key: np.asarray(file[key]) for key in file.files if key in known}
    except _UNREADABLE as error:
        raise InvalidInputError(f"not a readable npz file: {inspect_bytes(data)} ({error})") from error


def _array(arrays: Mapping[str, NDArray[Any]], key: str) -> NDArray[np.float64]:
    if key not in arrays:
        raise InvalidInputError(f"no {key}; of the known keys the file holds {', '.join(sorted(arrays)) or 'none'}")
    array = arrays[key]
    if array.dtype.kind != "f":
        raise InvalidInputError(f"{key} is of floating-point numbers, but {array.dtype} came")
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{key} is finite, but NaN or infinity came")
    return array.astype(np.float64)


def _checked(
    metric: NDArray[np.float64],
    eigenvalues: NDArray[np.float64],
    eigenvectors: NDArray[np.float64],
    keys: _Keys,
    provenance: Provenance,
) -> Eigenbasis:
    try:
        metric = as_metric(metric)
    except InvalidInputError as error:
        raise InvalidInputError(f"{keys.metric}: {error}") from None
    n = len(metric)
    for key, array, shape in ((keys.eigenvalues, eigenvalues, (n,)), (keys.eigenvectors, eigenvectors, (n, n))):
        if array.shape != shape:
            raise InvalidInputError(
                f"{key} has shape {shape} beside {keys.metric} of shape {(n, n)}, but {array.shape} came"
            )
    check_orthonormal(eigenvectors, f"the columns of {keys.eigenvectors}")
    # Descending; equal ones in the reverse of the file's order.
    order = np.argsort(-eigenvalues[::-1], kind="stable")
    eigenvalues, eigenvectors = eigenvalues[::-1][order], eigenvectors[:, ::-1][:, order]
    if eigenvalues[-1] < -_NEGATIVE_TOLERANCE * abs(eigenvalues[0]):
        raise InvalidInputError(
            f"{keys.eigenvalues}: the eigenvalues of a metric are not below zero, but for rounding of "
            f"{_NEGATIVE_TOLERANCE:g} of the largest, {eigenvalues[0]:.3g}; {eigenvalues[-1]:.3g} came"
        )
    _check_rebuilds(metric, eigenvalues, eigenvectors, keys)
    return Eigenbasis(eigenvalues, eigenvectors, metric, provenance)


def _leading(arrays: Mapping[str, NDArray[Any]], keys: _Keys, provenance: Provenance) -> Eigenbasis:
    """The basis of a file of k eigenpairs, which the constructor checks."""
    floor, values, vectors = (_array(arrays, key) for key in (keys.floor, keys.eigenvalues, keys.eigenvectors))
    if floor.size != 1 or values.ndim != 1 or vectors.ndim != 2:
        raise InvalidInputError(
            f"{keys.floor}, {keys.eigenvalues} and {keys.eigenvectors} have shapes (), (k,) and (n, k), but "
            f"{floor.shape}, {values.shape} and {vectors.shape} came"
        )
    return Eigenbasis(values[::-1], vectors[:, ::-1], None, provenance, floor=float(floor))


def _check_rebuilds(
    metric: NDArray[np.float64], eigenvalues: NDArray[np.float64], eigenvectors: NDArray[np.float64], keys: _Keys
) -> None:
    # ‖H − U Λ Uᵀ‖_max
    defect = np.abs(metric - eigenvectors * eigenvalues @ eigenvectors.T).max()
    if defect > TOLERANCE * abs(eigenvalues[0]):
        raise InvalidInputError(
            f"{keys.metric} is U diag(λ) Uᵀ of {keys.eigenvalues} and {keys.eigenvectors} to {TOLERANCE:g} of the "
            f"largest eigenvalue, {eigenvalues[0]:.3g}, but it is off by {defect:.3g}: "
            "the arrays are of different metrics, or the eigenvectors are rows"
        )


def _as_latent(latent: NDArray[Any], dim: int | None = None) -> NDArray[np.float64]:
    """A latent of shape (n,), from that or (1, n), as some files have it."""
    values = np.asarray(latent, dtype=np.float64)
    if values.ndim == 2 and len(values) == 1:
        values = values[0]
    if values.ndim != 1 or values.size == 0 or dim not in (None, values.size):
        shape = "(n,)" if dim is None else f"({dim},)"
        raise InvalidInputError(f"{_LATENT}: a latent has shape {shape}, but {np.shape(latent)} came")
    if not np.isfinite(values).all():
        raise InvalidInputError(f"{_LATENT}: a latent is finite, but NaN or infinity came")
    return values
