"""NVIDIA's names of StyleGAN2's tensors: every tensor finds its place, and draws the same images there."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from pullback.errors import WeightsError
from pullback.generators import CatalogueEntry, build
from pullback.generators.families.stylegan2_ada import public_names
from pullback.weights import WeightsSource
from tiny_style import NAME, SPACES, style_state, tiny_style

SOURCE = WeightsSource("path", "/nowhere/ada.pt", "1" * 64)
ENTRY = CatalogueEntry(NAME, "Seeded styles", "stylegan2-ada", SPACES, "w+", (3, 16, 16), SOURCE)
# Each layer of the tiny network, here and there.
LAYERS = {
    "conv1": "b4.conv1",
    "to_rgb1": "b4.torgb",
    "convs.0": "b8.conv0",
    "convs.1": "b8.conv1",
    "to_rgbs.0": "b8.torgb",
    "convs.2": "b16.conv0",
    "convs.3": "b16.conv1",
    "to_rgbs.1": "b16.torgb",
}
NOISES = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]


def ada_state() -> dict[str, Tensor]:
    """The tiny network's tensors as NVIDIA's code would have saved them."""
    public = style_state()
    ada = {"mapping.w_avg": torch.arange(6.0), "synthesis.b4.const": public["input.input"][0]}
    for layer in (1, 2, 3):
        for part in ("weight", "bias"):
            ada[f"mapping.fc{layer - 1}.{part}"] = public[f"style.{layer}.{part}"]
    for ours, theirs in LAYERS.items():
        prefix = f"synthesis.{theirs}"
        ada[f"{prefix}.weight"] = public[f"{ours}.conv.weight"][0]
        ada[f"{prefix}.affine.weight"] = public[f"{ours}.conv.modulation.weight"]
        ada[f"{prefix}.affine.bias"] = public[f"{ours}.conv.modulation.bias"]
        if "torgb" in theirs:
            ada[f"{prefix}.bias"] = public[f"{ours}.bias"].flatten()
        else:
            ada[f"{prefix}.bias"] = public[f"{ours}.activate.bias"]
            ada[f"{prefix}.noise_strength"] = public[f"{ours}.noise.weight"][0]
            ada[f"{prefix}.noise_const"] = public[f"noises.noise_{NOISES.index(theirs)}"][0, 0]
            # A filter of gain 1, in every layer.
            ada[f"{prefix}.resample_filter"] = public["to_rgbs.0.upsample.kernel"] / 4
    for block in ("b4", "b8", "b16"):
        ada[f"synthesis.{block}.resample_filter"] = public["to_rgbs.0.upsample.kernel"] / 4
    return ada


def test_every_tensor_has_its_public_name_and_shape():
    renamed, public = public_names(ada_state()), style_state()
    assert renamed.keys() == {*public, "latent_avg"}
    for name, tensor in public.items():
        assert torch.equal(renamed[name], tensor), name


def test_such_a_file_draws_the_images_of_the_public_one():
    generator, public = build(ENTRY, ada_state()), tiny_style()
    z = public.space("z").sample(2, seed=4)
    assert torch.equal(generator.render(z, "z"), public.render(z, "z"))
    assert torch.equal(generator.space("w").prior.mean(6), torch.arange(6.0))


@pytest.mark.parametrize("name", ["mapping.embed.weight", "synthesis.b8.conv2.weight", "synthesis.input.freqs", "x"])
def test_a_tensor_of_another_network_is_named(name: str):
    with pytest.raises(WeightsError, match=rf"'{re.escape(name)}' is no tensor of an unconditional StyleGAN2"):
        public_names(ada_state() | {name: torch.zeros(1)})


def test_a_tensor_that_is_missing_is_named_by_what_it_is_here():
    state = ada_state()
    del state["synthesis.b8.conv1.affine.bias"]
    with pytest.raises(WeightsError, match=r"(?s)not a stylegan2-ada.*convs\.1\.conv\.modulation\.bias"):
        build(ENTRY, state)
