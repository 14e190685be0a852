"""The eigenbasis of a metric, with where it came from; NumPy only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import safetensors.numpy
from jaxtyping import Float64
from numpy.typing import NDArray
from safetensors import SafetensorError

from pullback.errors import IncompatibleEigenbasisError, InvalidInputError
from pullback.files import read_as, read_provenance, write_whole
from pullback.geometry.checks import as_metric, check_orthonormal, check_symmetric
from pullback.geometry.signs import signs_of
from pullback.geometry.statistics.spectrum import dims_for
from pullback.weights.inspection import inspect_bytes

_FORMAT = "pullback-eigenbasis-1"
_ARRAYS = ("eigenvalues", "eigenvectors", "metric")


@dataclass(frozen=True)
class Provenance:
    """What an eigenbasis was computed from, and how.

    Attributes:
        generator: Name of the generator.
        weights_hash: SHA-256 of the generator's weight file.
        space: Name of the latent space.
        distance: Name of the image distance.
        distance_hash: SHA-256 of the distance's weight file; empty for a distance without weights.
        method: Name of the estimator (`sketch`, `gram`).
        samples: Probes or positions that the average holds.
        seed: Seed of the estimator.
        version: Version of this library.
        agreement: What agreement with the mean over the whole space the halves of the average tell, at most 1; None
            where that is not known.
    """

    generator: str
    weights_hash: str
    space: str
    distance: str
    distance_hash: str
    method: str
    samples: int
    seed: int
    version: str
    agreement: float | None = None

    def to_dict(self) -> dict[str, str]:
        """The fields as text, as a file's metadata holds them; an agreement that is not known is left out."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, texts: Mapping[str, str]) -> Provenance:
        """The provenance that `to_dict` wrote; keys it does not know are left aside.

        Raises:
            InvalidInputError: A field is missing, or a number is none.
        """
        missing = [field.name for field in fields(cls) if field.name not in texts and field.name != "agreement"]
        if missing:
            raise InvalidInputError(f"the provenance of an eigenbasis lacks {', '.join(missing)}")
        values: dict[str, Any] = {field.name: str(texts[field.name]) for field in fields(cls) if field.name in texts}
        for name in ("samples", "seed"):
            try:
                values[name] = int(values[name])
            except ValueError:
                raise InvalidInputError(
                    f"{name} in the provenance of an eigenbasis is a whole number, but {values[name]!r} came"
                ) from None
        if "agreement" in values:
            try:
                values["agreement"] = float(values["agreement"])
            except ValueError:
                raise InvalidInputError(
                    f"agreement in the provenance of an eigenbasis is a number, but {values['agreement']!r} came"
                ) from None
        return cls(**values)


@dataclass(frozen=True, eq=False)
class Eigenbasis:
    """The eigendecomposition H = U Λ Uᵀ of a metric H of n latent dimensions.

    The arrays are checked when the basis is made, copied and set read-only.

    Attributes:
        eigenvalues: λ, shape (n,), descending, the first one positive.
        eigenvectors: U, shape (n, n), orthonormal, one eigenvector a column.
        metric: H, shape (n, n), symmetric; in units of the distance per squared unit of the latent.
        provenance: What it was computed from.

    Raises:
        InvalidInputError: The arrays are no eigenbasis; the message says which property fails.
    """

    eigenvalues: NDArray[np.float64]
    eigenvectors: NDArray[np.float64]
    metric: NDArray[np.float64]
    provenance: Provenance

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        self._check()

    def _check(self) -> None:
        shapes = [self.eigenvalues.shape, self.eigenvectors.shape, self.metric.shape]
        n = self.eigenvalues.size
        if n == 0 or shapes != [(n,), (n, n), (n, n)]:
            raise InvalidInputError(
                "eigenvalues, eigenvectors and metric of an eigenbasis have shapes (n,), (n, n) and (n, n), "
                f"but {', '.join(map(str, shapes))} came"
            )
        for name in _ARRAYS:
            if not np.isfinite(getattr(self, name)).all():
                raise InvalidInputError(f"the {name} of an eigenbasis are finite, but NaN or infinity came")
        check_symmetric(self.metric)
        if np.any(np.diff(self.eigenvalues) > 0):
            raise InvalidInputError("the eigenvalues of an eigenbasis descend, but these do not")
        if self.eigenvalues[0] <= 0:
            raise InvalidInputError(
                f"the largest eigenvalue is {self.eigenvalues[0]:.3g}, and has to be positive: "
                "the images do not change with these latents"
            )
        check_orthonormal(self.eigenvectors, "the eigenvectors of an eigenbasis")

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

    @property
    def dim(self) -> int:
        """The number n of latent dimensions."""
        return self.eigenvalues.size

    @property
    def condition_number(self) -> float:
        """λ₁ / λₙ; infinite where λₙ is zero to rounding, as in a sketch of fewer samples than dimensions."""
        largest, smallest = float(self.eigenvalues[0]), float(self.eigenvalues[-1])
        if smallest <= self.dim * np.finfo(np.float64).eps * largest:
            return float("inf")
        return largest / smallest

    def dims_for(self, fraction: float) -> int:
        """How many leading dimensions hold a fraction of the sum of the eigenvalues: the anisotropy of the metric.

        Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), Table 2.

        Args:
            fraction: Above 0 and at most 1.

        Raises:
            InvalidInputError: The fraction is out of range.
        """
        return dims_for(self.eigenvalues, (fraction,))[0]

    def top(self, k: int) -> Float64[np.ndarray, "n k"]:
        """The k leading eigenvectors, as columns.

        Raises:
            InvalidInputError: k is not between 1 and the number of dimensions.
        """
        if not 1 <= k <= self.dim:
            raise InvalidInputError(f"between 1 and {self.dim} eigenvectors can be asked for, but {k} came")
        return self.eigenvectors[:, :k]

    def rotate(self, latents: NDArray[Any]) -> Float64[np.ndarray, "*batch n"]:
        """Coordinates of latents in the eigenbasis, along the last axis."""
        # c = z U
        coordinates: NDArray[np.float64] = self._vectors(latents) @ self.eigenvectors
        return coordinates

    def unrotate(self, coordinates: NDArray[Any]) -> Float64[np.ndarray, "*batch n"]:
        """Latents of coordinates in the eigenbasis, along the last axis: the inverse of `rotate`."""
        # z = c Uᵀ
        latents: NDArray[np.float64] = self._vectors(coordinates) @ self.eigenvectors.T
        return latents

    def _vectors(self, values: NDArray[Any]) -> NDArray[np.float64]:
        values = np.asarray(values, dtype=np.float64)
        if values.ndim == 0 or values.shape[-1] != self.dim:
            raise InvalidInputError(
                f"this eigenbasis has {self.dim} dimensions, but an array of shape {values.shape} came"
            )
        return values

    def check_serves(self, *, generator: str, weights_hash: str, space: str, distance: str, distance_hash: str) -> None:
        """Checks that this basis was computed for what it is about to serve.

        Args:
            generator: Name of the generator.
            weights_hash: SHA-256 of the generator's weight file.
            space: Name of the latent space.
            distance: Name of the image distance.
            distance_hash: SHA-256 of the distance's weight file.

        Raises:
            IncompatibleEigenbasisError: Something differs; the message lists each difference.
        """
        wanted = {
            "generator": generator,
            "weights_hash": weights_hash,
            "space": space,
            "distance": distance,
            "distance_hash": distance_hash,
        }
        differences = [
            f"{name.replace('_', ' ')} is {has!r} there and {wants!r} here"
            for name, wants in wanted.items()
            if (has := getattr(self.provenance, name)) != wants
        ]
        if differences:
            raise IncompatibleEigenbasisError(
                "the eigenbasis was computed for something else: "
                + "; ".join(differences)
                + "; compute one for this generator, space and distance"
            )

    def to_bytes(self) -> bytes:
        """The basis as the bytes of one safetensors file; the same basis gives the same bytes."""
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        # One key: safetensors writes several in an order that changes from call to call.
        header = {"format": _FORMAT, "provenance": self.provenance.to_dict()}
        return safetensors.numpy.save(tensors, {"pullback": json.dumps(header, sort_keys=True)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Eigenbasis:
        """The basis that `to_bytes` wrote.

        Raises:
            InvalidInputError: The bytes are no eigenbasis; the message says what is wrong with them.
        """
        try:
            tensors = safetensors.numpy.load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"not a readable safetensors file: {inspect_bytes(data)} ({error})") from error
        provenance = _read_provenance(data)
        for name in _ARRAYS:
            if name not in tensors:
                raise InvalidInputError(f"an eigenbasis holds {', '.join(_ARRAYS)}, but no {name} came")
            if tensors[name].dtype != np.float64:
                raise InvalidInputError(f"{name} of an eigenbasis: float64, but {tensors[name].dtype} came")
        return cls(tensors["eigenvalues"], tensors["eigenvectors"], tensors["metric"], provenance)

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


def _read_provenance(data: bytes) -> Provenance:
    return Provenance.from_dict(read_provenance(data, _FORMAT, "an eigenbasis"))
