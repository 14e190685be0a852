"""The page, the help and the code name the same files and columns."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from pullback_client.bridge import layout
from pullback_client.bridge.page import PAGE, with_tables
from pullback_client.cli.main import app

FILES = (*layout.FROM_RIG, *layout.TO_RIG)


@pytest.fixture(scope="module")
def shown() -> str:
    """What `pullback bridge --help` shows, without what makes its lines."""
    result = CliRunner().invoke(app, ["bridge", "--help"], env={"COLUMNS": "300", "NO_COLOR": "1"})
    assert result.exit_code == 0
    return " ".join(result.output.split())


def test_the_page_has_the_tables_of_the_code() -> None:
    page = PAGE.read_text("utf-8")
    assert layout.as_markdown() in page
    assert with_tables(page) == page, "run: python -m pullback_client.bridge.page"


def test_the_help_has_every_file_and_every_column(shown: str) -> None:
    for line in layout.as_text():
        assert " ".join(line.split()) in shown


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_page_and_help_say_what_is_in_a_file(file: layout.File, shown: str) -> None:
    page = PAGE.read_text("utf-8")
    assert f"| `{file.name}` | {file.what} |" in page
    assert f"{file.name}: {file.what}" in shown
    for part in file.parts:
        assert re.search(rf"^\| · `{re.escape(part.name)}` \| .+ \|$", page, re.MULTILINE)
        assert f"{part.name}: " in shown


def test_the_table_has_what_readers_read_and_the_bridge_looks_for() -> None:
    parts = {file.name: [part.name for part in file.parts] for file in FILES}
    assert parts["block%03d.csv"] == [
        layout.IMAGE_ID,
        layout.INDEX,
        layout.SCORE,
        "channel_1, channel_2 …",
        layout.ONSET,
    ]
    assert parts["block%03d.mat"] == [layout.STIMULUS_ID, layout.RESPONSES, layout.ONSET]
    assert parts["block%03d.h5"] == [layout.SCORES, layout.INDICES, layout.ONSET]
    assert {f"block%03d{suffix}" for suffix in layout.SUFFIXES} == {
        n for n in parts if re.fullmatch(r"block%03d\.\w+", n)
    }
    names = (layout.END_BLOCK, layout.END_BRIDGE, layout.JOURNAL, layout.LOG, layout.SPACE_OPTS, layout.SCORES_RECORD)
    assert set(names) <= set(parts)


def test_page_and_help_name_the_keys(shown: str) -> None:
    page = PAGE.read_text("utf-8")
    for key, marker in ((layout.END_BLOCK_KEY, layout.END_BLOCK), (layout.END_BRIDGE_KEY, layout.END_BRIDGE)):
        assert f"| `{key}` | `{marker}` |" in page
        assert f"{key} and Enter" in shown
        assert marker in shown


def test_the_waiting_line_names_files_columns_and_images() -> None:
    line = layout.expected(7, ["block007_000_a.png", "block007_001_b.png"])
    for name in ("block007.csv", "block007.mat", "block007.h5", "block007_000_a.png", "block007_001_b.png", "0 to 1"):
        assert name in line
    for name in (layout.IMAGE_ID, layout.INDEX, layout.SCORE, layout.RESPONSES, layout.STIMULUS_ID, layout.INDICES):
        assert name in line
