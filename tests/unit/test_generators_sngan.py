"""SNGAN: the forms of four public implementations, and what their networks draw, operation by operation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from catalogues import entry_text
from published import assert_exact, published, published_file
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import Generator, build, load
from pullback.generators.registry import recognised
from pullback.generators.residual.sngan_weights import chainer_name, mimicry_names
from sngan_states import CLASSES, COLOURS, NOISE, State, mimicry, pfnet, sequential, sngan_entry, transposed


def normalised(state: State, name: str, values: Tensor, epsilon: float = 1e-5) -> Tensor:
    moments = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return functional.batch_norm(values, *moments, state[f"{name}.weight"], state[f"{name}.bias"], eps=epsilon)


def convolved(state: State, name: str, values: Tensor) -> Tensor:
    weight = state[f"{name}.weight"]
    return functional.conv2d(values, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)


def mimicry_images(state: State, z: Tensor, classes: list[int] | None, mode: str, epsilon: float, side: int) -> Tensor:
    def norm(name: str, values: Tensor) -> Tensor:
        if classes is None:
            return normalised(state, name, values, epsilon)
        gain, offset = state[f"{name}.embed.weight"][classes][..., None, None].chunk(2, dim=1)
        moments = state[f"{name}.bn.running_mean"], state[f"{name}.bn.running_var"]
        return functional.batch_norm(values, *moments, eps=epsilon) * gain + offset

    def doubled(values: Tensor) -> Tensor:
        return functional.interpolate(
            values, scale_factor=2, mode=mode, align_corners=False if mode == "bilinear" else None
        )

    values = functional.linear(z, state["l1.weight"], state["l1.bias"]).reshape(len(z), -1, side, side)
    for name in ("block2", "block3"):
        inner = convolved(state, f"{name}.c1", doubled(norm(f"{name}.b1", values).relu()))
        inner = convolved(state, f"{name}.c2", norm(f"{name}.b2", inner).relu())
        values = inner + convolved(state, f"{name}.c_sc", doubled(values))
    return convolved(state, "c4", normalised(state, "b4", values, epsilon).relu()).tanh()


def sequential_images(state: State, z: Tensor, start: int) -> Tensor:
    first = "dense" if start == 0 else "model.0"
    values = functional.linear(z, state[f"{first}.weight"], state[f"{first}.bias"]).reshape(len(z), -1, 4, 4)
    for name in (f"model.{start}", f"model.{start + 1}"):
        double = torch.nn.Upsample(scale_factor=2)
        inner = convolved(state, f"{name}.conv1", double(normalised(state, f"{name}.model.0", values).relu()))
        inner = convolved(state, f"{name}.conv2", normalised(state, f"{name}.model.4", inner).relu())
        beside = double(values)
        if f"{name}.bypass.1.weight" in state:
            beside = convolved(state, f"{name}.bypass.1", beside)
        values = inner + beside
    return convolved(state, f"model.{start + 4}", normalised(state, f"model.{start + 2}", values).relu()).tanh()


def transposed_images(state: State, z: Tensor) -> Tensor:
    values = z[:, :, None, None]
    for number, (stride, padding) in enumerate([(1, 0), (2, 1), (2, 1), (2, 1), (1, 1)]):
        name = f"model.{3 * number}"
        values = functional.conv_transpose2d(
            values, state[f"{name}.weight"], state[f"{name}.bias"], stride=stride, padding=padding
        )
        if number < 4:
            values = normalised(state, f"model.{3 * number + 1}", values).relu()
    return values.tanh()


def built(state: State, side: int = 16, classes: int = 0) -> Generator:
    return build(sngan_entry(NOISE, (COLOURS, side, side), classes), state)


def close(images: Tensor, expected: Tensor) -> bool:
    assert expected.std(dim=(2, 3)).mean() > 0.1
    return bool((2 * images - 1 - expected).abs().max() < 1e-5)


@pytest.mark.parametrize(
    ("name", "dim", "image_shape"),
    [
        ("sngan_mimicry_32", 10, (3, 32, 32)),
        ("sngan_mimicry_64", 10, (3, 64, 64)),
        ("sngan_latent_discovery_32", 8, (1, 32, 32)),
    ],
)
def test_sngan_makes_the_images_of_its_public_implementations(name: str, dim: int, image_shape: tuple[int, int, int]):
    known = published(name)
    generator = build(sngan_entry(dim, image_shape), known.state)
    assert_exact(2 * generator.render(known.inputs["z"], "z") - 1, known.outputs["image"])


def test_sngan_makes_the_images_of_pfnets_network():
    with np.load(published_file("sngan_pfnet_32.npz")) as file:
        known = {name: torch.from_numpy(file[name]) for name in file.files if "/" in name}
    state = {name.removeprefix("state/"): tensor for name, tensor in known.items() if name.startswith("state/")}
    generator = build(sngan_entry(10, (3, 32, 32)), state)
    assert_exact(2 * generator.render(known["in/z"], "z") - 1, known["out/image"])


def test_files_as_they_are_published_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    state, entry = mimicry(), sngan_entry(NOISE, (COLOURS, 16, 16))
    optimizer = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 2e-4, "betas": (0.0, 0.9), "params": [0]}]}
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    checkpoint = {"model_state_dict": wrapped, "optimizer_state_dict": optimizer, "global_step": 100_000}
    torch.save(checkpoint, tmp_path / "netG.pth", _use_new_zipfile_serialization=False)
    np.savez(tmp_path / "gen.npz", **{name: tensor.numpy() for name, tensor in pfnet().items()})
    z = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(1))
    for file, mode, epsilon in (("netG.pth", "bilinear", 1e-5), ("gen.npz", "nearest", 2e-5)):
        catalogue = tmp_path / "sn.toml"
        catalogue.write_text(entry_text(entry, tmp_path / file), encoding="utf-8")
        monkeypatch.setenv("PULLBACK_CATALOGUE", str(catalogue))
        assert close(load(entry.name).render(z, "z"), mimicry_images(state, z, None, mode, epsilon, 4))


@pytest.mark.parametrize("side", [4, 6])
def test_mimicrys_blocks_double_bilinearly(side: int):
    state = mimicry(side=side)
    z = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(1))
    expected = mimicry_images(state, z, None, "bilinear", 1e-5, side)
    assert close(built(state, 4 * side).render(z, "z"), expected)


@pytest.mark.parametrize("output", ["l4", "c4"])
def test_pfnets_blocks_repeat_pixels_and_add_another_epsilon(output: str):
    z = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(1))
    expected = mimicry_images(mimicry(), z, None, "nearest", 2e-5, 4)
    assert close(built(pfnet(output=output)).render(z, "z"), expected)


@pytest.mark.parametrize(("form", "mode", "epsilon"), [(mimicry, "bilinear", 1e-5), (pfnet, "nearest", 2e-5)])
def test_a_class_has_gains_and_offsets_of_its_own(form: Any, mode: str, epsilon: float):
    generator = built(form(CLASSES), classes=CLASSES)
    z = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(1))
    expected = mimicry_images(mimicry(CLASSES), z, [2, 0, 1], mode, epsilon, 4)
    assert close(generator.render(torch.cat([z, torch.eye(3)[[2, 0, 1]]], dim=1), "full"), expected)
    assert generator.default_context.tolist() == [0] * NOISE + [0, 0, 1]
    blue = torch.cat([z, torch.eye(3)[[2] * 3]], dim=1)
    assert torch.equal(generator.render(z, "noise"), generator.render(blue, "full"))


@pytest.mark.parametrize("discovery", [True, False])
def test_blocks_of_a_sequential_form_add_what_they_doubled(discovery: bool):
    state = sequential(discovery=discovery)
    z = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(1))
    assert close(built(state).render(z, "z"), sequential_images(state, z, 2 if discovery else 0))


def test_a_form_without_blocks_ends_in_a_convolution_of_3_by_3():
    state = transposed()
    z = torch.randn(3, NOISE, generator=torch.Generator().manual_seed(1))
    assert close(built(state, 32).render(z, "z"), transposed_images(state, z))


FORMS: dict[str, tuple[State, int]] = {
    "mimicry": (mimicry(), 16),
    "pfnet": (pfnet(), 16),
    "discovery": (sequential(discovery=True), 16),
    "christiancosgrove": (sequential(discovery=False), 16),
    "transposed": (transposed(), 32),
}


@pytest.mark.parametrize("form", FORMS)
def test_layers_are_named_by_their_side_and_the_first_meets_the_latent(form: str):
    state, side = FORMS[form]
    generator = built(state, side)
    z = generator.space("z").sample(2, 0)
    found = generator.activations(z)
    assert list(found) == [*(f"{4 << depth} px" for depth in range(side.bit_length() - 2)), "image"]
    assert torch.equal(found["image"], generator.synthesize(z))
    rise = generator.activations(z[:1], until="4 px")["4 px"] - generator.activations(z[1:], until="4 px")["4 px"]
    if form != "transposed":
        torch.testing.assert_close(rise.flatten(), generator.first_weights("z") @ (z[0] - z[1]), atol=1e-5, rtol=1e-4)
    with pytest.raises(InvalidInputError, match="no layers that take a latent each"):
        generator.first_weights("z", (0,))


LAST_BUT_ONE = {
    "mimicry": "block3.b2.running_var",
    "pfnet": "block3/b2/avg_var",
    "discovery": "model.3.model.4.running_var",
    "christiancosgrove": "model.2.running_var",
    "transposed": "model.10.running_var",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_missing_tensor_is_named_and_one_too_many_too(form: str):
    state, side = FORMS[form]
    name = LAST_BUT_ONE[form]
    left = {known: tensor for known, tensor in state.items() if known != name}
    assert left.keys() != state.keys()
    with pytest.raises(WeightsError, match=rf"'{re.escape(name)}' is missing"):
        built(left, side)
    with pytest.raises(WeightsError, match="it has no tensors 'critic'"):
        built(state | {"critic": torch.ones(2)}, side)


@pytest.mark.parametrize("classes", [0, 3])
def test_a_tensor_of_chainer_is_called_in_errors_as_its_file_does(classes: int):
    state = pfnet(classes)
    for name, tensor in mimicry_names(state).items():
        called = chainer_name(name)
        assert called in state
        # Of two tables that became one the first is told.
        assert called.endswith("gammas/W") or torch.equal(state[called], tensor)


def test_a_convolution_that_stands_twice_is_the_same_in_both():
    state = sequential(discovery=True)
    state["model.2.conv1.weight"] = state["model.2.conv1.weight"] + 1
    with pytest.raises(WeightsError, match=r"'model\.2\.conv1\.weight' is to be the same as"):
        built(state)


def test_an_entry_states_the_spaces_that_the_weights_give():
    with pytest.raises(InvalidInputError, match="the weights give one of 4 dimensions"):
        built(mimicry(), classes=CLASSES)
    with pytest.raises(CatalogueError, match="needs the option 'class'"):
        built(mimicry(CLASSES))
    with pytest.raises(InvalidInputError, match=r"a class \[4, 7\) with 3 labels"):
        built(mimicry(CLASSES), classes=2)


@pytest.mark.parametrize("form", ["mimicry", "transposed"])
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:FutureWarning")
def test_images_are_differentiable_once_twice_and_forward(form: str):
    state, side = (mimicry(CLASSES), 16) if form == "mimicry" else FORMS[form]
    classes = CLASSES if form == "mimicry" else 0
    generator = built(state, side, classes).double()
    at = generator.space(generator.input_space).sample(1, 5).double().requires_grad_()
    rows = torch.randn(3, COLOURS * side**2, generator=torch.Generator().manual_seed(2), dtype=torch.float64) / 10

    def seen(latents: Tensor) -> Tensor:
        return generator.synthesize(latents).flatten(1) @ rows.T

    assert gradcheck(seen, at, check_forward_ad=True, atol=1e-4, eps=1e-7)
    assert gradgradcheck(seen, at, atol=1e-3, rtol=1e-2, eps=1e-7, check_fwd_over_rev=True)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised(form: str):
    assert [(family.name, prefix) for family, prefix in recognised(FORMS[form][0])] == [("sngan", "")]
