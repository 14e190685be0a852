"""Weights are finite, or refused with the tensor's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pullback import distances, generators, neurons
from pullback.directions.direction_set import DirectionSet, Origin
from pullback.errors import InvalidInputError, WeightsError
from pullback.neurons import Unit
from pullback.pictures import to_pictures
from pullback.weights import load_state_dict
from pullback.weights.finite import check_module, check_tensors
from tiny import write_catalogue


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weight file of the generator `tiny`, in a catalogue and with a cache of their own."""
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path)))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "tiny-0.pt"


def tiny_state() -> dict[str, Tensor]:
    return load_state_dict(generators.entry("tiny").source)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_number_that_is_none_is_counted_and_its_tensor_named(tiny: Path, number: float, dtype: torch.dtype) -> None:
    state = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in tiny_state().items()}
    generators.build(generators.entry("tiny"), state)
    state["main.3.weight"][0, 0, 0, :2] = number
    state["main.1.bias"][0] = number
    with pytest.raises(WeightsError, match="of generator 'tiny' are not finite") as caught:
        generators.build(generators.entry("tiny"), state)
    assert "2 of 2048 numbers of 'main.3.weight'" in str(caught.value)
    assert "1 of 16 numbers of 'main.1.bias'" in str(caught.value)
    assert f"The file is {tiny.as_posix()}" in str(caught.value)


@pytest.mark.parametrize("buffer", ["running_mean", "running_var"])
def test_buffers_count_too(tiny: Path, buffer: str) -> None:
    state = tiny_state()
    state[f"main.1.{buffer}"][2] = float("nan")
    with pytest.raises(WeightsError, match=f"1 of 16 numbers of 'main.1.{buffer}' are NaN or infinite"):
        generators.build(generators.entry("tiny"), state)


def test_a_variance_below_zero_is_refused(tiny: Path) -> None:
    layer = nn.BatchNorm2d(4)
    check_module(layer, {}, "a layer", None)
    assert layer.running_var is not None
    layer.running_var[1] = -2
    with pytest.raises(WeightsError, match=r"running_var holds variances, but goes down to -2"):
        check_module(layer, {}, "a layer", None)


def test_numbers_whose_sum_overflows_are_finite() -> None:
    check_tensors({"a": torch.full((1000,), 1e4, dtype=torch.float16), "b": torch.tensor(3)}, "a test")


def test_a_type_that_is_too_narrow_for_the_weights_is_refused(tiny: Path) -> None:
    state = tiny_state()
    state["main.0.weight"][0] = 1e5
    torch.save(state, tiny)
    entry = generators.entry("tiny")
    generator = generators.build(entry, state)
    check_module(generator, state, "generator 'tiny'", entry.source)
    with pytest.raises(WeightsError, match=r"not finite in float16: 256 of 2048 numbers of 'main.0.weight'.*float32"):
        check_module(generator.to(dtype=torch.float16), state, "generator 'tiny'", entry.source)


def test_a_distance_is_refused_for_the_weights_it_uses_and_no_others() -> None:
    entry = distances.entry("lpips-effnet-lite0")
    assert entry.source is not None
    state = load_state_dict(entry.source)
    used, head = "_blocks.0._bn1.running_mean", "_fc.weight"
    distances.build(entry, {**state, head: torch.full_like(state[head], torch.nan)})
    spoilt = {**state, used: torch.full_like(state[used], torch.nan)}
    with pytest.raises(WeightsError, match=f"of distance 'lpips-effnet-lite0' are not finite: .*'{used}'"):
        distances.build(entry, spoilt)
    with pytest.raises(WeightsError, match=f"numbers of '{used}' are NaN"):
        neurons.build([Unit("efficientnet-lite0", "bn1", 0)], spoilt)
    with pytest.raises(WeightsError, match=f"numbers of '{used}' are NaN"):
        distances.PooledFeatures(spoilt)
    with pytest.raises(WeightsError, match=f"numbers of '{head}' are NaN"):
        neurons.build([Unit("efficientnet-lite0", "bn1", 0)], {**state, head: torch.full_like(state[head], torch.nan)})


def test_a_picture_of_nan_is_none() -> None:
    images = torch.zeros(3, 3, 4, 4)
    images[1, 0, 0, 0] = torch.inf
    assert to_pictures(images)[1].getpixel((0, 0)) == (255, 0, 0)
    images[2, 1, 3, 3] = torch.nan
    with pytest.raises(InvalidInputError, match="image 2 of 3 holds NaN"):
        to_pictures(images)


@pytest.mark.parametrize("name", ["vectors", "base", "rates", "alignment", "values"])
def test_directions_hold_nothing_that_is_not_finite(name: str) -> None:
    good = DirectionSet(
        vectors=np.eye(2, 3),
        values=np.array([np.nan, 1]),
        origin=Origin("tiny", "", "z", "imported", "1"),
        base=np.zeros(3),
        rates=np.ones(2),
        alignment=np.ones(2),
    )
    spoilt = np.array(getattr(good, name))
    spoilt.flat[0] = np.inf
    with pytest.raises(InvalidInputError, match=f"{name} .*finite"):
        replace(good, **{name: spoilt})
