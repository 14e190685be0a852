"""StyleGAN2's residual discriminator, for small images."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.generators.style_based.stylegan2_layers import EqualLinear, rectified


class EqualConv(nn.Module):
    """A convolution whose weight is scaled by 1/√fan_in at run time.

    Args:
        width_in: Channels of the input.
        width_out: Channels of the output.
        side: Side of the kernel, odd.
        rectify: Whether a bias and a leaky ReLU follow.
    """

    def __init__(self, width_in: int, width_out: int, side: int, *, rectify: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in, side, side))
        self.bias = nn.Parameter(torch.zeros(width_out)) if rectify else None
        self._scale, self._padding = 1 / math.sqrt(width_in * side**2), side // 2

    def forward(self, values: Float[Tensor, "batch width_in h w"]) -> Float[Tensor, "batch width_out h w"]:
        """The layer's maps."""
        found = functional.conv2d(values, self._scale * self.weight, padding=self._padding)
        return found if self.bias is None else rectified(found, self.bias[:, None, None])


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut, and half the side."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = EqualConv(width_in, width_in, 3), EqualConv(width_in, width_out, 3)
        self.skip = EqualConv(width_in, width_out, 1, rectify=False)

    def forward(self, values: Float[Tensor, "batch width_in h w"]) -> Float[Tensor, "batch width_out h2 w2"]:
        """The smaller maps."""
        found: Tensor = functional.avg_pool2d(self.conv2(self.conv1(values)), 2)
        shortcut: Tensor = self.skip(functional.avg_pool2d(values, 2))
        return (found + shortcut) / math.sqrt(2.0)


class Discriminator(nn.Module):
    """Images → how real they look.

    Args:
        channels: Width of the maps at 4 px, 8 px and so on, as those of the generator.
        group: Images that are compared with each other, so that a generator of few images is noticed.
    """

    def __init__(self, channels: Sequence[int], group: int = 4) -> None:
        super().__init__()
        widths = list(reversed(channels))
        self.from_rgb = EqualConv(3, widths[0], 1)
        self.blocks = nn.Sequential(*(ResidualBlock(before, width) for before, width in itertools.pairwise(widths)))
        last = widths[-1]
        self.final_conv = EqualConv(last + 1, last, 3)
        self.dense = EqualLinear(last * 16, last, rectify=True)
        self.output = EqualLinear(last, 1)
        self._group = group

    def forward(self, images: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, " batch"]:
        """Logits of images, about [−1, 1], whose number the group divides."""
        values = self.blocks(self.from_rgb(images))
        values = self.final_conv(torch.cat([values, self._deviation(values)], dim=1))
        logits: Tensor = self.output(self.dense(values.flatten(1)))
        return logits[:, 0]

    def _deviation(self, values: Float[Tensor, "batch channels 4 4"]) -> Float[Tensor, "batch 1 4 4"]:
        # The mean over all positions of the standard deviation within a group of images.
        groups = torch.unflatten(values, 0, (self._group, -1))
        spread = (groups.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        return spread.repeat(self._group)[:, None, None, None].expand(-1, 1, *values.shape[2:])
