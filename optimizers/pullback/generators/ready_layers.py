"""Layers of generators that are built from the tensors of their files, without anything to train.

Nothing works in place, so that double backward, forward mode and `vmap` go through all of them.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.generators.state_tensors import StateTensors

_Layer = TypeVar("_Layer", nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def convolution(weight: Float[Tensor, "out into side side"], bias: Float[Tensor, " out"] | None = None) -> nn.Conv2d:
    """A convolution of stride 1 that keeps the size of the map."""
    width_out, width_in, side, _ = weight.shape
    layer = nn.Conv2d(width_in, width_out, side, padding=side // 2, bias=bias is not None, device="meta")
    return _filled(layer, weight, bias)


def transposed_convolution(
    weight: Float[Tensor, "into out side side"], bias: Float[Tensor, " out"] | None, stride: int, padding: int
) -> nn.ConvTranspose2d:
    """A transposed convolution."""
    width_in, width_out, side, _ = weight.shape
    layer = nn.ConvTranspose2d(width_in, width_out, side, stride, padding, bias=bias is not None, device="meta")
    return _filled(layer, weight, bias)


def linear(weight: Float[Tensor, "out into"], bias: Float[Tensor, " out"] | None = None) -> nn.Linear:
    """A linear layer."""
    return _filled(nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta"), weight, bias)


def _filled(layer: _Layer, weight: Tensor, bias: Tensor | None) -> _Layer:
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


class PlainNorm(nn.Module):
    """Batch normalisation with stored statistics; it takes a condition, and leaves it.

    Args:
        mean: Stored mean of each channel.
        variance: Stored variance of each channel.
        gain: Factor of each channel.
        offset: Summand of each channel.
        epsilon: What is added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, mean: Tensor, variance: Tensor, gain: Tensor, offset: Tensor, epsilon: float) -> None:
        super().__init__()
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", variance)
        self.gain, self.offset, self._epsilon = nn.Parameter(gain), nn.Parameter(offset), epsilon

    def forward(self, values: Float[Tensor, "batch channels *size"], condition: Tensor | None = None) -> Tensor:
        """(x − mean) / √(variance + ε) · gain + offset."""
        del condition
        return functional.batch_norm(
            values, self.running_mean, self.running_var, self.gain, self.offset, eps=self._epsilon
        )


def take_norm(tensors: StateTensors, name: str, width: int, epsilon: float) -> PlainNorm:
    """A batch normalisation as torch names its parts."""
    mean, variance = (tensors.take(f"{name}.{part}", width) for part in ("running_mean", "running_var"))
    gain, offset = (tensors.take(f"{name}.{part}", width) for part in ("weight", "bias"))
    return PlainNorm(mean, variance, gain, offset, epsilon)


class ConditionalNorm(nn.Module):
    """Batch normalisation with stored statistics whose gain and offset are linear in a condition.

    Args:
        mean: Stored mean of each channel.
        variance: Stored variance of each channel.
        gain: Weights of the gain, shape (channels, dim).
        offset: Weights of the offset, shape (channels, dim).
        epsilon: What is added to the variance.
        base: The gain where the condition is zero: 1 in BigGAN, 0 where each class has a gain of its own.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, mean: Tensor, variance: Tensor, gain: Tensor, offset: Tensor, epsilon: float, base: float
    ) -> None:
        super().__init__()
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", variance)
        self.gain, self.offset = nn.Parameter(gain), nn.Parameter(offset)
        self._epsilon, self._base = epsilon, base

    def forward(
        self, values: Float[Tensor, "batch channels height width"], condition: Float[Tensor, "batch dim"]
    ) -> Float[Tensor, "batch channels height width"]:
        """(x − mean) / √(variance + ε) · (base + gain y) + offset y."""
        gain = self._base + functional.linear(condition, self.gain)
        scale = gain * torch.rsqrt(self.running_var + self._epsilon)
        # As one product and one sum of whole maps: a s + (o − m s).
        shift = functional.linear(condition, self.offset) - self.running_mean * scale
        return values * scale[:, :, None, None] + shift[:, :, None, None]


class SelfAttention(nn.Module):
    """Self-attention over a map (Zhang et al., ICML 2019), its keys and values pooled 2 × 2.

    Args:
        query: Weights of the 1 × 1 convolution θ, shape (channels / 8, channels, 1, 1).
        key: Those of φ, of the same shape.
        value: Those of g, shape (channels / 2, channels, 1, 1).
        output: Those of o, shape (channels, channels / 2, 1, 1).
        gamma: How much is added to the map, one number.
    """

    def __init__(self, query: Tensor, key: Tensor, value: Tensor, output: Tensor, gamma: Tensor) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output = map(convolution, (query, key, value, output))
        self.gamma = nn.Parameter(gamma.reshape(()))

    def forward(
        self, values: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Its sum x + γ · o(g softmax(θᵀ φ)ᵀ)."""
        query = self.query(values).flatten(2)
        key = functional.max_pool2d(self.key(values), 2).flatten(2)
        value = functional.max_pool2d(self.value(values), 2).flatten(2)
        # (batch, positions, pooled positions), without the customary 1/√d.
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)
        gathered = torch.unflatten(value @ weights.transpose(1, 2), 2, values.shape[2:])
        attended: Tensor = values + self.gamma * self.output(gathered)
        return attended


class ResidualBlock(nn.Module):
    """Norm, ReLU, doubling, convolution, norm, ReLU, convolution, beside a shortcut: a block that doubles the side.

    Args:
        norms: The two normalisations.
        convolutions: The two convolutions.
        shortcut: What the doubled input goes through before it is added; None = nothing.
        mode: How it is doubled, `nearest` or `bilinear`.
    """

    def __init__(
        self,
        norms: tuple[nn.Module, nn.Module],
        convolutions: tuple[nn.Module, nn.Module],
        shortcut: nn.Module | None,
        mode: str = "nearest",
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = norms
        self.conv1, self.conv2 = convolutions
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self._mode, self.doubles = mode, True

    def forward(
        self, values: Float[Tensor, "batch into height width"], condition: Tensor | None
    ) -> Float[Tensor, "batch out height2 width2"]:
        """The map of twice the side."""
        inner: Tensor = self.conv1(self._doubled(functional.relu(self.norm1(values, condition))))
        inner = self.conv2(functional.relu(self.norm2(inner, condition)))
        beside: Tensor = self.shortcut(self._doubled(values))
        return inner + beside

    def _doubled(self, values: Tensor) -> Tensor:
        corners = False if self._mode == "bilinear" else None
        return functional.interpolate(values, scale_factor=2, mode=self._mode, align_corners=corners)
