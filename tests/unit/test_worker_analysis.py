"""The task of an analysis: the metric, then the walks, through checkpoints, to a message."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pullback import distances
from pullback.analysis import mapping_units, variation_units
from pullback.generators import Generator
from pullback_api.tensors import unpack
from pullback_api.v1 import analysis_pb2, specs_pb2
from pullback_server.worker.tasks.analysis import AnalysisTask
from tiny_style import tiny_style
from toys import Euclidean


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer images and pairs than a report has."""
    for name, value in (("IMAGES", 20), ("WARPAGE_PAIRS", 10), ("GANSPACE_SAMPLES", 500), ("STRENGTHS", (0.01, 0.02))):
        monkeypatch.setattr(mapping_units, name, value)
    for name, value in (("IMAGES", 20), ("GANSPACE_SAMPLES", 500), ("STRENGTHS", (0.01, 0.02))):
        monkeypatch.setattr(variation_units, name, value)


def task_of(generator: Generator, space: str) -> AnalysisTask:
    """The task of a short analysis under MSE."""
    spec = specs_pb2.AnalysisSpec(
        generator=f"generators/{generator.name}", space=space, distance="mse", positions=2, control_positions=2
    )
    models: Any = SimpleNamespace(generator=lambda name: generator, distance=distances.load, pooled_features=Euclidean)
    start: Any = SimpleNamespace(work=spec.SerializeToString())
    return AnalysisTask(start, models, lambda phase: None)


def finish(task: AnalysisTask) -> analysis_pb2.MetricAnalysis:
    while not task.done:
        task.step()
    return analysis_pb2.MetricAnalysis.FromString(task.result())


def test_an_analysis_of_a_style_based_generator_has_every_statistic_of_walks() -> None:
    task = task_of(tiny_style(), "z")
    first = task.progress("1")
    assert first.step == 0
    walks = finish(task).walks
    last = task.progress("1")
    assert last.step == last.total == first.total
    assert unpack(walks.distance_curves.top).shape == (2, 5, 9)
    assert [drift.traversal for drift in walks.density_drifts] == ["linear", "spherical", "density_preserving"]
    assert unpack(walks.density_drifts[0].log_densities).shape == (2, 21)
    assert list(walks.warpage.ks) == [1, 2, 5]
    assert [pairs.kind for pairs in walks.warpage.kinds] == ["random", "far", "close", "ganspace_pca", "sefa"]
    assert unpack(walks.warpage.kinds[1].geodesic).shape == (10, 3)
    assert (walks.robustness.embedding, walks.robustness.images) == ("euclidean", 20)
    np.testing.assert_array_equal(unpack(walks.robustness.strengths), [0.01, 0.02])
    assert [curve.way for curve in walks.robustness.curves] == ["curve", "local_basis", "ganspace_pca", "sefa"]
    variations = walks.variations
    assert (variations.embedding, variations.images, variations.directions) == ("euclidean", 20, 6)
    np.testing.assert_array_equal(unpack(variations.strengths), [0.01, 0.02])
    assert [(each.kind, each.space) for each in variations.sets] == [
        ("hessian", "z"),
        ("ganspace_pca", "w"),
        ("ica_mixing", "w"),
        ("ica_unmixing", "w"),
        ("random", "w"),
    ]
    for each in variations.sets:
        known = np.isfinite(unpack(each.distances))
        # Of these random weights the iteration finds independent components or not, as last bits have it.
        assert known.all() or (each.kind.startswith("ica") and not known.any())
    check_random_walks(walks)


def check_random_walks(walks: analysis_pb2.WalkStatistics) -> None:
    """Of 2 positions, a space with a normal prior, and pictures."""
    kinds = ["linear", "spherical", "density_preserving"]
    assert [each.traversal for each in walks.walk_distances.traversals] == kinds
    np.testing.assert_array_equal(unpack(walks.walk_distances.steps), [2, 4, 6, 8, 10])
    assert all((unpack(each.distances) > 0).all() for each in walks.walk_distances.traversals)
    assert unpack(walks.walk_distances.traversals[0].distances).shape == (2, 2, 5)
    quality = walks.walk_quality
    assert (quality.embedding, quality.images) == ("euclidean", 24)
    assert quality.unmoved > 0
    np.testing.assert_array_equal(unpack(quality.strides), [5, 10])
    assert [each.traversal for each in quality.traversals] == kinds
    assert all((unpack(each.distances) > 0).all() for each in quality.traversals)


def test_an_analysis_of_another_generator_has_no_statistics_of_w(tiny_generator: Generator) -> None:
    walks = finish(task_of(tiny_generator, "z")).walks
    assert walks.HasField("distance_curves")
    assert len(walks.density_drifts) == 3
    check_random_walks(walks)
    assert not walks.HasField("warpage")
    assert not walks.HasField("robustness")
    assert not walks.HasField("variations")


def test_a_task_goes_on_from_its_checkpoint_within_the_metric_and_within_the_walks(
    tiny_generator: Generator, tmp_path: Path
) -> None:
    whole = task_of(tiny_generator, "z")
    expected, total = finish(whole), whole.progress("1").total
    for steps in (3, total - 2):
        begun, again = task_of(tiny_generator, "z"), task_of(tiny_generator, "z")
        for _ in range(steps):
            begun.step()
        begun.save(tmp_path / "checkpoint")
        again.restore(tmp_path / "checkpoint")
        assert again.progress("1") == begun.progress("1")
        assert finish(again) == expected
