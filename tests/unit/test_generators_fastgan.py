"""FastGAN: its public implementation's images, its files with lists of averages, and what changes with the side."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from published import assert_exact, published, sha256_of
from pullback.errors import WeightsError
from pullback.generators import Generator, build, load
from pullback.generators.spectral_norm import fold_spectral_norm
from tiny_published import entry_of, fastgan_shapes, random_state

DIM = 5


def fastgan(side: int = 256, noise: str = "fixed", state: dict[str, Tensor] | None = None) -> Generator:
    state = random_state(fastgan_shapes(side)) if state is None else state
    return build(entry_of("fastgan", DIM, (3, side, side), noise=noise), state)


def latents(count: int = 1) -> Tensor:
    return torch.randn(count, DIM, generator=torch.Generator().manual_seed(1))


def test_it_makes_the_images_of_its_public_implementation_without_noise():
    known = published("fastgan_512")
    generator = build(entry_of("fastgan", 12, (3, 512, 512), noise="none"), known.state)
    images = generator.get_submodule("network")(known.inputs["z"])
    assert_exact(images[:, :, ::4, ::4], known.outputs["big_zero_noise_every_4"])
    assert_exact(images[:, :, 170], known.outputs["big_zero_noise_row_of_pixels"])
    assert_exact(generator.render(known.inputs["z"], "z"), ((images + 1) / 2).clamp(0, 1))
    # The small image, which the public implementation gives beside it, is one convolution of the map of 128 px.
    small = fold_spectral_norm(known.state, transposed={"init.init.0"})["to_128.weight"]
    found = functional.conv2d(generator.activations(known.inputs["z"])["128 px"], small)
    assert_exact(found, known.outputs["small_zero_noise"])


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_only_the_largest_ends_in_tanh(side: int):
    state = random_state(fastgan_shapes(side, ngf=8))
    louder = {**state, "to_big.weight_orig": state["to_big.weight_orig"] * 50}
    # A spectral norm would take the factor out again, but for one that stays as it was.
    louder["to_big.weight_v"] = state["to_big.weight_v"] / 50
    images = fastgan(side, state=louder).get_submodule("network")(latents())
    assert images.shape == (1, 3, side, side)
    assert (float(images.abs().max()) > 1) == (side < 1024)


def test_noise_is_fixed_and_differs_from_layer_to_layer():
    generator, silent = fastgan(), fastgan(noise="none")
    images = generator.render(latents(2), "z")
    assert torch.equal(images, fastgan().render(latents(2), "z"))
    assert not torch.equal(images, silent.render(latents(2), "z"))
    maps = [buffer for name, buffer in generator.named_buffers() if name.endswith(".noise")]
    assert [each.shape[-1] for each in maps] == [8, 8, 32, 32, 128, 128]
    assert all(not torch.equal(a, b) for a, b in itertools.pairwise(maps) if a.shape == b.shape)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("key", ["", 'key = "g"', 'key = "g_ema"'])
def test_a_list_of_averages_takes_the_place_of_the_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, *, wrapped: bool
):
    live, averaged = random_state(fastgan_shapes(256), seed=1), random_state(fastgan_shapes(256), seed=2)
    parameters = [name for name in live if name.endswith((".weight_orig", ".weight", ".bias"))]
    assert parameters[:4] == [
        "init.init.0.weight_orig",
        "init.init.1.weight",
        "init.init.1.bias",
        "feat_8.1.weight_orig",
    ]
    file, catalogue = tmp_path / "all_1000.pth", tmp_path / "fastgan.toml"
    written = {f"module.{name}": tensor for name, tensor in live.items()} if wrapped else live
    torch.save({"g": written, "d": {"x": torch.ones(2)}, "g_ema": [averaged[name] for name in parameters]}, file)
    catalogue.write_text(f"""
[tiny]
family = "fastgan"
input_space = "z"
image_shape = [3, 256, 256]
spaces = [{{ name = "z", dim = {DIM}, prior = "standard-normal" }}]
[tiny.source]
kind = "path"
location = '{file}'
sha256 = "{sha256_of(file)}"
{key}
""")
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(catalogue))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    expected = fastgan(state=live | {name: averaged[name] for name in parameters})
    torch.testing.assert_close(load("tiny").render(latents(), "z"), expected.render(latents(), "z"))


def test_a_list_of_other_parameters_is_refused():
    state = random_state(fastgan_shapes(256))
    with pytest.raises(
        WeightsError, match=r"the list 'g_ema' of the file of 'tiny' has 1 tensors, .* the \d+ parameters"
    ):
        fastgan(state={**state, "g_ema.0": torch.ones(3)})


@pytest.mark.parametrize(
    ("lost", "added", "message"),
    [
        ("feat_32.7.running_mean", "", r"tensor 'feat_32\.7\.running_mean' is missing"),
        ("se_128.main.3.weight_u", "", r"'se_128\.main\.3\.weight_orig' came without 'se_128\.main\.3\.weight_u'"),
        ("", "feat_256.5.weight", r"it has no tensors 'feat_256\.5\.weight'"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(lost: str, added: str, message: str):
    state = random_state(fastgan_shapes(256))
    state.pop(lost, None)
    if added:
        state[added] = torch.ones(3, 3)
    with pytest.raises(WeightsError, match=message):
        fastgan(state=state)
