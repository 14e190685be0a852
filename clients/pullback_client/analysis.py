"""An analysis of a metric as the client holds it: the tables and figures of Wang & Ponce (ICLR 2021), as numbers.

What it says of walks is in `pullback_client.analysis_walks`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image

from pullback_api.v1 import analysis_pb2
from pullback_client.analysis_walks import WalkStatistics
from pullback_client.codec import Array, image_from_wire, shaped_array
from pullback_client.errors import BadResponseError
from pullback_client.files import finite
from pullback_client.models import id_of, utc


@dataclass(frozen=True)
class DimsFor:
    """How many dimensions hold a fraction of the sum of the eigenvalues (Table 2).

    Attributes:
        fraction: The fraction, such as 0.99.
        mean_metric: Dimensions of the mean metric.
        mean: Mean over positions of the dimensions at each.
        deviation: Standard deviation over positions.
    """

    fraction: float
    mean_metric: int
    mean: float
    deviation: float


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Spectra of the metric over positions (Fig. 2, Fig. 7, Table 2).

    Attributes:
        mean_metric_eigenvalues: Of the mean metric, descending, float64, shape (n,).
        eigenvalues: At each position, descending, float64, shape (positions, n).
        dims: Dimensions that hold a fraction of the sum, by fraction.
        effective_rank: tr H / λ_max of the mean metric.
        condition_number: λ_max / λ_min of the mean metric; infinite where λ_min is 0.
    """

    mean_metric_eigenvalues: Array
    eigenvalues: Array
    dims: tuple[DimsFor, ...]
    effective_rank: float
    condition_number: float


@dataclass(frozen=True, eq=False)
class ApparentSpeed:
    """Apparent speed α(v) = vᵀHv / vᵀv of the mean metric along random directions (Fig. 6, Eq. 9 to 15).

    Attributes:
        samples: α of random directions, float64, shape (directions,).
        mean: Their mean.
        deviation: Their standard deviation.
        expected_mean: The mean that theory gives, Σλ / n.
        expected_deviation: The standard deviation that theory gives, √(2 / (n + 2) · Var λ).
    """

    samples: Array
    mean: float
    deviation: float
    expected_mean: float
    expected_deviation: float


@dataclass(frozen=True, eq=False)
class Homogeneity:
    """Agreement of the metric between pairs of positions (Eq. 5 and 6, Fig. 3, Table 4). NaN where it is not defined.

    Attributes:
        linear: C^H_ij = corr(Λ_ij, Λ_j), float64, shape (positions, positions).
        log: C^H_ij on the log scale, float64, shape (positions, positions).
        linear_mean: Mean of `linear` off the diagonal.
        linear_deviation: Standard deviation of `linear` off the diagonal.
        log_mean: Mean of `log` off the diagonal.
        log_deviation: Standard deviation of `log` off the diagonal.
    """

    linear: Array
    log: Array
    linear_mean: float
    linear_deviation: float
    log_mean: float
    log_deviation: float


@dataclass(frozen=True)
class DistanceComparison:
    """The metric under another distance against the analysed one; figures are means over positions (Table 3).

    Attributes:
        distance: Name of the other distance.
        method: Estimator that computed its metric.
        positions: Number of positions.
        entry_correlation: Correlation of the entries of H.
        spectrum_correlation: Correlation of the eigenvalues.
        linear_agreement: C^H between the two metrics.
        log_agreement: C^H on the log scale.
        log_slope: Slope of log₁₀ λ of the other distance against log₁₀ λ of the analysed one.
        log_intercept: Intercept of the same line.
    """

    distance: str
    method: str
    positions: int
    entry_correlation: float
    spectrum_correlation: float
    linear_agreement: float
    log_agreement: float
    log_slope: float
    log_intercept: float


@dataclass(frozen=True, eq=False)
class LayerAmplification:
    """How much a layer amplifies directions of the latent space (Fig. 4).

    Attributes:
        layer: The layer's name.
        amplification: v_iᵀ JᵀJ v_i of the layer's Jacobian J, mean over positions, for the eigenvectors v_i of the
            first layer's mean metric in descending order of its eigenvalues; float64, shape (n,).
    """

    layer: str
    amplification: Array


@dataclass(frozen=True, eq=False)
class AxisStrip:
    """Images along one eigenvector of the mean metric (Fig. 1).

    Attributes:
        rank: Rank of the eigenvalue, from 0, the largest.
        eigenvalue: The eigenvalue.
        steps: Signed distances along the eigenvector, latent units, ascending; float64, shape (frames,).
        distances: Image distance of each frame from the middle one, float64, shape (frames,).
        frames: The images.
    """

    rank: int
    eigenvalue: float
    steps: Array
    distances: Array
    frames: tuple[Image.Image, ...]


@dataclass(frozen=True, eq=False)
class AnalysisInfo:
    """What an analysis is of, without what it found.

    Attributes:
        name: Resource name, `generators/{generator}/analyses/{id}`.
        generator: Id of the generator.
        space: Latent space.
        distance: The distance whose metric is analysed.
        positions: Positions at which the metric is computed exactly.
        control_positions: Positions for the other distances and for the weight-shuffled control.
        compared_distances: The other distances.
        seed: Seed of the positions and of the control.
        method: Estimator of the metric at each position.
        dim: Number of latent coordinates n.
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
    positions: int
    control_positions: int
    compared_distances: tuple[str, ...]
    seed: int
    method: str
    dim: int
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    created: datetime
    job: str

    @classmethod
    def from_wire(cls, message: analysis_pb2.MetricAnalysis) -> AnalysisInfo:
        """The record of a message without what was found."""
        return AnalysisInfo(**_info(message))

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything above as plain JSON values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(AnalysisInfo)}


@dataclass(frozen=True, eq=False)
class Analysis(AnalysisInfo):
    """An analysis of the metric that a distance pulls back onto a latent space.

    Attributes:
        spectrum: Spectra (Fig. 2, Table 2).
        shuffled_spectrum: Spectra of the weight-shuffled control (Fig. 7): the same architecture, the elements of
            each weight tensor permuted.
        apparent_speed: How fast images seem to change along random directions (Fig. 6).
        homogeneity: How alike the metric is at different positions (Fig. 3, Table 4).
        shuffled_homogeneity: The same of the weight-shuffled control.
        comparisons: The metric under other distances (Table 3).
        layers: How much each layer amplifies the eigenvectors of the first one, first layer to last (Fig. 4).
        shuffled_layers: The same of the weight-shuffled control.
        axes: Images along eigenvectors of different rank, by rank (Fig. 1).
        walks: Statistics of walks in the latent space; None in an analysis of before there were any.
    """

    spectrum: Spectrum
    shuffled_spectrum: Spectrum
    apparent_speed: ApparentSpeed
    homogeneity: Homogeneity
    shuffled_homogeneity: Homogeneity
    comparisons: tuple[DistanceComparison, ...]
    layers: tuple[LayerAmplification, ...]
    shuffled_layers: tuple[LayerAmplification, ...]
    axes: tuple[AxisStrip, ...]
    walks: WalkStatistics | None = None

    @classmethod
    def from_wire(cls, message: analysis_pb2.MetricAnalysis) -> Analysis:
        """The record of a message with what was found.

        Raises:
            BadResponseError: An image or an array cannot be read, or has another shape than the others.
        """
        read = _Reader(message)
        return cls(
            **_info(message),
            spectrum=read.spectrum("spectrum"),
            shuffled_spectrum=read.spectrum("shuffled_spectrum"),
            apparent_speed=read.speed(),
            homogeneity=read.homogeneity("homogeneity", "spectrum"),
            shuffled_homogeneity=read.homogeneity("shuffled_homogeneity", "shuffled_spectrum"),
            comparisons=tuple(DistanceComparison(**_scalars(each, DistanceComparison)) for each in message.comparisons),
            layers=read.layers("layers"),
            shuffled_layers=read.layers("shuffled_layers"),
            axes=read.axes(),
            walks=read.walks(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values: arrays as lists, images as base64 PNG, numbers that are not finite as None.

        The keys are the attributes; `provenance` holds those of `AnalysisInfo`.
        """
        known = {field.name for field in fields(AnalysisInfo)}
        found = {field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.name not in known}
        return {"provenance": self.provenance} | found


class _Reader:
    """Reads the parts of one message, and holds their shapes against each other."""

    def __init__(self, message: analysis_pb2.MetricAnalysis) -> None:
        self._message = message
        self._n = message.dim

    def spectrum(self, name: str) -> Spectrum:
        message: analysis_pb2.Spectrum = getattr(self._message, name)
        positions = self._positions(name)
        return Spectrum(
            mean_metric_eigenvalues=self._array(message, "mean_metric_eigenvalues", name, (self._n,)),
            eigenvalues=self._array(message, "eigenvalues", name, (positions, self._n)),
            dims=tuple(DimsFor(**_scalars(dims, DimsFor)) for dims in message.dims),
            effective_rank=message.effective_rank,
            condition_number=message.condition_number,
        )

    def speed(self) -> ApparentSpeed:
        message = self._message.apparent_speed
        samples = self._array(message, "samples", "apparent_speed", tuple(message.samples.shape[:1]))
        return ApparentSpeed(**_scalars(message, ApparentSpeed, but=("samples",)), samples=samples)

    def homogeneity(self, name: str, spectrum: str) -> Homogeneity:
        message: analysis_pb2.Homogeneity = getattr(self._message, name)
        positions = self._positions(spectrum)
        return Homogeneity(
            **_scalars(message, Homogeneity, but=("linear", "log")),
            linear=self._array(message, "linear", name, (positions, positions)),
            log=self._array(message, "log", name, (positions, positions)),
        )

    def layers(self, name: str) -> tuple[LayerAmplification, ...]:
        return tuple(
            LayerAmplification(each.layer, self._array(each, "amplification", f"{name}[{number}]", (self._n,)))
            for number, each in enumerate(self._some(name))
        )

    def axes(self) -> tuple[AxisStrip, ...]:
        return tuple(self._axis(each, f"axes[{number}]") for number, each in enumerate(self._some("axes")))

    def walks(self) -> WalkStatistics | None:
        if not self._message.HasField("walks"):
            return None
        return WalkStatistics.from_wire(self._message.walks, f"{self._message.name}: walks")

    def _axis(self, message: analysis_pb2.AxisStrip, where: str) -> AxisStrip:
        frames = (len(message.frames),)
        return AxisStrip(
            rank=message.rank,
            eigenvalue=message.eigenvalue,
            steps=self._array(message, "steps", where, frames),
            distances=self._array(message, "distances", where, frames),
            frames=tuple(
                image_from_wire(image, f"{self._message.name}: {where}.frames[{number}]")
                for number, image in enumerate(message.frames)
            ),
        )

    def _some(self, name: str) -> Any:
        if not (parts := getattr(self._message, name)):
            raise BadResponseError(f"{self._message.name}: {name} are missing; do server and client fit together?")
        return parts

    def _positions(self, spectrum: str) -> int:
        shape = getattr(self._message, spectrum).eigenvalues.shape
        return int(shape[0]) if shape else 0

    def _array(self, message: Any, field: str, where: str, expected: tuple[int, ...]) -> Array:
        return shaped_array(getattr(message, field), f"{self._message.name}: {where}.{field}", expected)


def _info(message: analysis_pb2.MetricAnalysis) -> dict[str, Any]:
    spec = message.spec
    return {
        "name": message.name,
        "generator": id_of(spec.generator),
        "space": spec.space,
        "distance": spec.distance,
        "positions": spec.positions,
        "control_positions": spec.control_positions,
        "compared_distances": tuple(spec.compared_distances),
        "seed": spec.seed,
        "method": message.method,
        "dim": message.dim,
        "generator_weights_hash": message.generator_weights_hash,
        "distance_weights_hash": message.distance_weights_hash,
        "version": message.version,
        "created": utc(message.create_time),
        "job": message.job,
    }


def _scalars(message: Any, record: type[Any], but: Collection[str] = ()) -> dict[str, Any]:
    """The fields that a message and its record share by name, without the arrays."""
    return {field.name: getattr(message, field.name) for field in fields(record) if field.name not in but}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case np.ndarray():
            return finite(value.tolist())
        case Image.Image():
            buffer = io.BytesIO()
            value.save(buffer, format="PNG")
            return base64.b64encode(buffer.getvalue()).decode("ascii")
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return finite(value)
