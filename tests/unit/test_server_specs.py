"""Specifications: every rule, every default, and names that are equal exactly where specifications are."""

from __future__ import annotations

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
# The digests in the names of eigenbases of 64 probes that were computed before weights could have several sources.
BEFORE = {
    "lpips-effnet-lite0": "c603e8b1",
    "st-lpips-alex": "23e02d60",
    "lpips-squeeze": "99313445",
    "mse": "d1cc1d5b",
}


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
        distance="lpips-alex",
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
        max_memory_mib=512,
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
        ({"distance": "dists"}, "spec.distance", ["'dists'", "lpips-alex", "mse"]),
        ({"distance": "lpips-timm:resnet18@/etc/hosts"}, "spec.distance", ["no distance is named 'lpips-timm:"]),
        ({"distance": "lpips-vgg@12"}, "spec.distance", ["32 to 1024 px", "such as lpips-vgg@256", "'12' came"]),
        ({"distance": "mse@64"}, "spec.distance", ["'mse' takes no side", "lpips-vgg"]),
        ({"method": 9}, "spec.method", ["9", "METRIC_METHOD_SKETCH", "sketch, gram, full_backprop"]),
        ({"samples": -1}, "spec.samples", ["1 to 1,000,000", "-1 came"]),
        ({"samples": 1_000_001}, "spec.samples", ["1 to 1,000,000", "1000001 came"]),
        ({"seed": -1}, "spec.seed", ["0 or more", "-1 came"]),
        ({"max_memory_mib": -1}, "spec.max_memory_mib", ["1 or more MiB", "-1 came"]),
        ({"max_memory_mib": 0}, "spec.max_memory_mib", ["1 or more MiB", "0 came"]),
        ({"samples": 0}, "spec.samples", ["1 to 1,000,000", "0 came"]),
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
        ({"automatic": True, "tolerance": 0.0}, "spec.tolerance", ["more than 0", "0.0 came"]),
        ({"k": 0, "method": specs_pb2.METRIC_METHOD_GRAM_ITERATION}, "spec.k", ["1 or more", "0 came"]),
        ({"k": 5}, "spec.k", ["'sketch' computes the whole metric"]),
        ({"k": 101, "method": specs_pb2.METRIC_METHOD_GRAM_ITERATION}, "spec.k", ["1 to 100", "101 came"]),
        ({"separate": True}, "spec.separate", ["no other spaces tile space 'z'"]),
        ({"distance": "ssim"}, "spec.method", ["no embedding", "'full_backprop'"]),
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


def analysis(**fields: Any) -> specs_pb2.AnalysisSpec:
    return specs.complete_analysis_spec(specs_pb2.AnalysisSpec(generator=GENERATOR, **fields))


def test_an_analysis_compares_what_the_paper_does_over_both_networks() -> None:
    assert (analysis().distance, *analysis().compared_distances) == ("lpips-alex", "lpips-vgg", "mse", "ssim")
    assert list(analysis(distance="lpips-vgg").compared_distances) == ["lpips-alex", "mse", "ssim"]
    assert list(analysis(distance="lpips-vgg@64").compared_distances) == ["lpips-alex", "lpips-vgg", "mse", "ssim"]
    assert (analysis().compared_positions, analysis(positions=4).compared_positions) == (10, 4)
    assert analysis(positions=40, compared_positions=40).compared_positions == 40
    for count, bounds in ((1, "2 or more"), (0, "2 or more"), (51, "2 to 50"), (-1, "2 or more")):
        words = {"spec.compared_positions": [bounds, f"{count} came"]}
        check_violations(lambda count=count: analysis(compared_positions=count), words)


def test_a_compared_distance_without_a_name_is_refused() -> None:
    words = {"spec.compared_distances[1]": ["name of a distance", "empty"]}
    check_violations(lambda: analysis(distance="lpips-vgg", compared_distances=["mse", ""]), words)


def test_an_inversion_needs_a_distance_with_an_embedding() -> None:
    check_violations(lambda: complete_settings(distance="ssim"), {"settings.distance": ["embedding", "'ssim'"]})


def test_separate_blocks_of_an_unknown_space_are_no_error_of_the_server() -> None:
    with pytest.raises(ApiError) as caught:
        complete_settings(space="nowhere", distance="mse", basis=specs_pb2.INVERSION_BASIS_SEPARATE)
    assert [violation.field for violation in caught.value.violations] == ["settings.space"]


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
    said = basis_name(space="z", distance="lpips-alex", samples=2000, method=specs_pb2.METRIC_METHOD_SKETCH)
    assert basis_name() == said


def test_a_bound_of_memory_is_kept_and_is_no_part_of_a_name() -> None:
    bounded = specs.complete_analysis_spec(specs_pb2.AnalysisSpec(generator=GENERATOR, max_memory_mib=512))
    assert bounded.max_memory_mib == 512
    unbounded = specs.complete_analysis_spec(specs_pb2.AnalysisSpec(generator=GENERATOR))
    assert specs.analysis_name_of(bounded) == specs.analysis_name_of(unbounded)
    assert basis_name(max_memory_mib=512) == basis_name()


def test_an_analysis_of_an_older_version_is_not_taken_for_one_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = specs.complete_analysis_spec(specs_pb2.AnalysisSpec(generator=GENERATOR))
    today = specs.analysis_name_of(spec)
    monkeypatch.setattr("pullback_server.specs.analysis._EDITION", 1)
    assert specs.analysis_name_of(spec) != today


def test_specifications_that_differ_have_names_that_differ() -> None:
    different = [
        {},
        {"generator": "generators/eyes"},
        {"generator": "generators/eyes", "space": "noise"},
        {"distance": "mse"},
        {"distance": "lpips-vgg"},
        {"distance": "lpips-alex@64"},
        {"distance": "lpips-alex@128"},
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


def test_a_side_is_kept_and_can_be_read_in_the_name() -> None:
    assert complete_basis(distance="lpips-vgg@256").distance == "lpips-vgg@256"
    identifier = parse_eigenbasis(basis_name(samples=64, distance="lpips-vgg@256"), "name")[1]
    assert identifier.startswith("z-lpips-vgg-256-sketch-64-0-")


def test_names_of_what_was_computed_before_stay_the_same() -> None:
    names = {distance: basis_name(samples=64, distance=distance) for distance in BEFORE}
    assert {distance: name[-8:] for distance, name in names.items()} == BEFORE


def test_names_of_every_kind_stay_the_same_from_version_to_version() -> None:
    """Another name, and what data folders hold would be computed again."""

    def eigenbasis(**fields: Any) -> str:
        spec = specs_pb2.EigenbasisSpec(generator="generators/faces", **fields)
        return specs.eigenbasis_name_of(specs.complete_eigenbasis_spec(spec, "spec"))

    directions = specs.complete_directions_spec(specs_pb2.DirectionsSpec(generator="generators/faces"), "spec")
    analysis = specs.complete_analysis_spec(specs_pb2.AnalysisSpec(generator="generators/faces"))
    names = [
        eigenbasis(),
        eigenbasis(distance="mse", method=specs_pb2.METRIC_METHOD_GRAM, samples=30, seed=4),
        eigenbasis(automatic=True),
        specs.directions_name_of(directions),
        specs.analysis_name_of(analysis),
    ]
    assert names == [
        "generators/faces/eigenbases/z-lpips-alex-sketch-2000-0-45bf693d",
        "generators/faces/eigenbases/z-mse-gram-30-4-f91565c4",
        "generators/faces/eigenbases/z-lpips-alex-sketch-auto-0.005-0-5c03a104",
        "generators/faces/directions/hessian-z-20-0-c4395c4f",
        "generators/faces/analyses/z-lpips-alex-50-0-f14b0ff5",
    ]


@pytest.mark.parametrize(
    ("kind", "complete"),
    [
        (specs_pb2.EigenbasisSpec, specs.complete_eigenbasis_spec),
        (specs_pb2.AnalysisSpec, specs.complete_analysis_spec),
        (specs_pb2.DirectionsSpec, specs.complete_directions_spec),
    ],
)
def test_a_field_that_only_newer_clients_know_is_no_part_of_a_specification(kind: Any, complete: Any) -> None:
    known = kind(generator="generators/faces")
    # Field 1000, a varint.
    newer = kind.FromString(known.SerializeToString() + bytes([0xC0, 0x3E, 0x01]))
    assert newer.SerializeToString() != known.SerializeToString()
    assert complete(newer, "spec").SerializeToString() == complete(known, "spec").SerializeToString()


def test_other_weights_give_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for seed in (0, 1):
        monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path / str(seed), seed)))
        names.add(basis_name(generator="generators/tiny", distance="mse"))
    assert len(names) == 2


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
