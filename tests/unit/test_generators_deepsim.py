"""Networks that invert layers of CaffeNet: their public port's images, and its layers written out one by one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from published import assert_exact, published
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import Bounded, Generator, build
from tiny_published import DEEPSIM, deepsim_shapes, entry_of, random_state

BOUNDS = (-4.0, 4.0)
SIDES = {"pool5": 6, "conv3": 13, "conv4": 13, "norm2": 13, "conv1": 27, "norm1": 27}
IMAGE_SIDES = {"norm2": 240, "conv1": 240, "norm1": 240}
# Of networks of tiny widths: their maps would be lost in the levels of images otherwise.
LOUDER = 40.0


def dim_of(layer: str, code: int = 4) -> int:
    return code * SIDES.get(layer, 1) ** 2


def inverted(layer: str, *, stated: bool = True, code: int = 4) -> tuple[Generator, dict[str, Tensor]]:
    state = random_state(deepsim_shapes(layer, code))
    if "deconv0.weight" in state:
        state["deconv0.weight"] *= LOUDER
    side = IMAGE_SIDES.get(layer, 256)
    options = {"layer": layer} if stated else {}
    return build(entry_of("deepsim", dim_of(layer, code), (3, side, side), BOUNDS, **options), state), state


def by_hand(layer: str, state: dict[str, Tensor], codes: Tensor) -> Tensor:
    """The layers one after the other, and the image of what the last gives."""
    values = codes.reshape(len(codes), -1, SIDES[layer], SIDES[layer]) if layer in SIDES else codes
    for name, (operation, _, stride, padding, rectified) in DEEPSIM[layer].items():
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        if operation == "l":
            values = functional.linear(values, weight, bias)
        elif values.ndim == 2:
            values = values.reshape(len(values), -1, 4, 4)
        if operation == "t":
            values = functional.conv_transpose2d(values, weight, bias, stride, padding)
        elif operation == "c":
            values = functional.conv2d(values, weight, bias, stride, padding)
        if rectified:
            values = functional.leaky_relu(values, 0.3)
    blue, green, red = values.unbind(1)
    image = torch.stack([red, green, blue], dim=1)
    if "deconv0" in DEEPSIM[layer]:
        return (image + torch.tensor([123.0, 117.0, 104.0])[:, None, None]).clamp(0, 255) / 255
    return (image.tanh() + 1) / 2


@pytest.mark.parametrize(("layer", "code"), [("fc6", 96), ("pool5", 6)])
def test_it_makes_the_images_of_its_public_port(layer: str, code: int):
    known = published(f"upconv_{layer}")
    generator = build(entry_of("deepsim", dim_of(layer, code), (3, 256, 256), BOUNDS), known.state)
    codes = known.inputs["z"].flatten(1)
    assert_exact(generator.render(codes, "z"), known.outputs["image"])
    if "raw_bgr_every_2nd" in known.outputs:
        last = generator.activations(codes)["deconv0"]
        assert_exact(last[:, :, ::2, ::2], known.outputs["raw_bgr_every_2nd"])


@pytest.mark.parametrize("layer", DEEPSIM)
def test_images_are_those_of_the_layers_written_out(layer: str):
    generator, state = inverted(layer)
    codes = generator.space("z").sample(2, seed=3)
    images = generator.render(codes, "z")
    side = IMAGE_SIDES.get(layer, 256)
    assert images.shape == (2, 3, side, side)
    assert float(images.std()) > 0.05
    assert_exact(images, by_hand(layer, state, codes))


def test_what_ends_in_tanh_may_stand_for_the_levels_of_caffenet():
    generator, state = inverted("norm2")
    entry = entry_of("deepsim", dim_of("norm2"), (3, 240, 240), BOUNDS, levels="caffe")
    codes = generator.space("z").sample(1, seed=1)
    signed = 2 * generator.render(codes, "z") - 1
    mean = torch.tensor([123.0, 117.0, 104.0])[:, None, None]
    assert_exact(build(entry, state).render(codes, "z"), (255 * signed + mean).clamp(0, 255) / 255)


@pytest.mark.parametrize("layer", ["fc6", "pool5", "conv4", "norm2", "conv1"])
def test_what_the_tensors_and_the_dimensions_tell_need_not_be_stated(layer: str):
    told, _ = inverted(layer, stated=False)
    stated, _ = inverted(layer)
    codes = told.space("z").sample(1, seed=1)
    assert torch.equal(told.render(codes, "z"), stated.render(codes, "z"))


def test_two_networks_of_the_same_names_are_told_apart_by_the_dimensions_or_asked_for():
    state = random_state(deepsim_shapes("norm2"))
    with pytest.raises(CatalogueError, match=r"needs the option 'layer'.*usual: fc6"):
        build(entry_of("deepsim", 1000, (3, 240, 240), BOUNDS), state)
    with pytest.raises(InvalidInputError, match="stated to have 2916 dimensions, but the weights take 676"):
        build(entry_of("deepsim", 2916, (3, 240, 240), BOUNDS, layer="norm2"), state)


def test_numbers_behind_the_names_and_the_prefix_of_objects_are_passed_over():
    generator, state = inverted("fc6")
    renamed = {f"G.{name.replace('.', '.1.', 1)}": tensor for name, tensor in state.items()}
    again = build(entry_of("deepsim", 4, (3, 256, 256), BOUNDS), renamed)
    codes = generator.space("z").sample(1, seed=1)
    assert torch.equal(again.render(codes, "z"), generator.render(codes, "z"))


@pytest.mark.parametrize(
    ("lost", "added", "message"),
    [
        ("conv4_1.bias", "", r"tensor 'conv4_1\.bias' is missing"),
        ("", "softmax.weight", r"it has no tensors 'softmax\.weight'"),
        ("deconv4.weight", "", r"no tensor is named"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(lost: str, added: str, message: str):
    state = random_state(deepsim_shapes("pool5"))
    state.pop(lost, None)
    if added:
        state[added] = torch.ones(3, 3)
    with pytest.raises(WeightsError, match=message):
        build(entry_of("deepsim", dim_of("pool5"), (3, 256, 256), BOUNDS), state)


def test_codes_are_bounded_and_lie_around_the_middle():
    generator, state = inverted("fc6")
    assert generator.space("z").prior == Bounded(*BOUNDS)
    assert torch.equal(generator.default_context, torch.zeros(4))
    assert generator.space("z").prior.spread() == pytest.approx(8 / math.sqrt(12))
    assert torch.equal(generator.first_weights("z"), state["defc7.weight"])
    with pytest.raises(InvalidInputError, match="does not say which weights first meet a latent"):
        inverted("pool5")[0].first_weights("z")
