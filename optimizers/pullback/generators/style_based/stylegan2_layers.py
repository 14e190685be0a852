"""The layers of StyleGAN2 (Karras et al., CVPR 2020), with the parameter names of the public PyTorch checkpoints.

Weights are stored with unit variance and scaled where they are used ("equalized learning rate"), so a parameter's
value is the published one. Nothing works in place, and a modulated convolution scales its input and output instead of
making a kernel for every sample: the same numbers, and forward mode, double backward and `vmap` all go through it.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.2
_GAIN = math.sqrt(2.0)
_BINOMIAL = (1.0, 3.0, 3.0, 1.0)


def rectified(values: Tensor, bias: Tensor) -> Tensor:
    """√2 · leaky ReLU of values and a bias that was shaped to be added to them."""
    return _GAIN * functional.leaky_relu(values + bias, _SLOPE)


def clamped_to(values: Tensor, magnitude: float | None) -> Tensor:
    """Values within ±magnitude; None = any."""
    return values if magnitude is None else values.clamp(-magnitude, magnitude)


class PixelNorm(nn.Module):
    """Latents scaled to the root mean square 1."""

    def forward(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Latents z as z / √(mean z² + 1e-8)."""
        return latents * torch.rsqrt(latents.square().mean(dim=-1, keepdim=True) + 1e-8)


class EqualLinear(nn.Module):
    """A linear layer whose weight is scaled by rate/√width at run time.

    Args:
        width_in: Number of inputs.
        width_out: Number of outputs.
        bias: What the bias begins with.
        rate: Multiplier of the weight's and the bias' learning rate.
        rectify: Whether a leaky ReLU follows.
    """

    def __init__(
        self, width_in: int, width_out: int, bias: float = 0.0, rate: float = 1.0, *, rectify: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in) / rate)
        self.bias = nn.Parameter(torch.full((width_out,), bias))
        self._scale, self._rate, self._rectify = rate / math.sqrt(width_in), rate, rectify

    @property
    def scaled_weight(self) -> Float[Tensor, "width_out width_in"]:
        """The weight as it is used."""
        return self._scale * self.weight

    def forward(self, values: Float[Tensor, "*batch width_in"]) -> Float[Tensor, "*batch width_out"]:
        """The layer's outputs."""
        if self._rectify:
            return rectified(functional.linear(values, self.scaled_weight), self._rate * self.bias)
        return functional.linear(values, self.scaled_weight, self._rate * self.bias)


class Blur(nn.Module):
    """The binomial filter that follows an upsampling by 2, with gain 4 for the zeros in between.

    Args:
        padding: Zeros before and behind in both directions.
    """

    kernel: Tensor

    def __init__(self, padding: tuple[int, int]) -> None:
        super().__init__()
        taps = torch.tensor(_BINOMIAL)
        outer = torch.outer(taps, taps)
        self.register_buffer("kernel", 4 * outer / outer.sum())
        self._padding = (*padding, *padding)

    def forward(self, images: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch channels h2 w2"]:
        """Each channel filtered by itself."""
        # K = r cᵀ / ΣK with r, c the sums of its rows and columns. Sums of shifted maps: on a CPU a convolution with as
        # many groups as channels takes several times as long, and its gradient far longer.
        turned = self.kernel.flip(0, 1)
        rows, columns = turned.sum(dim=1), turned.sum(dim=0) / turned.sum()
        padded = functional.pad(images, self._padding)
        return shifted_sum(shifted_sum(padded, rows, 2), columns, 3)


def shifted_sum(images: Tensor, taps: Float[Tensor, " taps"] | tuple[float, ...], axis: int) -> Tensor:
    """Σ_k taps_k · images shifted by k along an axis."""
    length = images.shape[axis] - len(taps) + 1
    # From the first of them on: a zero to begin with would have to be sent to the device.
    total = taps[0] * images.narrow(axis, 0, length)
    for k, tap in enumerate(taps[1:], 1):
        total = total + tap * images.narrow(axis, k, length)
    return total


class Upsample(Blur):
    """Images of twice the side: zeros in between, then the binomial filter."""

    def __init__(self) -> None:
        super().__init__((2, 1))

    def forward(self, images: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch channels h2 w2"]:
        """The upsampled images."""
        batch, channels, height, width = images.shape
        spread = functional.pad(images.reshape(batch, channels, height, 1, width, 1), (0, 1, 0, 0, 0, 1))
        return super().forward(spread.reshape(batch, channels, 2 * height, 2 * width))


class ModulatedConv(nn.Module):
    """A convolution whose kernel is scaled by a style for each input channel, and normalised for each output channel.

    Args:
        width_in: Channels of the input.
        width_out: Channels of the output.
        side: Side of the kernel, odd.
        style_dim: Number of coordinates of w.
        demodulate: Whether outputs are normalised.
        upsample: Whether the output has twice the input's side.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        side: int,
        style_dim: int,
        *,
        demodulate: bool = True,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, width_out, width_in, side, side))
        self.modulation = EqualLinear(style_dim, width_in, bias=1.0)
        if upsample:
            self.blur = Blur((1, 1))
        self._scale, self._side = 1 / math.sqrt(width_in * side**2), side
        self._demodulate, self._upsample = demodulate, upsample

    def forward(
        self, values: Float[Tensor, "batch width_in h w"], styles: Float[Tensor, "batch style_dim"]
    ) -> Float[Tensor, "batch width_out h2 w2"]:
        """The convolved maps of maps and their w."""
        kernel = self._scale * self.weight[0]
        scales: Tensor = self.modulation(styles)
        found: Tensor = values * scales[:, :, None, None]
        if self._upsample:
            found = self.blur(functional.conv_transpose2d(found, kernel.transpose(0, 1), stride=2))
        else:
            found = functional.conv2d(found, kernel, padding=self._side // 2)
        if not self._demodulate:
            return found
        # d_o = 1 / √(Σ_i s_i² Σ_k K_oik² + 1e-8)
        powers = scales.square() @ kernel.square().sum(dim=(2, 3)).T
        return found * torch.rsqrt(powers + 1e-8)[:, :, None, None]


class NoiseInjection(nn.Module):
    """Adds the layer's strength of noise, the same to all channels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, values: Float[Tensor, "batch channels h w"], noise: Tensor) -> Tensor:
        """The noisy maps."""
        return values + self.weight * noise


class BiasedRectifier(nn.Module):
    """A bias for each channel and a leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, values: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch channels h w"]:
        """The rectified maps."""
        return rectified(values, self.bias[:, None, None])


class StyledConv(nn.Module):
    """A modulated convolution, noise, bias and rectifier: one layer of the synthesis network.

    Args:
        width_in: Channels of the input.
        width_out: Channels of the output.
        style_dim: Number of coordinates of w.
        upsample: Whether the output has twice the input's side.
        gain: What the rectified maps are multiplied by.
        clamp: Magnitude of the rectified maps that is not exceeded, before `gain`; None = any.
    """

    def __init__(
        self,
        width_in: int,
        width_out: int,
        style_dim: int,
        *,
        upsample: bool = False,
        gain: float = 1.0,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv(width_in, width_out, 3, style_dim, upsample=upsample)
        self.noise = NoiseInjection()
        self.activate = BiasedRectifier(width_out)
        self._gain, self._clamp = gain, clamp

    def forward(self, values: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
        """The layer's maps."""
        activated: Tensor = self.activate(self.noise(self.conv(values, styles), noise))
        clamped = clamped_to(activated, self._clamp)
        return clamped if self._gain == 1 else self._gain * clamped


class ToRgb(nn.Module):
    """The image of a resolution, added to the upsampled one of the resolution before.

    Args:
        width: Channels of the maps.
        style_dim: Number of coordinates of w.
        first: Whether there is no image before.
        channels: Channels of the image.
        clamp: Magnitude of what a resolution adds that is not exceeded; None = any.
    """

    def __init__(
        self, width: int, style_dim: int, *, first: bool = False, channels: int = 3, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv(width, channels, 1, style_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        if not first:
            self.upsample = Upsample()
        self._clamp = clamp

    def forward(self, values: Tensor, styles: Tensor, before: Tensor | None) -> Tensor:
        """The image so far, shape (B, channels, H, W), about [−1, 1]."""
        image = clamped_to(self.conv(values, styles) + self.bias, self._clamp)
        return image if before is None else image + self.upsample(before)


class ConstantInput(nn.Module):
    """The learnt 4 × 4 map that synthesis begins with."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, batch: int) -> Float[Tensor, "batch channels 4 4"]:
        """As many copies."""
        return self.input.expand(batch, -1, -1, -1)
