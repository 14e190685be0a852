"""What the repository holds, who may import whom, and what must not be loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Everything of the client and of the server's own process, and what they use of the library.
LIGHT = [
    "pullback",
    "pullback.generators",
    "pullback.directions",
    "pullback.directions.alignment",
    "pullback.directions.defaults",
    "pullback.directions.direction_set",
    "pullback.directions.hessian",
    "pullback.distances",
    "pullback.geometry",
    "pullback.geometry.eigenbasis",
    "pullback.inversion",
    "pullback.inversion.defaults",
    "pullback.search",
    "pullback.weights",
    "pullback_api.tensors",
    "pullback_client",
    "pullback_client.cli",
    "pullback_server.server",
    "pullback_server.__main__",
]


# The parts of the project, and what every project has.
PARTS = {"clients", "optimizers", "protos", "service", "tests"}
FILES = {"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml"}


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_top_level_holds_the_parts_of_the_project_and_no_results() -> None:
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"what belongs to the project cannot be told from what was made here: {error}")
    top = {path.partition("/")[0] for path in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} == PARTS | FILES


def test_the_packages_depend_on_each_other_as_they_may() -> None:
    # The console script that is installed beside the interpreter.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_no_torch(module: str) -> None:
    assert python(f"import sys, {module}; print('torch' in sys.modules)") == "False"


def test_what_the_server_asks_of_the_catalogues_loads_no_torch() -> None:
    code = """
import sys
from pullback import distances, generators
generators.entry("faces").weights_hash, generators.catalogue()
distances.entry(distances.DEFAULT_DISTANCE).weights_hash, distances.catalogue()
print("torch" in sys.modules)
"""
    assert python(code) == "False"


def test_the_client_loads_nothing_of_the_library_or_the_server() -> None:
    code = """
import sys
from pullback_client import Client
heavy = {"pullback", "pullback_server", "torch", "scipy", "sqlalchemy"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    assert python(code) == "[]"
