"""PGGAN and DCGAN of the GAN zoo: its implementation's images, its settings, and what is asked for without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from published import assert_exact, published, published_file, sha256_of
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import Generator, SpaceEntry, build, load
from tiny_published import dcgan_zoo_shapes, entry_of, pggan_shapes, random_state

# The settings of the public files of the zoo.
CONFIG = {"lossCriterion": "WGANGP", "alpha": 0, "equalizedlR": True, "leakyReluLeak": 0.2}


def in_levels(images: Tensor) -> Tensor:
    return ((images + 1) / 2).clamp(0, 1)


def pggan(config: dict[str, Any] | None = None, **options: Any) -> Generator:
    return build(entry_of("pggan", 5, (3, 16, 16), **options), random_state(pggan_shapes()), config)


def latents(seed: int = 1) -> Tensor:
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("alpha", "output"), [(0.0, "image_z"), (0.3, "image_alpha_0.3")])
def test_pggan_makes_the_images_of_its_public_implementation(alpha: float, output: str):
    known = published("pggan_zoo_32")
    generator = build(entry_of("pggan", 24, (3, 32, 32), alpha=alpha), known.state, CONFIG)
    assert_exact(generator.get_submodule("network")(known.inputs["z"]), known.outputs[output])
    assert_exact(generator.render(known.inputs["z"], "z"), in_levels(known.outputs[output]))


def test_dcgan_makes_the_images_of_its_public_implementation_in_evaluation_mode():
    known = published("dcgan_zoo_64")
    generator = build(entry_of("dcgan-zoo", 20, (3, 64, 64), loss_criterion="DCGAN"), known.state)
    assert_exact(2 * generator.render(known.inputs["z"], "z") - 1, known.outputs["image_z"])


@pytest.mark.parametrize(
    ("family", "name", "dim", "side"), [("pggan", "pggan_zoo_32", 24, 32), ("dcgan-zoo", "dcgan_zoo_64", 20, 64)]
)
def test_a_file_as_the_zoo_writes_it_needs_no_options(
    family: str, name: str, dim: int, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file, known = published_file(f"{name}_object_config.pth"), published(name)
    catalogue = tmp_path / "zoo.toml"
    catalogue.write_text(f"""
[tiny]
family = "{family}"
input_space = "z"
image_shape = [3, {side}, {side}]
spaces = [{{ name = "z", dim = {dim}, prior = "standard-normal" }}]
source = {{ kind = "path", location = '{file}', sha256 = "{sha256_of(file)}" }}
""")
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(catalogue))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    assert_exact(load("tiny").render(known.inputs["z"], "z"), in_levels(known.outputs["image_z"]))


@pytest.mark.parametrize("criterion", ["WGANGP", "Logistic", "MSE", "DCGAN"])
def test_after_some_losses_the_network_ends_in_tanh(criterion: str):
    generator = pggan({"lossCriterion": criterion})
    raw = generator.get_submodule("network")(latents())
    expected = raw.tanh() if criterion in {"MSE", "DCGAN"} else raw
    torch.testing.assert_close(generator.render(latents(), "z"), in_levels(expected))
    entry = entry_of("dcgan-zoo", 5, (3, 32, 32))
    dcgan = build(entry, random_state(dcgan_zoo_shapes()), {"lossCriterion": criterion})
    inside = dcgan.render(latents(), "z")
    assert bool(((inside == 0) | (inside == 1)).any()) == (criterion in {"WGANGP", "Logistic"})


def test_without_a_config_the_loss_is_asked_for_and_never_guessed():
    with pytest.raises(CatalogueError, match=r"needs the option 'loss_criterion'.*usual: 'WGANGP' for pggan"):
        pggan()
    with pytest.raises(CatalogueError, match="needs the option 'loss_criterion'"):
        build(entry_of("dcgan-zoo", 5, (3, 32, 32)), random_state(dcgan_zoo_shapes()))
    torch.testing.assert_close(
        pggan(loss_criterion="MSE").render(latents(), "z"), pggan({"lossCriterion": "MSE"}).render(latents(), "z")
    )


def test_what_the_catalogue_states_goes_before_what_the_file_says():
    both = pggan({**CONFIG, "alpha": 0.5}, alpha=0.0)
    torch.testing.assert_close(both.render(latents(), "z"), pggan(CONFIG).render(latents(), "z"))


def test_layers_that_are_not_equalized_are_plain():
    state = random_state(pggan_shapes())
    scaled = dict(state)
    for name in state:
        if name.endswith("weight"):
            scale = (2 / state[name][0].numel()) ** 0.5
            for kind in ("weight", "bias"):
                tensor = name.removesuffix("weight") + kind
                scaled[tensor] = state[tensor] * scale
    plain = build(entry_of("pggan", 5, (3, 16, 16)), scaled, {**CONFIG, "equalizedlR": False}).double()
    # The scale is applied before or after a sum: equal but for rounding, which pixel norms enlarge.
    equalized = pggan(CONFIG).double().render(latents().double(), "z")
    torch.testing.assert_close(plain.render(latents().double(), "z"), equalized, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"lossCriterion": "Hinge"}, "says lossCriterion = 'Hinge': .*expected one of 'WGANGP', 'Logistic', 'MSE'"),
        ({**CONFIG, "alpha": 7}, "says alpha = 7: .*a number of at least 0 and of at most 1"),
        ({**CONFIG, "equalizedlR": "yes"}, "says equalizedlR = 'yes': .*true or false"),
        ({**CONFIG, "perChannelNormalization": False}, "perChannelNormalization = False, which the GAN zoo itself"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused_saying_what(config: dict[str, Any], message: str):
    with pytest.raises(WeightsError, match=message):
        pggan(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scaleLayers.0.1.module.bias": None}, r"tensor 'scaleLayers\.0\.1\.bias' is missing"),
        ({"toRGBLayers.1.module.weight": None}, r"tensor 'toRGBLayers\.1\.weight' is missing"),
        ({"minibatch.weight": torch.ones(2)}, r"it has no tensors 'minibatch\.weight'"),
        ({"toRGBLayers.1.module.weight": torch.ones(3, 9, 1, 1)}, r"'toRGBLayers\.1\.weight' is to have the shape"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(change: dict[str, Tensor | None], message: str):
    state = {name: tensor for name, tensor in (random_state(pggan_shapes()) | change).items() if tensor is not None}
    with pytest.raises(WeightsError, match=message):
        build(entry_of("pggan", 5, (3, 16, 16)), state, CONFIG)


def test_names_without_wrappers_and_an_entry_that_disagrees():
    state = {name.replace(".module.", "."): tensor for name, tensor in random_state(pggan_shapes()).items()}
    plain = build(entry_of("pggan", 5, (3, 16, 16)), state, CONFIG)
    torch.testing.assert_close(plain.render(latents(), "z"), pggan(CONFIG).render(latents(), "z"))
    with pytest.raises(InvalidInputError, match="stated to have 6 dimensions, but the weights take 5"):
        build(entry_of("pggan", 6, (3, 16, 16)), state, CONFIG)
    with pytest.raises(InvalidInputError, match=r"\(3, 8, 8\), but the weights give \(3, 16, 16\)"):
        build(entry_of("pggan", 5, (3, 8, 8)), state, CONFIG)


def test_labels_of_an_ac_gan_stand_behind_the_noise():
    spaces = (
        SpaceEntry("full", 5, "product"),
        SpaceEntry("noise", 3, "standard-normal"),
        SpaceEntry("class", 2, "one-hot", 3, ("cat", "dog"), "dog"),
    )
    entry = replace(entry_of("pggan", 5, (3, 16, 16)), spaces=spaces, input_space="full")
    generator, noise = build(entry, random_state(pggan_shapes()), CONFIG), latents()[:, :3]
    assert generator.default_context.tolist() == [0, 0, 0, 0, 1]
    whole = torch.cat([noise, torch.tensor([[0.0, 1.0]]).expand(3, 2)], dim=1)
    torch.testing.assert_close(generator.render(noise, "noise"), pggan(CONFIG).render(whole, "z"))
    assert generator.first_weights("class").shape == (16 * 6, 2)
