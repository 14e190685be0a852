"""The example that evolves a unit's preferred stimulus, against a live server."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from live_server import LiveServer
from pullback.errors import UnknownNameError
from tiny import SIZE

EXAMPLE = Path(__file__).parents[2] / "clients" / "examples" / "evolve_unit.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evolve_unit", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_saves_the_best_picture_and_the_curve(
    example: ModuleType, server: LiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--target", server.target, "--generator", "tiny", "--optimizer", "genetic", "--generations", "3"]
    example.main([*command, "--layer", "blocks.1.1", "--channel", "3", "--out", str(tmp_path / "out")])
    with (tmp_path / "out" / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["generation"] for row in rows] == ["0", "1", "2"]
    best = max(float(row["best"]) for row in rows)
    picture = Image.open(tmp_path / "out" / "best.png")
    assert picture.size == (SIZE, SIZE)
    # Shown again without noise, the picture has the score that it was chosen for.
    unit = example.neurons.Unit("efficientnet-lite0", "blocks.1.1", 3)
    score = example.observer(unit, seconds=0.0, seed=0)
    assert score(picture) == pytest.approx(best, rel=1e-3)
    assert f"unit {unit}: {best:.1f} spikes/s" in capsys.readouterr().out


def test_a_unit_of_alexnet_can_be_evolved_for(
    example: ModuleType, server: LiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--target", server.target, "--generator", "tiny", "--optimizer", "genetic", "--generations", "1"]
    unit = ["--network", "alexnet", "--layer", "conv4", "--channel", "22", "--side", "64"]
    example.main([*command, *unit, "--out", str(tmp_path / "out")])
    picture = Image.open(tmp_path / "out" / "best.png")
    score = example.observer(example.neurons.Unit("alexnet", "conv4", 22), seconds=0.0, seed=0, side=64)
    assert f"unit alexnet conv4 22: {score(picture):.1f} spikes/s" in capsys.readouterr().out


def test_a_unit_that_is_not_there_is_refused_before_a_session_begins(example: ModuleType, server: LiveServer) -> None:
    with pytest.raises(UnknownNameError, match="known: bn1, "):
        example.main(["--target", server.target, "--layer", "conv5"])
