"""A new option, and a new method of directions, take four edits at most, and are there in all ways in.

One that nobody needs is written into a copy of the sources, as somebody would who adds one; the generators make
the rest. What the copy does with it is looked at from the outside.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from pullback.search import METHODS, SearchSettings, faults
from pullback.search import options_of as search_options_of
from pullback_api.options import options_of
from pullback_api.v1 import search_pb2, specs_pb2
from pullback_client.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("protos", "optimizers", "service", "clients")
MOST_EDITS = 4


class Edit(NamedTuple):
    """What is written before a place of a file; without a place, a new one."""

    file: str
    place: str
    text: str


INVERSION = (
    Edit(
        "protos/pullback_api/v1/specs.proto",
        "  // Adam's decay of the running means",
        """  // Gradients are shortened to at most this norm, above 0, at most 9; default the method's own. Only ADAM.
  optional double clip = 900 [(option) = {
    help: "Most that a gradient may be long."
    minimum: 0
    above_minimum: true
    maximum: 9
    default: "the method's"
    group: "Method"
  }];
""",
    ),
    Edit(
        "optimizers/pullback/inversion/defaults.py",
        "    exponent: float | None\n",
        '    clip: float | None\n    """Most that a gradient may be long."""\n',
    ),
    Edit("optimizers/pullback/inversion/defaults.py", '"thin": False, "learning_rate": 0.1', '"clip": 2.5, '),
    Edit("optimizers/pullback/inversion/solvers/adam.py", "    eps: float = 1e-8\n", "    clip: float = 2.5\n"),
)

SEARCH = (
    Edit(
        "protos/pullback_api/v1/search.proto",
        "  // Whether the mean moves away from the worse half",
        """  // Share of the offspring that are clones, 0 to below 1. GENETIC.
  optional double cloned = 900 [(option) = {
    help: "Share of clones."
    minimum: 0
    maximum: 1
    below_maximum: true
    default: "the method's"
    group: "Method"
  }];
""",
    ),
    Edit(
        "optimizers/pullback/search/defaults.py",
        "    negative_weights: bool | None = None\n",
        '    cloned: float | None = _within(0, 0.9)\n    """Share of clones."""\n',
    ),
    Edit("optimizers/pullback/search/defaults.py", '"mutation_rate": 0.5', '"cloned": 0.25, '),
    Edit("optimizers/pullback/search/methods/genetic.py", "    selectivity: float\n", "    cloned: float\n"),
)

METHOD = (
    Edit(
        "optimizers/pullback/directions/methods/coordinate_axes.py",
        "",
        '''"""The axes of the space itself."""

import numpy as np

from pullback.directions.direction_set import DirectionSet
from pullback.directions.origins import origin_of


def coordinate_axes(generator, eigenbasis, space, k):
    """Those with the greatest rates of image change."""
    rates = np.diag(eigenbasis.metric)
    best = np.argsort(-rates)[:k]
    return DirectionSet(np.eye(len(rates))[best], rates[best], origin_of(generator, space, "coordinate_axes", k=k))
''',
    ),
    Edit("optimizers/pullback/directions/defaults.py", '    "sefa": Method(', '    "coordinate_axes": Method(),\n'),
    Edit(
        "protos/pullback_api/v1/specs.proto",
        "  // From a published file; not to be asked for.",
        "  // The axes of the space itself.\n  DIRECTION_METHOD_COORDINATE_AXES = 90;\n",
    ),
)

LOOK_AT_INVERSION = """
import json, sys
from google.protobuf import json_format
from PIL import Image
from pullback.inversion import complete, make_solver
from pullback_api.v1 import specs_pb2
from pullback_client import InvalidArgumentError, InversionOptions
from pullback_client.cli import main
from pullback_client.inversion.options import inversion_settings
from pullback_server import specs
from pullback_server.errors import ApiError

def refused(run):
    try:
        run()
    except InvalidArgumentError as error:
        return str(error)
    except ApiError as error:
        return {each.field: each.description for each in error.violations}

def completed(**fields):
    settings = specs_pb2.InversionSettings(generator="generators/faces", **fields)
    return specs.complete_inversion_settings(settings, targets=1)

told = {}

class Client:
    def __init__(self, target): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def iter_invert(self, *images, **options):
        told["command line"] = options["clip"]
        raise InvalidArgumentError("told")

sys.modules["pullback_client.cli.inversion.invert"].Client = Client
Image.new("RGB", (9, 9)).save("photo.png")
try:
    main(["invert", "photo.png", "--generator", "faces", "--clip", "1.5"])
except SystemExit:
    pass
adam = specs_pb2.INVERSION_METHOD_ADAM
told |= {
    "keyword": inversion_settings("faces", {"clip": 1.5}).clip,
    "keyword refused": refused(lambda: inversion_settings("faces", {"clip": 10})),
    "type": InversionOptions.__annotations__["clip"].__forward_arg__,
    "json": json_format.ParseDict({"clip": 1.5}, specs_pb2.InversionSettings()).clip,
    "server": completed(method=adam, clip=1.5).clip,
    "server's default": completed(method=adam).clip,
    "server refused": refused(lambda: completed(method=adam, clip=0)),
    "server refused for a method": refused(lambda: completed(method=specs_pb2.INVERSION_METHOD_LBFGS, clip=1)),
    "library": complete("adam", clip=1.5).options["clip"],
    "solver": make_solver("adam", **specs.solver_options(completed(method=adam, clip=1.5))).clip,
}
print(json.dumps(told))
"""

LOOK_AT_SEARCH = """
import json, sys
from google.protobuf import json_format
from pullback.search import Block, SearchSettings, SearchSpace, complete, make_optimizer
from pullback_api.v1 import search_pb2
from pullback_client import InvalidArgumentError
from pullback_client.cli import main
from pullback_client.search import EvolveOptions
from pullback_client.search.options import session_spec
from pullback_server import specs
from pullback_server.errors import ApiError

def refused(run):
    try:
        run()
    except InvalidArgumentError as error:
        return str(error)
    except ApiError as error:
        return {each.field: each.description for each in error.violations}

def completed(**options):
    thread = search_pb2.ThreadSpec(generator="generators/faces", optimizer=search_pb2.SearchOptions(**options))
    return specs.complete_session_spec(search_pb2.SessionSpec(threads=[thread])).threads[0].optimizer

def asked(**options):
    return session_spec("faces", {"optimizer": "genetic", **options}).threads[0].optimizer

told = {}

class Client:
    def __init__(self, target): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def evolve(self, generator, **options):
        told["command line"] = options["cloned"]
        raise InvalidArgumentError("told")

sys.modules["pullback_client.cli.search.evolve"].Client = Client
try:
    main(["evolve", "faces", "--optimizer", "genetic", "--cloned", "0.5"])
except SystemExit:
    pass
genetic, space = search_pb2.SEARCH_METHOD_GENETIC, SearchSpace((Block("standard-normal", 3),))
settings = specs.search_settings(completed(method=genetic, cloned=0.5))
told |= {
    "keyword": asked(cloned=0.5).cloned,
    "keyword refused": refused(lambda: asked(cloned=1)),
    "type": EvolveOptions.__annotations__["cloned"].__forward_arg__,
    "json": json_format.ParseDict({"cloned": 0.5}, search_pb2.SearchOptions()).cloned,
    "matlab": "'cloned'" in open("clients/matlab/+pullback/+internal/thread_options.m").read(),
    "server": completed(method=genetic, cloned=0.5).cloned,
    "server's default": completed(method=genetic).cloned,
    "server refused": refused(lambda: completed(method=genetic, cloned=-1)),
    "server refused by the library": refused(lambda: completed(method=genetic, cloned=0.95)),
    "server refused for a method": refused(lambda: completed(method=search_pb2.SEARCH_METHOD_CMA, cloned=0)),
    "library": complete(SearchSettings("genetic", cloned=0.5), 3).cloned,
    "solver": make_optimizer(settings, space=space)._method.cloned,
}
print(json.dumps(told))
"""

LOOK_AT_METHOD = """
import json, sys
from typing import get_args
from google.protobuf import json_format
from metrics import PROVENANCE
import numpy as np
import torch
from dataclasses import replace
from pullback.directions import METHODS, DirectionsSettings, discover
from pullback.geometry import Eigenbasis
from pullback_api.v1 import specs_pb2
from pullback_client import InvalidArgumentError
from pullback_client.cli import main
from pullback_client.directions.options import directions_spec
from pullback_client.wire.option_types import DirectionMethod
from pullback_server import specs
from toys import Linear

told = {}

class Client:
    def __init__(self, target): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def discover_directions(self, generator, **options):
        told["command line"] = options["method"]
        raise InvalidArgumentError("told")

sys.modules["pullback_client.cli.directions.discover"].Client = Client
try:
    main(["directions", "faces", "--method", "coordinate_axes"])
except SystemExit:
    pass
asked = directions_spec("faces", {"method": "coordinate_axes", "k": 3})
completed = specs.complete_directions_spec(asked, "spec")
generator = Linear(torch.eye(4), (4, 1, 1))
space = generator.input_space
source = replace(PROVENANCE, generator=generator.name, weights_hash=generator.weights_hash, space=space)
settings = replace(specs.directions_settings(completed), space=space)
found = discover(generator, settings, eigenbasis=Eigenbasis.from_metric(np.diag([3.0, 9.0, 1.0, 5.0]), source))
told |= {
    "keyword": specs_pb2.DirectionMethod.Name(asked.method),
    "type": "coordinate_axes" in get_args(DirectionMethod),
    "json": json_format.ParseDict({"method": "DIRECTION_METHOD_COORDINATE_AXES"}, specs_pb2.DirectionsSpec()).method,
    "server": specs.directions_name_of(completed),
    "library": found.origin.method,
    "found": found.vectors.tolist(),
}
print(json.dumps(told))
"""


def look(edits: tuple[Edit, ...], script: str, folder: Path) -> dict[str, Any]:
    """What a copy of the sources says after edits."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        text = (folder / edit.file).read_text("utf-8") if edit.place else ""
        assert not edit.place or text.count(edit.place) == 1, edit.place
        text = text.replace(edit.place, edit.text + edit.place) if edit.place else edit.text
        (folder / edit.file).write_text(text, "utf-8")
    path = os.pathsep.join([*(str(folder / source) for source in SOURCES), str(ROOT / "tests")])

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "220"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("protos/generate.py")
    run("clients/generate_options.py")
    help_ = run("-m", "pullback_client", *script.partition("main([")[2].partition(",")[0].strip('"').split(), "--help")
    told: dict[str, Any] = json.loads(run("-c", script).splitlines()[-1])
    return told | {"help": help_}


def test_a_new_option_of_an_inversion(tmp_path: Path) -> None:
    assert len(INVERSION) <= MOST_EDITS
    told = look(INVERSION, LOOK_AT_INVERSION, tmp_path)
    assert "--clip" in told["help"]
    assert "Most that a gradient may be long. [default: (the method's)]" in told["help"]
    for way in ("command line", "keyword", "json", "server", "library", "solver"):
        assert told[way] == 1.5, way
    assert told["server's default"] == 2.5
    assert told["type"] == "float | None"
    assert "clip must be a number above 0 and at most 9, got 10" in told["keyword refused"]
    assert told["server refused"] == {"settings.clip": "expected more than 0, at most 9, but 0.0 came"}
    assert "method 'lbfgs' takes no clip, but 1.0 came" in told["server refused for a method"]["settings.clip"]


def test_a_new_option_of_a_search(tmp_path: Path) -> None:
    assert len(SEARCH) <= MOST_EDITS
    told = look(SEARCH, LOOK_AT_SEARCH, tmp_path)
    assert "--cloned" in told["help"]
    assert "Share of clones. [default: (the method's)]" in told["help"]
    for way in ("command line", "keyword", "json", "server", "library", "solver"):
        assert told[way] == 0.5, way
    assert told["matlab"]
    assert told["server's default"] == 0.25
    assert told["type"] == "float | None"
    assert "cloned must be a number from 0 to below 1, got 1" in told["keyword refused"]
    field = "spec.threads[0].optimizer.cloned"
    assert told["server refused"] == {field: "expected 0 or more and less than 1, but -1.0 came"}
    assert told["server refused by the library"] == {field: "cloned is 0 to 0.9, but 0.95 came"}
    assert "method 'cma' takes no cloned, but 0.0 came" in told["server refused for a method"][field]


def test_a_new_method_of_directions(tmp_path: Path) -> None:
    assert len(METHOD) <= MOST_EDITS
    told = look(METHOD, LOOK_AT_METHOD, tmp_path)
    assert told["keyword"] == "DIRECTION_METHOD_COORDINATE_AXES"
    assert told["json"] == 90
    assert told["type"]
    assert told["command line"] == told["library"] == "coordinate_axes"
    assert told["server"].startswith("generators/faces/directions/coordinate-axes-z-3-0-")
    assert told["found"] == [[0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]


@pytest.mark.parametrize("value", [-1, 0, 1e-9, 0.5, 1, 2, 2.5, 100, 180, 181, 1000, 1001, math.inf, math.nan])
def test_the_contract_bounds_the_options_of_searches_as_the_library_does(value: float) -> None:
    for name, option in options_of(search_pb2.SearchOptions.DESCRIPTOR).items():
        whole = option.kind == "whole"
        if option.kind not in ("whole", "number") or (whole and not float(value).is_integer()):
            continue
        given: dict[str, Any] = {"population": 1000, name: int(value) if whole else float(value)}
        refusals = [
            name in faults(SearchSettings(method, **given), 10**9)
            for method in METHODS
            if name in search_options_of(method)
        ]
        # There are no more parents than images, which no option alone tells of.
        held = option.bounds.hold(value) and not (name == "parents" and value > 1000)
        assert (not all(refusals)) == held, name


def test_every_setting_of_an_optimizer_can_be_given_on_the_command_line() -> None:
    root: Any = typer.main.get_command(app)
    typed = {each.name for each in root.commands["evolve"].params}
    assert set(options_of(search_pb2.SearchOptions.DESCRIPTOR)) <= typed
    typed = {each.name for each in root.commands["invert"].params}
    # The class is named by --class.
    assert set(options_of(specs_pb2.InversionSettings.DESCRIPTOR)) - {"class_mode", "preview_every"} <= typed


def test_the_committed_types_are_those_of_the_contract() -> None:
    command = [sys.executable, str(ROOT / "clients" / "generate_options.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
