"""The example notebooks, executed by Jupyter's own kernel against a live server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

from live_server import LiveServer
from tiny import write_catalogue

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"
# What a small generator takes, in place of the notebook's own parameters.
SMALL: dict[str, dict[str, Any]] = {
    "invert_and_edit": {"STEPS": 4, "FRAMES": 3},
    "evolve_for_a_unit": {"LAYER": "conv1", "CHANNEL": 3, "GENERATIONS": 2},
    "compare_direction_methods": {"K": 2, "FRAMES": 3},
    "geometry_of_a_generator": {"POSITIONS": 2, "FRAMES": 3},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of a generator whose images are large enough for the default distances."""
    folder = tmp_path_factory.mktemp("notebooks")
    environment = {"PULLBACK_CATALOGUE": str(write_catalogue(folder, size=32)), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live:
        yield live


def executed(name: str, parameters: dict[str, Any], target: str, folder: Path) -> nbformat.NotebookNode:
    """The notebook after all its cells were run, with other parameters and in another folder."""
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    (tagged,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    names = {line.partition("=")[0].strip() for line in tagged.source.splitlines()}
    assert {part.strip() for each in names for part in each.split(",")} >= parameters.keys()
    given = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    tagged.source += f"\n{given}\nimport os; os.environ['PULLBACK_TARGET'] = {target!r}"
    # Over sockets in a folder of its own: a port that is free when Jupyter chooses it may be another test's when the
    # kernel binds it. A short name, because such a socket's may have a hundred letters.
    with tempfile.TemporaryDirectory() as sockets:
        config = Config(KernelManager={"transport": "ipc", "connection_file": f"{sockets}/kernel.json"})
        NotebookClient(notebook, config=config, timeout=240, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_notebook_runs_from_top_to_bottom_and_shows_what_it_found(
    name: str, server: LiveServer, tmp_path: Path
) -> None:
    notebook = executed(name, {"GENERATOR": "tiny", **SMALL[name]}, server.target, tmp_path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type == "error"] == []
    # Nothing is said on standard error, no warning and no bar of a terminal, but what packages beside torch miss.
    said = "".join(output.text for output in outputs if output.get("name") == "stderr")
    assert "TqdmWarning" in said or said == ""
    assert "━" not in said
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"text/html", "image/png"} & kinds


def test_there_is_a_test_for_every_notebook_and_none_holds_outputs() -> None:
    found = {path.stem: nbformat.read(path, as_version=4) for path in EXAMPLES.glob("*.ipynb")}
    assert found.keys() == SMALL.keys()
    for name, notebook in found.items():
        nbformat.validate(notebook)
        for cell in notebook.cells:
            assert not cell.get("outputs"), f"{name} holds outputs: clear them before it is committed"
