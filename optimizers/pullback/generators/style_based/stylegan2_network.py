"""StyleGAN2's mapping and synthesis networks (Karras et al., CVPR 2020), in the layout of the public checkpoints."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import WeightsError
from pullback.generators.style_based.generator import StyleNetwork
from pullback.generators.style_based.stylegan2_layers import ConstantInput, EqualLinear, PixelNorm, StyledConv, ToRgb


@dataclass(frozen=True)
class StyleGan2Shape:
    """What the weights' shapes say of a network.

    Attributes:
        latent_dim: Number of coordinates of z, and of w.
        mapping_layers: Layers of the mapping network.
        channels: Width of the maps at 4 px, 8 px and so on.
    """

    latent_dim: int
    mapping_layers: int
    channels: tuple[int, ...]

    @property
    def side(self) -> int:
        """Side of the images, px."""
        return int(4 * 2 ** (len(self.channels) - 1))

    @property
    def layers(self) -> int:
        """Number of w's that an image takes: 2·log₂(side) − 2."""
        return 2 * len(self.channels)

    @classmethod
    def of(cls, state: Mapping[str, Tensor], name: str) -> StyleGan2Shape:
        """Reads it from the tensors of a checkpoint.

        Raises:
            WeightsError: They are not those of a StyleGAN2; `name` says whose they are.
        """

        def width(key: str) -> int:
            if key not in state or state[key].ndim < 2:
                raise WeightsError(f"the weights of {name!r} are not a stylegan2: no {key!r} of at least 2 dimensions")
            return int(state[key].shape[1])

        mapping = [key for key in state if re.fullmatch(r"style\.\d+\.weight", key)]
        ups = sorted(int(found[1]) for key in state if (found := re.fullmatch(r"convs\.(\d+)\.conv\.weight", key)))
        # Every second convolution enters a resolution.
        channels = (width("input.input"), *(width(f"convs.{index}.conv.weight") for index in ups[::2]))
        return cls(width("style.1.weight"), len(mapping), channels)


class StyleGan2Network(StyleNetwork):
    """z → w → image, with the names and shapes of the public PyTorch checkpoints.

    Args:
        shape: Dimension, depth and widths.
        mapping_rate: Multiplier of the mapping network's learning rate.
    """

    style: nn.Sequential

    def __init__(self, shape: StyleGan2Shape, mapping_rate: float = 0.01) -> None:
        super().__init__()
        self.shape = shape
        dim, widths = shape.latent_dim, shape.channels
        mapping = [EqualLinear(dim, dim, rate=mapping_rate, rectify=True) for _ in range(shape.mapping_layers)]
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = ConstantInput(widths[0])
        self.conv1 = StyledConv(widths[0], widths[0], dim)
        self.to_rgb1 = ToRgb(widths[0], dim, first=True)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for before, width in itertools.pairwise(widths):
            self.convs += [StyledConv(before, width, dim, upsample=True), StyledConv(width, width, dim)]
            self.to_rgbs.append(ToRgb(width, dim))
        self.noises = nn.Module()
        for index, side in enumerate(self.noise_sides()):
            self.noises.register_buffer(f"noise_{index}", torch.randn(1, 1, side, side))

    def noise_sides(self) -> list[int]:
        """Side of each layer's noise map, px."""
        return [4 * 2 ** ((index + 1) // 2) for index in range(self.shape.layers - 1)]

    def fixed_noise(self) -> list[Tensor]:
        """The noise maps that belong to the weights, shape (1, 1, H, W) each."""
        return [self.noises.get_buffer(f"noise_{index}") for index in range(self.shape.layers - 1)]

    @property
    def dims(self) -> tuple[int, int, int]:
        """Coordinates of z, coordinates of w, and how many layers take a w each."""
        return self.shape.latent_dim, self.shape.latent_dim, self.shape.layers

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        return (3, self.shape.side, self.shape.side)

    @property
    def first_mapping_weight(self) -> Float[Tensor, "outputs dim"]:
        """The weights of the mapping network's first layer, as they are used."""
        first = self.style[1]
        assert isinstance(first, EqualLinear)  # noqa: S101
        return first.scaled_weight

    def style_weights(self, layer: int) -> Float[Tensor, "outputs dim"]:
        """The style weights of a layer's convolution; of the last layer, of that which makes the image."""
        last = [self.to_rgb1, *self.to_rgbs][-1]
        weight: Tensor = [self.conv1, *self.convs, last][layer].conv.modulation.scaled_weight
        return weight

    def steps(
        self, w: Float[Tensor, "batch layers dim"], noise: Sequence[Tensor]
    ) -> Iterator[tuple[Tensor, Float[Tensor, "batch 3 h w"]]]:
        """Synthesis, one resolution at a time.

        Args:
            w: A w for each layer.
            noise: A map for each convolution, shape (1 or B, 1, H, W).

        Yields:
            The maps of a resolution, and the image so far.
        """
        values = self.conv1(self.input(len(w)), w[:, 0], noise[0])
        image = self.to_rgb1(values, w[:, 1], None)
        yield values, image
        for index, to_rgb in enumerate(self.to_rgbs):
            at = 2 * index + 1
            values = self.convs[2 * index](values, w[:, at], noise[at])
            values = self.convs[2 * index + 1](values, w[:, at + 1], noise[at + 1])
            image = to_rgb(values, w[:, at + 2], image)
            yield values, image
