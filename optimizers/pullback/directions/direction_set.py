"""Directions of a latent space, with where they came from; NumPy only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import safetensors.numpy
from jaxtyping import Float64
from numpy.typing import NDArray
from safetensors import SafetensorError

from pullback.errors import InvalidInputError
from pullback.files import read_as, read_provenance, write_whole
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.weights.inspection import inspect_bytes

_FORMAT = "pullback-directions-1"
_LEAST_NORM = 1e-12


@dataclass(frozen=True)
class Origin:
    """What directions were found in, and how.

    Attributes:
        generator: Name of the generator.
        weights_hash: SHA-256 of the generator's weight file.
        space: Name of the latent space that the directions lie in.
        method: Name of the method (`hessian`, `local_basis`, `imported`, …).
        version: Version of this library.
        settings: What else decides the result, as text by name (`seed`, `samples`, …).
    """

    generator: str
    weights_hash: str
    space: str
    method: str
    version: str
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class DirectionSet:
    """Unit vectors of one latent space, found together.

    The arrays are checked when the set is made, copied and set read-only. Vectors are scaled to the length 1; their
    signs are those that came.

    Attributes:
        vectors: One direction a row, shape (k, n).
        values: What the method ranks by (eigenvalue, singular value, variance), shape (k,); NaN where it has none.
        origin: Where they came from.
        layers: Layers of a style-based generator on which a step acts, ascending, from 0; empty = all.
        input_vectors: Unit vectors before the mapping network that belong to `vectors`, shape (k, d): for a local basis
            the right singular vectors. None where the method has none.
        base: The latent at which a local method looked, shape (d,); None for a global method.
        rates: α_H(v) = vᵀHv of the global metric H, shape (k,); None until `measured`.
        alignment: Share of each direction's squared length in the top eigenspace, shape (k,); None until `measured`.
        aligned_axes: Number of eigenvectors of that eigenspace; 0 until `measured`.

    Raises:
        InvalidInputError: The arrays are no directions; the message says which property fails.
    """

    vectors: NDArray[np.float64]
    values: NDArray[np.float64]
    origin: Origin
    layers: tuple[int, ...] = ()
    input_vectors: NDArray[np.float64] | None = None
    base: NDArray[np.float64] | None = None
    rates: NDArray[np.float64] | None = None
    alignment: NDArray[np.float64] | None = None
    aligned_axes: int = 0

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            if (value := getattr(self, name)) is not None:
                array = np.array(value, dtype=np.float64)
                if name in {"vectors", "input_vectors"}:
                    array = _unit_rows(array, name)
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        k = len(self.vectors)
        for name in ("values", "input_vectors", "rates", "alignment"):
            if (array := getattr(self, name)) is not None and array.shape[:1] != (k,):
                raise InvalidInputError(f"{name} of {k} directions has {k} rows, but shape {array.shape} came")
        for name in ("base", "rates", "alignment"):
            if (array := getattr(self, name)) is not None and not np.isfinite(array).all():
                raise InvalidInputError(f"the {name} of directions is finite, but NaN or infinity came")
        if np.isinf(self.values).any():
            raise InvalidInputError(
                "the values of directions are finite, or NaN where there is none, but infinity came"
            )
        if any(layer < 0 for layer in self.layers) or list(self.layers) != sorted(set(self.layers)):
            raise InvalidInputError(f"layers ascend from 0 on, each once, but {list(self.layers)} came")

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """The number n of coordinates of a direction."""
        return int(self.vectors.shape[1])

    def measured(self, eigenbasis: Eigenbasis) -> DirectionSet:
        """The same directions with their rates of image change and their alignment with an eigenbasis.

        α_H(v) = vᵀHv (Wang & Ponce, ICLR 2021, Eq. 9); the alignment is Σ (u_iᵀv)² over the eigenvectors u_i that hold
        99 % of the trace of H (their A.9 takes the top 60), or all that the basis has.

        Raises:
            InvalidInputError: The eigenbasis has another dimension.
        """
        self._check_dim(eigenbasis)
        shares = eigenbasis.rotate(self.vectors) ** 2
        rates = eigenbasis.rates(self.vectors)
        axes = min(eigenbasis.dims_for(0.99), eigenbasis.k)
        return replace(self, rates=rates, alignment=shares[:, :axes].sum(axis=1), aligned_axes=axes)

    def purified(self, eigenbasis: Eigenbasis, k: int) -> DirectionSet:
        """Directions projected on the k leading eigenvectors, and measured again: Wang & Ponce (ICLR 2021), A.9.

        Raises:
            InvalidInputError: k is out of range, the eigenbasis has another dimension, or nothing is left of a
                direction; the message says of which.
        """
        self._check_dim(eigenbasis)
        top = eigenbasis.top(k)
        projected = self.vectors @ top @ top.T
        if len(gone := np.flatnonzero(np.linalg.norm(projected, axis=1) < 1e-6)):
            raise InvalidInputError(
                f"direction {gone[0]} has no part in the {k} leading eigenvectors; take more of them or leave it"
            )
        # What was before the mapping network belongs to the unprojected vectors.
        return replace(self, vectors=projected, input_vectors=None).measured(eigenbasis)

    def _check_dim(self, eigenbasis: Eigenbasis) -> None:
        if eigenbasis.dim != self.dim:
            raise InvalidInputError(
                f"these directions have {self.dim} coordinates, but an eigenbasis of {eigenbasis.dim} dimensions came"
            )

    def to_bytes(self) -> bytes:
        """The set as the bytes of one safetensors file; the same set gives the same bytes."""
        arrays = {name: np.ascontiguousarray(array) for name in _ARRAYS if (array := getattr(self, name)) is not None}
        provenance = {**vars(self.origin), "layers": list(self.layers), "aligned_axes": self.aligned_axes}
        header = {"format": _FORMAT, "provenance": provenance}
        return safetensors.numpy.save(arrays, {"pullback": json.dumps(header, sort_keys=True)})

    @classmethod
    def from_bytes(cls, data: bytes) -> DirectionSet:
        """The set that `to_bytes` wrote.

        Raises:
            InvalidInputError: The bytes are no directions; the message says what is wrong with them.
        """
        try:
            arrays: dict[str, Any] = safetensors.numpy.load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"not a readable safetensors file: {inspect_bytes(data)} ({error})") from error
        said = dict(read_provenance(data, _FORMAT, "directions"))
        try:
            layers, axes = tuple(int(layer) for layer in said.pop("layers")), int(said.pop("aligned_axes"))
            origin = Origin(**said)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"the provenance of directions cannot be read: {error}") from error
        if missing := {"vectors", "values"} - arrays.keys():
            raise InvalidInputError(
                f"directions hold vectors and values, but no {' and no '.join(sorted(missing))} came"
            )
        known = {name: np.asarray(arrays[name], dtype=np.float64) for name in _ARRAYS if name in arrays}
        return cls(origin=origin, layers=layers, aligned_axes=axes, **known)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the set to one safetensors file, whole or not at all.

        Raises:
            OSError: The file cannot be written. Nothing is left behind then.
        """
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> DirectionSet:
        """Reads a set that `save` wrote.

        Raises:
            OSError: The file cannot be read.
            InvalidInputError: The file holds no directions; the message names it and says what is wrong.
        """
        return read_as(path, cls.from_bytes)


_ARRAYS = ("vectors", "values", "input_vectors", "base", "rates", "alignment")


def _unit_rows(rows: NDArray[np.float64], name: str) -> Float64[np.ndarray, "k n"]:
    if rows.ndim != 2 or 0 in rows.shape:
        raise InvalidInputError(f"{name}: one direction a row, shape (k, n), but shape {rows.shape} came")
    if not np.isfinite(rows).all():
        raise InvalidInputError(f"{name} are finite, but NaN or infinity came")
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise InvalidInputError(f"{name} have lengths below 1e154, but longer ones came")
    if (zero := np.flatnonzero(norms < _LEAST_NORM)).size:
        raise InvalidInputError(f"{name}: direction {zero[0]} is zero")
    unit: NDArray[np.float64] = rows / norms
    return unit
