"""NVIDIA's StyleGAN2: the images of its own implementation, from its state dicts and its pickles, in all forms."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import jacrev, jvp, vmap
from torch.nn import functional

from published import Published, assert_exact, published, published_file, sha256_of
from pullback.directions.methods.local_basis import local_basis
from pullback.errors import CatalogueError, InvalidInputError, UnknownNameError, WeightsError
from pullback.generators import StyleGan2Ada, build, load
from pullback.generators.style_based.generator import StyleBased
from pullback.generators.style_based.stylegan2_ada_network import AdaShape
from pullback.search import catalogue_space, measured_blocks
from pullback.weights import WeightsSource, load_published
from style_states import FORMS, ada_entry, ada_form, ada_random_state, small_stylegan1
from tiny_style import style_state, tiny_style

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

FIXTURES = {
    "stylegan2_nvidia_plain_32": {"conv_clamp": 256.0},
    "stylegan2_nvidia_clamp_32": {"conv_clamp": 1.5},
    "stylegan2_nvidia_conditional_32": {"conv_clamp": 0.0, "class": 2},
}
LABELS = ("art", "bread", "cat", "dog", "elk")
WITH_FIXTURES = pytest.mark.parametrize("name", list(FIXTURES))


def fixture(name: str, **options: Any) -> tuple[StyleGan2Ada, Published]:
    known = published(name)
    sizes = known.settings
    said = {**FIXTURES[name], **options}
    generator = build(ada_entry(sizes["z_dim"], sizes["w_dim"], sizes["num_ws"], (3, 32, 32), **said), known.state)
    assert isinstance(generator, StyleGan2Ada)
    return generator, known


def of_all_classes(**options: Any) -> tuple[StyleGan2Ada, Published]:
    """The published conditional network with its five classes under one entry."""
    known = published("stylegan2_nvidia_conditional_32")
    generator = build(ada_entry(16, 24, 8, (3, 32, 32), LABELS, conv_clamp=0.0, **options), known.state)
    assert isinstance(generator, StyleGan2Ada)
    return generator, known


def mapped(generator: StyleGan2Ada, known: Published) -> Tensor:
    """The w of the published latents, each with its own class."""
    if "c" not in known.inputs:
        return generator.map(known.inputs["z"], "z")
    generator, _ = of_all_classes()
    return generator.map(torch.cat([known.inputs["z"], known.inputs["c"]], dim=1), "full")


def assert_renders(found: Tensor, images: Tensor) -> None:
    assert_exact(found, ((images + 1) / 2).clamp(0, 1), max(1.0, float(images.abs().max())) / 2)


@WITH_FIXTURES
def test_w_and_images_are_those_of_nvidias_implementation(name: str):
    generator, known = fixture(name)
    w = mapped(generator, known)
    assert_exact(w, known.outputs["w_of_z"])
    assert_exact(generator.network.synthesis(w[:, None].expand(-1, 8, -1)), known.outputs["image_z"])
    assert_exact(generator.network.synthesis(known.inputs["wplus"]), known.outputs["image_wplus"])
    assert_renders(generator.render(w, "w"), known.outputs["image_z"])
    assert_renders(generator.render(known.inputs["wplus"].flatten(1), "w+"), known.outputs["image_wplus"])
    if "c" not in known.inputs:
        assert torch.equal(generator.space("w").prior.mean(w.shape[1]), known.state["mapping.w_avg"])


@WITH_FIXTURES
@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({}, "image_z"),
        ({"truncation": 0.6}, "image_psi_0.6"),
        ({"truncation": 0.5, "truncation_cutoff": 4}, "image_psi_0.5_cutoff_4"),
        ({"noise": "none"}, "image_no_noise"),
    ],
)
def test_images_of_z_are_those_of_nvidias_implementation(name: str, options: dict[str, Any], output: str):
    known = published(name)
    for row, latent in enumerate(known.inputs["z"]):
        label = {"class": int(known.inputs["c"][row].argmax())} if "c" in known.inputs else {}
        generator, _ = fixture(name, **options, **label)
        assert_renders(generator.render(latent[None], "z"), known.outputs[output][row : row + 1])


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({}, "image_z"),
        ({"truncation": 0.6}, "image_psi_0.6"),
        ({"truncation": 0.5, "truncation_cutoff": 4}, "image_psi_0.5_cutoff_4"),
        ({"noise": "none"}, "image_no_noise"),
    ],
)
def test_images_of_z_and_class_under_one_entry_are_those_of_nvidias_implementation(
    options: dict[str, Any], output: str
):
    generator, known = of_all_classes(**options)
    assert_renders(
        generator.render(torch.cat([known.inputs["z"], known.inputs["c"]], dim=1), "full"), known.outputs[output]
    )
    # A latent of z alone has the class around it, the entry's default or that of a context.
    context = torch.cat([torch.zeros(2, 16), known.inputs["c"]], dim=1)
    assert_renders(generator.render(known.inputs["z"], "z", context), known.outputs[output])
    default = torch.cat([known.inputs["z"], functional.one_hot(torch.tensor([1, 1]), 5)], dim=1)
    assert torch.equal(generator.render(known.inputs["z"], "z"), generator.render(default, "full"))
    one, _ = fixture("stylegan2_nvidia_conditional_32", **options, **{"class": 1})
    assert torch.equal(generator.render(known.inputs["z"], "z"), one.render(known.inputs["z"], "z"))


def test_all_classes_are_one_coordinate_system_before_the_mapping():
    generator, _ = of_all_classes()
    spaces = generator.spaces
    assert {name: (space.dim, space.start, space.system) for name, space in spaces.items()} == {
        "full": (21, 0, "full"),
        "z": (16, 0, "full"),
        "class": (5, 16, "full"),
        "w": (24, 0, "w"),
        "w+": (192, 0, ""),
    }
    assert spaces["class"].labels == LABELS
    assert all(spaces["full"].holds(spaces[name]) for name in ("full", "z", "class"))
    assert not any(spaces["w+"].holds(spaces[name]) or spaces[name].holds(spaces["w+"]) for name in ("z", "full", "w"))
    assert [name for name in spaces if generator.needs_context(name)] == ["z", "class"]
    drawn = spaces["full"].sample(64, 3)
    assert torch.equal(drawn[:, 16:].sum(dim=1), torch.ones(64))
    # A unit of the first layers meets z or the class, never both.
    first = generator.first_weights("full")
    assert torch.equal(first[:, :16].any(dim=1), ~first[:, 16:].any(dim=1))
    assert generator.first_weights("class").shape == (12, 5)


def test_w_of_all_classes_lies_around_the_files_mean_and_that_of_one_around_its_own():
    generator, known = of_all_classes()
    assert torch.equal(generator.space("w").prior.mean(24), known.state["mapping.w_avg"])
    drawn, expected = generator.space("w").sample(3, 7), generator.map(generator.space("full").sample(3, 7), "full")
    torch.testing.assert_close(drawn, expected, rtol=1e-5, atol=1e-5)
    one, _ = fixture("stylegan2_nvidia_conditional_32", **{"class": 4})
    own, spread = one.space("w").sample(4096, 5), one.space("w").prior.spread()
    assert float((own.mean(dim=0) - one.space("w").prior.mean(24)).abs().max()) < 0.1 * spread
    assert float((one.space("w").prior.mean(24) - known.state["mapping.w_avg"]).abs().max()) > 0.1 * spread
    # Truncation leads to the mean of all: ψ w̄_c + (1 − ψ) w̄ of all is the mean of what is drawn.
    cut, _ = fixture("stylegan2_nvidia_conditional_32", truncation=0.5, **{"class": 4})
    between = (one.space("w").prior.mean(24) + known.state["mapping.w_avg"]) / 2
    torch.testing.assert_close(cut.space("w").prior.mean(24), between)
    assert float(cut.space("w").prior.penalty(cut.space("w").sample(512, 2)).mean()) < 24


def test_a_search_in_w_starts_among_latents_of_its_class():
    generator, known = of_all_classes(truncation=0.5, truncation_cutoff=4)
    entry = ada_entry(16, 24, 8, (3, 32, 32), LABELS, conv_clamp=0.0, truncation=0.5, truncation_cutoff=4)
    one, _ = fixture("stylegan2_nvidia_conditional_32", truncation=0.5, truncation_cutoff=4, **{"class": 4})
    for name in ("w", "w+"):
        found = catalogue_space(
            entry, name, class_label="elk", measured=measured_blocks(entry, name, generator, class_label="elk")
        ).blocks[0]
        own = one.space(name)
        torch.testing.assert_close(torch.from_numpy(found.mean).float(), own.prior.mean(own.dim))
        assert found.deviation == pytest.approx(own.prior.spread())
    # Half the layers of w+ lie nearer to the mean of all classes.
    assert not np.allclose(found.mean[:24], found.mean[-24:])
    free = measured_blocks(entry, "w", generator)["w"]
    np.testing.assert_allclose(free.mean, known.state["mapping.w_avg"].numpy(), rtol=1e-6)
    with pytest.raises(UnknownNameError, match="no class of space 'w' of generator 'ada' is named 'cow'; known: art"):
        catalogue_space(entry, "w", class_label="cow")
    with pytest.raises(UnknownNameError, match="no class of generator 'ada' is named 'cow'; known: art"):
        generator.space_of_class("w", "cow")
    with pytest.raises(InvalidInputError, match=r"have priors of classes, but 'z' came"):
        generator.space_of_class("z", "elk")


@pytest.mark.parametrize("make", [lambda: of_all_classes()[0], small_stylegan1])
def test_directions_through_the_mapping_network_are_those_of_the_default_class(make: Callable[[], StyleBased]):
    generator = make()
    z = generator.space("z").sample(1, 4)[0]
    found = local_basis(generator, z, 3)
    jacobian = jacrev(lambda each: generator.mapped(each[None])[0])(z).double()
    values = torch.linalg.svdvals(jacobian)[:3].numpy()
    np.testing.assert_allclose(found.values, values, rtol=1e-4)
    # v ↦ J v is along the direction.
    moved = jacobian.numpy() @ found.input_vectors.T
    np.testing.assert_allclose(moved, found.vectors.T * values, atol=1e-4 * values[0])


def test_an_entry_that_misstates_classes_is_refused():
    known = published("stylegan2_nvidia_conditional_32")
    entry = ada_entry(16, 24, 8, (3, 32, 32), LABELS, conv_clamp=0.0)
    with pytest.raises(InvalidInputError, match=r"spaces .*'full': 21.* are stated, but the weights give .*'z': 16"):
        build(replace(entry, options={"class": 1, "conv_clamp": 0.0}), known.state)
    four = ada_entry(16, 24, 8, (3, 32, 32), LABELS[:4], conv_clamp=0.0)
    with pytest.raises(InvalidInputError, match=r"'class': 4.* are stated, but the weights give .*'class': 5"):
        build(four, known.state)
    spaces = tuple(replace(space, prior="class-embeddings") if space.labels else space for space in entry.spaces)
    with pytest.raises(InvalidInputError, match="space 'class' is one-hot and starts at 16, behind z, but a class-emb"):
        build(replace(entry, spaces=spaces), known.state)


def write_catalogue(folder: Path, file: Path, dim: int, more: str = "") -> Path:
    (folder / "ada.toml").write_text(f"""
[ada]
family = "stylegan2-ada"
input_space = "w+"
image_shape = [3, 32, 32]
spaces = [
  {{ name = "z", dim = {dim}, prior = "standard-normal" }},
  {{ name = "w", dim = {dim}, prior = "mapped" }},
  {{ name = "w+", dim = {8 * dim}, prior = "mapped" }},
]
source = {{ kind = "path", location = "{file.as_posix()}", sha256 = "{sha256_of(file)}" }}
{more}
""")
    return folder / "ada.toml"


def test_nvidias_own_file_is_read_without_options_and_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file, known = published_file("stylegan2_nvidia_plain_32.pkl"), published("stylegan2_nvidia_plain_32")
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path, file, 20)))
    source = WeightsSource("path", str(file), sha256_of(file), key="G_ema")
    tensors, _ = load_published(source)
    # Names, order and bits of its state dict.
    assert tensors.keys() == known.state.keys()
    assert all(torch.equal(tensors[name], known.state[name]) for name in tensors)
    generator = load("ada")
    assert_renders(generator.render(known.inputs["z"], "z"), known.outputs["image_z"])


def test_what_a_state_dict_does_not_say_is_asked_for():
    known = published("stylegan2_nvidia_conditional_32")
    entry = ada_entry(16, 24, 8, (3, 32, 32))
    with pytest.raises(CatalogueError, match=r"'ada': a stylegan2-ada needs the option 'class', .*spaces 'full', 'z'"):
        build(entry, known.state)
    with pytest.raises(CatalogueError, match=r"needs the option 'conv_clamp', .*usual: 256 of networks"):
        build(replace(entry, options={"class": 1}), known.state)
    with pytest.raises(CatalogueError, match="has the classes 0 to 4, but class = 5 came"):
        build(replace(entry, options={"class": 5, "conv_clamp": 0.0}), known.state)
    # A mapping network of another learning rate has weights of another size.
    state = {name: 0.01 * value if ".fc" in name else value for name, value in known.state.items()}
    with pytest.raises(CatalogueError, match=r"needs the option 'lr_mlp', .*usual: 0\.01"):
        build(replace(entry, options={"class": 1, "conv_clamp": 0.0}), state)
    stated = build(replace(entry, options={"class": 1, "conv_clamp": 0.0, "lr_mlp": 1.0}), state)
    # NVIDIA's own file says it, and what its layers' activations are.
    entry, layer = replace(entry, options={"class": 1, "conv_clamp": 0.0}), {"bias_gain": 1.0, "activation": "lrelu"}
    said = build(entry, state, {"mapping": {"fc0": layer}})
    assert torch.equal(said.render(known.inputs["z"], "z"), stated.render(known.inputs["z"], "z"))
    with pytest.raises(WeightsError, match="has activations 'relu'; only such of 'lrelu' are known here"):
        build(entry, state, {"mapping": {"fc0": {**layer, "activation": "relu"}}})


# The names of its state dict, and other forms of it -------------------------------------------------------------------


def ada_state() -> dict[str, Tensor]:
    """The tensors of `tiny_style` as NVIDIA's code would have saved them."""
    layers = {"conv1": "b4.conv1", "to_rgb1": "b4.torgb"}
    for number, side in enumerate((8, 16)):
        layers |= {f"convs.{2 * number + half}": f"b{side}.conv{half}" for half in (0, 1)}
        layers[f"to_rgbs.{number}"] = f"b{side}.torgb"
    convolutions = [name for name in layers if "rgb" not in name]
    public = style_state()
    ada = {"mapping.w_avg": torch.arange(6.0), "synthesis.b4.const": public["input.input"][0]}
    for layer in (1, 2, 3):
        ada |= {f"mapping.fc{layer - 1}.{part}": public[f"style.{layer}.{part}"] for part in ("weight", "bias")}
    for ours, theirs in layers.items():
        prefix = f"synthesis.{theirs}"
        ada[f"{prefix}.weight"] = public[f"{ours}.conv.weight"][0]
        ada |= {f"{prefix}.affine.{part}": public[f"{ours}.conv.modulation.{part}"] for part in ("weight", "bias")}
        if ours in convolutions:
            ada[f"{prefix}.bias"] = public[f"{ours}.activate.bias"]
            ada[f"{prefix}.noise_strength"] = public[f"{ours}.noise.weight"][0]
            ada[f"{prefix}.noise_const"] = public[f"noises.noise_{convolutions.index(ours)}"][0, 0]
        else:
            ada[f"{prefix}.bias"] = public[f"{ours}.bias"].flatten()
    # A filter of gain 1, in every layer and block.
    kernel = public["to_rgbs.0.upsample.kernel"] / 4
    blocks = {name.rpartition(".")[0] for name in ada if name.endswith("noise_const")} | {
        "synthesis.b4",
        "synthesis.b8",
    }
    return ada | {f"{name}.resample_filter": kernel for name in (*blocks, "synthesis.b16")}


TINY = ada_entry(6, 6, 6, (3, 16, 16), conv_clamp=0.0)


def test_such_a_file_draws_the_images_of_the_public_one():
    generator, public = build(TINY, ada_state()), tiny_style()
    z = public.space("z").sample(2, seed=4)
    torch.testing.assert_close(generator.render(z, "z"), public.render(z, "z"), rtol=0, atol=1e-6)
    for space in ("w", "z"):
        assert torch.equal(generator.first_weights(space), public.first_weights(space))
    assert generator.activations(generator.complete(z, "z")).keys() == {"4 px", "8 px", "16 px", "image"}


# By these the family and its form are known.
NEEDED = {"synthesis.b8.skip.weight", "synthesis.b4.const", "synthesis.b4.conv1.affine.weight"}


@pytest.mark.parametrize("form", list(FORMS))
def test_every_tensor_is_called_in_errors_as_its_file_does(form: str):
    shape = FORMS[form]
    state = ada_random_state(shape)
    layers, side = 2 * len(shape.channels), 2 << len(shape.channels)
    said = {"conv_clamp": 0.0, **({"class": 1} if shape.classes else {})}
    entry = ada_entry(5, 6, layers, (shape.image_channels, side, side), **said)
    # These are missed elsewhere, or not at all.
    known = r".*(w_avg|resample_filter|noise_const|noise_strength|fc\d.weight|embed.weight|conv1.weight|torgb.weight)"
    for name in state:
        if re.fullmatch(known, name) or name in NEEDED:
            continue
        with pytest.raises(WeightsError) as refused:
            build(entry, {each: value for each, value in state.items() if each != name})
        assert f"the file lacks {name}. Its tensors are " in str(refused.value)
    with pytest.raises(WeightsError, match=r"the file lacks synthesis\.b8\.conv0\.noise_const"):
        build(entry, {each: value for each, value in state.items() if each != "synthesis.b8.conv0.noise_const"})


@pytest.mark.parametrize("name", ["mapping.extra.weight", "synthesis.b8.conv2.weight", "synthesis.input.freqs", "x"])
def test_a_tensor_of_another_network_is_named(name: str):
    with pytest.raises(WeightsError, match="are not a stylegan2-ada: the file has, besides, "):
        build(TINY, ada_state() | {name: torch.zeros(1)})


def test_a_tensor_that_is_missing_is_named():
    state = ada_state()
    del state["synthesis.b8.conv1.affine.bias"]
    with pytest.raises(WeightsError, match=r"the file lacks synthesis\.b8\.conv1\.affine\.bias\. Its tensors are map"):
        build(TINY, state)
    with pytest.raises(WeightsError, match=r"they look like family = 'stylegan2'"):
        build(TINY, style_state())


# Their forward pass, with a kernel for every sample -------------------------------------------------------------------


def filtered(images: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """Zeros around and each channel under the turned filter."""
    padded = functional.pad(images, (*padding, *padding))
    turned = kernel.flip(0, 1)[None, None]
    return functional.conv2d(padded.flatten(0, 1)[:, None], turned).unflatten(0, images.shape[:2])[:, :, 0]


def doubled(images: Tensor, kernel: Tensor) -> Tensor:
    """Zeros in between, and the filter with the gain of 4 for them."""
    batch, channels, height, width = images.shape
    spread = images.new_zeros(batch, channels, 2 * height, 2 * width)
    spread[:, :, ::2, ::2] = images
    return filtered(spread, 4 * kernel, (2, 1))


def convolved(
    state: dict[str, Tensor],
    layer: str,
    values: Tensor,
    w: Tensor,
    *,
    up: bool = False,
    gain: float = 1.0,
    clamp: float,
) -> Tensor:
    """A layer of the synthesis network; toRGB has neither noise nor rectifier."""
    weight, rgb = state[f"{layer}.weight"], layer.endswith("torgb")
    styles = w @ state[f"{layer}.affine.weight"].T / w.shape[1] ** 0.5 + state[f"{layer}.affine.bias"]
    styles = styles / weight[0].numel() ** 0.5 if rgb else styles
    images = []
    for image, style in zip(values, styles, strict=True):
        kernel = weight * style[:, None, None]
        if not rgb:
            kernel = kernel / (kernel.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            spread = functional.conv_transpose2d(image[None], kernel.transpose(0, 1), stride=2)
            images.append(filtered(spread, 4 * state[f"{layer}.resample_filter"], (1, 1))[0])
        else:
            images.append(functional.conv2d(image[None], kernel, padding=kernel.shape[-1] // 2)[0])
    found = torch.stack(images)
    if rgb:
        return (found + state[f"{layer}.bias"][:, None, None]).clamp(-clamp, clamp)
    found = found + state[f"{layer}.noise_const"] * state[f"{layer}.noise_strength"]
    found = functional.leaky_relu(found + state[f"{layer}.bias"][:, None, None], 0.2) * 2**0.5 * gain
    return found.clamp(-clamp * gain, clamp * gain)


def by_hand(state: dict[str, Tensor], architecture: str, w: Tensor, clamp: float) -> Tensor:
    """Images of w, shape (B, layers, w_dim)."""
    values = state["synthesis.b4.const"].expand(len(w), -1, -1, -1)
    image, side, at = None, 4, 0
    while f"synthesis.b{side}.conv1.weight" in state:
        block, shortcut, gain = f"synthesis.b{side}", None, 1.0
        if side > 4 and architecture == "resnet":
            weight, gain = state[f"{block}.skip.weight"], 0.5**0.5
            upsampled = doubled(values, state[f"{block}.skip.resample_filter"])
            shortcut = gain * functional.conv2d(upsampled, weight / weight.shape[1] ** 0.5)
        if side > 4:
            values = convolved(state, f"{block}.conv0", values, w[:, at], up=True, clamp=clamp)
            at += 1
        values = convolved(state, f"{block}.conv1", values, w[:, at], gain=gain, clamp=clamp)
        at += 1
        values = values if shortcut is None else values + shortcut
        if image is not None:
            image = doubled(image, state[f"{block}.resample_filter"])
        if f"{block}.torgb.weight" in state:
            more = convolved(state, f"{block}.torgb", values, w[:, at], clamp=clamp)
            image = more if image is None else image + more
        side *= 2
    assert image is not None
    return image


@pytest.mark.parametrize("name", list(FORMS))
@pytest.mark.parametrize("clamp", [0.0, 0.5])
def test_images_of_every_form_are_those_of_the_forward_pass_by_hand(name: str, clamp: float):
    generator = ada_form(name, conv_clamp=clamp).double()
    state = {key: value.double() for key, value in ada_random_state(FORMS[name]).items()}
    layers = 2 * len(FORMS[name].channels)
    w = torch.randn(2, layers, 6, generator=torch.Generator().manual_seed(5)).double()
    found = generator.network.synthesis(w)
    expected = by_hand(state, FORMS[name].architecture, w, clamp or float("inf"))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    assert found.shape[1] == FORMS[name].image_channels


@pytest.mark.parametrize("seed", range(40))
def test_whatever_shapes_come_are_made_or_refused(seed: int):
    state, rng = ada_random_state(FORMS["conditional"]), random.Random(seed)
    for name in rng.sample(sorted(state), 2):
        shape = [rng.choice([0, 1, 2, 5]) for _ in range(rng.randint(0, 4))]
        state[name] = torch.zeros(shape)
    options = {"class": 1, "conv_clamp": 0.0, "lr_mlp": 0.01}
    with suppress(WeightsError, InvalidInputError):
        build(ada_entry(5, 6, 4, (3, 8, 8), **options), state)


@pytest.mark.parametrize("name", list(FORMS))
def test_the_form_is_read_from_names_and_shapes(name: str):
    assert AdaShape.of(ada_random_state(FORMS[name])) == FORMS[name]


@pytest.mark.parametrize(
    ("name", "space"), [*((name, space) for name in FORMS for space in ("z", "w", "w+")), ("conditional", "full")]
)
def test_derivatives_of_all_modes_agree(name: str, space: str):
    generator = ada_form(name, LABELS[:4] if space == "full" else (), conv_clamp=3.0).double()
    latent = generator.space(space).sample(1, 3)[0].double()

    def image(values: Tensor) -> Tensor:
        # Not clamped to levels, so that every pixel counts.
        inputs = generator.complete(values[None], space)
        return generator.network.synthesis(inputs.unflatten(1, (-1, 6))).flatten()

    jacobian = jacrev(image)(latent)
    assert jacobian.abs().max() > 0.01
    directions = torch.randn(3, len(latent), generator=torch.Generator().manual_seed(4)).double()
    columns = vmap(lambda v: jvp(image, (latent,), (v,))[1])(directions)
    torch.testing.assert_close(columns, directions @ jacobian.T, rtol=1e-9, atol=1e-10)
    leaf, reference = latent.clone().requires_grad_(), image(latent)
    (gradient,) = torch.autograd.grad((image(leaf) - reference).square().sum() / 2, leaf, create_graph=True)
    hessian = torch.stack([torch.autograd.grad(each, leaf, retain_graph=True)[0] for each in gradient])
    torch.testing.assert_close(hessian, jacobian.T @ jacobian, rtol=1e-8, atol=1e-9)


def test_networks_without_noise_have_none():
    quiet, silent = ada_form("resnet", noise=False), ada_form("resnet", noise="none")
    z = quiet.space("z").sample(2, 1)
    state = {name: value for name, value in ada_random_state(FORMS["resnet"]).items() if "noise" not in name}
    same = build(ada_entry(5, 6, 6, (3, 16, 16), conv_clamp=0.0), state)
    assert torch.equal(same.render(z, "z"), same.render(z, "z"))
    assert not torch.equal(quiet.render(z, "z"), silent.render(z, "z"))
    assert all(float(layer.noise.weight) == 0 for block in quiet.network.blocks for layer in block.convolutions)


def test_each_class_has_a_mapping_of_its_own_and_images_of_w_hang_on_none():
    one, other = ada_form("conditional"), ada_form("conditional", **{"class": 3})
    z, w = one.space("z").sample(2, 1), one.space("w").sample(2, 1)
    assert not torch.allclose(one.map(z, "z"), other.map(z, "z"))
    assert torch.equal(one.render(w, "w"), other.render(w, "w"))
    assert one.first_weights("z").shape == (7, 5)
    assert not torch.equal(one.space("w").prior.mean(6), other.space("w").prior.mean(6))
    assert one.weights_hash != other.weights_hash
