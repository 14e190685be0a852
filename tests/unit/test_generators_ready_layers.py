"""Layers that are built from tensors, against their formulae, and the tensors' reader."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from pullback.errors import WeightsError
from pullback.generators.ready_layers import (
    ConditionalNorm,
    PlainNorm,
    ResidualBlock,
    SelfAttention,
    convolution,
    linear,
    transposed_convolution,
)
from pullback.generators.state_tensors import StateTensors

RNG = torch.Generator().manual_seed(0)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=RNG, dtype=torch.float64)


def attention(channels: int = 8) -> SelfAttention:
    shapes = [
        (channels // 8, channels),
        (channels // 8, channels),
        (channels // 2, channels),
        (channels, channels // 2),
    ]
    return SelfAttention(*(random(*shape, 1, 1) for shape in shapes), gamma=random(1)).requires_grad_(False)


def conditional(channels: int, dim: int, base: float = 1.0) -> ConditionalNorm:
    weights = random(channels, dim), random(channels, dim)
    return ConditionalNorm(random(channels), random(channels).exp(), *weights, 1e-2, base).requires_grad_(False)


def test_layers_have_the_weights_that_they_are_made_of():
    values, weight, bias = random(2, 3, 5, 5), random(4, 3, 3, 3), random(4)
    torch.testing.assert_close(convolution(weight, bias)(values), functional.conv2d(values, weight, bias, padding=1))
    torch.testing.assert_close(linear(random(1, 3) * 0 + 1)(random(2, 3) * 0 + 1), torch.full((2, 1), 3.0).double())
    kernel = random(3, 4, 4, 4)
    expected = functional.conv_transpose2d(values, kernel, bias, stride=2, padding=1)
    torch.testing.assert_close(transposed_convolution(kernel, bias, 2, 1)(values), expected)


@pytest.mark.parametrize("base", [0.0, 1.0])
def test_a_conditional_norm_is_linear_in_its_condition(base: float):
    norm, values, condition = conditional(3, 2, base), random(2, 3, 4, 5), random(2, 2)
    gain, offset = base + condition @ norm.gain.T, condition @ norm.offset.T
    normalised = (values - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + 1e-2).sqrt()
    torch.testing.assert_close(norm(values, condition), normalised * gain[..., None, None] + offset[..., None, None])


def test_attention_weighs_pooled_values_by_the_likeness_of_pooled_keys():
    layer, values = attention(), random(1, 8, 4, 6)
    query, key, value = (
        torch.einsum("oc,chw->ohw", part.weight[:, :, 0, 0], values[0])
        for part in (layer.query, layer.key, layer.value)
    )
    key, value = (part.unflatten(1, (2, 2)).unflatten(3, (3, 2)).amax(dim=(2, 4)) for part in (key, value))
    found = torch.zeros(4, 4, 6, dtype=torch.float64)
    for y in range(4):
        for x in range(6):
            weights = (query[:, y, x, None, None] * key).sum(dim=0).exp()
            found[:, y, x] = (value * weights / weights.sum()).sum(dim=(1, 2))
    expected = values[0] + layer.gamma * torch.einsum("oc,chw->ohw", layer.output.weight[:, :, 0, 0], found)
    torch.testing.assert_close(layer(values)[0], expected)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_a_residual_block_doubles_its_side(mode: str):
    plain = PlainNorm(random(3), random(3).exp(), random(3), random(3), 1e-2)
    first, second, shortcut = convolution(random(4, 3, 3, 3)), convolution(random(2, 4, 3, 3)), random(2, 3, 1, 1)
    block = ResidualBlock((plain, conditional(4, 2)), (first, second), convolution(shortcut), mode)
    values, condition = random(1, 3, 2, 2), random(1, 2)
    double = nn.Upsample(scale_factor=2, mode=mode, align_corners=False if mode == "bilinear" else None)
    inner = second(torch.relu(block.norm2(first(double(torch.relu(plain(values)))), condition)))
    expected = inner + functional.conv2d(double(values), shortcut)
    torch.testing.assert_close(block(values, condition), expected)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:FutureWarning")
def test_they_are_differentiable_once_twice_and_forward():
    block = ResidualBlock(
        (conditional(8, 2), PlainNorm(random(8), random(8).exp(), random(8), random(8), 1e-2)),
        (convolution(random(8, 8, 3, 3) / 9), convolution(random(8, 8, 3, 3) / 9)),
        None,
        "bilinear",
    ).requires_grad_(False)
    attended = attention()

    def images(values: Tensor, condition: Tensor) -> Tensor:
        return torch.tanh(attended(block(values, condition)) / 20)

    at = random(1, 8, 1, 1).requires_grad_(), random(1, 2).requires_grad_()
    assert gradcheck(images, at, check_forward_ad=True)
    assert gradgradcheck(images, at, check_fwd_over_rev=True)


def test_tensors_are_taken_by_name_in_single_precision():
    tensors = StateTensors(
        {"b.0.weight": torch.ones(2, 3).half(), "b.1.weight": torch.ones(2), "n": torch.ones(())}, "x", "y"
    )
    assert tensors.numbers(r"b\.(\d+)\.weight") == [0, 1]
    assert tensors.shape("b.0.weight", 2) == (2, 3)
    assert tensors.take("b.0.weight", 2, None).dtype == torch.float32
    assert "b.0.weight" not in tensors
    with pytest.raises(WeightsError, match=r"weights of 'x' are not a y: it has no tensors 'b\.1\.weight', 'n'"):
        tensors.finish()
    tensors.drop("n")
    tensors.take("b.1.weight", 2)
    tensors.finish()


def test_what_is_missing_or_misshapen_is_named():
    tensors = StateTensors({"a": torch.ones(2, 3)}, "x", "y")
    with pytest.raises(WeightsError, match=r"weights of 'x' are not a y: tensor 'b' is missing; .* the first are a"):
        tensors.take("b", 2)
    with pytest.raises(WeightsError, match=r"tensor 'a' is to have the shape \(2, any, 1\), but has \(2, 3\)"):
        tensors.take("a", 2, None, 1)
    with pytest.raises(WeightsError, match=r"tensor 'a' is to have the shape \(any\), but has \(2, 3\)"):
        tensors.shape("a", 1)
