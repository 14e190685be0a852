"""Specifications: every rule, every default, and names that are equal exactly where specifications are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import grpc
import pytest

from pullback import generators
from pullback_api.v1 import specs_pb2
from pullback_server import specs
from pullback_server.errors import ApiError
from pullback_server.names import parse_eigenbasis
from tiny import write_catalogue

ADAM, HESSIAN_ADAM = specs_pb2.INVERSION_METHOD_ADAM, specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
GENERATOR = "generators/faces"
BASIS = "generators/faces/eigenbases/some"


def complete_basis(**fields: Any) -> specs_pb2.EigenbasisSpec:
    spec = specs_pb2.EigenbasisSpec(**{"generator": GENERATOR, **fields})
    return specs.complete_eigenbasis_spec(spec, "spec")


def complete_settings(targets: int = 1, **fields: Any) -> specs_pb2.InversionSettings:
    settings = specs_pb2.InversionSettings(**{"generator": GENERATOR, **fields})
    return specs.complete_inversion_settings(settings, targets=targets)


def basis_name(**fields: Any) -> str:
    return specs.eigenbasis_name_of(complete_basis(**fields))


# Eigenbases ---------------------------------------------------------------------------------------------------------


def test_an_eigenbasis_needs_no_more_than_a_generator() -> None:
    assert complete_basis() == specs_pb2.EigenbasisSpec(
        generator=GENERATOR,
        space="z",
        distance="lpips-effnet-lite0",
        method=specs_pb2.METRIC_METHOD_SKETCH,
        samples=2000,
        seed=0,
    )


def test_the_exact_metric_has_its_own_default_of_samples() -> None:
    assert complete_basis(method=specs_pb2.METRIC_METHOD_GRAM).samples == 100


def test_what_is_said_is_kept() -> None:
    spec = specs_pb2.EigenbasisSpec(
        generator="generators/eyes",
        space="noise",
        distance="mse",
        method=specs_pb2.METRIC_METHOD_GRAM,
        samples=7,
        seed=2**31 - 1,
    )
    assert specs.complete_eigenbasis_spec(spec, "spec") == spec


def test_completing_leaves_the_callers_message_alone_and_changes_nothing_twice() -> None:
    spec = specs_pb2.EigenbasisSpec(generator=GENERATOR)
    complete = specs.complete_eigenbasis_spec(spec, "spec")
    assert spec == specs_pb2.EigenbasisSpec(generator=GENERATOR)
    assert specs.complete_eigenbasis_spec(complete, "spec") == complete


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"space": "w"}, "spec.space", ["'w'", "z"]),
        ({"distance": "dists"}, "spec.distance", ["'dists'", "lpips-effnet-lite0", "mse"]),
        ({"distance": "lpips-timm:resnet18@/etc/hosts"}, "spec.distance", ["no distance is named 'lpips-timm:"]),
        ({"method": 9}, "spec.method", ["9", "METRIC_METHOD_SKETCH", "METRIC_METHOD_GRAM"]),
        ({"samples": -1}, "spec.samples", ["1 to 1,000,000", "-1 came"]),
        ({"samples": 1_000_001}, "spec.samples", ["1 to 1,000,000", "1000001 came"]),
        ({"seed": -1}, "spec.seed", ["0 or more", "-1 came"]),
    ],
)
def test_a_bad_field_of_an_eigenbasis_is_named(fields: dict[str, Any], field: str, words: list[str]) -> None:
    check_violations(lambda: complete_basis(**fields), {field: words})


def test_an_automatic_number_of_samples_has_a_cap_and_a_tolerance() -> None:
    sketch = complete_basis(automatic=True)
    assert (sketch.samples, sketch.tolerance) == (50_000, 5e-3)
    assert complete_basis(automatic=True, method=specs_pb2.METRIC_METHOD_GRAM).samples == 1_000
    assert basis_name(automatic=True) != basis_name(automatic=True, tolerance=0.01)
    assert "auto" in basis_name(automatic=True)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"tolerance": 0.1}, "spec.tolerance", ["automatic"]),
        ({"automatic": True, "tolerance": 1.5}, "spec.tolerance", ["less than 1", "1.5 came"]),
        ({"k": 5}, "spec.k", ["sketch computes the whole metric"]),
        ({"k": 101, "method": specs_pb2.METRIC_METHOD_GRAM_ITERATION}, "spec.k", ["1 to 100", "101 came"]),
        ({"separate": True}, "spec.separate", ["no other spaces tile space 'z'"]),
        ({"distance": "ssim"}, "spec.method", ["no embedding", "METRIC_METHOD_FULL_BACKPROP"]),
        ({"distance": "stft"}, "spec.distance", ["compares sounds", "draws images"]),
    ],
)
def test_options_that_do_not_go_together_are_named(fields: dict[str, Any], field: str, words: list[str]) -> None:
    check_violations(lambda: complete_basis(**fields), {field: words})


def test_a_space_that_others_tile_has_a_block_diagonal_basis() -> None:
    fields = {"generator": "generators/eyes", "space": "full", "separate": True}
    assert "full-separate" in basis_name(**fields)
    assert specs.blocks_of(generators.entry("eyes"), "full") == {"noise": 100, "class": 8}
    assert specs.blocks_of(generators.entry("eyes"), "noise") == {}
    assert complete_basis(distance="ssim", method=specs_pb2.METRIC_METHOD_FULL_BACKPROP).distance == "ssim"


def test_an_inversion_needs_a_distance_with_an_embedding() -> None:
    check_violations(lambda: complete_settings(distance="ssim"), {"settings.distance": ["embedding", "'ssim'"]})


def test_everything_that_is_wrong_with_an_eigenbasis_is_said_at_once() -> None:
    with pytest.raises(ApiError) as caught:
        complete_basis(space="w", distance="dists", method=9, samples=-5, seed=-5)
    fields = {violation.field for violation in caught.value.violations}
    assert fields == {"spec.space", "spec.distance", "spec.method", "spec.samples", "spec.seed"}
    for violation in caught.value.violations:
        assert f"{violation.field}: {violation.description}" in caught.value.message


@pytest.mark.parametrize("complete", [complete_basis, complete_settings])
def test_an_unknown_generator_is_not_found_and_the_known_ones_are_listed(complete: Any) -> None:
    with pytest.raises(ApiError, match=r"generator: .*'nobody'.*known: faces, eyes") as caught:
        complete(generator="generators/nobody")
    assert caught.value.code == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("complete", [complete_basis, complete_settings])
@pytest.mark.parametrize("name", ["", "faces", "generators/Faces"])
def test_what_is_no_name_of_a_generator_is_an_invalid_argument(complete: Any, name: str) -> None:
    with pytest.raises(ApiError, match=r"generator: expected a resource name of the form generators/") as caught:
        complete(generator=name)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT


# Names of eigenbases ------------------------------------------------------------------------------------------------


def test_equal_specifications_have_equal_names() -> None:
    said = basis_name(space="z", distance="lpips-effnet-lite0", samples=2000, method=specs_pb2.METRIC_METHOD_SKETCH)
    assert basis_name() == said


def test_specifications_that_differ_have_names_that_differ() -> None:
    different = [
        {},
        {"generator": "generators/eyes"},
        {"generator": "generators/eyes", "space": "noise"},
        {"distance": "mse"},
        {"method": specs_pb2.METRIC_METHOD_GRAM},
        {"method": specs_pb2.METRIC_METHOD_GRAM, "samples": 2000},
        {"samples": 1999},
        {"seed": 1},
    ]
    assert len({basis_name(**fields) for fields in different}) == len(different)


def test_a_name_can_be_read_and_parsed() -> None:
    name = basis_name(samples=64, seed=3, distance="mse")
    generator, identifier = parse_eigenbasis(name, "name")
    assert generator == "faces"
    assert identifier.startswith("z-mse-sketch-64-3-")


def test_other_weights_give_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for seed in (0, 1):
        monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path / str(seed), seed)))
        names.add(basis_name(generator="generators/tiny", distance="mse"))
    assert len(names) == 2


# Inversions ---------------------------------------------------------------------------------------------------------


def test_an_inversion_needs_no_more_than_a_generator() -> None:
    assert complete_settings() == specs_pb2.InversionSettings(
        generator=GENERATOR,
        space="z",
        distance="lpips-effnet-lite0",
        method=HESSIAN_ADAM,
        weights=specs_pb2.LossWeights(distance=1, l1=0, l2=1),
        steps=200,
        restarts=4,
        eigenbasis=basis_name(),
    )


def test_the_default_eigenbasis_follows_space_and_distance() -> None:
    complete = complete_settings(generator="generators/eyes", space="noise", distance="mse")
    assert complete.eigenbasis == basis_name(generator="generators/eyes", space="noise", distance="mse")


def test_an_eigenbasis_that_is_named_is_kept() -> None:
    assert complete_settings(eigenbasis=BASIS).eigenbasis == BASIS


def test_plain_adam_works_with_no_eigenbasis() -> None:
    assert complete_settings(method=ADAM).eigenbasis == ""


def test_weights_that_are_not_said_have_their_defaults() -> None:
    complete = complete_settings(weights=specs_pb2.LossWeights(l1=0.5, l2=0))
    assert complete.weights == specs_pb2.LossWeights(distance=1, l1=0.5, l2=0)


def test_completed_settings_are_complete() -> None:
    once = complete_settings(learning_rate=0.1, exponent=0.5, preview_every=3, schedule=specs_pb2.SCHEDULE_COSINE)
    assert specs.complete_inversion_settings(once, targets=1) == once
    assert (once.learning_rate, once.exponent, once.preview_every) == (0.1, 0.5, 3)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"space": "w"}, "settings.space", ["'w'", "z"]),
        ({"distance": "dists"}, "settings.distance", ["'dists'", "lpips-effnet-lite0", "mse"]),
        ({"method": 77}, "settings.method", ["77", "INVERSION_METHOD_ADAM", "INVERSION_METHOD_HESSIAN_ADAM"]),
        ({"steps": -1}, "settings.steps", ["1 to 100,000", "-1 came"]),
        ({"steps": 100_001}, "settings.steps", ["1 to 100,000", "100001 came"]),
        ({"restarts": -1}, "settings.restarts", ["1 to 1,024", "-1 came"]),
        ({"restarts": 1_025}, "settings.restarts", ["1 to 1,024", "1025 came"]),
        ({"seed": -1}, "settings.seed", ["0 or more", "-1 came"]),
        ({"learning_rate": 0.0}, "settings.learning_rate", ["> 0", "0.0 came"]),
        ({"learning_rate": -0.1}, "settings.learning_rate", ["> 0", "-0.1 came"]),
        ({"learning_rate": math.nan}, "settings.learning_rate", ["finite", "nan came"]),
        ({"learning_rate": math.inf}, "settings.learning_rate", ["finite", "inf came"]),
        ({"schedule": 5}, "settings.schedule", ["5", "SCHEDULE_CONSTANT", "SCHEDULE_COSINE"]),
        ({"exponent": -0.1}, "settings.exponent", ["0 to 1", "-0.1 came"]),
        ({"exponent": 1.1}, "settings.exponent", ["0 to 1", "1.1 came"]),
        ({"exponent": math.nan}, "settings.exponent", ["0 to 1", "nan came"]),
        ({"exponent": 0.0, "method": ADAM}, "settings.exponent", ["method ADAM takes none", "HESSIAN_ADAM"]),
        ({"eigenbasis": BASIS, "method": ADAM}, "settings.eigenbasis", ["method ADAM takes none", "HESSIAN_ADAM"]),
        ({"eigenbasis": "faces"}, "settings.eigenbasis", ["generators/{generator}/eigenbases/", "'faces' came"]),
        ({"preview_every": -1}, "settings.preview_every", ["0 or more", "-1 came"]),
        ({"weights": {"distance": -1}}, "settings.weights.distance", ["≥ 0", "-1.0 came"]),
        ({"weights": {"l1": math.nan}}, "settings.weights.l1", ["finite", "nan came"]),
        ({"weights": {"l2": math.inf}}, "settings.weights.l2", ["finite", "inf came"]),
        ({"weights": {"distance": 0, "l2": 0}}, "settings.weights", ["all weights are 0", "at least one above 0"]),
    ],
)
def test_a_bad_field_of_an_inversion_is_named(fields: dict[str, Any], field: str, words: list[str]) -> None:
    check_violations(lambda: complete_settings(**fields), {field: words})


def test_everything_that_is_wrong_with_an_inversion_is_said_at_once() -> None:
    bad = {"space": "w", "steps": -1, "seed": -1, "weights": {"l1": -1}, "learning_rate": -1.0}
    expected = ["space", "steps", "seed", "weights.l1", "learning_rate"]
    check_violations(lambda: complete_settings(**bad), {f"settings.{name}": [] for name in expected})


def test_the_starts_of_one_job_are_limited() -> None:
    assert complete_settings(targets=256, restarts=16, steps=1).restarts == 16
    words = ["256 images × 17 restarts are 4352 starts", "at most 4096", "fewer"]
    check_violations(lambda: complete_settings(targets=256, restarts=17, steps=1), {"settings.restarts": words})


def test_the_traces_of_one_job_are_limited() -> None:
    assert complete_settings(targets=1, restarts=40, steps=100_000).steps == 100_000
    words = ["41 starts × 100000 steps", "4,000,000", "fewer"]
    check_violations(lambda: complete_settings(targets=1, restarts=41, steps=100_000), {"settings.steps": words})


def check_violations(complete: Any, expected: dict[str, list[str]]) -> None:
    """Asserts that exactly these fields are refused, each with these words."""
    with pytest.raises(ApiError) as caught:
        complete()
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    found = {violation.field: violation.description for violation in caught.value.violations}
    assert found.keys() == expected.keys()
    for field, words in expected.items():
        for word in words:
            assert word in found[field]
