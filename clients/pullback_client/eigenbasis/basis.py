"""Eigenbasis as the client holds it: NumPy arrays and where they came from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback_api.v1 import geometry_pb2
from pullback_client.errors import BadResponseError, InvalidArgumentError
from pullback_client.files.atomic import write_npz
from pullback_client.text import markup
from pullback_client.wire.codec import Array, array_from_tensor
from pullback_client.wire.fields import as_dict
from pullback_client.wire.names import id_of
from pullback_client.wire.times import utc


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
        k: Number of eigenpairs that the server has: n of a space of up to 1,024 dimensions, less of a larger one.
        floor: Mean of the other n − k eigenvalues; 0 where there are none.
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
    k: int
    floor: float
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
        eigenvalues: All k, descending, float64, shape (k,).
        eigenvectors: In columns, float64, shape (n, m): all k, or the leading ones that were asked for.
        metric: The mean metric, float64, shape (n, n), where it was asked for; else None.
    """

    eigenvalues: Array
    eigenvectors: Array
    metric: Array | None

    @classmethod
    def from_pieces(cls, pieces: Iterable[geometry_pb2.Eigenbasis]) -> Eigenbasis:
        """The record of an eigenbasis that came in pieces, the first of which says what it is.

        Raises:
            BadResponseError: A piece is missing, or does not fit to the others.
        """
        message, vectors, metric, row = geometry_pb2.Eigenbasis(), _Rows("eigenvectors"), _Rows("metric"), -1
        for piece in pieces:
            if row < 0:
                message, row = piece, 0
            if piece.first_row != row:
                raise BadResponseError(f"{message.name}: row {piece.first_row} came, expected row {row}")
            row += vectors.add(piece, message.name)
            if piece.HasField("metric"):
                metric.add(piece, message.name)
        values = array_from_tensor(message.eigenvalues, f"{message.name}: eigenvalues")
        if values.shape != (message.k,):
            raise BadResponseError(f"{message.name}: eigenvalues have shape {values.shape}, expected ({message.k},)")
        n = message.dim
        return cls(
            **_info(message),
            eigenvalues=values,
            eigenvectors=vectors.whole(n, message.name),
            metric=metric.whole(n, message.name) if metric.parts else None,
        )

    def _repr_html_(self) -> str:
        return markup.card(
            f"Eigenbasis of {self.generator} in {self.space} under {self.distance}",
            markup.curves("eigenvalue", "rank", {"eigenvalue": list(enumerate(self.eigenvalues, 1))}, logarithmic=True),
            markup.facts(
                {
                    "eigenpairs": f"{self.k} of {self.dim}",
                    "estimator": f"{self.method}, {self.samples} samples",
                    "hold 99 % of the change": f"{self.dims_for(0.99)} axes",
                    "computed": f"{self.created:%Y-%m-%d %H:%M}",
                }
            ),
        )

    def top(self, k: int) -> Array:
        """The first `k` eigenvectors, those along which images change most; shape (n, k).

        Raises:
            InvalidArgumentError: `k` is not from 1 to the number of eigenvectors.
        """
        if not 1 <= k <= (there := self.eigenvectors.shape[1]):
            raise InvalidArgumentError(f"k must be from 1 to {there}, got {k}")
        return self.eigenvectors[:, :k]

    def dims_for(self, fraction: float) -> int:
        """How many leading dimensions hold `fraction`, in (0, 1], of the sum of the eigenvalues.

        Where the k eigenvalues do not hold so much, the others count by the floor.

        Raises:
            InvalidArgumentError: `fraction` is not in (0, 1].
        """
        if not 0 < fraction <= 1:
            raise InvalidArgumentError(f"fraction must be in (0, 1], got {fraction}")
        spectrum = np.concatenate([self.eigenvalues, np.full(self.dim - self.k, self.floor)])
        share = np.cumsum(np.maximum(spectrum, 0.0))
        return min(int(np.searchsorted(share, fraction * share[-1])) + 1, self.dim)

    def rotate(self, latents: npt.ArrayLike) -> Array:
        """Coordinates along the eigenvectors, c = z U. Shapes (…, n) → (…, m)."""
        rotated: Array = self._checked(latents, self.dim) @ self.eigenvectors
        return rotated

    def unrotate(self, coordinates: npt.ArrayLike) -> Array:
        """Latents of coordinates along the eigenvectors, z = c Uᵀ. Shapes (…, m) → (…, n)."""
        latents: Array = self._checked(coordinates, self.eigenvectors.shape[1]) @ self.eigenvectors.T
        return latents

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes `eigenvalues`, `eigenvectors` and `provenance` (a JSON text) to an .npz file, atomically.

        And `metric`, where it is there.

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
        arrays = {"eigenvalues": self.eigenvalues, "eigenvectors": self.eigenvectors}
        if self.metric is not None:
            arrays["metric"] = self.metric
        write_npz(file, arrays, self.provenance)
        return file

    def _checked(self, vectors: npt.ArrayLike, length: int) -> Array:
        array = np.asarray(vectors, dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != length:
            raise InvalidArgumentError(f"expected vectors of {length} coordinates, got shape {array.shape}")
        return array


class _Rows:
    """A matrix of which rows come after rows.

    Args:
        name: The field that holds them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[Array] = []

    def add(self, piece: geometry_pb2.Eigenbasis, of: str) -> int:
        """Adds those of a piece of an eigenbasis; how many there were."""
        rows = array_from_tensor(getattr(piece, self.name), f"{of}: {self.name}")
        if rows.ndim != 2 or not rows.size or rows.shape[1] != (self.parts or [rows])[0].shape[1]:
            raise BadResponseError(f"{of}: rows of {self.name} of shape {rows.shape} came after others")
        self.parts.append(rows)
        return len(rows)

    def whole(self, n: int, of: str) -> Array:
        """The matrix, which has n rows."""
        if (came := sum(map(len, self.parts))) != n:
            raise BadResponseError(f"{of}: {came} rows of {self.name} came, expected {n}")
        return self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)


def _info(message: geometry_pb2.Eigenbasis) -> dict[str, Any]:
    spec = as_dict(message.spec)
    return {
        "name": message.name,
        "generator": id_of(spec["generator"]),
        "space": spec["space"],
        "distance": spec["distance"],
        "method": spec["method"].removeprefix("METRIC_METHOD_").lower(),
        "samples": message.samples or message.spec.samples,
        "separate": message.spec.separate,
        "agreement": message.agreement if message.HasField("agreement") else None,
        "seed": spec["seed"],
        "dim": message.dim,
        # Servers that knew complete ones alone do not say it.
        "k": message.k or message.dim,
        "floor": message.floor,
        "generator_weights_hash": message.generator_weights_hash,
        "distance_weights_hash": message.distance_weights_hash,
        "version": message.version,
        "created": utc(message.create_time),
        "job": message.job,
    }


def eigenbasis_name(eigenbasis: str | EigenbasisInfo) -> str:
    """The resource name of an eigenbasis."""
    return eigenbasis.name if isinstance(eigenbasis, EigenbasisInfo) else eigenbasis
