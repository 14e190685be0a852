"""StyleGAN2: against the published forward pass written another way, against autograd, and by its key sets."""

from __future__ import annotations

import hashlib
import math
from argparse import Namespace
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, jvp, vjp, vmap
from torch.nn import functional

from published import EXACT, Published, assert_exact, published
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import CatalogueEntry, Generator, SpaceEntry, StyleGan2, build, load
from pullback.generators.style_based.stylegan2_network import StyleGan2Network, StyleGan2Shape
from pullback.weights import WeightsSource
from tiny_style import NAME, SHAPE, SPACES, style_state, tiny_style, write_style_catalogue

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

ENTRY = CatalogueEntry(
    NAME, "Seeded styles", "stylegan2", SPACES, "w+", (3, 16, 16), WeightsSource("path", "/nowhere/style.pt", "1" * 64)
)
WITH_SPACES = pytest.mark.parametrize("space", ["z", "w", "w+"])


# The published forward pass, with a kernel for every sample ----------------------------------------------------------


def upfirdn(images: Tensor, kernel: Tensor, up: int, padding: tuple[int, int]) -> Tensor:
    """Zeros in between, zeros around, and the filter turned round, as the published operation is defined."""
    batch, channels, height, width = images.shape
    spread = images.new_zeros(batch, channels, up * height, up * width)
    spread[:, :, ::up, ::up] = images
    padded = functional.pad(spread, (*padding, *padding))
    turned = kernel.flip(0, 1)[None, None].to(images)
    return functional.conv2d(padded.flatten(0, 1)[:, None], turned).unflatten(0, (batch, channels))[:, :, 0]


def modulated(state: dict[str, Tensor], layer: str, values: Tensor, w: Tensor, *, up: bool, demodulate: bool) -> Tensor:
    """Convolves every sample with its own kernel, as one convolution of as many groups as samples."""
    batch, width_in, height, _ = values.shape
    weight = state[f"{layer}.weight"]
    width_out, side = weight.shape[1], weight.shape[3]
    styles = w @ state[f"{layer}.modulation.weight"].T / math.sqrt(w.shape[1]) + state[f"{layer}.modulation.bias"]
    kernels = weight / math.sqrt(width_in * side**2) * styles[:, None, :, None, None]
    if demodulate:
        kernels = kernels / (kernels.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    joined = values.reshape(1, batch * width_in, height, height)
    if up:
        turned = kernels.transpose(1, 2).reshape(batch * width_in, width_out, side, side)
        found = functional.conv_transpose2d(joined, turned, stride=2, groups=batch)
        return upfirdn(found.reshape(batch, width_out, *found.shape[2:]), state[f"{layer}.blur.kernel"], 1, (1, 1))
    found = functional.conv2d(joined, kernels.flatten(0, 1), padding=side // 2, groups=batch)
    return found.reshape(batch, width_out, height, height)


def styled(
    state: dict[str, Tensor], layer: str, values: Tensor, w: Tensor, noise: Tensor, *, up: bool = False
) -> Tensor:
    values = modulated(state, f"{layer}.conv", values, w, up=up, demodulate=True)
    values = values + state[f"{layer}.noise.weight"] * noise + state[f"{layer}.activate.bias"][:, None, None]
    return math.sqrt(2) * torch.where(values > 0, values, 0.2 * values)


def coloured(state: dict[str, Tensor], layer: str, values: Tensor, w: Tensor, before: Tensor | None) -> Tensor:
    image = modulated(state, f"{layer}.conv", values, w, up=False, demodulate=False) + state[f"{layer}.bias"]
    return image if before is None else image + upfirdn(before, state[f"{layer}.upsample.kernel"], 2, (2, 1))


def mapped(state: dict[str, Tensor], z: Tensor) -> Tensor:
    """The published mapping network, whose learning rate is a hundredth."""
    w = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    for layer in range(1, sum(name.startswith("style.") for name in state) // 2 + 1):
        weight, bias = state[f"style.{layer}.weight"], state[f"style.{layer}.bias"]
        w = math.sqrt(2) * functional.leaky_relu(w @ weight.T * 0.01 / math.sqrt(weight.shape[1]) + 0.01 * bias, 0.2)
    return w


def by_hand(state: dict[str, Tensor], w: Tensor) -> Tensor:
    """Images of w, shape (batch, layers, dim), about [−1, 1]."""
    noise = [state[f"noises.noise_{index}"] for index in range(w.shape[1] - 1)]
    values = styled(state, "conv1", state["input.input"].repeat(len(w), 1, 1, 1), w[:, 0], noise[0])
    image = coloured(state, "to_rgb1", values, w[:, 1], None)
    for number in range((w.shape[1] - 2) // 2):
        at = 2 * number + 1
        values = styled(state, f"convs.{2 * number}", values, w[:, at], noise[at], up=True)
        values = styled(state, f"convs.{2 * number + 1}", values, w[:, at + 1], noise[at + 1])
        image = coloured(state, f"to_rgbs.{number}", values, w[:, at + 2], image)
    return image


def noisy_state(seed: int = 0) -> dict[str, Tensor]:
    """Tensors of which all have an influence, in double precision."""
    state = {name: tensor.double() for name, tensor in style_state(seed).items()}
    rng = torch.Generator().manual_seed(seed + 100)
    varied = {
        name: tensor + 0.3 * torch.randn(tensor.shape, generator=rng).double()
        for name, tensor in state.items()
        if name.endswith(("noise.weight", "bias")) and not name.startswith("style.")
    }
    return state | varied


def noisy_network() -> StyleGan2Network:
    network = StyleGan2Network(SHAPE).double()
    network.load_state_dict(noisy_state())
    return network.requires_grad_(False)


def generator64(seed: int = 0) -> StyleGan2:
    return tiny_style(seed).double()


def latents_of(generator: Generator, space: str, n: int = 2, seed: int = 3) -> Tensor:
    return generator.space(space).sample(n, seed).to(generator.dtype)


def test_images_are_those_of_the_published_forward_pass():
    network, w = noisy_network(), torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(network.synthesis(w), by_hand(noisy_state(), w), rtol=1e-12, atol=1e-12)


def test_filters_are_those_of_the_weight_file_not_assumed_ones():
    state, w = noisy_state(), torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(1)).double()
    for name in state:
        if name.endswith("kernel"):
            # Still a product of one filter in each direction, but no longer symmetric.
            state[name] = torch.outer(torch.tensor([1.0, 2, 3, 4]), torch.tensor([1.0, 3, 2, 1])).double() / 10
    network = StyleGan2Network(SHAPE).double()
    network.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(network.synthesis(w), by_hand(state, w), rtol=1e-12, atol=1e-12)


def test_w_is_that_of_the_published_mapping_network():
    z = torch.randn(4, 6, generator=torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(noisy_network().mapping(z), mapped(noisy_state(), z), rtol=1e-12, atol=1e-12)


def test_noise_that_is_given_takes_the_place_of_the_weight_files():
    network, w = noisy_network(), torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(1)).double()
    rng = torch.Generator().manual_seed(2)
    noise = [torch.randn(2, 1, side, side, generator=rng).double() for side in network.noise_sides()]
    images = network.synthesis(w, noise)
    for number in range(2):
        state = noisy_state() | {f"noises.noise_{index}": each[number : number + 1] for index, each in enumerate(noise)}
        torch.testing.assert_close(images[number], by_hand(state, w[number : number + 1])[0], rtol=1e-12, atol=1e-12)


@WITH_SPACES
def test_a_generators_images_are_the_networks_clamped_to_levels(space: str):
    generator = build(ENTRY, noisy_state()).double()
    # `build` keeps single precision, so these are the rounded tensors.
    state = {name: tensor.float().double() for name, tensor in noisy_state().items()}
    latents = latents_of(generator, space)
    w = mapped(state, latents) if space == "z" else latents
    w = w.reshape(2, 6, 6) if space == "w+" else w[:, None].expand(-1, 6, -1)
    expected = ((by_hand(state, w) + 1) / 2).clamp(0, 1)
    torch.testing.assert_close(generator.render(latents, space), expected, rtol=1e-10, atol=1e-10)


def test_latents_of_all_spaces_that_describe_the_same_image_render_the_same():
    generator = generator64()
    z = latents_of(generator, "z", 3)
    w = generator.map(z, "z")
    plus = generator.complete(w, "w")
    assert torch.equal(plus, w.repeat(1, 6))
    images = generator.render(z, "z")
    assert torch.equal(images, generator.render(w, "w"))
    assert torch.equal(images, generator.render(plus, "w+"))
    assert torch.equal(generator.map(w, "w"), w)


def test_a_context_has_no_effect_where_no_space_leaves_a_coordinate_open():
    generator = generator64()
    context = torch.ones(36).double()
    for space in ("z", "w", "w+"):
        latents = latents_of(generator, space)
        assert not generator.needs_context(space)
        assert torch.equal(generator.render(latents, space, context), generator.render(latents, space))
    torch.testing.assert_close(generator.default_context, generator.space("w+").prior.mean(36).double())


def test_another_w_in_the_last_layers_changes_the_image_from_there_on():
    generator = generator64()
    w, other = latents_of(generator, "w", 2)
    plain, mixed = w.repeat(6)[None], torch.cat([w.repeat(4), other.repeat(2)])[None]
    before, after = generator.activations(plain), generator.activations(mixed)
    same = {name: torch.equal(before[name], after[name]) for name in before}
    assert same == {"4 px": True, "8 px": True, "16 px": False, "image": False}
    assert torch.equal(after["image"], generator.render(mixed, "w+"))
    assert [values.shape[1:] for values in after.values()] == [(8, 4, 4), (8, 8, 8), (4, 16, 16), (3, 16, 16)]


# Derivatives ---------------------------------------------------------------------------------------------------------


@WITH_SPACES
def test_derivatives_of_all_modes_agree(space: str):
    generator = build(ENTRY, noisy_state()).double()
    latent = latents_of(generator, space, 1)[0]
    rng = torch.Generator().manual_seed(4)
    directions = torch.randn(3, len(latent), generator=rng).double()

    def image(z: Tensor) -> Tensor:
        return generator.render(z[None], space).flatten()

    jacobian = jacrev(image)(latent)
    assert jacobian.abs().max() > 0.01
    columns = vmap(lambda v: jvp(image, (latent,), (v,))[1])(directions)
    torch.testing.assert_close(columns, directions @ jacobian.T, rtol=1e-9, atol=1e-10)
    cotangents = torch.randn(3, len(jacobian), generator=rng).double()
    rows = vmap(vjp(image, latent)[1])(cotangents)[0]
    torch.testing.assert_close(rows, cotangents @ jacobian, rtol=1e-9, atol=1e-10)
    # ½‖G(z) − G(z₀)‖² has the Hessian JᵀJ at z₀, by double backward.
    leaf, reference = latent.clone().requires_grad_(), image(latent)
    (gradient,) = torch.autograd.grad((image(leaf) - reference).square().sum() / 2, leaf, create_graph=True)
    hessian = torch.stack([torch.autograd.grad(each, leaf, retain_graph=True)[0] for each in gradient])
    torch.testing.assert_close(hessian, jacobian.T @ jacobian, rtol=1e-8, atol=1e-9)


def test_a_batch_is_computed_as_its_images_are_by_themselves():
    generator = generator64()
    latents = latents_of(generator, "z", 3)
    each = torch.cat([generator.render(latent[None], "z") for latent in latents])
    torch.testing.assert_close(generator.render(latents, "z"), each, rtol=1e-12, atol=1e-12)


# The prior of w ------------------------------------------------------------------------------------------------------


def test_w_is_drawn_as_the_networks_map_of_the_normal_draws_of_that_seed():
    generator = tiny_style()
    z = generator.space("z").sample(5, seed=8)
    w = generator.space("w").sample(5, seed=8)
    torch.testing.assert_close(w, generator.network.mapping(z))
    assert torch.equal(generator.space("w+").sample(5, seed=8), w.repeat(1, 6))


def test_moving_a_generator_leaves_its_draws_as_they_are():
    generator = tiny_style()
    before = [space.sample(3, seed=1) for space in generator.spaces.values()]
    moved = generator.double()
    after = [space.sample(3, seed=1) for space in moved.spaces.values()]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    latents, prior = latents_of(moved, "w"), moved.space("w").prior
    assert prior.penalty(latents).dtype == prior.truncate(latents, 1.0).dtype == torch.float64
    assert moved.render(latents, "w").dtype == torch.float64


def test_the_mean_of_w_is_the_weight_files_where_it_has_one():
    mean = torch.arange(6.0)
    generator = build(ENTRY, {**style_state(), "latent_avg": mean})
    assert torch.equal(generator.space("w").prior.mean(6), mean)
    assert torch.equal(generator.default_context, mean.repeat(6))
    space = tiny_style().space("w")
    torch.testing.assert_close(space.prior.mean(6), space.sample(50_000, seed=77).mean(dim=0), rtol=0, atol=0.02)


def test_spaces_that_a_network_leads_to_are_no_blocks_of_each_other():
    spaces = tiny_style().spaces
    held = {(whole, part) for whole in spaces for part in spaces if spaces[whole].holds(spaces[part])}
    assert held == {("z", "z"), ("w", "w"), ("w+", "w+")}


# Weight files --------------------------------------------------------------------------------------------------------


def public_keys() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the public checkpoint at 1,024 px, configuration f."""
    widths = [512, 512, 512, 512, 512, 256, 128, 64, 32]
    keys: dict[str, tuple[int, ...]] = {"input.input": (1, 512, 4, 4), "noises.noise_0": (1, 1, 4, 4)}
    for layer in range(1, 9):
        keys |= {f"style.{layer}.weight": (512, 512), f"style.{layer}.bias": (512,)}

    def convolution(name: str, before: int, after: int, side: int) -> dict[str, tuple[int, ...]]:
        return {
            f"{name}.conv.weight": (1, after, before, side, side),
            f"{name}.conv.modulation.weight": (before, 512),
            f"{name}.conv.modulation.bias": (before,),
        }

    def layer_keys(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
        rest: dict[str, tuple[int, ...]] = {f"{name}.noise.weight": (1,), f"{name}.activate.bias": (after,)}
        return convolution(name, before, after, 3) | rest

    keys |= layer_keys("conv1", 512, 512) | convolution("to_rgb1", 512, 3, 1) | {"to_rgb1.bias": (1, 3, 1, 1)}
    for number, (before, after) in enumerate(pairwise(widths)):
        first, second, to_rgb, side = f"convs.{2 * number}", f"convs.{2 * number + 1}", f"to_rgbs.{number}", 8 << number
        keys |= layer_keys(first, before, after) | layer_keys(second, after, after) | convolution(to_rgb, after, 3, 1)
        keys |= {
            f"{first}.conv.blur.kernel": (4, 4),
            f"{to_rgb}.upsample.kernel": (4, 4),
            f"{to_rgb}.bias": (1, 3, 1, 1),
        }
        keys |= {f"noises.noise_{2 * number + each}": (1, 1, side, side) for each in (1, 2)}
    return keys


def test_names_and_shapes_are_those_of_the_public_checkpoints():
    expected = public_keys()
    assert len(expected) == 171
    state = {name: torch.empty(shape, device="meta") for name, shape in expected.items()}
    shape = StyleGan2Shape.of(state, "ffhq")
    assert (shape.latent_dim, shape.mapping_layers, shape.side, shape.layers) == (512, 8, 1024, 18)
    with torch.device("meta"):
        network = StyleGan2Network(shape)
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == expected


@pytest.mark.parametrize(
    "shape",
    [
        # Channel multipliers 2 and 1, at 256 px.
        StyleGan2Shape(512, 8, (512, 512, 512, 512, 512, 256, 128)),
        StyleGan2Shape(512, 8, (512, 512, 512, 512, 256, 128, 64)),
        StyleGan2Shape(64, 2, (16,)),
        StyleGan2Shape(8, 1, (32, 16)),
    ],
)
def test_the_configuration_is_read_from_the_weights_shapes(shape: StyleGan2Shape):
    with torch.device("meta"):
        state = StyleGan2Network(shape).state_dict()
    assert StyleGan2Shape.of(state, "any") == shape


def test_a_public_checkpoint_loads_by_the_key_of_its_averaged_generator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    catalogue, weights = write_style_catalogue(tmp_path), tmp_path / "tiny-style-0.pt"
    before = hashlib.sha256(weights.read_bytes()).hexdigest()
    torch.save({"g_ema": style_state(), "g": style_state(1), "latent_avg": torch.zeros(6)}, weights)
    text = catalogue.read_text().replace(before, hashlib.sha256(weights.read_bytes()).hexdigest())
    catalogue.write_text(text + 'key = "g_ema"\n')
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(catalogue))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    loaded, expected = load(NAME), tiny_style()
    z = latents_of(expected, "z")
    assert torch.equal(loaded.render(z, "z"), expected.render(z, "z"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"convs.1.conv.weight": None}, r"the file lacks convs\.1\.conv\.weight"),
        ({"style.2.bias": None}, r"the file lacks style\.2\.bias"),
        (
            {"input.input": None},
            r"no tensor is named input\.input\. Its tensors are .* and \d+ more; check",
        ),
        ({"style.1.weight": None}, r"no tensor is named style\.1\.weight"),
        ({"input.input": torch.zeros(8)}, r"no 'input\.input' of at least 2 dimensions"),
        ({"extra.weight": torch.zeros(1)}, r"the file has, besides, extra\.weight"),
        (
            {"conv1.conv.weight": torch.zeros(1, 8, 8, 5, 5)},
            r"conv1\.conv\.weight of shape \(1, 8, 8, 5, 5\) in place of \(1, 8, 8, 3, 3\)",
        ),
    ],
)
def test_weights_that_are_not_those_of_a_stylegan2_are_refused(change: dict[str, Tensor | None], message: str):
    state = {name: tensor for name, tensor in (style_state() | change).items() if tensor is not None}
    with pytest.raises(WeightsError, match=rf"the weights of '{NAME}' are not a stylegan2") as caught:
        build(ENTRY, state)
    assert caught.match(rf"(?s){message}")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (replace(ENTRY, image_shape=(3, 32, 32)), r"image_shape is stated to be \(3, 32, 32\).*give \(3, 16, 16\)"),
        (replace(ENTRY, spaces=(*SPACES[:2], SpaceEntry("w+", 30, "mapped"))), r"'w\+': 30.*'w\+': 36"),
        (replace(ENTRY, spaces=SPACES[1:]), r"spaces .*are stated"),
        (replace(ENTRY, input_space="w"), r"input space 'w' are stated.*input space 'w\+'"),
    ],
)
def test_a_catalogue_that_states_something_else_than_the_weights_is_told(entry: CatalogueEntry, message: str):
    with pytest.raises(InvalidInputError, match=message):
        build(entry, style_state())


# The public implementation's own images ------------------------------------------------------------------------------


def fixture(**options: object) -> tuple[StyleGan2, Published]:
    known = published("stylegan2_rosinality_32")
    spaces = (SpaceEntry("z", 20, "standard-normal"), SpaceEntry("w", 20, "mapped"), SpaceEntry("w+", 160, "mapped"))
    generator = build(replace(ENTRY, spaces=spaces, image_shape=(3, 32, 32), options=options), known.state)
    assert isinstance(generator, StyleGan2)
    return generator, known


def assert_renders(found: Tensor, images: Tensor) -> None:
    limit = EXACT * max(1.0, float(images.abs().max())) / 2
    torch.testing.assert_close(found, ((images + 1) / 2).clamp(0, 1), rtol=0, atol=limit)


def test_w_and_images_are_those_of_the_public_implementation():
    generator, known = fixture()
    assert_exact(generator.map(known.inputs["z"], "z"), known.outputs["w_of_z"])
    assert_exact(generator.network.synthesis(known.inputs["wplus"]), known.outputs["image_wplus"])
    other = [known.inputs[f"noise_{index}"] for index in range(7)]
    w = known.outputs["w_of_z"][:, None].expand(-1, 8, -1)
    assert_exact(generator.network.synthesis(w, other), known.outputs["image_other_noise"])
    assert_renders(generator.render(known.inputs["z"], "z"), known.outputs["image_z"])
    assert_renders(generator.render(known.inputs["wplus"].flatten(1), "w+"), known.outputs["image_wplus"])
    truncated, known = fixture(truncation=0.6)
    assert_renders(truncated.render(known.inputs["z"], "z"), known.outputs["image_truncated_0.6"])


def test_a_training_file_is_read_without_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    catalogue, weights = write_style_catalogue(tmp_path), tmp_path / "tiny-style-0.pt"
    before = hashlib.sha256(weights.read_bytes()).hexdigest()
    wrapped = {f"module.{name}": tensor for name, tensor in style_state().items()}
    content = {"g": style_state(1), "d": {}, "g_ema": wrapped, "args": Namespace(size=16), "latent_avg": torch.ones(6)}
    torch.save(content, weights)
    catalogue.write_text(catalogue.read_text().replace(before, hashlib.sha256(weights.read_bytes()).hexdigest()))
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(catalogue))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    loaded, expected = load(NAME), tiny_style()
    z = latents_of(expected, "z")
    assert torch.equal(loaded.render(z, "z"), expected.render(z, "z"))
    assert torch.equal(loaded.space("w").prior.mean(6), torch.ones(6))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precisions_are_taken_in_single_precision(dtype: torch.dtype):
    state = {name: value.to(dtype) for name, value in style_state().items()}
    found = build(ENTRY, state)
    expected = build(ENTRY, {name: value.float() for name, value in state.items()})
    assert found.dtype == torch.float32
    z = latents_of(found, "z")
    assert torch.equal(found.render(z, "z"), expected.render(z, "z"))


def test_old_files_without_noise_maps_and_filters_draw_the_same_images_each_time():
    bare = {name: value for name, value in noisy_state().items() if not name.startswith("noises.")}
    bare = {name: value for name, value in bare.items() if not name.endswith("kernel")}
    first, again, silent = (
        build(ENTRY, bare),
        build(ENTRY, bare),
        build(replace(ENTRY, options={"noise": "none"}), bare),
    )
    z = latents_of(first, "z")
    assert torch.equal(first.render(z, "z"), again.render(z, "z"))
    assert not torch.equal(first.render(z, "z"), silent.render(z, "z"))
    # With the noise of the file they would be its images.
    maps = {name: value for name, value in noisy_state().items() if name.startswith("noises.")}
    assert torch.equal(build(ENTRY, bare | maps).render(z, "z"), build(ENTRY, noisy_state()).render(z, "z"))
    with pytest.raises(WeightsError, match=r"lacks noises\.noise_4"):
        build(ENTRY, bare | {name: value for name, value in maps.items() if name != "noises.noise_4"})


def test_the_rate_of_the_mapping_network_is_asked_for_where_its_weights_are_not_those_of_a_hundredth():
    state = {name: 0.01 * value if name.startswith("style.") else value for name, value in style_state().items()}
    with pytest.raises(CatalogueError, match=r"a stylegan2 needs the option 'lr_mlp', .*usual: 0\.01"):
        build(ENTRY, state)
    generator, usual = build(replace(ENTRY, options={"lr_mlp": 1.0}), state), tiny_style()
    z = latents_of(usual, "z")
    torch.testing.assert_close(generator.render(z, "z"), usual.render(z, "z"), rtol=0, atol=1e-5)


# Truncation ----------------------------------------------------------------------------------------------------------


def test_truncation_is_that_of_z_and_of_the_priors_draws():
    plain, cut = tiny_style(), build(replace(ENTRY, options={"truncation": 0.5}), style_state())
    z, center = latents_of(plain, "z", 4), plain.space("w").prior.mean(6)
    assert isinstance(cut, StyleGan2)
    expected = center + 0.5 * (plain.map(z, "z") - center)
    torch.testing.assert_close(cut.map(z, "z"), expected)
    torch.testing.assert_close(cut.render(z, "z"), plain.render(expected, "w"))
    w = plain.space("w").sample(3, 2)
    # Latents of w are what they are; draws of it are truncated.
    assert torch.equal(cut.render(w, "w"), plain.render(w, "w"))
    torch.testing.assert_close(cut.space("w").sample(3, 2), center + 0.5 * (w - center))
    assert cut.space("w").prior.spread() == pytest.approx(plain.space("w").prior.spread() / 2)
    torch.testing.assert_close(cut.space("w").prior.penalty(w), 4 * plain.space("w").prior.penalty(w))
    assert cut.weights_hash != plain.weights_hash


def test_a_cutoff_truncates_the_first_layers_only():
    options = {"truncation": 0.5, "truncation_cutoff": 2}
    plain, cut = tiny_style(), build(replace(ENTRY, options=options), style_state())
    assert isinstance(cut, StyleGan2)
    z, center = latents_of(plain, "z", 4), plain.space("w").prior.mean(6)
    w = plain.map(z, "z")
    expected = torch.cat([(center + 0.5 * (w - center)).repeat(1, 2), w.repeat(1, 4)], dim=1)
    torch.testing.assert_close(cut.complete(z, "z"), expected)
    assert torch.equal(cut.map(z, "z"), w)
    prior = cut.space("w+").prior
    torch.testing.assert_close(prior.sample(4, 36, torch.Generator().manual_seed(3)), expected)
    assert torch.equal(cut.space("w").sample(4, 3), plain.space("w").sample(4, 3))
    # Its curvature is the Hessian of its penalty.
    hessian = torch.func.hessian(prior.penalty)(prior.mean(36))
    torch.testing.assert_close(prior.curvature(36), hessian, rtol=1e-4, atol=1e-4 * float(hessian.abs().max()))
    with pytest.raises(InvalidInputError, match="has 6 layers, but truncation_cutoff = 7 came"):
        build(replace(ENTRY, options=options | {"truncation_cutoff": 7}), style_state())
