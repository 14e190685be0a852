"""Analyses in the client: what is asked for, what comes back, and jobs of the third kind."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import grpc
import numpy as np
import pytest

from in_process import DIM, Failure, InProcessServer
from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2, jobs_pb2, specs_pb2, values_pb2
from pullback_client import (
    Analysis,
    BadResponseError,
    Client,
    ComparisonFigures,
    FailedPreconditionError,
    InvalidArgumentError,
    JobEvent,
    JobFailedError,
    NotFoundError,
)
from sample_analysis import sample_analysis

NAME = "generators/faces/analyses/0"


def message() -> analysis_pb2.MetricAnalysis:
    spec = specs_pb2.AnalysisSpec(
        generator="generators/faces",
        space="z",
        distance="lpips",
        positions=4,
        control_positions=2,
        compared_positions=3,
        compared_distances=["mse"],
        seed=3,
    )
    return sample_analysis(NAME, "jobs/1", spec)


def test_an_analysis_arrives_with_all_its_parts(client: Client, server: InProcessServer) -> None:
    analysis = client.analyze("faces", positions=7, control_positions=3, compared_distances=["mse"], seed=2)
    sent = sample_analysis(NAME, "jobs/1", server.job("jobs/1").analyze_metric)
    np.testing.assert_array_equal(
        analysis.spectrum.eigenvalues, np.frombuffer(sent.spectrum.eigenvalues.data).reshape(7, DIM)
    )
    assert analysis.shuffled_spectrum.eigenvalues.shape == (3, DIM)
    assert analysis.homogeneity.log.shape == (7, 7)
    assert analysis.shuffled_homogeneity.linear.shape == (3, 3)
    assert [dims.fraction for dims in analysis.spectrum.dims] == [0.99, 0.999, 0.9999, 0.99999]
    assert analysis.apparent_speed.expected_mean == sent.apparent_speed.expected_mean
    assert [comparison.distance for comparison in analysis.comparisons] == ["mse"]
    assert [layer.layer for layer in analysis.layers] == ["stem", "block 1", "image"]
    assert [axis.rank for axis in analysis.axes] == list(range(DIM))
    assert [frame.size for frame in analysis.axes[0].frames] == [(16, 16)] * 5


def test_the_request_carries_what_was_asked_and_leaves_defaults_to_the_server(
    client: Client, server: InProcessServer
) -> None:
    client.analyze("faces")
    client.analyze(
        "faces",
        space="z",
        distance="mse",
        positions=9,
        control_positions=2,
        compared_positions=3,
        compared_distances=("ssim", "lpips-vgg"),
        seed=5,
        max_memory_mib=64,
    )
    plain, full = server.called("AnalyzeMetric")
    assert plain.spec == specs_pb2.AnalysisSpec(generator="generators/faces")
    assert plain.request_id != full.request_id
    assert full.spec == specs_pb2.AnalysisSpec(
        generator="generators/faces",
        space="z",
        distance="mse",
        positions=9,
        control_positions=2,
        compared_positions=3,
        compared_distances=["ssim", "lpips-vgg"],
        seed=5,
        max_memory_mib=64,
    )


@pytest.mark.parametrize("names", ["mse", [], ()])
def test_compared_distances_that_are_no_list_of_names_are_refused(client: Client, names: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="compared_distances must be a list of at least one name"):
        client.analyze("faces", compared_distances=names)


@pytest.mark.parametrize("field", ["positions", "control_positions", "compared_positions", "max_memory_mib"])
def test_a_count_of_zero_is_refused_and_not_taken_for_the_default(client: Client, field: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{field} must be a whole number from [12]"):
        client.submit_analysis("faces", **{field: 0})  # type: ignore[arg-type]


def test_the_same_analysis_is_computed_once(client: Client, server: InProcessServer) -> None:
    first = client.analyze("faces", seed=1)
    assert client.submit_analysis("faces", seed=1).name == first.job
    assert client.analyze("faces", seed=1).name == first.name
    assert client.analyze("faces", seed=2).name != first.name
    assert len(server.jobs) == 2


def test_a_callback_hears_of_the_job(client: Client, server: InProcessServer) -> None:
    server.bench.pause = 0.05
    events: list[JobEvent] = []
    client.analyze("faces", progress=events.append)
    steps = [event.progress.step for event in events]
    assert steps == sorted(steps)
    assert {0, 3} <= set(steps)
    assert all(event.progress.loss is None for event in events)


def test_an_analysis_that_failed_says_why(client: Client, server: InProcessServer) -> None:
    server.fail_jobs(Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "out of memory"))
    with pytest.raises(JobFailedError, match="jobs/1 failed: out of memory"):
        client.analyze("faces")


def test_an_analysis_can_be_fetched_by_name_once_its_job_has_succeeded(client: Client, server: InProcessServer) -> None:
    server.bench.hold = True
    job = client.submit_analysis("faces")
    server.wait_for_start(job.name)
    with pytest.raises(FailedPreconditionError, match="jobs/1 is RUNNING; wait until it has SUCCEEDED"):
        client.get_analysis(job.result_name)
    server.finish(job.name)
    assert client.get_analysis(job.result_name).name == job.result_name
    with pytest.raises(NotFoundError, match="generators/faces/analyses/none"):
        client.get_analysis("generators/faces/analyses/none")


def test_analyses_are_listed_without_what_they_found(client: Client, server: InProcessServer) -> None:
    names = [client.analyze("faces", seed=seed, compared_distances=["mse"]).name for seed in (1, 2)]
    listed = client.list_analyses("faces")
    assert [info.name for info in listed] == names[::-1]
    assert (listed[0].generator, listed[0].space, listed[0].distance, listed[0].seed) == (
        "faces",
        "z",
        "lpips-alex",
        2,
    )
    assert listed[0].compared_distances == ("mse",)
    client.list_analyses()
    assert [request.parent for request in server.called("ListAnalyses")] == ["generators/faces", "generators/-"]


def test_a_job_knows_that_it_analyses_and_fetches_what_it_found(client: Client) -> None:
    client.analyze("faces")
    job = client.get_job("1")
    assert (job.kind, job.generator) == ("analysis", "generators/faces")
    assert isinstance(job.result(), Analysis)


def test_jobs_of_every_kind_are_told_apart(client: Client) -> None:
    client.analyze("faces")
    client.compute_eigenbasis("eyes")
    assert [(job.kind, job.generator) for job in client.list_jobs()] == [
        ("eigenbasis", "generators/eyes"),
        ("analysis", "generators/faces"),
    ]


def test_a_job_of_a_newer_server_is_listed_and_its_result_is_refused(client: Client, server: InProcessServer) -> None:
    client.analyze("faces")

    def make_newer(job: jobs_pb2.Job) -> None:
        job.ClearField("work")
        job.result = "things/1"

    server.changes["ListJobs"] = lambda answer: make_newer(answer.jobs[0])
    server.changes["GetJob"] = make_newer
    server.changes["WatchJob"] = lambda event: make_newer(event.job)
    (job,) = client.list_jobs()
    assert (job.kind, job.generator) == ("unknown", "")
    with pytest.raises(BadResponseError, match="jobs/1 does work that this client does not know"):
        job.result()


def test_a_call_that_met_no_server_is_tried_again(client: Client, server: InProcessServer) -> None:
    for method in ("AnalyzeMetric", "GetAnalysis", "ListAnalyses"):
        server.failures[method] = Failure(grpc.StatusCode.UNAVAILABLE)
    client.analyze("faces")
    assert len(client.list_analyses()) == 1
    assert [request.request_id for request in server.called("AnalyzeMetric")] == 2 * [
        server.called("AnalyzeMetric")[0].request_id
    ]


def test_to_dict_holds_plain_json_values_only() -> None:
    whole = message()
    plain = Analysis.from_wire(whole).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["provenance"] == {
        "name": NAME,
        "generator": "faces",
        "space": "z",
        "distance": "lpips",
        "positions": 4,
        "control_positions": 2,
        "compared_positions": 3,
        "compared_distances": ["mse"],
        "seed": 3,
        "method": "gram",
        "dim": DIM,
        "generator_weights_hash": "a" * 64,
        "distance_weights_hash": "",
        "version": "0.1.0",
        "created": "2027-01-15T08:00:00+00:00",
        "job": "jobs/1",
    }
    np.testing.assert_array_equal(plain["homogeneity"]["log"], np.frombuffer(whole.homogeneity.log.data).reshape(4, 4))
    assert plain["axes"][0]["frames"][0].startswith("iVBORw0KGgo")  # PNG's signature in base64
    assert plain["comparisons"][0]["log_slope"] == 1.04
    assert plain["comparisons"][0]["deviations"]["log_slope"] == 0.07
    assert plain["walks"]["warpage"]["ks"] == [1, 2, 5]
    assert plain["walks"]["robustness"]["curves"][3]["distances"] == [6.0, None]


def test_every_figure_of_a_comparison_comes_with_its_deviation() -> None:
    (found,) = Analysis.from_wire(message()).comparisons
    assert (found.reference, found.distance, found.positions) == ("lpips", "mse", 3)
    names = [field.name for field in dataclasses.fields(ComparisonFigures)]
    assert [getattr(found, name) for name in names] == [0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 1.04, -0.25, 0.96, 0.26]
    assert found.deviations is not None
    assert [getattr(found.deviations, name) for name in names] == [number / 100 for number in range(1, 11)]


def test_an_analysis_of_before_there_were_deviations_can_be_read() -> None:
    whole = message()
    whole.spec.ClearField("compared_positions")
    for field in ("reference", "log_slope_back", "log_intercept_back", "deviations"):
        whole.comparisons[0].ClearField(field)
    analysis = Analysis.from_wire(whole)
    (found,) = analysis.comparisons
    assert (found.reference, found.distance, found.deviations) == ("lpips", "mse", None)
    assert np.isnan([found.log_slope_back, found.log_intercept_back]).all()
    assert analysis.compared_positions == analysis.control_positions == 2


def test_to_dict_writes_what_is_not_finite_as_none() -> None:
    whole = message()
    whole.spectrum.condition_number = np.inf
    whole.homogeneity.log_mean = np.nan
    whole.homogeneity.log.CopyFrom(pack(np.full((4, 4), np.nan)))
    plain = Analysis.from_wire(whole).to_dict()
    assert plain["spectrum"]["condition_number"] is None
    assert plain["homogeneity"]["log_mean"] is None
    assert plain["homogeneity"]["log"] == [[None] * 4] * 4


@pytest.mark.parametrize(
    ("path", "shape", "found"),
    [
        ("spectrum.mean_metric_eigenvalues", (DIM + 1,), r"spectrum.mean_metric_eigenvalues has shape \(6,\)"),
        (
            "shuffled_spectrum.eigenvalues",
            (2, 3),
            r"shuffled_spectrum.eigenvalues has shape \(2, 3\), expected \(2, 5\)",
        ),
        ("spectrum.eigenvalues", (0, DIM), r"spectrum.eigenvalues has shape \(0, 5\)"),
        ("homogeneity.log", (3, 4), r"homogeneity.log has shape \(3, 4\), expected \(4, 4\)"),
        ("apparent_speed.samples", (2, 2), r"apparent_speed.samples has shape \(2, 2\)"),
        ("layers.1.amplification", (1,), r"layers\[1\].amplification has shape \(1,\)"),
        ("axes.2.distances", (4,), r"axes\[2\].distances has shape \(4,\), expected \(5,\)"),
        ("walks.distance_curves.bottom", (2, 2, 4), r"walks.distance_curves.bottom has shape \(2, 2, 4\), expected"),
        ("walks.density_drifts.1.norms", (5,), r"walks.density_drifts\[1\].norms has shape \(5,\)"),
        ("walks.warpage.kinds.3.projection", (2, 2), r"kinds\[3\].projection has shape \(2, 2\), expected \(2, 3\)"),
        ("walks.robustness.curves.0.distances", (3,), r"curves\[0\].distances has shape \(3,\), expected \(2,\)"),
        ("walks.variations.sets.1.distances", (3,), r"sets\[1\].distances has shape \(3,\), expected \(2,\)"),
        (
            "walks.walk_distances.traversals.1.distances",
            (2, 2, 3),
            r"walk_distances.traversals\[1\].distances has shape \(2, 2, 3\), expected \(2, 2, 2\)",
        ),
        (
            "walks.walk_quality.traversals.2.distances",
            (3,),
            r"traversals\[2\].distances has shape \(3,\), expected \(2,\)",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(path: str, shape: tuple[int, ...], found: str) -> None:
    whole = message()
    part: Any = whole
    for step in path.split("."):
        part = part[int(step)] if step.isdigit() else getattr(part, step)
    part.CopyFrom(pack(np.zeros(shape)))
    with pytest.raises(BadResponseError, match=found) as caught:
        Analysis.from_wire(whole)
    assert NAME in caught.value.message


def test_statistics_of_walks_arrive_with_all_their_parts() -> None:
    whole = message()
    walks = Analysis.from_wire(whole).walks
    assert walks is not None
    curves = np.frombuffer(whole.walks.distance_curves.top.data).reshape(2, 2, 5)
    np.testing.assert_array_equal(walks.distance_curves.top, curves)
    assert [drift.traversal for drift in walks.density_drifts] == ["linear", "spherical", "density_preserving"]
    assert walks.density_drifts[0].log_densities.shape == (2, 5)
    assert walks.warpage is not None
    assert (walks.warpage.ks, walks.warpage.epsilon) == ((1, 2, 5), 0.1)
    assert [pairs.kind for pairs in walks.warpage.kinds] == ["random", "far", "close", "ganspace_pca", "sefa"]
    assert walks.robustness is not None
    assert (walks.robustness.embedding, walks.robustness.images) == ("fake-pooled", 200)
    np.testing.assert_array_equal(walks.robustness.curves[1].rises, [1, 4])
    assert walks.variations is not None
    assert (walks.variations.images, walks.variations.directions) == (100, 20)
    assert [each.kind for each in walks.variations.sets][-2:] == ["ica_unmixing", "random"]
    np.testing.assert_array_equal(walks.variations.sets[0].distances, [3, 6])
    assert walks.walk_distances is not None
    np.testing.assert_array_equal(walks.walk_distances.steps, [5, 10])
    assert walks.walk_distances.traversals[2].traversal == "density_preserving"
    np.testing.assert_array_equal(walks.walk_distances.traversals[2].distances, np.full((2, 2, 2), [3.0, 6.0]))
    assert walks.walk_quality is not None
    assert (walks.walk_quality.images, walks.walk_quality.unmoved) == (120, 5)
    assert [each.traversal for each in walks.walk_quality.traversals] == ["linear", "spherical", "density_preserving"]
    np.testing.assert_array_equal(walks.walk_quality.traversals[0].distances, [25, 45])


def test_statistics_of_walks_that_were_not_measured_are_none() -> None:
    whole = message()
    for name in ("density_drifts", "warpage", "robustness", "variations", "walk_distances", "walk_quality"):
        whole.walks.ClearField(name)  # type: ignore[arg-type]
    walks = Analysis.from_wire(whole).walks
    assert walks is not None
    assert (walks.density_drifts, walks.warpage, walks.robustness, walks.variations) == ((), None, None, None)
    assert (walks.walk_distances, walks.walk_quality) == (None, None)


@pytest.mark.parametrize("name", ["walk_distances", "walk_quality"])
def test_random_walks_of_no_kind_are_named(name: str) -> None:
    whole = message()
    getattr(whole.walks, name).ClearField("traversals")
    with pytest.raises(BadResponseError, match=f"{name}.traversals are missing"):
        Analysis.from_wire(whole)


def test_an_analysis_of_before_there_were_walks_is_read() -> None:
    whole = message()
    whole.ClearField("walks")
    analysis = Analysis.from_wire(whole)
    assert analysis.walks is None
    assert analysis.to_dict()["walks"] is None


@pytest.mark.parametrize("name", ["layers", "shuffled_layers", "axes"])
def test_parts_that_are_missing_are_named(name: str) -> None:
    whole = message()
    whole.ClearField(name)  # type: ignore[arg-type]
    with pytest.raises(BadResponseError, match=f"{name} are missing"):
        Analysis.from_wire(whole)


def test_a_frame_that_is_no_image_is_named() -> None:
    whole = message()
    whole.axes[1].frames[3].CopyFrom(values_pb2.Image(data=b"nothing"))
    with pytest.raises(BadResponseError, match=r"axes\[1\].frames\[3\]: 7 bytes that are not an image"):
        Analysis.from_wire(whole)
