"""Eigenbasis of a metric, with its provenance; NumPy only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.files import read_as, write_whole
from pullback.geometry.checks import as_metric, check_orthonormal, check_symmetric
from pullback.geometry.completion import Completion
from pullback.geometry.eigenbasis_file import Parts, read_parts, write_parts
from pullback.geometry.provenance import Provenance as Provenance  # noqa: PLC0414 (re-exported)
from pullback.geometry.signs import signs_of
from pullback.geometry.statistics.spectrum import dims_for

LARGEST_COMPLETE = 1024
"""Of spaces of so many dimensions all eigenpairs are computed (8 MB of float64); of larger ones some."""
DEFAULT_AXES = 500
"""How many of a larger space, where nothing else is asked for: as many of 4,096 are enough (Wang & Ponce 2021, 6)."""
MAX_ROW_BYTES = 2**30
"""Of the gradients or eigenpairs that are stored of a large space: 29,127 gradients of 9,216 dimensions."""


def most_stored(dim: int, rows_of_sample: int = 1) -> int:
    """Samples of a large space that can be stored, each of so many rows in float32."""
    return MAX_ROW_BYTES // (4 * dim * rows_of_sample)


@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """The eigendecomposition H = U Λ Uᵀ + φ (I − U Uᵀ) of a metric H of n latent dimensions.

    A complete basis has all n eigenpairs, and the metric itself. One of a large space has the k leading eigenpairs and
    the floor φ, by which the metric acts on the rest of the space: the mean of the other eigenvalues, so that the trace
    is that of the metric.

    The arrays are checked when the basis is made, copied and set read-only.

    Attributes:
        eigenvalues: λ, shape (k,), descending, the first one positive.
        eigenvectors: U, shape (n, k), orthonormal, one eigenvector a column.
        metric: H, shape (n, n), symmetric; in units of the distance per squared unit of the latent. None of a basis
            that does not hold it.
        provenance: What it was computed from.
        floor: φ, from 0 to λ₁; 0 of a complete basis.

    Raises:
        InvalidInputError: The arrays are no eigenbasis; the message says which property fails.
    """

    eigenvalues: NDArray[np.float64]
    eigenvectors: NDArray[np.float64]
    metric: NDArray[np.float64] | None
    provenance: Provenance
    floor: float = 0.0

    def __post_init__(self) -> None:
        self._take()
        self._check()

    def _take(self) -> None:
        for name in ("eigenvalues", "eigenvectors", "metric"):
            if (value := getattr(self, name)) is not None:
                array = np.array(value, dtype=np.float64)
                array.flags.writeable = False
                object.__setattr__(self, name, array)

    def _check(self) -> None:
        self._check_shapes()
        arrays = {"eigenvalues": self.eigenvalues, "eigenvectors": self.eigenvectors, "metric": self.metric}
        for name, array in arrays.items():
            if array is not None and not np.isfinite(array).all():
                raise InvalidInputError(f"the {name} of an eigenbasis are finite, but NaN or infinity came")
        if self.metric is not None:
            check_symmetric(self.metric)
        if np.any(np.diff(self.eigenvalues) > 0):
            raise InvalidInputError("the eigenvalues of an eigenbasis descend, but these do not")
        if self.eigenvalues[0] <= 0:
            raise InvalidInputError(
                f"the largest eigenvalue is {self.eigenvalues[0]:.3g}, and has to be positive: "
                "the images do not change with these latents"
            )
        most = 0.0 if self.k == self.dim else float(self.eigenvalues[0])
        if not 0 <= self.floor <= most:
            raise InvalidInputError(
                f"the floor of {self.k} eigenpairs of {self.dim} dimensions is from 0 to {most:.3g}, but "
                f"{self.floor:.3g} came"
            )
        check_orthonormal(self.eigenvectors, "the eigenvectors of an eigenbasis")

    def _check_shapes(self) -> None:
        if self.metric is None:
            shapes = [self.eigenvalues.shape, self.eigenvectors.shape]
            k, n = self.eigenvalues.size, len(self.eigenvectors) if self.eigenvectors.ndim else 0
            if k == 0 or k > n or shapes != [(k,), (n, k)]:
                raise InvalidInputError(
                    "eigenvalues and eigenvectors of an eigenbasis of k of n dimensions have shapes (k,) and (n, k), "
                    f"but {', '.join(map(str, shapes))} came"
                )
            return
        shapes = [self.eigenvalues.shape, self.eigenvectors.shape, self.metric.shape]
        n = self.eigenvalues.size
        if n == 0 or shapes != [(n,), (n, n), (n, n)]:
            raise InvalidInputError(
                "eigenvalues, eigenvectors and metric of an eigenbasis have shapes (n,), (n, n) and (n, n), "
                f"but {', '.join(map(str, shapes))} came"
            )

    @classmethod
    def from_metric(cls, metric: NDArray[Any], provenance: Provenance) -> Eigenbasis:
        """The eigenbasis of a symmetric metric, by LAPACK's `syevd` in float64.

        The sign of an eigenvector is arbitrary; here its entry of largest magnitude is positive.

        Args:
            metric: H, shape (n, n).
            provenance: What the metric was computed from.

        Raises:
            InvalidInputError: The metric is not square, not finite, not symmetric, or has no positive eigenvalue.
        """
        metric = as_metric(metric)
        # H = U Λ Uᵀ; LAPACK's order is ascending.
        ascending, vectors = np.linalg.eigh(metric)
        rows = vectors.T[::-1]
        return cls(ascending[::-1], (rows * signs_of(rows)).T, metric, provenance)

    @classmethod
    def from_factor(
        cls, factor: NDArray[np.float64], provenance: Provenance, *, floor: float = 0.0, k: int | None = None
    ) -> Eigenbasis:
        """The leading eigenpairs of H = F Fᵀ + φ I, from the singular vectors of F.

        Args:
            factor: F, shape (n, r).
            provenance: What the metric was computed from.
            floor: φ ≥ 0.
            k: At most so many eigenpairs; as many as F has directions when omitted.

        Raises:
            InvalidInputError: F is zero or not finite.
        """
        if not np.isfinite(factor).all():
            raise InvalidInputError("a metric is finite, but this one holds NaN or infinity")
        vectors, roots, _ = np.linalg.svd(factor, full_matrices=False)
        kept = int((roots > len(factor) * np.finfo(np.float64).eps * roots[0]).sum()) if roots.size else 0
        if not kept:
            raise InvalidInputError("the images do not change with these latents: the metric is zero")
        values = roots[:kept] ** 2
        taken = kept if k is None else min(k, kept)
        n = len(factor)
        # Of what is left out, the mean goes to the floor.
        rest = floor + (float(values[taken:].sum()) / (n - taken) if taken < n else 0.0)
        rows = vectors[:, :taken].T
        columns = (rows * signs_of(rows)).T
        return cls(values[:taken] + floor, columns, None, provenance, floor=rest if taken < n else 0.0)

    @property
    def dim(self) -> int:
        """The number n of latent dimensions."""
        return len(self.eigenvectors)

    @property
    def k(self) -> int:
        """The number of eigenpairs."""
        return self.eigenvalues.size

    @property
    def complete(self) -> bool:
        """Whether it has all n eigenpairs."""
        return self.k == self.dim

    @property
    def spectrum(self) -> Float64[np.ndarray, " n"]:
        """All n eigenvalues, descending but for rounding: those that it has, and the floor for the others."""
        return np.concatenate([self.eigenvalues, np.full(self.dim - self.k, self.floor)])

    @cached_property
    def completion(self) -> Completion:
        """An orthogonal matrix whose first k columns are the eigenvectors, but for their signs."""
        return Completion.of(self.eigenvectors)

    @property
    def condition_number(self) -> float:
        """λ₁ / λₙ; infinite where λₙ is zero to rounding, as in a sketch of fewer samples than dimensions."""
        largest, smallest = float(self.eigenvalues[0]), float(self.eigenvalues[-1] if self.complete else self.floor)
        if smallest <= self.dim * np.finfo(np.float64).eps * largest:
            return float("inf")
        return largest / smallest

    def dims_for(self, fraction: float) -> int:
        """How many leading dimensions hold a fraction of the sum of the eigenvalues: the anisotropy of the metric.

        Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), Table 2. Where
        the k eigenpairs do not hold so much, the others count by the floor.

        Args:
            fraction: Above 0 and at most 1.

        Raises:
            InvalidInputError: The fraction is out of range.
        """
        return dims_for(self.spectrum, (fraction,))[0]

    def top(self, k: int) -> Float64[np.ndarray, "n k"]:
        """The k leading eigenvectors, as columns.

        Raises:
            InvalidInputError: k is not between 1 and the number of eigenvectors.
        """
        if not 1 <= k <= self.k:
            few = "" if self.complete else f"; this basis of {self.dim} dimensions holds no more"
            raise InvalidInputError(f"between 1 and {self.k} eigenvectors can be asked for, but {k} came{few}")
        return self.eigenvectors[:, :k]

    def bottom(self, k: int) -> Float64[np.ndarray, "n k"]:
        """The k last eigenvectors, as columns; where the basis does not hold them, some of the complement.

        Raises:
            InvalidInputError: k is not between 1 and the number of eigenvectors, or of dimensions of the complement.
        """
        most = self.dim if self.complete else self.dim - self.k
        if not 1 <= k <= most:
            raise InvalidInputError(f"between 1 and {most} eigenvectors can be asked for, but {k} came")
        if self.complete:
            return self.eigenvectors[:, -k:]
        return self.completion.columns(self.dim - k, self.dim)

    def rates(self, directions: NDArray[Any]) -> Float64[np.ndarray, " m"]:
        """vᵀHv of directions v, shape (m, n): the rates at which images change.

        Eigenvalues below zero count as zero.
        """
        shares = self.rotate(directions) ** 2
        # Σ λ_i (u_iᵀv)², which rounding keeps from falling below 0 where vᵀHv would not be.
        rates: NDArray[np.float64] = shares @ np.clip(self.eigenvalues, 0, None)
        if self.complete:
            return rates
        rest = (np.asarray(directions, dtype=np.float64) ** 2).sum(axis=-1) - shares.sum(axis=-1)
        with_rest: NDArray[np.float64] = rates + self.floor * rest.clip(0)
        return with_rest

    def truncated(self, k: int) -> Eigenbasis:
        """The k leading eigenpairs alone, and the mean of all others as the floor.

        Raises:
            InvalidInputError: k is not between 1 and the number of eigenvectors.
        """
        vectors = self.top(k)
        if k == self.k:
            return self
        # tr H = Σ λ stays.
        floor = max(0.0, float(self.spectrum[k:].mean()))
        return Eigenbasis(self.eigenvalues[:k], vectors, None, self.provenance, floor=floor)

    def repeated(self, layers: int, k: int) -> Eigenbasis:
        """The leading k eigenpairs where this metric acts in each of several layers by itself, as that of w in w+.

        Every eigenvalue is there once for each layer, and its eigenvector lies in that layer alone.

        Args:
            layers: How many layers lie side by side, ≥ 1.
            k: At most so many eigenpairs, ≥ 1.
        """
        # diag(H, …, H) (e_l ⊗ u_i) = λ_i (e_l ⊗ u_i)
        kept = min(k, layers * self.k)
        axes, layer = np.divmod(np.arange(kept), layers)
        vectors = np.zeros((layers, self.dim, kept))
        vectors[layer, :, np.arange(kept)] = self.eigenvectors[:, axes].T
        every = np.repeat(self.spectrum, layers)
        floor = max(0.0, float(every[kept:].mean())) if kept < len(every) else 0.0
        return Eigenbasis(every[:kept], vectors.reshape(-1, kept), None, self.provenance, floor=floor)

    def restricted(
        self, chosen: Any, provenance: Provenance, *, scale: Float64[np.ndarray, " m"] | None = None
    ) -> Eigenbasis:
        """The eigenbasis of S H S, of some of the coordinates alone.

        Args:
            chosen: Which coordinates: their numbers, or a slice.
            provenance: That of the result.
            scale: The diagonal of S, shape (m,), positive; ones when omitted. Of a basis without its metric, the floor
                is scaled by the mean of the squares.

        Raises:
            InvalidInputError: The images do not change with these coordinates.
        """
        numbers = np.arange(self.dim)[chosen]
        if self.metric is not None:
            metric = self.metric[np.ix_(numbers, numbers)]
            return Eigenbasis.from_metric(metric if scale is None else metric * np.outer(scale, scale), provenance)
        # S (U (Λ − φ) Uᵀ + φ I) S
        factor = self.eigenvectors[numbers] * np.sqrt((self.eigenvalues - self.floor).clip(0))
        floor = self.floor
        if scale is not None:
            factor, floor = factor * scale[:, None], floor * float(np.square(scale).mean())
        return Eigenbasis.from_factor(factor, provenance, floor=floor)

    def rotate(self, latents: NDArray[Any]) -> Float64[np.ndarray, "*batch k"]:
        """Coordinates of latents along the k eigenvectors, in the last axis."""
        # c = z U
        coordinates: NDArray[np.float64] = self._vectors(latents, self.dim) @ self.eigenvectors
        return coordinates

    def unrotate(self, coordinates: NDArray[Any]) -> Float64[np.ndarray, "*batch n"]:
        """Latents of coordinates along the k eigenvectors: of a complete basis, the inverse of `rotate`."""
        # z = c Uᵀ
        latents: NDArray[np.float64] = self._vectors(coordinates, self.k) @ self.eigenvectors.T
        return latents

    def _vectors(self, values: NDArray[Any], length: int) -> NDArray[np.float64]:
        values = np.asarray(values, dtype=np.float64)
        if values.ndim == 0 or values.shape[-1] != length:
            raise InvalidInputError(
                f"this eigenbasis has {length} dimensions, but an array of shape {values.shape} came"
            )
        return values

    def check_serves(self, *, generator: str, weights_hash: str, space: str) -> None:
        """Checks that this basis was computed for a generator and a space; see `Provenance.check_serves`."""
        self.provenance.check_serves(generator=generator, weights_hash=weights_hash, space=space)

    def to_bytes(self) -> bytes:
        """The basis as the bytes of one safetensors file; the same basis gives the same bytes."""
        return write_parts(Parts(self.eigenvalues, self.eigenvectors, self.metric, self.floor, self.provenance))

    @classmethod
    def from_bytes(cls, data: bytes, *, trusted: bool = False) -> Eigenbasis:
        """The basis that `to_bytes` wrote.

        Args:
            data: The file.
            trusted: Whether it is known by its digest to be a file that was checked: then the arrays are not checked
                again, which takes n³ operations of a complete basis.

        Raises:
            InvalidInputError: The bytes are no eigenbasis; the message says what is wrong with them.
        """
        return cls.of_parts(read_parts(data), trusted=trusted)

    @classmethod
    def of_parts(cls, parts: Parts, *, trusted: bool = False) -> Eigenbasis:
        """As `from_bytes`, of what a file holds."""
        if not trusted:
            return cls(parts.eigenvalues, parts.eigenvectors, parts.metric, parts.provenance, floor=parts.floor)
        basis = object.__new__(cls)
        for name in ("eigenvalues", "eigenvectors", "metric", "provenance", "floor"):
            object.__setattr__(basis, name, getattr(parts, name))
        basis._take()
        basis._check_shapes()
        return basis

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the basis to one safetensors file, whole or not at all.

        Args:
            path: File to write; one that is there is replaced.

        Raises:
            OSError: The file cannot be written. Nothing is left behind then.
        """
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Eigenbasis:
        """Reads a basis that `save` wrote.

        Raises:
            OSError: The file cannot be read.
            InvalidInputError: The file is no eigenbasis; the message names it and says what is wrong.
        """
        return read_as(path, cls.from_bytes)
