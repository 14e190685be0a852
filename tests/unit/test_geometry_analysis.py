"""The analysis of a metric: its units, their order, and what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pullback import distances
from pullback.analysis.amplification import amplifications, first_layer_metric
from pullback.analysis.metric_analysis import AnalysisState, MetricAnalysis
from pullback.errors import InvalidInputError
from pullback.generators import Generator
from pullback.geometry import metric_tensor
from pullback.geometry.statistics import metric_homogeneity


@pytest.fixture(scope="module")
def analysis(tiny_generator: Generator) -> MetricAnalysis:
    return MetricAnalysis(
        tiny_generator, distances.load("mse"), "z", others=[distances.load("ssim")], positions=3, control_positions=2
    )


@pytest.fixture(scope="module")
def finished(analysis: MetricAnalysis) -> AnalysisState:
    state = analysis.init()
    while not analysis.done(state):
        state = analysis.step(state)
    return state


def test_a_stored_analysis_goes_on_where_it_stood(analysis: MetricAnalysis, finished: AnalysisState) -> None:
    state = analysis.init()
    for _ in range(5):
        state = analysis.step(state)
    # As a checkpoint keeps it: tensors by name, in any order.
    state = AnalysisState({name: state.tensors[name].clone() for name in sorted(state.tensors, reverse=True)})
    while not analysis.done(state):
        state = analysis.step(state)
    assert state.tensors.keys() == finished.tensors.keys()
    assert all(torch.equal(state.tensors[name], finished.tensors[name]) for name in finished.tensors)


def test_a_bound_of_memory_changes_the_metrics_by_rounding_alone(
    finished: AnalysisState, tiny_generator: Generator
) -> None:
    others = [distances.load("ssim")]
    options: dict[str, Any] = {"others": others, "positions": 3, "control_positions": 2}
    bounded = MetricAnalysis(tiny_generator, distances.load("mse"), "z", max_memory=2**18, **options)
    state = bounded.init()
    while not bounded.done(state):
        state = bounded.step(state)
    for name, metric in finished.tensors.items():
        if "metric" in name:
            torch.testing.assert_close(state.tensors[name], metric, rtol=1e-4, atol=1e-6)
    starved = MetricAnalysis(tiny_generator, distances.load("mse"), "z", max_memory=2**10, **options)
    with pytest.raises(InvalidInputError, match="method 'gram' needs at least max_memory"):
        starved.step(starved.init())


def test_the_findings_are_the_statistics_of_metrics_at_the_positions(
    analysis: MetricAnalysis, finished: AnalysisState, tiny_generator: Generator
) -> None:
    found = analysis.result(finished)
    assert found.spectrum.eigenvalues.shape == (3, 8)
    assert found.shuffled_spectrum.eigenvalues.shape == (2, 8)
    metrics = np.stack([finished.tensors[f"metric/{i:04d}"].numpy() for i in range(3)])
    np.testing.assert_allclose(found.homogeneity.log, metric_homogeneity(metrics).log)
    np.testing.assert_allclose(
        found.spectrum.mean_metric_eigenvalues, np.linalg.eigvalsh(metrics.mean(axis=0))[::-1], rtol=1e-10
    )
    # A position can be found again from the seed.
    latents, contexts = analysis._draw()
    again = metric_tensor(tiny_generator, distances.load("mse"), latents[1], "z", context=contexts[1])
    np.testing.assert_array_equal(again.numpy(), metrics[1])
    assert [row.distance for row in found.comparisons] == ["ssim"]
    assert found.comparisons[0].method == "gauss_newton"
    assert found.apparent_speed.mean == pytest.approx(found.apparent_speed.expected_mean, rel=0.02)


def test_the_strips_start_from_one_latent_and_their_middle_frame_is_at_distance_zero(
    analysis: MetricAnalysis, finished: AnalysisState
) -> None:
    axes = analysis.result(finished).axes
    assert [axis.rank for axis in axes] == [0, 1, 3, 7]
    for axis in axes:
        assert axis.distances[4] == 0
        assert axis.steps[4] == 0
        np.testing.assert_array_equal(axis.images[4], axes[0].images[4])
    # The first axis changes the image faster than the last, near the middle where the metric says so.
    assert axes[0].distances[3] > axes[-1].distances[3]


def test_amplification_is_the_gram_matrix_of_each_layer_in_a_basis(tiny_generator: Generator) -> None:
    latent = tiny_generator.space("z").sample(1, 3)[0]
    basis = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(0))).Q

    def layer(name: str):  # type: ignore[no-untyped-def]
        return lambda z: tiny_generator.activations(z[None])[name].flatten()

    found = amplifications(tiny_generator, latent, "z", basis)
    assert list(found) == ["layer 1", "layer 2", "image"]
    for name, values in found.items():
        # The oracle: reverse mode, one output at a time.
        jacobian = torch.autograd.functional.jacobian(layer(name), latent).double()
        gram = jacobian.T @ jacobian
        expected = torch.einsum("ni,nm,mi->i", basis.double(), gram, basis.double())
        torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-8)
        if name == "layer 1":
            torch.testing.assert_close(first_layer_metric(tiny_generator, latent, "z"), gram, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": 1}, "at least 2 positions, but 1 came"),
        ({"positions": 3, "control_positions": 4}, "between 2 and 3, but 4 came"),
        ({"positions": 3, "control_positions": 1}, "between 2 and 3, but 1 came"),
    ],
)
def test_numbers_out_of_range_are_refused(tiny_generator: Generator, options: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        MetricAnalysis(tiny_generator, distances.load("mse"), "z", **options)


def test_an_unfinished_analysis_has_no_result(analysis: MetricAnalysis) -> None:
    with pytest.raises(InvalidInputError, match=r"0 of \d+ units are done"):
        analysis.result(analysis.init())
