"""An analysis of a metric as the client holds it: the tables and figures of Wang & Ponce (ICLR 2021), as numbers.

What it says of other distances is in `pullback_client.analysis.comparisons`, of walks in
`pullback_client.analysis.walks`.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any

import numpy as np
from PIL import Image

from pullback_api.v1 import analysis_pb2
from pullback_client.analysis.comparisons import DistanceComparison
from pullback_client.analysis.walks import WalkStatistics
from pullback_client.errors import BadResponseError
from pullback_client.files.atomic import finite
from pullback_client.wire.codec import Array
from pullback_client.wire.names import id_of
from pullback_client.wire.records import RecordT, Sized, read_record
from pullback_client.wire.times import utc


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

    mean_metric_eigenvalues: Annotated[Array, Sized("n")]
    eigenvalues: Annotated[Array, Sized("positions n")]
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

    samples: Annotated[Array, Sized("directions")]
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

    linear: Annotated[Array, Sized("positions positions")]
    log: Annotated[Array, Sized("positions positions")]
    linear_mean: float
    linear_deviation: float
    log_mean: float
    log_deviation: float


@dataclass(frozen=True, eq=False)
class LayerAmplification:
    """How much a layer amplifies directions of the latent space (Fig. 4).

    Attributes:
        layer: The layer's name.
        amplification: v_iᵀ JᵀJ v_i of the layer's Jacobian J, mean over positions, for the eigenvectors v_i of the
            first layer's mean metric in descending order of its eigenvalues; float64, shape (n,).
    """

    layer: str
    amplification: Annotated[Array, Sized("n")]


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
    steps: Annotated[Array, Sized("frames")]
    distances: Annotated[Array, Sized("frames")]
    frames: Annotated[tuple[Image.Image, ...], Sized("frames")]


@dataclass(frozen=True, eq=False)
class AnalysisInfo:
    """What an analysis is of, without what it found.

    Attributes:
        name: Resource name, `generators/{generator}/analyses/{id}`.
        generator: Id of the generator.
        space: Latent space.
        distance: The distance whose metric is analysed.
        positions: Positions at which the metric is computed exactly.
        control_positions: Positions for the weight-shuffled control and for walks.
        compared_positions: Positions for the other distances.
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
    compared_positions: int
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
        comparisons: Metrics under other distances (Table 3): the analysed distance against each, then the first of the
            others against each that follows, and so on.
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
        analysed, control = {"n": message.dim}, {"n": message.dim}

        def part(record: type[RecordT], name: str, sizes: dict[str, int]) -> RecordT:
            return read_record(record, getattr(message, name), f"{message.name}: {name}", sizes)

        def parts(record: type[RecordT], name: str) -> tuple[RecordT, ...]:
            if not (found := getattr(message, name)):
                raise BadResponseError(f"{message.name}: {name} are missing; do server and client fit together?")
            wheres = (f"{message.name}: {name}[{number}]" for number in range(len(found)))
            return tuple(
                read_record(record, each, where, {"n": message.dim}) for each, where in zip(found, wheres, strict=True)
            )

        return cls(
            **_info(message),
            spectrum=part(Spectrum, "spectrum", analysed),
            shuffled_spectrum=part(Spectrum, "shuffled_spectrum", control),
            apparent_speed=part(ApparentSpeed, "apparent_speed", {}),
            homogeneity=part(Homogeneity, "homogeneity", analysed),
            shuffled_homogeneity=part(Homogeneity, "shuffled_homogeneity", control),
            comparisons=tuple(
                DistanceComparison.from_wire(each, message.spec.distance) for each in message.comparisons
            ),
            layers=parts(LayerAmplification, "layers"),
            shuffled_layers=parts(LayerAmplification, "shuffled_layers"),
            axes=parts(AxisStrip, "axes"),
            walks=part(WalkStatistics, "walks", {}) if message.HasField("walks") else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values: arrays as lists, images as base64 PNG, numbers that are not finite as None.

        The keys are the attributes; `provenance` holds those of `AnalysisInfo`.
        """
        known = {field.name for field in fields(AnalysisInfo)}
        found = {field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.name not in known}
        return {"provenance": self.provenance} | found


def _info(message: analysis_pb2.MetricAnalysis) -> dict[str, Any]:
    spec = message.spec
    return {
        "name": message.name,
        "generator": id_of(spec.generator),
        "space": spec.space,
        "distance": spec.distance,
        "positions": spec.positions,
        "control_positions": spec.control_positions,
        # Once they were those of the control.
        "compared_positions": spec.compared_positions or spec.control_positions,
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
