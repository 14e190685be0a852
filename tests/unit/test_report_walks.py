"""What a report says of walks: which parts there are, what stands in them, and their words."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pullback_api.v1 import specs_pb2
from pullback_client import Analysis
from pullback_client.report.metric import REPORT_FILES, summarize, write_report
from pullback_client.report.parts import Plot, Table
from pullback_client.report.walks import WALK_FILES, summarize_walks, walk_parts
from pullback_client.report.walks.distance_curves import distance_curves
from pullback_client.report.walks.random_walks import walk_quality_table
from pullback_client.report.walks.robustness import robustness_table
from pullback_client.report.walks.variations import variations_table
from pullback_client.report.walks.warpage import warpage_table
from sample_analysis import sample_analysis


@pytest.fixture
def analysis() -> Analysis:
    """An analysis of a generator of which everything can be measured."""
    spec = specs_pb2.AnalysisSpec(
        generator="generators/faces", space="z", distance="lpips-alex", positions=8, control_positions=4, seed=7
    )
    return Analysis.from_wire(sample_analysis("generators/faces/analyses/0", "jobs/1", spec))


def without(analysis: Analysis, **parts: object) -> Analysis:
    """The analysis with these parts of its walks replaced."""
    assert analysis.walks is not None
    return dataclasses.replace(analysis, walks=dataclasses.replace(analysis.walks, **parts))


def test_every_statistic_of_walks_has_a_picture_and_those_of_w_a_table(analysis: Analysis) -> None:
    parts = walk_parts(analysis)
    assert [part.file for part in parts if isinstance(part, Plot)] == list(WALK_FILES)
    assert [part.title for part in parts if isinstance(part, Table)] == [
        "Images after a random walk, Fréchet distance",
        "Warpage of W, geodesic",
        "Images along a walk in W, rise",
        "Images changed at random, Fréchet distance",
    ]
    for part in parts:
        assert "seed 7" in part.caption
        if isinstance(part, Plot):
            assert len(part.alt) > 80
            with Image.open(io.BytesIO(part.png)) as picture:
                assert picture.width == 1350
                assert np.asarray(picture.convert("L")).std() > 5  # something is drawn


def test_a_statistic_that_was_not_measured_has_no_section(analysis: Analysis, tmp_path: Path) -> None:
    image_generator = without(analysis, warpage=None, robustness=None, variations=None)
    sounds = without(image_generator, walk_quality=None)
    before_random_walks = without(sounds, walk_distances=None)
    of_classes = without(before_random_walks, density_drifts=())
    older = dataclasses.replace(analysis, walks=None)
    for each, files, sentences in (
        (image_generator, 3, 4),
        (sounds, 3, 3),
        (before_random_walks, 2, 2),
        (of_classes, 1, 1),
        (older, 0, 0),
    ):
        assert [part.file for part in walk_parts(each) if isinstance(part, Plot)] == list(WALK_FILES[:files])
        assert len(summarize_walks(each)) == sentences
        assert summarize(each) == summarize(older) + summarize_walks(each)
    expected = [name for name in REPORT_FILES if name not in WALK_FILES[3:]]
    assert [file.name for file in write_report(image_generator, tmp_path)] == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(expected)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Density along a walk" in page
    assert "Warpage of W" not in page
    numbers = json.loads((tmp_path / "report.json").read_text("utf-8"))["walks"]
    assert analysis.walks is not None
    np.testing.assert_array_equal(numbers["distance_curves"]["top"], analysis.walks.distance_curves.top)
    assert numbers["warpage"] is None


def test_tables_of_walks_hold_the_means_over_pairs_and_the_rises(analysis: Analysis) -> None:
    assert analysis.walks is not None
    assert analysis.walks.warpage is not None
    assert analysis.walks.robustness is not None
    warpage = warpage_table(analysis, analysis.walks.warpage)
    robustness = robustness_table(analysis, analysis.walks.robustness)
    assert warpage.head == ("pairs", "k = 1", "k = 2", "k = 5")
    assert warpage.rows[2] == ("two close Local Bases", "0.100 ± 0.010", "0.141 ± 0.014", "0.224 ± 0.022")
    assert robustness.head == ("way", "not moved", "length 2.00", "length 12.0")
    assert robustness.rows[0] == ("iterative curve", "5.00", "1.00", "2.00")
    # A curve that ends before.
    assert robustness.rows[3] == ("SeFa", "5.00", "1.00", "–")
    assert "fake-pooled, 200 images" in robustness.caption


def test_the_table_of_variations_has_a_row_for_each_set_of_directions(analysis: Analysis) -> None:
    assert analysis.walks is not None
    assert analysis.walks.variations is not None
    table = variations_table(analysis, analysis.walks.variations)
    assert table.head == ("directions", "space", "α ~ U[−3, 3]", "α ~ U[−6, 6]")
    assert table.rows[0] == ("Hessian eigenvectors", "z", "3.00", "6.00")
    # Components that did not settle.
    assert table.rows[3] == ("ICA, unmixing rows", "w", "–", "–")
    assert "fake-pooled, 100 images" in table.caption
    assert "20 leading directions" in table.caption


def test_the_table_of_random_walks_begins_with_the_distance_of_images_that_did_not_move(analysis: Analysis) -> None:
    assert analysis.walks is not None
    assert analysis.walks.walk_quality is not None
    table = walk_quality_table(analysis, analysis.walks.walk_quality)
    assert table.head == ("walk", "ε = 0", "ε = 5", "ε = 10")
    assert table.rows == (
        ("straight", "5.00", "25.0", "45.0"),
        ("spherical", "5.00", "5.20", "5.40"),
        ("density-preserving", "5.00", "5.10", "5.20"),
    )
    assert "fake-pooled, 120 images" in table.caption


def test_the_summary_states_the_numbers_of_walks(analysis: Analysis) -> None:
    summary = "\n".join(summarize_walks(analysis))
    for words in (
        "3.0 latent units from the start the image distance is 18.0 along the first 2 eigenvectors, 4.50 along random "
        "directions and 0.0900 along the last 2",
        "log p changes by 4.50 on straight walks, 0 on spherical walks, 0 on density-preserving walks",
        "10 latent units along random directions the image distance is 8.00 on straight walks, 7.00 on spherical "
        "walks, 6.00 on density-preserving walks",
        "a step of 10 takes the Fréchet distance from images of the prior (fake-pooled, 120 images) from 5.00 to 45.0 "
        "on straight walks, 5.40 on spherical walks, 5.20 on density-preserving walks",
        "the geodesic distance of 2 leading dimensions is 2.12 for random subspaces",
        "a step of 12.0 along the first axis raises the Fréchet distance (fake-pooled, 200 images) by 2.00 along "
        "iterative curve, 4.00 along Local Basis",
        "a step α ~ U[−6, 6] moves images by a Fréchet distance (fake-pooled, 100 images) of 6.00 along Hessian "
        "eigenvectors, 8.00 along GANSpace PCA",
    ):
        assert words in summary


def test_kinds_of_a_newer_server_keep_their_names(analysis: Analysis) -> None:
    assert analysis.walks is not None
    assert analysis.walks.warpage is not None
    first, *others = analysis.walks.warpage.kinds
    kinds = (dataclasses.replace(first, kind="close in w"), *others)
    table = warpage_table(analysis, dataclasses.replace(analysis.walks.warpage, kinds=kinds))
    assert table.rows[0][0] == "close in w"


def test_images_that_do_not_change_are_reported_without_a_warning(analysis: Analysis) -> None:
    assert analysis.walks is not None
    curves = analysis.walks.distance_curves
    zero = np.zeros_like(curves.top)
    still = dataclasses.replace(curves, top=zero, random=zero, bottom=zero)
    assert "is 0 along the first 2" in summarize_walks(without(analysis, distance_curves=still))[0]
    assert distance_curves(analysis, still).png
