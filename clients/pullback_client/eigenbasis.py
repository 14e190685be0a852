"""An eigenbasis as the client holds it: NumPy arrays and where they came from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback_api.v1 import geometry_pb2
from pullback_client.codec import Array, array_from_tensor
from pullback_client.errors import BadResponseError, InvalidArgumentError
from pullback_client.files import write_npz
from pullback_client.models import id_of, utc
from pullback_client.settings import as_dict


@dataclass(frozen=True, eq=False)
class EigenbasisInfo:
    """What an eigenbasis is of, without its arrays.

    Attributes:
        name: Resource name, `generators/{generator}/eigenbases/{id}`.
        generator: Id of the generator.
        space: Latent space.
        distance: Image distance.
        method: Estimator.
        samples: Probes or positions that it holds.
        separate: Whether it is block-diagonal.
        agreement: Of an automatic number of samples: estimated agreement with the whole space's basis; else None.
        seed: Seed of them.
        dim: Number of coordinates n.
        generator_weights_hash: SHA-256 of the generator's weight file.
        distance_weights_hash: SHA-256 of the distance's; empty where it has no weights.
        version: Version of Pullback that computed it.
        created: When.
        job: Resource name of the job that computed it.
    """

    name: str
    generator: str
    space: str
    distance: str
    method: str
    samples: int
    separate: bool
    agreement: float | None
    seed: int
    dim: int
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    created: datetime
    job: str

    @classmethod
    def from_wire(cls, message: geometry_pb2.Eigenbasis) -> EigenbasisInfo:
        """The record of a message without arrays."""
        return EigenbasisInfo(**_info(message))

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything above as plain values, for a JSON file."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in ((field, getattr(self, field)) for field in EigenbasisInfo.__dataclass_fields__)
        }


@dataclass(frozen=True, eq=False)
class Eigenbasis(EigenbasisInfo):
    """The eigenbasis of a global metric, the mean of H = 2 JᵀJ over a latent space.

    Attributes:
        eigenvalues: Descending, float64, shape (n,).
        eigenvectors: In columns, float64, shape (n, n).
        metric: The mean metric, float64, shape (n, n).
    """

    eigenvalues: Array
    eigenvectors: Array
    metric: Array

    @classmethod
    def from_wire(cls, message: geometry_pb2.Eigenbasis) -> Eigenbasis:
        """The record of a message with its arrays.

        Raises:
            BadResponseError: An array is missing or has another shape than the others.
        """
        n = message.dim
        arrays: dict[str, Any] = {
            name: array_from_tensor(getattr(message, name), f"{message.name}: {name}")
            for name in ("eigenvalues", "eigenvectors", "metric")
        }
        for name, array in arrays.items():
            expected = (n,) if name == "eigenvalues" else (n, n)
            if array.shape != expected:
                raise BadResponseError(f"{message.name}: {name} has shape {array.shape}, expected {expected}")
        return cls(**_info(message), **arrays)

    def top(self, k: int) -> Array:
        """The first `k` eigenvectors, those along which images change most; shape (n, k).

        Raises:
            InvalidArgumentError: `k` is not from 1 to n.
        """
        if not 1 <= k <= self.dim:
            raise InvalidArgumentError(f"k must be from 1 to {self.dim}, got {k}")
        return self.eigenvectors[:, :k]

    def dims_for(self, fraction: float) -> int:
        """How many leading dimensions hold `fraction`, in (0, 1], of the sum of the eigenvalues.

        Raises:
            InvalidArgumentError: `fraction` is not in (0, 1].
        """
        if not 0 < fraction <= 1:
            raise InvalidArgumentError(f"fraction must be in (0, 1], got {fraction}")
        share = np.cumsum(np.maximum(self.eigenvalues, 0.0))
        return min(int(np.searchsorted(share, fraction * share[-1])) + 1, self.dim)

    def rotate(self, latents: npt.ArrayLike) -> Array:
        """Coordinates in the eigenbasis, c = z U. Shapes (…, n) → (…, n)."""
        rotated: Array = self._checked(latents) @ self.eigenvectors
        return rotated

    def unrotate(self, coordinates: npt.ArrayLike) -> Array:
        """Latents of coordinates in the eigenbasis, z = c Uᵀ. Shapes (…, n) → (…, n)."""
        latents: Array = self._checked(coordinates) @ self.eigenvectors.T
        return latents

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes `eigenvalues`, `eigenvectors`, `metric` and `provenance` (a JSON text) to an .npz file, atomically.

        Args:
            path: File to write; it is replaced where it exists.

        Returns:
            The path.

        Raises:
            InvalidArgumentError: The suffix is not .npz.
        """
        file = Path(path)
        if file.suffix.lower() != ".npz":
            raise InvalidArgumentError(f"an eigenbasis is saved as .npz, got {file.name!r}")
        arrays = {"eigenvalues": self.eigenvalues, "eigenvectors": self.eigenvectors, "metric": self.metric}
        write_npz(file, arrays, self.provenance)
        return file

    def _checked(self, vectors: npt.ArrayLike) -> Array:
        array = np.asarray(vectors, dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != self.dim:
            raise InvalidArgumentError(f"expected vectors of {self.dim} coordinates, got shape {array.shape}")
        return array


def _info(message: geometry_pb2.Eigenbasis) -> dict[str, Any]:
    spec = as_dict(message.spec)
    return {
        "name": message.name,
        "generator": id_of(spec["generator"]),
        "space": spec["space"],
        "distance": spec["distance"],
        "method": spec["method"].removeprefix("METRIC_METHOD_").lower(),
        "samples": message.samples or spec["samples"],
        "separate": message.spec.separate,
        "agreement": message.agreement if message.HasField("agreement") else None,
        "seed": spec["seed"],
        "dim": message.dim,
        "generator_weights_hash": message.generator_weights_hash,
        "distance_weights_hash": message.distance_weights_hash,
        "version": message.version,
        "created": utc(message.create_time),
        "job": message.job,
    }
