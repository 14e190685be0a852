"""Charts of the studio: round ticks, points where the axes say, nothing that is not finite."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback_client.studio.parts.charts import Line, chart, ticks


def svg(page: str) -> ET.Element:
    found = re.search(r"<svg viewBox.*?</svg>", page, re.DOTALL)
    assert found is not None
    return ET.fromstring(found[0])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_within_the_range_and_neither_few_nor_many(low: float, length: float) -> None:
    found = ticks(low, low + length)

    assert 2 <= len(found) <= 6
    assert all(low - 1e-6 * length <= tick <= low + length * (1 + 1e-6) for tick in found)
    # A difference of numbers that are a billion times as large, as far as these are told apart.
    step = found[1] - found[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-5)
    assert min(abs(mantissa - round_one) for round_one in (1, 2, 5)) < 1e-4


def test_a_line_goes_up_where_its_values_do_and_leaves_out_what_is_not_finite() -> None:
    drawn = svg(chart("scores", "generation", "score", [Line("mean", [(0, 1.0), (1, math.nan), (2, 3.0)])]))

    line = next(each for each in drawn.iter() if each.tag.endswith("polyline"))
    (left, low), (right, high) = (map(float, point.split(",")) for point in line.attrib["points"].split())
    assert left < right
    assert low > high  # y of SVG runs down
    assert drawn.attrib["aria-label"] == "scores"


def test_the_band_spans_what_it_was_given() -> None:
    drawn = svg(chart("s", "x", "y", [Line("mean", [(0, 1.0), (1, 1.0)], band=[(0, 0.0, 2.0), (1, 0.5, 1.5)])]))

    area = next(each for each in drawn.iter() if each.tag.endswith("polygon"))
    line = next(each for each in drawn.iter() if each.tag.endswith("polyline"))
    ys = [float(point.split(",")[1]) for point in area.attrib["points"].split()]
    middle = float(line.attrib["points"].split()[0].split(",")[1])
    assert ys[0] == min(ys)
    assert ys[-1] == max(ys)
    assert (ys[0] + ys[-1]) / 2 == pytest.approx(middle, abs=0.2)


def test_a_single_point_is_seen() -> None:
    drawn = svg(chart("s", "x", "y", [Line("mean", [(0, 1.0)])]))

    assert any(each.tag.endswith("circle") for each in drawn.iter())


def test_texts_are_escaped_and_an_empty_chart_says_so() -> None:
    assert "&lt;b&gt;" in chart("<b>", "x", "y", [Line("<b>", [(0, 1.0)])])
    assert "<b>" not in chart("<b>", "x", "y", [Line("<b>", [(0, 1.0)])])
    assert "nothing yet" in chart("scores", "x", "y", [Line("mean", [])])
