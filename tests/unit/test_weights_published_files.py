"""Files as generators' authors published them: wrapped, pickled, halved, and made to harm."""

from __future__ import annotations

import argparse
import hashlib
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from pullback.errors import WeightsError
from pullback.weights import Layout, WeightsSource, load_published

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
LAYOUT = Layout(keys=("g_ema",), beside=("mean", "live"), settings=("args", "config"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache."""
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))


def source(file: Path, **named: Any) -> WeightsSource:
    return WeightsSource("path", str(file), hashlib.sha256(file.read_bytes()).hexdigest(), layout=LAYOUT, **named)


def saved(folder: Path, content: object, **named: Any) -> Path:
    torch.save(content, folder / "g.pt", **named)
    return folder / "g.pt"


def assert_tensors(loaded: dict[str, torch.Tensor], expected: dict[str, torch.Tensor] = TENSORS) -> None:
    assert list(loaded) == sorted(expected) or set(loaded) == set(expected)
    assert all(torch.equal(loaded[name], expected[name]) for name in expected)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_dictionary_that_files_of_a_kind_have_is_found_with_what_stands_beside_it(tmp_path: Path, zipped: bool):
    content = {
        "g": {"a.weight": torch.zeros(1)},
        "g_ema": TENSORS,
        "mean": torch.ones(4),
        "live": [torch.zeros(2), torch.ones(3)],
        "args": argparse.Namespace(size=256, lr=0.002, betas=(0.0, 0.99), device=torch.device("cpu"), tags={"x": None}),
        "optimizer": {"step": torch.tensor(3)},
    }
    tensors, settings = load_published(source(saved(tmp_path, content, _use_new_zipfile_serialization=zipped)))
    beside = {"mean": torch.ones(4), "live.0": torch.zeros(2), "live.1": torch.ones(3)}
    assert_tensors(tensors, TENSORS | beside)
    assert settings == {"size": 256, "lr": 0.002, "betas": [0.0, 0.99], "device": None, "tags": {"x": None}}


def test_settings_are_read_from_a_dictionary_or_from_an_object_of_a_known_class(tmp_path: Path):
    module = types.ModuleType("models.utils.config")
    module.BaseConfig = type("BaseConfig", (), {"__module__": module.__name__})  # type: ignore[attr-defined]
    config = module.BaseConfig()
    config.depth = 3
    named = {"models": types.ModuleType("models"), "models.utils": types.ModuleType("models.utils")}
    sys.modules |= {**named, module.__name__: module}
    try:
        file = saved(tmp_path, {"g_ema": TENSORS, "config": config})
    finally:
        for name in (*named, module.__name__):
            del sys.modules[name]
    assert load_published(source(file))[1] == {"depth": 3}
    assert load_published(source(saved(tmp_path, {"g_ema": TENSORS, "config": {"depth": 4}})))[1] == {"depth": 4}
    assert load_published(source(saved(tmp_path, TENSORS)))[1] == {}


def test_prefixes_are_taken_off_and_other_tensors_left_out(tmp_path: Path):
    wrapped = {f"module.{name}": tensor for name, tensor in TENSORS.items()}
    assert_tensors(load_published(source(saved(tmp_path, wrapped)))[0])
    # Of one tensor alone it may be a part of the network.
    assert set(load_published(source(saved(tmp_path, {**wrapped, "b": torch.ones(1)})))[0]) == {*wrapped, "b"}
    nested = {f"module.G.{name}": tensor for name, tensor in TENSORS.items()} | {"module.D.a": torch.ones(1)}
    assert_tensors(load_published(source(saved(tmp_path, nested), prefix="module.G."))[0])
    # It may leave `module.` out, as whoever named the network did, and say where in the file the network stands.
    assert_tensors(load_published(source(saved(tmp_path, nested), prefix="G."))[0])
    kept = {"g_ema": TENSORS, "d": {"a": torch.ones(1)}}
    assert_tensors(load_published(source(saved(tmp_path, kept), prefix="g_ema."))[0])
    # What stands beside has no prefix.
    file = saved(tmp_path, {"g_ema": wrapped, "mean": torch.ones(4)})
    assert_tensors(load_published(source(file))[0], TENSORS | {"mean": torch.ones(4)})


def test_a_key_is_a_path_through_dictionaries_and_lists(tmp_path: Path):
    file = saved(tmp_path, {"models": [{"net.G": TENSORS}, 1], "list": [torch.ones(1), torch.zeros(1)]})
    assert_tensors(load_published(source(file, key="models.0.net.G"))[0])
    assert_tensors(load_published(source(file, key="list"))[0], {"0": torch.ones(1), "1": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"has no dictionary 'models\.1'; it has: models, list"):
        load_published(source(file, key="models.1"))


def test_safetensors_and_npz_are_read(tmp_path: Path):
    file = tmp_path / "any.bin"
    file.write_bytes(safetensors.torch.save(TENSORS))
    assert_tensors(load_published(source(file))[0])
    with file.open("wb") as opened:
        # Words that stand beside the numbers are passed over.
        np.savez(opened, **{"l1/W": np.ones((2, 2), np.float32), "bn/N": np.array(3), "note": np.array("resnet")})
    assert_tensors(load_published(source(file))[0], {"l1/W": torch.ones(2, 2), "bn/N": torch.tensor(3)})
    with file.open("wb") as opened:
        np.savez(opened, a=np.array([None, 1], dtype=object))
    with pytest.raises(WeightsError, match="is not a file of plain tensors that can be read safely"):
        load_published(source(file))


# What harms ----------------------------------------------------------------------------------------------------------


class Calls:
    """Pickles to a call of a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> object:
        return self.call


def test_an_object_of_another_class_is_refused_by_its_name(tmp_path: Path):
    file = saved(tmp_path, {"g_ema": TENSORS, "args": Calls(eval, "0")})
    admitted = set(torch.serialization.get_safe_globals())
    with pytest.raises(WeightsError, match=r"Unsupported global: .*eval.*save the tensors alone") as caught:
        load_published(source(file))
    assert "weights_only" not in str(caught.value)
    assert set(torch.serialization.get_safe_globals()) == admitted


def test_an_archive_that_unfolds_to_far_more_is_refused(tmp_path: Path):
    file = tmp_path / "g.npz"
    with file.open("wb") as opened:
        np.savez_compressed(opened, a=np.zeros(30_000_000, np.uint8))
    with pytest.raises(WeightsError, match="would unfold to 30000128 bytes"):
        load_published(source(file))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"")
        archive.writestr("archive/data/0", bytes(10_000_000))
    with pytest.raises(WeightsError, match="would unfold to"):
        load_published(source(file))


def test_tensors_that_repeat_few_numbers_to_a_large_shape_are_refused(tmp_path: Path):
    file = saved(tmp_path, {"a": torch.zeros(1).expand(100_000_000_000)})
    with pytest.raises(WeightsError, match=r"'a' of .* repeats its numbers to a shape of"):
        load_published(source(file))


@pytest.mark.parametrize("plain", [True, False])
def test_dictionaries_within_one_another_without_end_are_refused(tmp_path: Path, plain: bool):
    content: dict[str, Any] = {"a": torch.ones(1) if not plain else np.ones(1)}
    for _ in range(25):
        content = {"a": content, "b": content}
    file = saved(tmp_path, content)
    if plain:
        file.write_bytes(pickle.dumps(content, protocol=4))
    with pytest.raises(WeightsError, match="holds more than 200000 values, or deeper than 32"):
        load_published(source(file))


# NVIDIA's pickles ----------------------------------------------------------------------------------------------------


def _reconstruct_persistent_obj(meta: object) -> None:
    raise AssertionError(f"{meta} was made")


def persistent(name: str, **state: Any) -> Calls:
    """A network as their code pickles it, with the source text that it would run."""
    meta = {"type": "class", "version": 6, "module_src": "raise SystemExit", "class_name": name, "state": state}
    return Calls(_reconstruct_persistent_obj, meta)


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Pickles networks as NVIDIA's code does."""
    module = types.ModuleType("torch_utils.persistence")
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_utils", types.ModuleType("torch_utils"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(_reconstruct_persistent_obj, "__module__", module.__name__)

    def write(content: object, protocol: int = 4) -> Path:
        (tmp_path / "net.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
        return tmp_path / "net.pkl"

    return write


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_network_of_nvidias_gives_tensors_and_settings_and_runs_nothing(theirs: Callable[..., Path], protocol: int):
    layer = persistent(
        "Layer",
        _parameters=OrderedDict(weight=torch.nn.Parameter(TENSORS["a.weight"]), none=None),
        _buffers={"bias": TENSORS["a.bias"], "passing": torch.zeros(5)},
        _non_persistent_buffers_set={"passing"},
        _modules={},
        conv_clamp=np.float64(256),
        training=False,
    )
    network = persistent("Generator", _parameters={}, _buffers={}, _modules=OrderedDict(a=layer), z_dim=3)
    file = theirs({"G": persistent("G"), "G_ema": network, "augment_pipe": None}, protocol)
    tensors, settings = load_published(source(file, key="G_ema"))
    assert_tensors(tensors)
    assert settings == {"z_dim": 3, "a": {"conv_clamp": 256.0, "training": False}}


def test_a_pickle_whose_tensors_lie_outside_their_numbers_is_refused(theirs: Callable[..., Path]):
    def stretched(size: tuple[int, ...], stride: tuple[int, ...]) -> Calls:
        return Calls(torch._utils._rebuild_tensor_v2, torch.zeros(2).storage(), 0, size, stride, False, OrderedDict())

    with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
        outside, repeated = theirs({"a": stretched((1000,), (1,))}).read_bytes(), stretched((10**12,), (0,))
    file = theirs({"a": repeated})
    with pytest.raises(WeightsError, match="repeats its numbers"):
        load_published(source(file))
    file.write_bytes(outside)
    with pytest.raises(WeightsError, match="no whole pickle of arrays or of NVIDIA's networks"):
        load_published(source(file))


def test_what_a_network_of_nvidias_names_besides_is_refused(theirs: Callable[..., Path]):
    file = theirs({"G_ema": persistent("G", hook=Calls(eval, "0"))})
    with pytest.raises(WeightsError, match=r"names builtins\.eval, and could run code when it is read; nothing of it"):
        load_published(source(file))
    # A place in the pickle's memory of 2³¹ − 1, for which the machine in C would take as many.
    file.write_bytes(b"\x80\x04Nr\xff\xff\xff\x7f")
    with pytest.raises(WeightsError, match="no whole pickle"):
        load_published(source(file))
