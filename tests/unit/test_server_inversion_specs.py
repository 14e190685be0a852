"""Settings of inversions: every rule, every default."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from biggan_states import big_entry
from catalogues import entry_text
from pullback import generators
from pullback.inversion.defaults import METHODS as OF_THE_LIBRARY
from pullback.inversion.defaults import PRIOR_WEIGHT, method_of
from pullback_api.tensors import pack
from pullback_api.v1 import inversion_pb2, specs_pb2
from pullback_server import specs
from pullback_server.errors import ApiError, Violations
from pullback_server.protocol.batching import Load
from style_states import ada_entry
from tiny import write_catalogue
from tiny_style import write_style_catalogue

GENERATOR = "generators/faces"
EYES = "generators/eyes"
BASIS = "generators/faces/eigenbases/some"
ADAM = specs_pb2.INVERSION_METHOD_ADAM
HESSIAN_ADAM = specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
LBFGS = specs_pb2.INVERSION_METHOD_LBFGS
BASIN_CMA = specs_pb2.INVERSION_METHOD_BASIN_CMA
HESSIAN_BASIN_CMA = specs_pb2.INVERSION_METHOD_HESSIAN_BASIN_CMA
LEVENBERG_MARQUARDT = specs_pb2.INVERSION_METHOD_LEVENBERG_MARQUARDT
METHODS = [number for number in specs_pb2.InversionMethod.values() if number]
NONE, GLOBAL = specs_pb2.INVERSION_BASIS_NONE, specs_pb2.INVERSION_BASIS_GLOBAL
SEPARATE, LOCAL = specs_pb2.INVERSION_BASIS_SEPARATE, specs_pb2.INVERSION_BASIS_LOCAL
STARTS = {name: number for number, name in specs.STARTS.items()}
BASES = {name: number for number, name in specs.BASES.items()}
OPTIONAL = {"thin", "learning_rate", "exponent"}
GIVEN, FREE, SEARCHED = specs_pb2.CLASS_MODE_GIVEN, specs_pb2.CLASS_MODE_FREE, specs_pb2.CLASS_MODE_SEARCHED


def complete(targets: int = 1, **fields: Any) -> specs_pb2.InversionSettings:
    settings = specs_pb2.InversionSettings(**{"generator": GENERATOR, **fields})
    return specs.complete_inversion_settings(settings, targets=targets)


def basis_name(**fields: Any) -> str:
    spec = specs_pb2.EigenbasisSpec(**{"generator": GENERATOR, **fields})
    return specs.eigenbasis_name_of(specs.complete_eigenbasis_spec(spec, "spec"))


def check_violations(run: Any, expected: dict[str, list[str]]) -> None:
    """Asserts that exactly these fields are refused, each with these words."""
    with pytest.raises(ApiError) as caught:
        run()
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    found = {violation.field: violation.description for violation in caught.value.violations}
    assert found.keys() == expected.keys()
    for field, words in expected.items():
        for word in words:
            assert word in found[field]


# Defaults -----------------------------------------------------------------------------------------------------------


def test_an_inversion_needs_no_more_than_a_generator() -> None:
    default = method_of("hessian_adam")
    assert complete() == specs_pb2.InversionSettings(
        generator=GENERATOR,
        space="z",
        distance="lpips-vgg",
        method=HESSIAN_ADAM,
        weights=specs_pb2.LossWeights(distance=1, l1=0, l2=3, prior=PRIOR_WEIGHT, delta=0),
        steps=default.steps,
        restarts=default.restarts,
        learning_rate=default.options["learning_rate"],
        schedule=f"SCHEDULE_{default.options['schedule'].upper()}",
        betas=specs_pb2.Betas(mean=default.options["betas"][0], square=default.options["betas"][1]),
        exponent=default.options["exponent"],
        basis=GLOBAL,
        eigenbasis=basis_name(),
        start=STARTS[default.start],
        thin=default.options["thin"],
        top_k=1,
        noise_maps=False,
        ramp_up=0,
        ramp_down=0,
        latent_noise=0,
        noise_ramp=default.options["noise_ramp"],
    )


@pytest.mark.parametrize("method", METHODS)
def test_completed_settings_are_complete(method: int) -> None:
    for fields in ({}, {"evaluations": 5_000}, {"steps": 30, "seconds": 2.5, "patience": 10, "top_k": 2}):
        once = complete(method=method, **fields)
        assert specs.complete_inversion_settings(once, targets=1) == once


@pytest.mark.parametrize("method", METHODS)
def test_the_defaults_are_those_of_the_library(method: int) -> None:
    name = specs.INVERSION_METHODS[method]
    found, own = complete(method=method), method_of(name)
    assert (found.steps, found.restarts, found.start) == (own.steps, own.restarts, STARTS[own.start])
    assert found.basis == BASES[own.bases[0]]
    assert {option for option in own.takes if option in OPTIONAL and found.HasField(option)} == own.takes & OPTIONAL
    for option in own.takes & OPTIONAL:
        assert getattr(found, option) == own.options[option]


def test_every_method_of_the_library_can_be_asked_for() -> None:
    assert set(specs.INVERSION_METHODS.values()) == set(OF_THE_LIBRARY)


def test_the_default_eigenbasis_follows_space_and_distance() -> None:
    found = complete(generator=EYES, space="noise", distance="mse")
    assert found.eigenbasis == basis_name(generator=EYES, space="noise", distance="mse")
    assert complete(distance="lpips-vgg").eigenbasis == basis_name(distance="lpips-alex")
    assert complete(distance="lpips-vgg@256").eigenbasis == basis_name(distance="lpips-alex@256")


def test_the_default_eigenbasis_of_a_separate_basis_is_a_separate_one() -> None:
    found = complete(generator=EYES, space="full", basis=SEPARATE)
    assert found.eigenbasis == basis_name(generator=EYES, space="full", separate=True)


def test_an_eigenbasis_that_is_named_is_kept() -> None:
    assert complete(eigenbasis=BASIS).eigenbasis == BASIS


@pytest.mark.parametrize(
    "fields",
    [{"method": ADAM}, {"basis": NONE}, {"basis": LOCAL}, {"method": BASIN_CMA}, {"method": LEVENBERG_MARQUARDT}],
)
def test_what_works_in_no_stored_eigenbasis_names_none(fields: dict[str, Any]) -> None:
    assert complete(**fields).eigenbasis == ""


def test_weights_that_are_not_said_have_their_defaults() -> None:
    found = complete(weights=specs_pb2.LossWeights(l1=0.5, l2=0))
    assert found.weights == specs_pb2.LossWeights(distance=1, l1=0.5, l2=0, prior=PRIOR_WEIGHT, delta=0)


def test_what_is_said_is_kept() -> None:
    said = {
        "learning_rate": 0.1,
        "exponent": 0.5,
        "preview_every": 3,
        "schedule": specs_pb2.SCHEDULE_CONSTANT,
        "thin": False,
        "start": specs_pb2.START_MEAN,
        "truncation": 2.0,
        "patience": 4,
        "top_k": 3,
        "restarts": 5,
        "steps": 7,
        "seconds": 1.5,
    }
    found = complete(**said)
    assert {name: getattr(found, name) for name in said} == said


def test_a_bound_on_evaluations_allows_as_many_steps() -> None:
    assert complete(evaluations=77).steps == 77
    assert complete(evaluations=10**9, restarts=1).steps == 100_000
    assert complete(evaluations=77, steps=9).steps == 9


def test_there_are_at_least_as_many_restarts_as_solutions() -> None:
    assert complete(top_k=9).restarts == 9


def test_alignment_has_the_sensitivity_of_pix2latent() -> None:
    found = complete(alignment=specs_pb2.AlignmentSettings(shift=0.3))
    assert (found.alignment.scale, found.alignment.shift) == (0.1, 0.3)
    assert not complete().HasField("alignment")


def test_only_a_local_basis_has_an_interval() -> None:
    assert complete(basis=LOCAL).local_every == 25
    assert complete().local_every == 0


# Classes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "moving"), [(GIVEN, "noise"), (SEARCHED, "noise"), (FREE, "full")])
def test_with_a_class_mode_the_space_is_the_whole_input_and_the_basis_that_of_what_moves(
    mode: int, moving: str
) -> None:
    found = complete(generator=EYES, class_mode=mode)
    assert found.space == "full"
    assert specs.moving_space(found, generators.entry("eyes")) == moving
    assert found.eigenbasis == basis_name(generator=EYES, space=moving)


@pytest.mark.parametrize("method", [name for name, method in OF_THE_LIBRARY.items() if "thin" in method.options])
def test_a_search_through_classes_thins_unless_it_is_told_not_to(method: str) -> None:
    number = {name: number for number, name in specs.INVERSION_METHODS.items()}[method]
    assert complete(generator=EYES, class_mode=SEARCHED, method=number).thin
    assert not complete(generator=EYES, class_mode=SEARCHED, method=number, thin=False).thin
    assert complete(generator=EYES, class_mode=GIVEN, method=number).thin == OF_THE_LIBRARY[method].options["thin"]


def test_of_a_conditional_style_based_generator_the_space_is_what_its_mapping_network_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.pt").write_bytes(b"never read")
    entry = ada_entry(5, 6, 4, (3, 8, 8), ("ant", "bee", "cat"), conv_clamp=0.0)
    (tmp_path / "ada.toml").write_text(entry_text(entry, tmp_path / "weights.pt"), encoding="utf-8")
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(tmp_path / "ada.toml"))
    fields = {"generator": "generators/ada"}
    for mode, moving in ((GIVEN, "z"), (SEARCHED, "z"), (FREE, "full")):
        found = complete(**fields, class_mode=mode)
        assert (found.space, specs.moving_space(found, entry)) == ("full", moving)
        assert found.eigenbasis == basis_name(**fields, space=moving)
    assert complete(**fields, class_mode=FREE, basis=SEPARATE).eigenbasis == basis_name(
        **fields, space="full", separate=True
    )
    assert complete(**fields, space="w+").eigenbasis == basis_name(**fields, space="w")
    check_violations(
        lambda: complete(**fields, class_mode=SEARCHED, space="w"),
        {"settings.space": ["'full'", "'w' came", "leave it out, or give the class"]},
    )
    # Behind the mapping network, where latents hang on no class, one that is given says where they start.
    for space in ("w", "w+"):
        found = complete(**fields, class_mode=GIVEN, space=space)
        assert (found.space, specs.moving_space(found, entry)) == (space, space)
        assert (found.start, found.restarts) == (specs_pb2.START_MEAN, 1)
        assert found.eigenbasis == complete(**fields, space=space).eigenbasis
    assert complete(**fields, class_mode=GIVEN, preset=specs_pb2.INVERSION_PRESET_PROJECTOR).space == "w"
    check_violations(
        lambda: complete(**fields, class_mode=GIVEN, space="w", start=specs_pb2.START_BANK),
        {"settings.start": ["latents of a bank are of every class", "'mean'"]},
    )


def test_of_a_thousand_classes_each_is_tried_once_unless_more_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.pth").write_bytes(b"never read")
    entry = big_entry("biggan")
    noise, classes, full = entry.spaces
    many = dataclasses.replace(classes, labels=tuple(f"class {number}" for number in range(1000)), default="class 7")
    text = entry_text(dataclasses.replace(entry, spaces=(noise, many, full)), tmp_path / "weights.pth")
    (tmp_path / "big.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(tmp_path / "big.toml"))
    fields = {"generator": "generators/tiny-biggan", "class_mode": SEARCHED}
    # Several solutions ask for as many restarts elsewhere.
    assert complete(**fields, top_k=3).restarts == 1
    assert complete(**{**fields, "class_mode": FREE}, top_k=3).restarts == 3
    check_violations(
        lambda: complete(**fields, restarts=2), {"settings.restarts": ["2 starts for every class are 2000"]}
    )


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"class_mode": GIVEN}, "settings.class_mode", ["generators/faces has no classes", "leave it out"]),
        ({"class_mode": 9}, "settings.class_mode", ["unknown class mode 9", "CLASS_MODE_GIVEN"]),
        ({"generator": EYES, "class_mode": FREE, "space": "noise"}, "settings.space", ["'full'", "'noise' came"]),
        (
            {"generator": EYES, "class_mode": SEARCHED, "restarts": 129},
            "settings.restarts",
            ["129 starts for every class are 1032", "at most 1,024"],
        ),
        (
            {"generator": EYES, "class_mode": GIVEN, "basis": SEPARATE},
            "settings.basis",
            ["space 'noise'", "take basis 'global'"],
        ),
    ],
)
def test_a_class_mode_that_cannot_be_used_is_named(fields: dict[str, Any], field: str, words: list[str]) -> None:
    check_violations(lambda: complete(**fields), {field: words})


def test_a_generator_whose_input_is_noise_alone_has_no_class_modes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path)))
    run = lambda: complete(generator="generators/tiny", class_mode=FREE)  # noqa: E731
    check_violations(run, {"settings.class_mode": ["generators/tiny has no classes"]})


# Loads --------------------------------------------------------------------------------------------------------------


def test_inversions_that_agree_in_generator_space_distance_and_method_are_one_batch() -> None:
    base = complete()
    alike = complete(seed=5, steps=3, restarts=2, weights={"l1": 1}, eigenbasis=BASIS)
    assert specs.inversion_load(base, 3).batch == specs.inversion_load(alike, 1).batch
    others = [
        complete(method=ADAM),
        complete(basis=LOCAL),
        complete(distance="mse"),
        complete(generator=EYES, space="noise"),
    ]
    assert len({specs.inversion_load(settings, 1).batch for settings in (base, *others)}) == 5


def test_the_rows_of_an_inversion_are_its_images_times_its_starts() -> None:
    assert specs.inversion_load(complete(restarts=5), 3).rows == 15
    searched = complete(generator=EYES, class_mode=SEARCHED, restarts=5)
    assert specs.inversion_load(searched, 3).rows == 3 * 5 * 8
    assert specs.inversion_load(complete(method=BASIN_CMA), 2).rows == 36
    searched = complete(generator=EYES, class_mode=SEARCHED, method=BASIN_CMA)
    assert specs.inversion_load(searched, 2).rows == 2 * 18 * 8
    assert isinstance(specs.inversion_load(searched, 1), Load)


# What is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nobody", "faces", ""])
def test_a_generator_that_is_not_there_is_refused_first(name: str) -> None:
    with pytest.raises(ApiError, match=r"settings\.generator: "):
        complete(generator=f"generators/{name}" if name == "nobody" else name, steps=-1)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"space": "w"}, "settings.space", ["'w'", "z"]),
        ({"distance": "dists"}, "settings.distance", ["'dists'", "lpips-alex", "mse"]),
        ({"distance": "ssim"}, "settings.distance", ["embedding", "'ssim'"]),
        ({"method": 77}, "settings.method", ["77", "INVERSION_METHOD_ADAM", "adam, hessian_adam, lbfgs"]),
        ({"steps": -1}, "settings.steps", ["1 to 100,000", "-1 came"]),
        ({"steps": 0}, "settings.steps", ["1 to 100,000", "0 came"]),
        ({"steps": 100_001}, "settings.steps", ["1 to 100,000", "100001 came"]),
        ({"evaluations": -1}, "settings.evaluations", ["1 or more", "-1 came"]),
        ({"evaluations": 0}, "settings.evaluations", ["1 or more", "0 came"]),
        ({"seconds": 0.0}, "settings.seconds", ["> 0", "0.0 came"]),
        ({"seconds": -1.0}, "settings.seconds", ["> 0", "-1.0 came"]),
        ({"seconds": math.nan}, "settings.seconds", ["finite", "nan came"]),
        ({"patience": -1}, "settings.patience", ["1 or more", "-1 came"]),
        ({"patience": 0}, "settings.patience", ["1 or more", "0 came"]),
        ({"restarts": 0}, "settings.restarts", ["1 to 1,024", "0 came"]),
        ({"restarts": -1}, "settings.restarts", ["1 to 1,024", "-1 came"]),
        ({"restarts": 1_025}, "settings.restarts", ["1 to 1,024", "1025 came"]),
        ({"restarts": 2, "method": BASIN_CMA}, "settings.restarts", ["method 'basin_cma' takes none", "population"]),
        ({"top_k": 19, "method": BASIN_CMA}, "settings.top_k", ["1 to 18", "19 came"]),
        ({"start": 9}, "settings.start", ["unknown start 9", "prior, mean, bank"]),
        ({"thin": True, "method": BASIN_CMA}, "settings.thin", ["method 'basin_cma' takes no thin", "'hessian_adam'"]),
        ({"seed": -1}, "settings.seed", ["0 or more", "-1 came"]),
        ({"learning_rate": 0.0}, "settings.learning_rate", ["> 0", "0.0 came"]),
        ({"learning_rate": math.nan}, "settings.learning_rate", ["finite", "nan came"]),
        ({"learning_rate": math.inf}, "settings.learning_rate", ["finite", "inf came"]),
        (
            {"learning_rate": 0.1, "method": LBFGS},
            "settings.learning_rate",
            ["method 'lbfgs' takes no learning_rate", "'adam'"],
        ),
        ({"learning_rate": 0.1, "method": LEVENBERG_MARQUARDT}, "settings.learning_rate", ["takes no learning_rate"]),
        ({"betas": {"mean": 1.0, "square": 0.9}}, "settings.betas.mean", ["less than 1", "1.0 came"]),
        ({"betas": {"square": math.nan}}, "settings.betas.square", ["less than 1", "nan came"]),
        ({"betas": {"square": 0.9}, "method": LBFGS}, "settings.betas", ["method 'lbfgs' takes no betas", "'adam'"]),
        ({"schedule": 5}, "settings.schedule", ["5", "SCHEDULE_CONSTANT", "constant, cosine"]),
        ({"schedule": 1, "method": LBFGS}, "settings.schedule", ["method 'lbfgs' takes no schedule"]),
        ({"basis": 9}, "settings.basis", ["unknown basis 9", "none, global"]),
        ({"basis": GLOBAL, "method": ADAM}, "settings.basis", ["method 'adam' takes basis 'none', but 'global' came"]),
        (
            {"basis": LOCAL, "method": LBFGS},
            "settings.basis",
            ["method 'lbfgs' takes basis 'global' or 'separate'", "'local' came"],
        ),
        ({"basis": SEPARATE}, "settings.basis", ["no other spaces tile space 'z'", "'global'"]),
        ({"local_every": 5}, "settings.local_every", ["basis 'global' takes no local_every", "use basis 'local'"]),
        ({"local_every": 0, "basis": LOCAL}, "settings.local_every", ["1 to 100,000", "0 came"]),
        ({"local_every": -5, "basis": LOCAL}, "settings.local_every", ["1 to 100,000", "-5 came"]),
        ({"exponent": -0.1}, "settings.exponent", ["0 to 1", "-0.1 came"]),
        ({"exponent": 1.1}, "settings.exponent", ["0 to 1", "1.1 came"]),
        ({"exponent": math.nan}, "settings.exponent", ["0 to 1", "nan came"]),
        ({"exponent": 0.0, "method": ADAM}, "settings.exponent", ["method 'adam' takes no exponent", "'hessian_adam'"]),
        ({"exponent": 0.0, "basis": NONE}, "settings.exponent", ["basis 'none'"]),
        ({"eigenbasis": BASIS, "method": ADAM}, "settings.eigenbasis", ["method 'adam' takes none", "'hessian_adam'"]),
        ({"eigenbasis": BASIS, "basis": LOCAL}, "settings.eigenbasis", ["basis 'local'", "leave it out"]),
        ({"eigenbasis": "faces"}, "settings.eigenbasis", ["generators/{generator}/eigenbases/", "'faces' came"]),
        ({"preview_every": -1}, "settings.preview_every", ["0 or more", "-1 came"]),
        ({"top_k": -1, "restarts": 4}, "settings.top_k", ["1 to 64", "-1 came"]),
        ({"top_k": 0}, "settings.top_k", ["1 to 64", "0 came"]),
        ({"top_k": 65}, "settings.top_k", ["1 to 64", "65 came"]),
        ({"top_k": 5, "restarts": 4}, "settings.top_k", ["1 to 4", "5 came"]),
        ({"top_k": 65, "restarts": 100}, "settings.top_k", ["1 to 64", "65 came"]),
        ({"truncation": 0.0}, "settings.truncation", ["> 0", "0.0 came"]),
        ({"truncation": math.nan}, "settings.truncation", ["finite", "nan came"]),
        ({"alignment": {"scale": 0.6}}, "settings.alignment.scale", ["at most 0.5", "0.6 came"]),
        ({"alignment": {"scale": 0.0}}, "settings.alignment.scale", ["more than 0", "0.0 came"]),
        ({"alignment": {"shift": -0.1}}, "settings.alignment.shift", ["more than 0", "-0.1 came"]),
        ({"alignment": {}, "method": LEVENBERG_MARQUARDT}, "settings.alignment", ["searches no alignment"]),
        ({"weights": {"distance": -1}}, "settings.weights.distance", ["≥ 0", "-1.0 came"]),
        ({"weights": {"l1": math.nan}}, "settings.weights.l1", ["finite", "nan came"]),
        ({"weights": {"l2": math.inf}}, "settings.weights.l2", ["finite", "inf came"]),
        ({"weights": {"prior": -1}}, "settings.weights.prior", ["≥ 0", "-1.0 came"]),
        ({"weights": {"distance": 0, "l2": 0, "prior": 1}}, "settings.weights", ["all 0", "at least one above 0"]),
        ({"weights": {"l1": 1}, "method": LEVENBERG_MARQUARDT}, "settings.weights.l1", ["sums of squares"]),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], field: str, words: list[str]) -> None:
    check_violations(lambda: complete(**fields), {field: words})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    bad = {"space": "w", "steps": -1, "seed": -1, "weights": {"l1": -1}, "learning_rate": -1.0, "truncation": -1.0}
    expected = ["space", "steps", "seed", "weights.l1", "learning_rate", "truncation"]
    check_violations(lambda: complete(**bad), {f"settings.{name}": [] for name in expected})


def test_the_starts_of_one_job_are_limited() -> None:
    assert complete(targets=256, restarts=16, steps=1).restarts == 16
    words = ["256 images × 17 starts are 4352", "at most 4,096", "send fewer images"]
    check_violations(lambda: complete(targets=256, restarts=17, steps=1), {"settings.restarts": words})


def test_the_traces_of_one_job_are_limited() -> None:
    assert complete(restarts=40, steps=100_000).steps == 100_000
    words = ["41 starts × 100000 steps", "4,000,000", "fewer"]
    check_violations(lambda: complete(restarts=41, steps=100_000), {"settings.steps": words})
    assert complete(restarts=41, steps=100_000, evaluations=1_000).evaluations == 1_000


# Targets ------------------------------------------------------------------------------------------------------------


def check(class_mode: int = 0, **fields: Any) -> Violations:
    settings = complete(generator=EYES, class_mode=class_mode)
    wrong = Violations()
    usable = specs.check_target(inversion_pb2.Target(**fields), settings, generators.entry("eyes"), "targets[3]", wrong)
    assert usable == (not wrong)
    return wrong


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"fit": 9}, "targets[3].fit", ["unknown fit 9", "FIT_CENTER_CROP"]),
        ({"label": "a" * 201}, "targets[3].label", ["at most 200", "201 came"]),
        ({"ignore": [{"width": 1, "height": 1}] * 65}, "targets[3].ignore", ["at most 64", "65 came"]),
        ({"ignore": [{"left": -1, "width": 1, "height": 1}]}, "targets[3].ignore[0]", ["left -1", "≥ 0"]),
        ({"ignore": [{"width": 1, "height": 1}, {"width": 1}]}, "targets[3].ignore[1]", ["height 0", "≥ 1"]),
        ({"class_label": "blue"}, "targets[3].class_label", ["only class_mode 'given'", "'blue' came"]),
        ({"class_label": "pink", "class_mode": GIVEN}, "targets[3].class_label", ["amber, blue", "'pink' came"]),
        ({"class_mode": GIVEN}, "targets[3].class_label", ["needs a class", "amber, blue"]),
    ],
)
def test_what_is_wrong_with_a_target_is_named(fields: dict[str, Any], field: str, words: list[str]) -> None:
    check_violations(lambda: check(**fields).raise_if_any(), {field: words})


def test_a_good_target_is_let_through() -> None:
    assert not check(label="a" * 200, ignore=[{"left": 5, "width": 1, "height": 1}] * 64)
    assert not check(class_mode=GIVEN, class_label="blue")


# Starts -------------------------------------------------------------------------------------------------------------


def test_a_start_lies_in_the_inversions_space_or_in_one_that_is_mapped_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_style_catalogue(tmp_path)))
    style = {"generator": "generators/tiny-style", "distance": "mse"}
    for space, starts in (("w+", ("", "w+", "w", "z")), ("w", ("", "w", "z")), ("z", ("", "z"))):
        for start in starts:
            assert complete(**style, space=space, start_space=start).start_space == start
    check_violations(
        lambda: complete(**style, space="w", start_space="w+"), {"settings.start_space": ["a latent of w or z", "'w+'"]}
    )
    settings = complete(**style, space="w+", start_space="w")
    entry = generators.entry("tiny-style")
    for shape, words in (((6,), []), ((36,), ["expected shape (6) for space 'w'", "[36] came"])):
        wrong = Violations()
        target = inversion_pb2.Target(start=pack(np.zeros(shape, np.float32)))
        assert specs.check_target(target, settings, entry, "targets[0]", wrong) == (not words)
        if words:
            check_violations(wrong.raise_if_any, {"targets[0].start": words})
