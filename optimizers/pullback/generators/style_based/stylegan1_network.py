"""StyleGAN's mapping and synthesis networks (Karras et al., CVPR 2019)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.generators.style_based.generator import StyleNetwork
from pullback.generators.style_based.stylegan1_layers import (
    FusedUpsampledConv,
    RectifiedLinear,
    ScaledConv,
    StyledRectifier,
    UpsampledConv,
)
from pullback.generators.style_based.stylegan2_layers import PixelNorm


@dataclass(frozen=True)
class StyleGan1Shape:
    """What the weights' shapes say of a network of a stated resolution.

    Attributes:
        latent_dim: Number of coordinates of z, and of w.
        mapping_layers: Layers of the mapping network.
        channels: Width of the maps at 4 px, 8 px and so on, up to the resolution.
        fused: For each resolution, whether it is entered by a fused upsampling; of the first it means nothing.
    """

    latent_dim: int
    mapping_layers: int
    channels: tuple[int, ...]
    fused: tuple[bool, ...]


class StyleGan1Network(StyleNetwork):
    """z → w → image; every resolution takes one w for both its layers.

    Args:
        shape: Dimension, depth, widths and forms.
    """

    style: nn.Sequential

    def __init__(self, shape: StyleGan1Shape) -> None:
        super().__init__()
        self.shape = shape
        dim, widths = shape.latent_dim, shape.channels
        # The numbers of the layers are the published ones, whose rectifiers stand by themselves.
        mapping = [layer for _ in range(shape.mapping_layers) for layer in (RectifiedLinear(dim, dim), nn.Identity())]
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        entering = zip(itertools.pairwise(widths), shape.fused[1:], strict=True)
        self.ups = nn.ModuleList([nn.Identity()])
        self.ups += [(FusedUpsampledConv if fused else UpsampledConv)(*pair) for pair, fused in entering]
        self.convs = nn.ModuleList(ScaledConv(width, width, 3) for width in widths)
        self.styles1 = nn.ModuleList(StyledRectifier(width, dim) for width in widths)
        self.styles2 = nn.ModuleList(StyledRectifier(width, dim) for width in widths)
        self.to_rgb = ScaledConv(widths[-1], 3, 1)
        self.noises = nn.Module()
        for index, side in enumerate(self.noise_sides()):
            self.noises.register_buffer(f"noise_{index}", torch.zeros(1, 1, side, side))

    @property
    def dims(self) -> tuple[int, int, int]:
        """Coordinates of z, coordinates of w, and how many resolutions take a w each."""
        return self.shape.latent_dim, self.shape.latent_dim, len(self.shape.channels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        return (3, self.noise_sides()[-1], self.noise_sides()[-1])

    def noise_sides(self) -> list[int]:
        """Side of each resolution's noise map, px: both its layers have the same."""
        return [4 * 2**index for index in range(len(self.shape.channels))]

    def fixed_noise(self) -> list[Tensor]:
        """The noise maps that are used unless others are given, shape (1, 1, H, W) each."""
        return [self.noises.get_buffer(f"noise_{index}") for index in range(len(self.shape.channels))]

    @property
    def first_mapping_weight(self) -> Float[Tensor, "outputs dim"]:
        """The weights of the mapping network's first layer, as they are used."""
        first = self.style[1]
        assert isinstance(first, RectifiedLinear)  # noqa: S101
        return first.scaled_weight

    def style_weights(self, layer: int) -> Float[Tensor, "outputs dim"]:
        """The style weights of a resolution's two layers, one below the other."""
        both = [styles[layer] for styles in (self.styles1, self.styles2)]
        return torch.cat([each.style.scaled_weight for each in both if isinstance(each, StyledRectifier)])

    def steps(
        self, w: Float[Tensor, "batch layers dim"], noise: Sequence[Tensor]
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Synthesis, one resolution at a time; the image is made of the last one's maps.

        Args:
            w: A w for each resolution.
            noise: A map for each resolution, shape (1 or B, 1, H, W).

        Yields:
            The maps of a resolution, and None or, of the last one, the image.
        """
        values = self.input.expand(len(w), -1, -1, -1)
        for index, conv in enumerate(self.convs):
            values = self.styles1[index](self.ups[index](values), w[:, index], noise[index])
            values = self.styles2[index](conv(values), w[:, index], noise[index])
            yield values, self.to_rgb(values) if index == len(self.convs) - 1 else None
