"""What the repository holds, who may import whom, and what must not be loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
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
    "pullback.directions.methods.hessian",
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
# The packages, each in its source root; a folder of theirs can be read as a list of what it does.
PACKAGES = ["protos/pullback_api", "optimizers/pullback", "service/pullback_server", "clients/pullback_client"]
MAX_MODULES = 20
QUESTIONS = {"What", "How", "When", "Where", "Which", "Who", "Whose", "Whether", "Why", "From"}


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


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_holds_more_modules_than_can_be_seen_at_once(package: str) -> None:
    modules = [
        path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py" and "_pb2" not in path.name
    ]
    assert modules
    held = Counter(path.parent.relative_to(ROOT).as_posix() for path in modules)
    assert {folder: count for folder, count in held.items() if count > MAX_MODULES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_says_in_its_first_line_what_it_is_and_asks_nothing(package: str) -> None:
    modules = [path for path in (ROOT / package).rglob("*.py") if "_pb2" not in path.name]
    said = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in modules}
    first = {path.relative_to(ROOT).as_posix(): text.partition("\n")[0] for path, text in said.items()}
    assert {path: line for path, line in first.items() if not line or line.partition(" ")[0] in QUESTIONS} == {}


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


def test_a_worker_starts_without_what_single_methods_need() -> None:
    # It is away for as long as its imports take; these would take as long again as all others.
    code = """
import sys
import pullback_server.worker.main
slow = {"scipy", "sklearn", "pandas", "cma", "matplotlib", "timm", "torchvision", "lpips"}
print(sorted(slow & {name.partition(".")[0] for name in sys.modules}))
"""
    assert python(code) == "[]"


def test_the_default_distance_and_the_networks_of_units_need_neither_torchvision_nor_timm() -> None:
    # With torch's compiler, which comes along, they take the two seconds that torch takes once more.
    code = """
import sys
import pullback.distances.lpips_published, pullback.neurons.networks
slow = {"timm", "torchvision", "lpips"}
print(sorted(slow & {name.partition(".")[0] for name in sys.modules}))
"""
    assert python(code) == "[]"
