"""The layers of StyleGAN (Karras et al., CVPR 2019), as rosinality/style-based-gan-pytorch computes them.

Weights are stored with unit variance and scaled by √(2 / inputs) where they are used; biases are not scaled. Nothing
works in place.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.generators.style_based.stylegan2_layers import shifted_sum

_SLOPE = 0.2
_EPSILON = 1e-5
_BINOMIAL = (0.25, 0.5, 0.25)


class ScaledLinear(nn.Module):
    """A linear layer of equalised learning rate."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in))
        self.bias = nn.Parameter(torch.zeros(width_out))

    @property
    def scaled_weight(self) -> Float[Tensor, "width_out width_in"]:
        """The weight as it is used."""
        return self.weight * math.sqrt(2 / self.weight.shape[1])

    def forward(self, values: Float[Tensor, "*batch width_in"]) -> Float[Tensor, "*batch width_out"]:
        """The layer's outputs."""
        return functional.linear(values, self.scaled_weight, self.bias)


class RectifiedLinear(ScaledLinear):
    """A linear layer of equalised learning rate and a leaky ReLU: one layer of the mapping network."""

    def forward(self, values: Float[Tensor, "*batch width_in"]) -> Float[Tensor, "*batch width_out"]:
        """The rectified outputs."""
        return functional.leaky_relu(super().forward(values), _SLOPE)


class ScaledConv(nn.Module):
    """A convolution of equalised learning rate that keeps the side of its maps.

    Args:
        width_in: Channels of the input.
        width_out: Channels of the output.
        side: Side of the kernel, odd.
    """

    def __init__(self, width_in: int, width_out: int, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in, side, side))
        self.bias = nn.Parameter(torch.zeros(width_out))

    def forward(self, values: Float[Tensor, "batch width_in h w"]) -> Float[Tensor, "batch width_out h w"]:
        """The convolved maps."""
        scaled = self.weight * math.sqrt(2 / self.weight[0].numel())
        return functional.conv2d(values, scaled, self.bias, padding=self.weight.shape[-1] // 2)


class UpsampledConv(ScaledConv):
    """Maps of twice the side: every pixel becomes four, a convolution, and a binomial filter."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out, 3)

    def forward(self, values: Float[Tensor, "batch width_in h w"]) -> Float[Tensor, "batch width_out h2 w2"]:
        """The upsampled and convolved maps."""
        batch, channels, height, width = values.shape
        doubled = values[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
        return _blurred(super().forward(doubled.reshape(batch, channels, 2 * height, 2 * width)))


class FusedUpsampledConv(nn.Module):
    """The same in one transposed convolution, whose kernel is smoothed instead of the pixels being repeated."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_in, width_out, 3, 3))
        self.bias = nn.Parameter(torch.zeros(width_out))

    def forward(self, values: Float[Tensor, "batch width_in h w"]) -> Float[Tensor, "batch width_out h2 w2"]:
        """The upsampled and convolved maps."""
        scaled = functional.pad(self.weight * math.sqrt(2 / (self.weight.shape[0] * 9)), (1, 1, 1, 1))
        # The mean of a kernel and of itself moved by a pixel down, to the right, and both: 4 × 4.
        kernel = (scaled[..., 1:, 1:] + scaled[..., :-1, 1:] + scaled[..., 1:, :-1] + scaled[..., :-1, :-1]) / 4
        return _blurred(functional.conv_transpose2d(values, kernel, self.bias, stride=2, padding=1))


class StyledRectifier(nn.Module):
    """Noise, leaky ReLU and adaptive instance normalisation, in this order: what follows a convolution.

    Args:
        channels: Channels of the maps.
        style_dim: Number of coordinates of w.
    """

    def __init__(self, channels: int, style_dim: int) -> None:
        super().__init__()
        self.noise_weight = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.style = ScaledLinear(style_dim, 2 * channels)

    def forward(
        self, values: Float[Tensor, "batch channels h w"], w: Float[Tensor, "batch style_dim"], noise: Tensor
    ) -> Float[Tensor, "batch channels h w"]:
        """The styled maps."""
        # In the published order of operations: a difference of rounding grows from layer to layer.
        noisy = values + noise * (self.noise_weight * math.sqrt(2 / values.shape[1]))
        rectified = functional.leaky_relu(noisy, _SLOPE)
        # γ (x − μ) / √(σ² + ε) + β with the mean and the biased variance of each map.
        centered = rectified - rectified.mean(dim=(2, 3), keepdim=True)
        normal = centered / torch.sqrt(centered.square().mean(dim=(2, 3), keepdim=True) + _EPSILON)
        scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
        styled: Tensor = scale * normal + shift
        return styled


def _blurred(images: Tensor) -> Tensor:
    """Each channel filtered by [1, 2, 1] ⊗ [1, 2, 1] / 16."""
    return shifted_sum(shifted_sum(functional.pad(images, (1, 1, 1, 1)), _BINOMIAL, 2), _BINOMIAL, 3)
