"""Projector preset and noise maps in what a server takes: every default, every rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest

from pullback import generators
from pullback.inversion.presets import PRESETS
from pullback_api.options import given_options
from pullback_api.tensors import pack
from pullback_api.v1 import specs_pb2
from pullback_server import specs
from pullback_server.errors import ApiError, Violations
from pullback_server.protocol.batching import Load
from pullback_server.specs.inversion.noise_maps import read_noise_maps, rows_of_memory

GENERATOR = "generators/faces32"
PROJECTOR = specs_pb2.INVERSION_PRESET_PROJECTOR
ADAM, HESSIAN_ADAM = specs_pb2.INVERSION_METHOD_ADAM, specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
VALUES = 16 + 2 * (64 + 256 + 1024)


def complete(targets: int = 1, **fields: Any) -> specs_pb2.InversionSettings:
    settings = specs_pb2.InversionSettings(**{"generator": GENERATOR, **fields})
    return specs.complete_inversion_settings(settings, targets=targets)


def refused(**fields: Any) -> dict[str, str]:
    with pytest.raises(ApiError) as caught:
        complete(**fields)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    return {violation.field.removeprefix("settings."): violation.description for violation in caught.value.violations}


def test_the_preset_fills_in_what_is_not_said() -> None:
    found, preset = complete(preset=PROJECTOR), PRESETS["projector"]
    assert (found.space, found.distance, found.method, found.noise_maps) == ("w", "lpips-vgg", ADAM, True)
    assert (found.start, found.restarts, found.steps) == (specs_pb2.START_MEAN, 1, 1000)
    assert {name: given_options(found)[name] for name in preset.options} == preset.options
    weights = found.weights
    assert (weights.distance, weights.l1, weights.l2, weights.prior, weights.noise) == (1, 0, 0, 0, 1e5)
    # What is complete says all, and stays as it is.
    assert complete(**{field.name: value for field, value in found.ListFields()}) == found


def test_whatever_is_said_holds_besides_the_preset() -> None:
    found = complete(
        preset=PROJECTOR,
        space="w+",
        method=HESSIAN_ADAM,
        steps=50,
        ramp_up=0.0,
        noise_maps=False,
        distance="mse",
        weights=specs_pb2.LossWeights(l2=1.0),
        restarts=3,
    )
    assert (found.space, found.distance, found.steps, found.restarts) == ("w+", "mse", 50, 3)
    assert (found.ramp_up, found.ramp_down, found.noise_maps) == (0.0, 0.25, False)
    assert (found.exponent, found.learning_rate, found.start) == (0.25, 0.03, specs_pb2.START_MEAN)
    # Along the axes of w+ itself, not of w in every layer.
    assert specs.default_eigenbasis_spec(found).space == "w+"
    assert found.eigenbasis == specs.eigenbasis_name_of(specs.default_eigenbasis_spec(found))
    usual = complete(space="w+", method=HESSIAN_ADAM)
    assert specs.default_eigenbasis_spec(usual).space == "w"
    assert (found.weights.l2, found.weights.distance, found.weights.prior) == (1, 1, 0)
    assert not found.weights.HasField("noise")


def test_without_a_preset_nothing_of_it_is_there() -> None:
    found = complete()
    assert (found.space, found.noise_maps, found.ramp_up, found.ramp_down, found.latent_noise) == ("z", False, 0, 0, 0)
    assert found.weights.delta == 0
    assert not found.weights.HasField("noise")
    assert complete(noise_maps=True, space="w").weights.noise == 1e5


def test_what_does_not_go_together_is_refused() -> None:
    lbfgs = specs_pb2.INVERSION_METHOD_LBFGS
    found = refused(preset=PROJECTOR, method=lbfgs)
    assert "'projector' is for method 'adam' or 'hessian_adam'" in found["preset"]
    assert "method 'lbfgs' searches none" in refused(noise_maps=True, method=lbfgs)["noise_maps"]
    assert "takes no ramp_up" in refused(ramp_up=0.1, method=lbfgs)["ramp_up"]
    assert "unknown preset 9" in refused(preset=9)["preset"]
    faces = refused(generator="generators/faces", preset=PROJECTOR)
    assert "'w'" in faces["space"]
    assert "has none" in faces["noise_maps"]
    assert "take space 'w+'" in refused(weights=specs_pb2.LossWeights(delta=0.1), space="w")["weights.delta"]
    assert "none are searched" in refused(weights=specs_pb2.LossWeights(noise=1.0))["weights.noise"]
    assert complete(weights=specs_pb2.LossWeights(delta=0.1), space="w+").weights.delta == 0.1


def test_a_job_searches_no_more_maps_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of 1,024 px an image has 2.8 million numbers; here no number of images comes to so many.
    monkeypatch.setattr("pullback_server.specs.inversion.settings.MAX_NOISE_VALUES", 8 * VALUES)
    assert complete(4, preset=PROJECTOR, restarts=2)
    with pytest.raises(ApiError) as caught:
        complete(3, preset=PROJECTOR, restarts=3)
    (violation,) = caught.value.violations
    assert violation.description.startswith(f"9 starts × {VALUES:,} numbers of noise maps are more than the")


def test_a_job_weighs_as_much_as_its_maps() -> None:
    assert specs.inversion_load(complete(space="w"), 3) == Load("generators/faces32 w lpips-vgg hessian_adam", 3)
    assert specs.inversion_load(complete(preset=PROJECTOR), 3).rows == 3
    large = specs_pb2.InversionSettings(generator=GENERATOR, noise_maps=True, restarts=1)
    values = sum(side * side for side in (4, *(2 * [8, 16, 32, 64, 128, 256, 512, 1024])))
    assert (
        rows_of_memory(large, replace(generators.entry("faces32"), image_shape=(3, 1024, 1024))) == 1 + values // 10_000
    )


def test_maps_that_come_are_read_or_refused_one_by_one() -> None:
    entry = generators.entry("faces32")
    maps = [np.full((side, side), side, np.float32) for side in (4, 8, 8, 16, 16, 32, 32)]

    def read(given: list[Any], name: str = "faces32") -> tuple[Any, dict[str, str]]:
        wrong = Violations()
        found = read_noise_maps([pack(each) for each in given], generators.entry(name), "noise_maps", wrong)
        try:
            wrong.raise_if_any()
        except ApiError as error:
            return found, {each.field: each.description for each in error.violations}
        return found, {}

    found, wrong = read(maps)
    assert not wrong
    assert all(np.array_equal(*pair) for pair in zip(found, maps, strict=True))
    assert read([]) == ((), {})
    assert "7 noise maps of 'faces32', but 6 came" in read(maps[1:])[1]["noise_maps"]
    assert "takes none; leave them out" in read(maps, "faces")[1]["noise_maps"]
    maps[2] = maps[2].T[:4]
    maps[5] = np.full((32, 32), np.nan, np.float32)
    assert set(read(maps)[1]) == {"noise_maps[2]", "noise_maps[5]"}
    assert entry.input_space == "w+"
