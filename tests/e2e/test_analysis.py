"""Analyses of a metric over a real socket."""

from __future__ import annotations

import io

import grpc
import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_api.tensors import unpack
from pullback_api.v1 import analysis_pb2, geometry_pb2, jobs_pb2, specs_pb2


def analyze(server: LiveServer, **spec: object) -> jobs_pb2.Job:
    chosen = {
        "generator": "generators/tiny",
        "distance": "mse",
        "positions": 3,
        "control_positions": 2,
        "compared_distances": ["ssim"],
        **spec,
    }
    request = geometry_pb2.AnalyzeMetricRequest(spec=specs_pb2.AnalysisSpec(**chosen))
    return server.geometry.AnalyzeMetric(request, timeout=60)


@pytest.fixture(scope="module")
def analysis(server: LiveServer) -> analysis_pb2.MetricAnalysis:
    job = server.wait(analyze(server).name)
    assert job.state == jobs_pb2.JOB_STATE_SUCCEEDED, job.error
    return server.geometry.GetAnalysis(geometry_pb2.GetAnalysisRequest(name=job.result), timeout=60)


def test_an_analysis_holds_every_table_and_figure(analysis: analysis_pb2.MetricAnalysis) -> None:
    assert analysis.dim == 8
    assert unpack(analysis.spectrum.eigenvalues).shape == (3, 8)
    assert unpack(analysis.shuffled_spectrum.eigenvalues).shape == (2, 8)
    assert [row.fraction for row in analysis.spectrum.dims] == [0.99, 0.999, 0.9999, 0.99999]
    assert unpack(analysis.apparent_speed.samples).shape == (10_000,)
    assert unpack(analysis.homogeneity.log).shape == (3, 3)
    np.testing.assert_allclose(np.diag(unpack(analysis.homogeneity.log)), 1)
    assert [(row.reference, row.distance, row.positions) for row in analysis.comparisons] == [("mse", "ssim", 3)]
    assert analysis.comparisons[0].deviations.log_slope > 0
    assert [layer.layer for layer in analysis.layers] == ["layer 1", "layer 2", "image"]
    assert [layer.layer for layer in analysis.shuffled_layers] == ["layer 1", "layer 2", "image"]
    assert unpack(analysis.layers[0].amplification).shape == (8,)
    for axis in analysis.axes:
        assert len(axis.frames) == len(unpack(axis.steps)) == len(unpack(axis.distances))
        assert Image.open(io.BytesIO(axis.frames[0].data)).size == (16, 16)


def test_an_analysis_holds_what_can_be_measured_of_walks(analysis: analysis_pb2.MetricAnalysis) -> None:
    curves = analysis.walks.distance_curves
    assert unpack(curves.top).shape == unpack(curves.bottom).shape == (2, 5, 9)
    assert (unpack(curves.top)[..., 4] == 0).all()
    assert unpack(curves.top)[:, 0, [0, -1]].mean() > unpack(curves.bottom)[:, -1, [0, -1]].mean()
    assert [drift.traversal for drift in analysis.walks.density_drifts] == ["linear", "spherical", "density_preserving"]
    np.testing.assert_allclose(unpack(analysis.walks.density_drifts[2].log_densities), 0, atol=1e-4)
    kinds = ["linear", "spherical", "density_preserving"]
    assert [each.traversal for each in analysis.walks.walk_distances.traversals] == kinds
    assert unpack(analysis.walks.walk_distances.traversals[0].distances).shape == (2, 2, 5)
    assert (analysis.walks.walk_quality.embedding, analysis.walks.walk_quality.images) == (
        "efficientnet-lite0-pooled-128px",
        24,
    )
    assert [each.traversal for each in analysis.walks.walk_quality.traversals] == kinds
    # There is no mapping network.
    assert not analysis.walks.HasField("warpage")
    assert not analysis.walks.HasField("robustness")
    assert not analysis.walks.HasField("variations")


def test_asking_for_an_analysis_that_exists_returns_it(
    server: LiveServer, analysis: analysis_pb2.MetricAnalysis
) -> None:
    again = analyze(server)
    assert again.state == jobs_pb2.JOB_STATE_SUCCEEDED
    assert again.result == analysis.name
    assert again.name == analysis.job


def test_analyses_are_listed_without_their_arrays(server: LiveServer, analysis: analysis_pb2.MetricAnalysis) -> None:
    listed = server.geometry.ListAnalyses(geometry_pb2.ListAnalysesRequest(parent="generators/tiny"))
    found = next(entry for entry in listed.analyses if entry.name == analysis.name)
    assert found.spec == analysis.spec
    assert not found.axes
    assert not found.HasField("spectrum")
    assert not found.HasField("walks")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"positions": 1}, "spec.positions: expected 2 to 2,000"),
        ({"control_positions": 9}, "spec.control_positions: expected 2 to 3"),
        ({"compared_positions": 1}, "spec.compared_positions: expected 2 or more, but 1 came"),
        ({"compared_distances": ["mse"]}, "each distance once"),
        ({"compared_distances": ["ssim", "nope"]}, "compared_distances"),
        ({"space": "w"}, "spec.space"),
        ({"max_memory_mib": -1}, "spec.max_memory_mib: expected 1 or more MiB, but -1 came"),
    ],
)
def test_a_specification_that_cannot_be_used_is_refused(
    server: LiveServer, spec: dict[str, object], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        analyze(server, **spec)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in caught.value.details()
