"""BigGAN, BigGAN-deep and BigBiGAN: every variant of their files, spaces with their priors, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from biggan_states import (
    CHUNK,
    CLASS_DIM,
    LABELS,
    big_entry,
    big_state,
    brock_images,
    brock_state,
    hugging_face_state,
)
from published import assert_exact, published
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import CatalogueEntry, Generator, build
from pullback.generators.registry import recognised
from pullback.generators.residual.hugging_face_weights import interpolated_statistics
from pullback.generators.space_entry import SpaceEntry
from pullback.search import catalogue_space
from pullback.weights import WeightsSource

SOURCE = WeightsSource("path", "/nowhere/G_ema.pth", "1" * 64)
# Rounding, which deep random networks amplify; each of the facts at stake changes images a hundred times more.
TOLERANCE = 1e-4


# What brock_state is asked for, and the noise and the side that follow.
VARIANTS: dict[str, tuple[dict[str, Any], int, int]] = {
    "hierarchical": ({}, 3 * CHUNK, 16),
    "not hierarchical": ({"hierarchical": False}, 3 * CHUNK, 16),
    "not shared": ({"hierarchical": False, "shared": False}, 3 * CHUNK, 16),
    "mybn": ({"statistics": "mybn"}, 3 * CHUNK, 16),
    "cross-replica": ({"statistics": "cross_replica"}, 3 * CHUNK, 16),
    "more singular vectors": ({"vectors": 3}, 3 * CHUNK, 16),
    "no spectral norm": ({"vectors": 0}, 3 * CHUNK, 16),
    "attention elsewhere": ({"attention": 0}, 3 * CHUNK, 16),
    "deep": ({"deep": True}, 3 * CHUNK, 16),
    "deep, mybn": ({"deep": True, "statistics": "mybn", "attention": 3}, 3 * CHUNK, 16),
}


def built(state: dict[str, Tensor], family: str = "biggan", **asked: Any) -> Generator:
    one_hot = family == "biggan" and "shared.weight" not in state
    return build(big_entry(family, one_hot=one_hot, **asked), state)


def latents_of(generator: Generator, count: int = 3) -> Tensor:
    return generator.space("full").sample(count, 5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_draws_what_its_description_says(variant: str):
    asked, noise, _ = VARIANTS[variant]
    state = brock_state(**asked)
    generator = built(state)
    z, classes = generator.space("noise").sample(3, 0), [4, 0, 2]
    codes = generator.space("class").prior.class_codes(generator.space("class").dim)[classes]
    images = generator.render(torch.cat([z, codes], dim=1), "full")
    assert z.shape == (3, noise)
    expected = brock_images(state, z, classes, epsilon=1e-3, hierarchical=asked.get("hierarchical", True))
    assert (2 * images - 1 - expected).abs().max() < TOLERANCE
    # They are no flat pictures, on which everything agrees.
    assert expected.std(dim=(2, 3)).mean() > 0.1


def labels_of(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def fixture_entry(family: str, noise: int, classes: int, labels: int, side: int, **options: Any) -> CatalogueEntry:
    spaces = (
        SpaceEntry("noise", noise, "standard-normal"),
        SpaceEntry("class", classes, "class-embeddings", start=noise, labels=labels_of(labels), default="0"),
        SpaceEntry("full", noise + classes, "product"),
    )
    return CatalogueEntry("big", "Big", family, spaces, "full", (3, side, side), SOURCE, options)


def test_biggan_makes_the_images_of_its_public_implementation():
    known = published("biggan_hier_64")
    generator = build(fixture_entry("biggan", 20, 8, 7, 64, epsilon=1e-5), known.state)
    codes = generator.space("class").prior.class_codes(8)[known.inputs["class"]]
    assert_exact(codes, known.outputs["embedding"])
    for embedding, output in ((codes, "image"), (known.inputs["embedding2"], "image_of_embedding2")):
        inputs = torch.cat([known.inputs["z"], embedding], dim=1)
        assert_exact(2 * generator.render(inputs, "full") - 1, known.outputs[output])


def test_bigbigan_makes_the_images_of_its_public_implementation():
    known = published("bigbigan_128")
    generator = build(fixture_entry("bigbigan", 24, 8, 1, 128, epsilon=1e-4, **{"class": 0}), known.state)
    z = known.inputs["z"]
    assert_exact(2 * generator.render(z, "noise") - 1, known.outputs["image"])
    assert_exact(2 * generator.render(torch.zeros_like(z), "noise") - 1, known.outputs["image_at_zero"])


@pytest.mark.parametrize("truncation", [0.28, 0.4, 0.425, 0.58, 0.7, 1.0])
def test_biggan_deep_makes_the_images_of_its_public_implementation(truncation: float):
    known = published("biggan_deep_64")
    generator = build(fixture_entry("biggan-deep", 8, 8, 6, 64, truncation=truncation), known.state)
    codes = generator.space("class").prior.class_codes(8)[known.inputs["class"]]
    assert_exact(torch.cat([known.inputs["z"], codes], dim=1), known.outputs["condition"])
    inputs = torch.cat([truncation * known.inputs["z"], codes], dim=1)
    assert_exact(2 * generator.render(inputs, "full") - 1, known.outputs[f"image_truncation_{truncation}"])
    if truncation == 1:
        images = generator.render(known.inputs["condition2"], "full")
        assert_exact(2 * images - 1, known.outputs["image_of_condition"])


def test_bigbigan_takes_one_row_of_its_embedding():
    state = brock_state()
    generator = built(state, "bigbigan")
    z = generator.space("noise").sample(2, 0)
    expected = brock_images(state, z, [2, 2], epsilon=1e-3)
    assert (2 * generator.render(z, "noise") - 1 - expected).abs().max() < TOLERANCE
    prior = generator.space("class").prior
    assert torch.equal(prior.sample(3, CLASS_DIM, torch.Generator()), state["shared.weight"][2].expand(3, -1))
    with pytest.raises(InvalidInputError, match="'class' is a row of the embedding, 0 to 4, but 5 came"):
        built(state, "bigbigan", **{"class": 5})


def with_spaces(entry: CatalogueEntry, *spaces: SpaceEntry, **options: Any) -> CatalogueEntry:
    stated = dict(entry.options) | options
    return dataclasses.replace(entry, spaces=spaces, input_space=spaces[-1].name, options=stated)


@pytest.mark.parametrize("family", ["biggan", "bigbigan", "biggan-deep"])
def test_noise_alone_is_an_input_with_the_class_that_an_option_holds(family: str):
    entry, state = big_entry(family), big_state(family)
    whole = build(entry, state)
    z = whole.space("noise").sample(2, 0)
    alone = with_spaces(entry, SpaceEntry("z", z.shape[1], "standard-normal"), **{"class": 2})
    generator = build(alone, state)
    # The default of the whole is the same class.
    torch.testing.assert_close(generator.render(z, "z"), whole.render(z, "noise"))
    assert not generator.needs_context("z")
    assert generator.default_context.shape == z.shape[1:]
    torch.testing.assert_close(generator.first_weights("z"), whole.first_weights("noise"))
    if family != "bigbigan":
        with pytest.raises(CatalogueError, match="needs the option 'class'"):
            build(dataclasses.replace(alone, options=entry.options), state)
        with pytest.raises(InvalidInputError, match="'class' is a number from 0 to 4, but 5 came"):
            build(with_spaces(entry, *alone.spaces, **{"class": 5}), state)


@pytest.mark.parametrize("family", ["biggan", "biggan-deep"])
def test_a_one_hot_class_is_turned_into_its_embedding(family: str):
    entry, state = big_entry(family), big_state(family)
    whole = build(entry, state)
    noise = entry.space("noise").dim
    one_hot = SpaceEntry("class", 5, "one-hot", start=noise, labels=LABELS, default="cat")
    spaces = (entry.space("noise"), one_hot, SpaceEntry("full", noise + 5, "product"))
    generator = build(with_spaces(entry, *spaces), state)
    z, codes = whole.space("noise").sample(3, 0), whole.space("class").prior.class_codes(3)
    mixed = torch.tensor([[0, 1, 0, 0, 0], [0.5, 0, 0.5, 0, 0], [0, 0, 0, 0, 1]])
    images = generator.render(torch.cat([z, mixed], dim=1), "full")
    torch.testing.assert_close(images, whole.render(torch.cat([z, mixed @ codes], dim=1), "full"))
    torch.testing.assert_close(generator.render(z, "noise"), whole.render(z, "noise"))
    weights = generator.first_weights("full")
    torch.testing.assert_close(weights[:, noise:], whole.first_weights("full")[:, noise:] @ codes.T)
    # Such spaces are searched without a look at the weights, with a class held or not.
    assert not any(catalogue_space(with_spaces(entry, *spaces), each.name).stands_in_weights for each in spaces)


def test_the_whole_input_is_a_space_of_its_own():
    entry, state = big_entry("biggan"), big_state("biggan")
    generator = build(with_spaces(entry, SpaceEntry("y", 9, "standard-normal")), state)
    y = generator.space("y").sample(2, 0)
    assert torch.equal(generator.render(y, "y"), build(entry, state).render(y, "full"))


def test_the_class_of_the_catalogue_holds_while_noise_is_explored():
    state = brock_state()
    generator = built(state)
    assert torch.equal(generator.default_context, torch.cat([torch.zeros(6), state["shared.weight"][2]]))
    z = generator.space("noise").sample(2, 0)
    whole = torch.cat([z, state["shared.weight"][[2, 2]]], dim=1)
    assert torch.equal(generator.render(z, "noise"), generator.render(whole, "full"))


def test_truncated_noise_has_the_scale_of_the_truncation():
    noise = built(brock_state(), noise_prior="truncated-normal", truncation=0.5).space("noise")
    draws = noise.sample(2000, 0)
    assert 0.99 < draws.abs().max() <= 1
    deep = built(hugging_face_state(), "biggan-deep", noise_prior="truncated-normal").space("noise")
    assert 0.79 < deep.sample(2000, 0).abs().max() <= 0.8


@pytest.mark.parametrize(
    ("family", "option", "usual"),
    [("biggan", "epsilon", "1e-5"), ("bigbigan", "class", "0"), ("biggan-deep", "truncation", "0.4")],
)
def test_what_the_file_does_not_say_is_asked_for(family: str, option: str, usual: str):
    entry = big_entry(family, **{option: None})
    with pytest.raises(CatalogueError, match=rf"needs the option '{option}'.*usual: .*{usual}"):
        build(entry, big_state(family))


def test_a_truncation_is_asked_for_where_noise_is_truncated():
    with pytest.raises(CatalogueError, match="needs the option 'truncation'"):
        built(brock_state(), noise_prior="truncated-normal", truncation=None)


@pytest.mark.parametrize("truncation", [0.02, 0.4, 1.0])
def test_statistics_of_a_row_are_taken_whole(truncation: float):
    rows = torch.arange(51.0)[:, None].expand(-1, 2)
    assert torch.equal(interpolated_statistics(rows, truncation), rows[round(50 * truncation)])


def test_between_two_rows_the_published_weights_are_swapped():
    rows = torch.arange(51.0)[:, None].expand(-1, 2)
    # A quarter of the way from row 20 to row 21, and there three quarters of it.
    assert interpolated_statistics(rows, 0.405).tolist() == pytest.approx([20.75, 20.75], abs=1e-3)
    # In floating point .28 · 50 is a little more than 14, and .58 · 50 a little less than 29.
    assert interpolated_statistics(rows, 0.28).tolist() == pytest.approx([15, 15], abs=1e-3)
    assert interpolated_statistics(rows, 0.58).tolist() == pytest.approx([28, 28], abs=1e-3)


@pytest.mark.parametrize("family", ["biggan", "biggan-deep"])
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:FutureWarning")
def test_images_are_differentiable_once_twice_and_forward(family: str):
    generator = built(big_state(family), family).double()
    at = latents_of(generator, 1).double().requires_grad_()
    rows = torch.randn(4, 3 * 16 * 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64) / 10

    def seen(latents: Tensor) -> Tensor:
        return generator.render(latents, "full").flatten(1) @ rows.T

    assert gradcheck(seen, at, check_forward_ad=True, atol=1e-4, eps=1e-7)
    assert gradgradcheck(seen, at, atol=1e-3, rtol=1e-2, eps=1e-7, check_fwd_over_rev=True)


@pytest.mark.parametrize("family", ["biggan", "biggan-deep"])
def test_layers_are_named_by_their_side(family: str):
    generator = built(big_state(family), family)
    inputs = latents_of(generator)
    found = generator.activations(inputs)
    assert list(found) == ["4 px", "8 px", "16 px", "image"]
    assert torch.equal(found["image"], generator.synthesize(inputs))
    assert list(generator.activations(inputs, until="8 px")) == ["4 px", "8 px"]


@pytest.mark.parametrize("variant", ["hierarchical", "not hierarchical", "deep"])
def test_first_weights_are_all_that_a_latent_meets(variant: str):
    generator = built(brock_state(**VARIANTS[variant][0]))
    weights = generator.first_weights("full")
    # The first map and all gains and offsets are affine in the input; they alone see it.
    met: list[Tensor] = []
    network: Any = generator.network

    def kept(_: object, inputs: tuple[Tensor, ...]) -> None:
        met.append(inputs[1])

    hooks = [stage.block.register_forward_pre_hook(kept) for stage in network.stages]
    at, step = latents_of(generator, 1), torch.randn(1, weights.shape[1], generator=torch.Generator().manual_seed(3))
    outputs = []
    for inputs in (at, at + step):
        met.clear()
        generator.synthesize(inputs)
        rows = [network.first(inputs[:, network.columns])[0]]
        for stage, condition in zip(network.stages, met, strict=True):
            norms = [module for module in stage.block.modules() if hasattr(module, "gain")]
            rows += [condition[0] @ weight.T for norm in norms for weight in (norm.gain, norm.offset)]
        outputs.append(torch.cat(rows))
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(weights @ step[0], outputs[1] - outputs[0], atol=1e-4, rtol=1e-4)
    assert generator.first_weights("noise").shape[1] == 6
    with pytest.raises(InvalidInputError, match="no layers that take a latent each"):
        generator.first_weights("noise", (0,))


@pytest.mark.parametrize(
    "name",
    [
        "blocks.0.0.bn1.stored_mean",
        "blocks.1.0.conv_sc.bias",
        "blocks.1.0.conv2.u0",
        "blocks.1.1.theta.weight",
        "linear.bias",
        "output_layer.0.gain",
    ],
)
def test_a_missing_tensor_is_named(name: str):
    state = brock_state()
    del state[name]
    with pytest.raises(WeightsError, match=re.escape(f"{name!r}")):
        built(state)


def test_a_tensor_too_many_is_named():
    with pytest.raises(WeightsError, match=r"'blocks\.0\.0\.conv3\.bias'"):
        built(brock_state() | {"blocks.0.0.conv3.bias": torch.ones(4)})
    with pytest.raises(WeightsError, match=r"'generator\.layers\.0\.extra'"):
        built(hugging_face_state() | {"generator.layers.0.extra": torch.ones(1)}, "biggan-deep")


def test_a_missing_tensor_of_the_hugging_face_form_is_named():
    state = hugging_face_state()
    del state["generator.layers.1.bn_2.running_vars"]
    with pytest.raises(WeightsError, match=r"'generator\.layers\.1\.bn_2\.running_vars'"):
        built(state, "biggan-deep")


def test_other_spaces_than_the_weights_have_are_refused():
    with pytest.raises(InvalidInputError, match=r"the weights give noise \[0, 6\), a class \[6, 9\) with 5 labels"):
        built(brock_state(), noise=7)
    with pytest.raises(InvalidInputError, match=r"image_shape is stated to be \(3, 32, 32\), .* \(3, 16, 16\)"):
        built(brock_state(), side=32)


def test_a_prior_that_the_family_does_not_make_is_refused():
    with pytest.raises(InvalidInputError, match="has no space of prior 'mapped'"):
        built(brock_state(), noise_prior="mapped")


def test_files_are_recognised_and_only_a_catalogue_tells_bigbigan_from_biggan():
    def families(state: dict[str, Tensor]) -> set[str]:
        return {family.name for family, prefix in recognised(state) if not prefix}

    assert families(brock_state()) == {"biggan", "bigbigan"}
    assert families(brock_state(deep=True)) == families(brock_state(hierarchical=False, shared=False)) == {"biggan"}
    assert families(hugging_face_state()) == {"biggan-deep"}
