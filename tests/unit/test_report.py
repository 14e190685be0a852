"""The report of an analysis: its files, its page, its words and its command."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from commands import Run, runner
from in_process import DIM, InProcessServer
from pullback_client import Analysis, Client, FailedPreconditionError
from pullback_client.report.metric import REPORT_FILES, summarize, write_report
from pullback_client.report.metric.distances import distances
from pullback_client.report.metric.published import TABLE_3
from pullback_client.report.metric.strips import strips
from pullback_client.report.metric.tables import agreement, dimensions
from pullback_client.report.parts import number, percent
from pullback_client.report.walks import WALK_FILES

# Those of walks are in test_report_walks.py.
FILES = [name for name in REPORT_FILES if name not in WALK_FILES]
PLOTS = [name for name in FILES if name.endswith(".png")]


@pytest.fixture
def analysis(server: InProcessServer) -> Analysis:
    """Of the metric alone."""
    with Client(server.target) as client:
        whole = client.analyze(
            "faces",
            positions=8,
            control_positions=4,
            compared_positions=4,
            compared_distances=["mse", "ssim"],
            seed=7,
        )
        return dataclasses.replace(whole, walks=None)


@pytest.fixture
def run(server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return runner(server, capsys, monkeypatch, width=300)


class Page(HTMLParser):
    """What stands in a page: its tags with attributes, its text, and whether tags are closed as they were opened."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def text_of(page: str, tag: str) -> list[str]:
    return [
        re.sub(r"<[^>]+>", "", inside) for inside in re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", page, flags=re.S)
    ]


def test_a_report_is_a_page_numbers_and_a_picture_for_every_figure(analysis: Analysis, tmp_path: Path) -> None:
    files = write_report(analysis, tmp_path / "deep" / "report")
    assert [file.name for file in files] == FILES
    assert sorted(path.name for path in (tmp_path / "deep" / "report").iterdir()) == sorted(FILES)
    for name in PLOTS:
        with Image.open(tmp_path / "deep" / "report" / name) as picture:
            assert picture.width == 1350
            assert np.asarray(picture.convert("L")).std() > 5  # something is drawn


def test_the_page_holds_its_pictures_and_needs_nothing_else(analysis: Analysis, tmp_path: Path) -> None:
    write_report(analysis, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    pictures = page.all("img")
    assert len(pictures) == len(PLOTS)
    for picture, name in zip(pictures, PLOTS, strict=True):
        kind, _, data = str(picture["src"]).partition("base64,")
        assert kind == "data:image/png;"
        assert base64.b64decode(data) == (tmp_path / name).read_bytes()
    for tag in ("script", "link", "iframe", "object"):
        assert page.all(tag) == []
    assert "default-src 'none'" in str(page.all("meta"))
    assert all("://" not in str(value) for _, attributes in page.tags for value in attributes.values())


def test_every_picture_says_in_words_what_is_to_be_seen(analysis: Analysis, tmp_path: Path) -> None:
    write_report(analysis, tmp_path)
    for picture in Page((tmp_path / "report.html").read_text("utf-8")).all("img"):
        assert len(str(picture["alt"])) > 80


def test_every_caption_says_how_its_numbers_were_measured(analysis: Analysis, tmp_path: Path) -> None:
    write_report(analysis, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    captions = text_of(page, "figcaption") + text_of(page, "caption")
    assert len(captions) == len(PLOTS) + 3
    for caption in captions:
        assert "positions drawn from the prior of z" in caption or "at the same positions" in caption
        assert "seed 7" in caption
        assert "distance" in caption
    assert all("by gram" in caption or "Exact Jacobians" in caption for caption in captions)
    assert any("Metric of lpips-alex, mse by gram; ssim by full_backprop;" in caption for caption in captions)


def test_tables_have_named_columns_and_rows(analysis: Analysis, tmp_path: Path) -> None:
    write_report(analysis, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    scopes = [head["scope"] for head in page.all("th")]
    # Of distances, three pairs and the paper's six of pictures, under three headings.
    assert scopes.count("row") == 4 + 2 + 9
    assert scopes.count("rowgroup") == 3
    assert scopes.count("col") == 7 + 5 + 8
    assert len(page.all("caption")) == len(page.all("table")) == 3


def test_names_from_the_server_cannot_break_the_page(analysis: Analysis, tmp_path: Path) -> None:
    evil = '<script>alert("&")</script>'
    comparison = dataclasses.replace(analysis.comparisons[0], reference=evil, distance=evil, method=evil)
    layer = dataclasses.replace(analysis.layers[0], layer="<b>$x</b>")
    changed = dataclasses.replace(
        analysis,
        generator=evil,
        space=evil,
        distance=evil,
        version=evil,
        comparisons=(comparison,),
        layers=(layer, *analysis.layers[1:]),
    )
    write_report(changed, tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert page.all("script") == page.all("b") == []
    assert page.text.count(evil) >= 6


def test_the_numbers_are_enough_to_draw_every_figure_again(analysis: Analysis, tmp_path: Path) -> None:
    write_report(analysis, tmp_path)
    numbers = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert numbers["summary"] == summarize(analysis)
    assert {key: value for key, value in numbers.items() if key != "summary"} == analysis.to_dict()
    np.testing.assert_array_equal(numbers["spectrum"]["eigenvalues"], analysis.spectrum.eigenvalues)
    np.testing.assert_array_equal(numbers["apparent_speed"]["samples"], analysis.apparent_speed.samples)
    frame = Image.open(io.BytesIO(base64.b64decode(numbers["axes"][0]["frames"][1])))
    np.testing.assert_array_equal(np.asarray(frame), np.asarray(analysis.axes[0].frames[1]))


def test_the_same_analysis_gives_the_same_files(analysis: Analysis, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(analysis, tmp_path / name)
    for file in FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_summary_states_the_numbers(analysis: Analysis) -> None:
    spectrum = dataclasses.replace(analysis.spectrum, condition_number=1089.2)
    homogeneity = dataclasses.replace(analysis.homogeneity, log_mean=0.96, log_deviation=0.01)
    summary = "\n".join(summarize(dataclasses.replace(analysis, spectrum=spectrum, homogeneity=homogeneity)))
    for words in (
        "faces, latent space z (5 dimensions), under lpips-alex",
        "at 8 positions drawn from the prior, and at 4 of them for the weight-shuffled control; seed 7",
        "generator: 99 % of the change lies in 2 of 5 dimensions of the mean metric; λmax/λmin = 1,089",
        "weight-shuffled control: 99 % of the change lies in 2 of 5",
        "Cᴴ is 0.960 ± 0.010 on the log scale and 0.810 ± 0.100 on the linear one (control: 0.500 ± 0.050",
        "0.930 for mse, 0.930 for ssim",
        "10,000 times as much as the last 1 (control: 1.00 times)",
        "reaches 9.00 along the eigenvector of rank 0",
    ):
        assert words in summary


def test_tables_hold_the_papers_statistics(analysis: Analysis) -> None:
    table = dimensions(analysis)
    assert table.head[1:5] == ("99 %", "99.9 %", "99.99 %", "99.999 %")
    assert table.rows[0][1:5] == ("2", "3", "4", "5")
    assert table.rows[1][1:3] == ("1.8 ± 0.5", "2.8 ± 0.5")
    assert [row[:3] for row in agreement(analysis).rows] == [
        ("generator", "8", "56"),
        ("weight-shuffled control", "4", "12"),
    ]


def test_the_table_of_distances_stands_beside_the_papers(analysis: Analysis) -> None:
    table = distances(analysis)
    assert table.headings == ((0, "against mse"), (4, "against ssim"), (8, "others"))
    figures = ("0.900 ± 0.010", "0.910 ± 0.020", "0.920 ± 0.030", "0.930 ± 0.040", "0.96 ± 0.09", "0.26 ± 0.10")
    assert table.rows[0] == ("faces: lpips-alex", "4", *figures)
    assert [row[0] for row in table.rows[4:]] == [
        "faces: lpips-alex",
        "BigGAN: LPIPS (the paper)",
        "PGGAN: LPIPS (the paper)",
        "StyleGAN2: LPIPS (the paper)",
        "faces: mse against ssim",
    ]
    # Page 15 of the paper, the second row of PGGAN.
    printed = ("0.970 ± 0.020", "0.993 ± 0.009", "0.997 ± 0.007", "0.999 ± 0.000", "1.06 ± 0.01", "−0.23 ± 0.11")
    assert table.rows[6][1:] == ("100", *printed)
    # Every column of a figure has a meaning; slope and intercept share one.
    meant = ", ".join(name for name, _ in table.legend)
    assert all(name in meant for name in ("latents", *table.head[2:]))


def test_a_pair_that_was_measured_the_other_way_round_is_turned(analysis: Analysis) -> None:
    """The analysed distance comes first, though the paper sets others against it."""
    pair = dataclasses.replace(analysis.comparisons[0], reference="mse", distance="lpips-alex")
    table = distances(dataclasses.replace(analysis, comparisons=(pair,)))
    turned = ("0.900 ± 0.010", "0.910 ± 0.020", "0.940 ± 0.050", "0.950 ± 0.060", "1.04 ± 0.07", "−0.25 ± 0.08")
    assert table.headings == ((0, "against mse"),)
    assert table.rows[0] == ("faces: lpips-alex", "4", *turned)


def test_what_is_not_known_of_a_pair_is_a_dash(analysis: Analysis) -> None:
    pair = dataclasses.replace(analysis.comparisons[0], deviations=None, log_slope_back=np.nan)
    row = distances(dataclasses.replace(analysis, comparisons=(pair,))).rows[0]
    assert row[2:] == ("0.900", "0.910", "0.920", "0.930", "–", "0.26")


def test_the_published_rows_are_those_of_pictures() -> None:
    """The last figure of each row, the intercept, as typed from page 15 a second time."""
    intercepts = [(row.generator, row.other, row.figures[5]) for row in TABLE_3]
    assert intercepts == [
        ("BigGAN", "mse", (1.47, 0.22)),
        ("PGGAN", "mse", (1.75, 0.19)),
        ("StyleGAN2", "mse", (1.32, 0.34)),
        ("BigGAN", "ssim", (-0.40, 0.07)),
        ("PGGAN", "ssim", (-0.23, 0.11)),
        ("StyleGAN2", "ssim", (-0.17, 0.26)),
    ]
    assert all(len(row.figures) == 6 for row in TABLE_3)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1089.4, "1,090"),
        (123456.7, "123,000"),
        (1.5e7, "1.50 × 10⁷"),
        (2.25e-5, "2.25 × 10⁻⁵"),
        (-0.25, "−0.250"),
        (0.01234, "0.0123"),
        (9.999, "10.0"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_written_for_people(value: float, shown: str) -> None:
    assert number(value) == shown


def test_percentages_keep_their_digits() -> None:
    assert [percent(fraction) for fraction in (0.5, 0.99, 0.99999)] == ["50 %", "99 %", "99.999 %"]


def flattened(analysis: Analysis, level: float) -> Analysis:
    """A generator all of whose directions are alike, or whose image does not change (level 0)."""
    flat = dataclasses.replace(
        analysis.spectrum,
        mean_metric_eigenvalues=np.full(DIM, level),
        eigenvalues=np.full_like(analysis.spectrum.eigenvalues, level),
        condition_number=np.inf if level == 0 else 1.0,
        effective_rank=np.nan if level == 0 else DIM,
    )
    speed = dataclasses.replace(
        analysis.apparent_speed,
        samples=np.full(10, level),
        mean=level,
        deviation=0.0,
        expected_mean=level,
        expected_deviation=0.0,
    )
    pairs = dataclasses.replace(
        analysis.homogeneity,
        linear=np.full_like(analysis.homogeneity.linear, np.nan),
        log=np.full_like(analysis.homogeneity.log, np.nan),
        linear_mean=np.nan,
        linear_deviation=np.nan,
        log_mean=np.nan,
        log_deviation=np.nan,
    )
    layers = tuple(dataclasses.replace(layer, amplification=np.full(DIM, level)) for layer in analysis.layers)
    axes = tuple(dataclasses.replace(axis, distances=np.full(5, level)) for axis in analysis.axes)
    return dataclasses.replace(
        analysis,
        spectrum=flat,
        shuffled_spectrum=flat,
        apparent_speed=speed,
        homogeneity=pairs,
        shuffled_homogeneity=pairs,
        layers=layers,
        shuffled_layers=layers,
        axes=axes,
    )


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_metric_that_is_flat_or_zero_is_reported_without_a_warning(
    analysis: Analysis, tmp_path: Path, level: float
) -> None:
    write_report(flattened(analysis, level), tmp_path)
    summary = "\n".join(summarize(flattened(analysis, level)))
    assert "Cᴴ is – on the log scale" in summary
    assert ("λmax/λmin = ∞" in summary) == (level == 0)


def test_frames_of_any_shape_stand_side_by_side(analysis: Analysis) -> None:
    wide = tuple(
        dataclasses.replace(axis, frames=tuple(Image.new("L", (600, 300), 90) for _ in axis.frames))
        for axis in analysis.axes
    )
    with (
        Image.open(io.BytesIO(strips(analysis).png)) as square,
        Image.open(io.BytesIO(strips(dataclasses.replace(analysis, axes=wide)).png)) as flat,
    ):
        assert square.width == flat.width
        assert square.height > flat.height


def test_frames_of_a_strip_do_not_ring_into_each_other(analysis: Analysis) -> None:
    with Image.open(io.BytesIO(strips(analysis).png)) as picture:
        row = np.asarray(picture.convert("RGB"))[100, :, 0]
    # From the first frame to the last one only their own greys.
    inside = row[round(1.3 / 9 * len(row)) : round(8.6 / 9 * len(row))]
    greys = {frame.convert("RGB").getpixel((0, 0))[0] for frame in analysis.axes[0].frames}  # type: ignore[index]
    assert set(inside.tolist()) == greys


def test_the_command_writes_the_report_and_states_the_numbers(run: Run, tmp_path: Path) -> None:
    result = run("report", "faces", "--positions", 5, "--control-positions", 2, "--out", tmp_path / "report")
    assert result.code == 0, result.err
    assert "the metric by gram at 5 positions drawn from the prior, and at 2 of them" in result.out
    assert f"wrote {len(REPORT_FILES)} files; open {tmp_path / 'report' / 'report.html'}" in result.out
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(REPORT_FILES)


def test_options_of_the_command_reach_the_server(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    options = (
        "--compared-positions",
        3,
        "--space",
        "z",
        "--distance",
        "mse",
        "--compare",
        "ssim",
        "--compare",
        "lpips-vgg",
        "--seed",
        4,
        "--max-memory-mib",
        9,
    )
    assert run("report", "faces", *options, "--out", tmp_path / "report").code == 0
    (request,) = server.called("AnalyzeMetric")
    assert (request.spec.space, request.spec.distance, request.spec.seed) == ("z", "mse", 4)
    assert (request.spec.compared_positions, request.spec.max_memory_mib) == (3, 9)
    assert list(request.spec.compared_distances) == ["ssim", "lpips-vgg"]
    assert (request.spec.positions, request.spec.control_positions) == (0, 0)


def test_a_report_is_not_overwritten_without_being_asked(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    (tmp_path / "spectra.png").write_bytes(b"mine")
    result = run("report", "faces", "--out", tmp_path)
    assert result.code == 1
    assert "spectra.png would be overwritten: use --force" in result.err
    assert server.calls == []
    assert [path.name for path in tmp_path.iterdir()] == ["spectra.png"]
    assert run("report", "faces", "--out", tmp_path, "--force").code == 0
    assert (tmp_path / "spectra.png").read_bytes() != b"mine"


def test_nothing_is_written_where_a_plot_cannot_be_drawn(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pullback_client.report.metric.strips.to_png", fail)
    with pytest.raises(MemoryError):
        write_report(analysis, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_missing_extra_is_told_before_anything_is_computed(
    run: Run, server: InProcessServer, analysis: Analysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = len(server.calls)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run("report", "faces", "--out", tmp_path / "report")
    assert result.code == 1
    assert "a report needs matplotlib to draw with: pip install 'pullback[report]'" in result.err
    assert len(server.calls) == calls
    with pytest.raises(FailedPreconditionError, match="matplotlib"):
        write_report(analysis, tmp_path / "report")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    result = run("report", "faces", "--out", tmp_path)
    tmp_path.chmod(0o700)
    assert result.code == 1
    assert result.err.startswith("error: ")


def test_importing_the_command_line_loads_no_matplotlib() -> None:
    code = "import sys, pullback_client.cli, pullback_client.report.metric; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
