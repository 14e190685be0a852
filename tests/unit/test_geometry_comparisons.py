"""Metrics under several distances against each other (Table 3), from generators to figures, against oracles."""

from __future__ import annotations

import math
from dataclasses import astuple, fields

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.functional import hessian

from pullback import distances
from pullback.analysis.metric_analysis import MetricAnalysis
from pullback.analysis.metric_findings import ComparisonFindings
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.statistics import MetricComparison
from toys import Euclidean, Linear, Smooth

Figures = dict[str, NDArray[np.float64]]


class Named(Euclidean):
    """D(a, b) = scale ‖a − b‖², under a name of its own."""

    def __init__(self, scale: float) -> None:
        super().__init__(scale)
        self.name = f"{scale:g} × euclidean"


def findings(
    generator: Generator, distance: Distance, others: list[Distance], positions: int
) -> tuple[MetricAnalysis, tuple[ComparisonFindings, ...]]:
    analysis = MetricAnalysis(
        generator,
        distance,
        "z",
        others=others,
        positions=positions,
        control_positions=2,
        compared_positions=positions - 1,
        seed=5,
    )
    state = analysis.init()
    while not analysis.done(state):
        state = analysis.step(state)
    return analysis, analysis.result(state).comparisons


def hessian_of(generator: Generator, distance: Distance, latent: Tensor) -> NDArray[np.float64]:
    """∂²D(G(z₀), G(z))/∂z² at z₀, by torch's own double backward, with nothing of the library's geometry."""
    reference = generator.render(latent[None], "z")
    second: Tensor = hessian(lambda z: distance(reference, generator.render(z[None], "z")).sum(), latent)  # type: ignore[no-untyped-call]
    return second.double().numpy()


def table_3(reference: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, float]:
    """The paper's columns, as its text defines them, with NumPy's own correlation and least squares."""
    (a, u), (b, v) = np.linalg.eigh(reference), np.linalg.eigh(other)
    there, back = np.diag(u.T @ other @ u), np.diag(v.T @ reference @ v)
    slope, intercept = np.polyfit(np.log10(a), np.log10(b), 1)
    slope_back, intercept_back = np.polyfit(np.log10(b), np.log10(a), 1)
    return {
        "entry_correlation": np.corrcoef(reference.ravel(), other.ravel())[0, 1],
        "spectrum_correlation": np.corrcoef(a, b)[0, 1],
        "linear_agreement": np.corrcoef(there, b)[0, 1],
        "log_agreement": np.corrcoef(np.log(there), np.log(b))[0, 1],
        "linear_agreement_back": np.corrcoef(back, a)[0, 1],
        "log_agreement_back": np.corrcoef(np.log(back), np.log(a))[0, 1],
        "log_slope": slope,
        "log_intercept": intercept,
        "log_slope_back": slope_back,
        "log_intercept_back": intercept_back,
    }


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-3)])
def test_figures_are_those_of_hessians_by_autograd(precision: torch.dtype, tolerance: float) -> None:
    generator = Smooth(dim=5, image_shape=(3, 12, 12)).to(precision)
    names = ("mse", "ssim")
    mse, ssim = (distances.load(name, dtype=precision) for name in names)
    analysis, found = findings(generator, Euclidean().to(precision), [mse, ssim], positions=4)
    assert [(row.reference, row.distance) for row in found] == [("euclidean", "mse"), ("euclidean", "ssim"), names]
    assert {row.positions for row in found} == {3}
    exact = Smooth(dim=5, image_shape=(3, 12, 12)).double()
    oracles = [distances.load(name, dtype=torch.float64) for name in names]
    latents = analysis._latents[:3].double()
    of_mse, of_ssim = ([hessian_of(exact, each, z) for z in latents] for each in oracles)
    rows = [table_3(one, two) for one, two in zip(of_mse, of_ssim, strict=True)]
    for field in fields(MetricComparison):
        values = [row[field.name] for row in rows]
        mean, deviation = getattr(found[2].means, field.name), getattr(found[2].deviations, field.name)
        assert mean == pytest.approx(np.mean(values), rel=tolerance), field.name
        assert deviation == pytest.approx(np.std(values), rel=tolerance, abs=1e-2 * tolerance), field.name
    # They spread: the metric is another at every position.
    assert found[2].deviations.log_slope > 1e-3


def test_mse_of_a_linear_generator_is_known_and_units_are_in_the_intercept_alone() -> None:
    matrix = torch.randn(12, 5, generator=torch.Generator().manual_seed(1)).double() * torch.logspace(0, -2, 5)
    analysis, found = findings(
        Linear(matrix, (3, 2, 2)).double(),
        distances.load("mse", dtype=torch.float64),
        [Named(1.0).double(), Named(1000.0).double()],
        positions=3,
    )
    # Pixels in [−1, 1], their mean: 4 / 12 of the sum of squares in [0, 1]. So H = 2 · 4 / 12 AᵀA.
    state = analysis.step(analysis.init())
    torch.testing.assert_close(state.tensors["metric/0000"], 2 * 4 / 12 * matrix.T @ matrix)
    for row, ratio in zip(found, (3.0, 3000.0, 1000.0), strict=True):
        assert row.means.log_intercept == pytest.approx(math.log10(ratio))
        assert row.means.log_intercept_back == pytest.approx(-math.log10(ratio))
        ones = [getattr(row.means, field.name) for field in fields(MetricComparison) if "intercept" not in field.name]
        assert ones == pytest.approx([1] * 8)
        # The metric is the same everywhere.
        assert astuple(row.deviations) == pytest.approx([0] * 10, abs=1e-12)


def test_compared_positions_lie_within_the_positions() -> None:
    for count in (1, 4):
        with pytest.raises(InvalidInputError, match=f"compared positions lie between 2 and 3, but {count} came"):
            MetricAnalysis(Smooth(), Euclidean(), "z", positions=3, control_positions=2, compared_positions=count)
