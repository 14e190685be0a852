"""Defaults that help, docstrings and the contract state are those that hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

import pullback_client
from pullback.directions.defaults import DirectionsSettings
from pullback.directions.defaults import complete as complete_directions
from pullback.generators import entry
from pullback.geometry.eigenbasis import DEFAULT_AXES
from pullback.geometry.pointwise.method import DEFAULT_K
from pullback.inversion.defaults import METHODS, NOISE_WEIGHT
from pullback_api.v1 import directions_pb2, search_pb2, specs_pb2
from pullback_client.cli.main import app
from pullback_client.inversion import options
from pullback_server import specs
from pullback_server.specs import eigenbasis, mask, search, traversal

ROOT: Any = typer.main.get_command(app)
FACES = "generators/faces"


def shown(command: str, option: str) -> str:
    """The default that the help of an option shows."""
    parameter = next(each for each in ROOT.commands[command].params if option in each.opts)
    return str(parameter.show_default if isinstance(parameter.show_default, str) else parameter.default)


def inversion(**fields: Any) -> specs_pb2.InversionSettings:
    settings = specs_pb2.InversionSettings(generator=FACES, **fields)
    return specs.complete_inversion_settings(settings, targets=1)


def test_the_weights_of_the_loss() -> None:
    weights = inversion().weights
    # The last is there only where noise maps are searched.
    assert not weights.HasField("noise")
    weights.noise = NOISE_WEIGHT
    truth = {name: getattr(weights, name) for name in ("distance", "l1", "l2", "prior", "delta", "noise")}
    pairs = [pair.split("=") for pair in shown("invert", "--weights").split(", ")]
    assert {name: float(value) for name, value in pairs} == truth
    documented = options.__file__
    text = Path(documented).read_text("utf-8")
    names = (r"`distance` \(default (\S+)\)", r"`l1` \((\S+)\)", r"`l2` \((\S+)\)", r"`prior` \((\S+)\)")
    said = re.search(".*".join((*names, r"`delta` \((\S+)\)", r"`noise` \((\S+)\)")), text, re.DOTALL)
    assert said is not None
    assert [float(each) for each in said.groups()] == list(truth.values())
    contract = (Path(specs_pb2.__file__).with_name("specs.proto")).read_text("utf-8")
    message = contract[contract.index("message LossWeights {") :].split("\n}")[0]
    assert [float(each) for each in re.findall(r"Default (\S+)\.\n", message)] == list(truth.values())


def test_other_options_of_an_inversion() -> None:
    local = inversion(basis=specs_pb2.INVERSION_BASIS_LOCAL)
    aligned = inversion(alignment=specs_pb2.AlignmentSettings()).alignment
    for command in ("invert", "edit", "traverse"):
        assert float(shown(command, "--align-scale")) == aligned.scale
        assert float(shown(command, "--align-shift")) == aligned.shift
        method = f"INVERSION_METHOD_{shown(command, '--method').upper()}"
        assert specs_pb2.InversionMethod.Value(method) == local.method
    assert int(shown("invert", "--local-every")) == local.local_every
    assert int(shown("invert", "--top-k")) == local.top_k


def test_options_of_an_eigenbasis() -> None:
    samples = f"{eigenbasis.DEFAULT_PROBES} (sketch), {eigenbasis.DEFAULT_POSITIONS} (others)"
    assert shown("eigenbasis", "--samples") == samples
    assert float(shown("eigenbasis", "--tolerance")) == eigenbasis.DEFAULT_TOLERANCE
    assert shown("eigenbasis", "--k") == f"{DEFAULT_K} of iterations, {DEFAULT_AXES} of large spaces"


def test_options_of_a_report() -> None:
    spec = specs.complete_analysis_spec(specs_pb2.AnalysisSpec(generator=FACES))
    assert int(shown("report", "--positions")) == spec.positions
    assert int(shown("report", "--control-positions")) == spec.control_positions
    assert int(shown("report", "--compared-positions")) == spec.compared_positions
    assert shown("report", "--compare").split(", ") == list(spec.compared_distances)


def test_options_of_directions() -> None:
    settings = complete_directions(DirectionsSettings("ganspace_ica"), entry("faces"))
    assert int(shown("directions", "--k")) == settings.k
    assert shown("directions", "--ica-vectors") == settings.ica_vectors
    jacobian = complete_directions(DirectionsSettings("jacobian"), entry("faces"))
    assert int(shown("directions", "--iterations")) == jacobian.iterations


def test_options_of_a_walk() -> None:
    for command in ("traverse", "edit"):
        assert int(shown(command, "--frames")) == traversal.DEFAULT_FRAMES
        assert shown(command, "--kind") == traversal.TRAVERSAL_KINDS[traversal._kind(directions_pb2.TraverseRequest())]
        assert shown(command, "--pieces").startswith(f"{traversal.PIECES_A_FRAME} ")
    assert float(shown("traverse", "--first")) == traversal.DEFAULT_FIRST
    assert float(shown("traverse", "--last")) == traversal.DEFAULT_LAST
    assert int(shown("traverse", "--mask-samples")) == mask.DEFAULT_SAMPLES
    assert float(shown("traverse", "--mask-reach")) == mask.DEFAULT_REACH
    types = (Path(pullback_client.__file__).parent / "wire" / "option_types.py").read_text("utf-8")
    documented = types[types.index("class MaskFields") :]
    truth = {"subsets": mask.DEFAULT_SUBSETS, "samples": mask.DEFAULT_SAMPLES, "reach": mask.DEFAULT_REACH}
    for name, default in truth.items():
        block = documented[documented.index(f"    {name}: ") :]
        assert float(re.search(r"default ([\d.]*\d)", block)[1]) == default  # type: ignore[index]


def test_options_of_an_evolution() -> None:
    spec = search_pb2.SessionSpec(threads=[search_pb2.ThreadSpec(generator=FACES)])
    scores = search.complete_session_spec(spec).scores
    assert int(shown("evolve", "--repetitions")) == scores.repetitions
    assert f"MISSING_POLICY_{shown('evolve', '--missing').upper()}" == search_pb2.MissingPolicy.Name(scores.missing)


@pytest.mark.parametrize("method", METHODS)
def test_where_a_method_starts_as_the_contract_says(method: str) -> None:
    contract = (Path(specs_pb2.__file__).with_name("specs.proto")).read_text("utf-8")
    said = re.search(r"// (.*)\n  START_UNSPECIFIED", contract)
    assert said is not None
    others = {
        word: start.lower()
        for start, words in re.findall(r"([A-Z]+) with ([A-Z_]+(?: and [A-Z_]+)*)", said[1])
        for word in words.split(" and ")
    }
    assert others.get(method.upper(), "bank") == METHODS[method].start
