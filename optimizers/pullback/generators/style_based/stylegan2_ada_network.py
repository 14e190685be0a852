"""StyleGAN2's networks in the forms of NVIDIA's PyTorch code (stylegan2-ada-pytorch, stylegan3)."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import WeightsError
from pullback.generators.style_based.generator import StyleNetwork
from pullback.generators.style_based.stylegan2_layers import EqualLinear, PixelNorm, StyledConv, ToRgb, Upsample

Architecture = Literal["orig", "skip", "resnet"]


@dataclass(frozen=True)
class AdaShape:
    """What a file says of a network.

    Attributes:
        latent_dim: Number of coordinates of z.
        mapping: Width of each layer's output of the mapping network, the last one that of w.
        channels: Width of the maps at 4 px, 8 px and so on.
        image_channels: Of the images, 3 or 1.
        architecture: How the image is made: of the last maps (`orig`), as a sum over resolutions (`skip`), or of the
            last maps of blocks with shortcuts (`resnet`).
        classes: Number of classes; 0 of an unconditional network.
        embedding: Width of the embedding of a class.
    """

    latent_dim: int
    mapping: tuple[int, ...]
    channels: tuple[int, ...]
    image_channels: int = 3
    architecture: Architecture = "skip"
    classes: int = 0
    embedding: int = 0

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> AdaShape:
        """Reads it from the tensors of a file, by their names there.

        Raises:
            WeightsError: They are not those of such a network; the message is the end of a sentence.
        """

        def lengths(key: str, dimensions: int) -> tuple[int, ...]:
            if key not in state or state[key].ndim != dimensions:
                raise WeightsError(f"no {key!r} of {dimensions} dimensions")
            return tuple(state[key].shape)

        found = (re.fullmatch(r"synthesis\.b(\d+)\.conv1\.weight", name) for name in state)
        sides = sorted(int(side[1]) for side in found if side)
        if sides != [4 * 2**index for index in range(len(sides))] or not sides:
            raise WeightsError(f"convolutions at the sides {sides}, which should double from 4")
        layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in state)
        mapping = [lengths(f"mapping.fc{layer}.weight", 2) for layer in range(layers)]
        embedding, classes = lengths("mapping.embed.weight", 2) if "mapping.embed.weight" in state else (0, 0)
        if mapping[0][1] <= embedding:
            raise WeightsError(f"'mapping.fc0.weight' takes {mapping[0][1]} numbers, of which {embedding} are a class'")
        return cls(
            latent_dim=mapping[0][1] - embedding,
            mapping=tuple(width for width, _ in mapping),
            channels=tuple(lengths(f"synthesis.b{side}.conv1.weight", 4)[0] for side in sides),
            image_channels=lengths(f"synthesis.b{sides[-1]}.torgb.weight", 4)[0],
            architecture=_architecture(state, sides),
            classes=classes,
            embedding=embedding,
        )


def _architecture(state: Mapping[str, Tensor], sides: Sequence[int]) -> Architecture:
    if "synthesis.b8.skip.weight" in state:
        return "resnet"
    # Of a single resolution both are the same.
    return "skip" if "synthesis.b4.torgb.weight" in state or len(sides) == 1 else "orig"


class AdaMapping(nn.Module):
    """The mapping network, of one class where there are any, or of z and a class side by side.

    Args:
        shape: Dimension, widths, classes.
        rate: Multiplier of the learning rate.
        label: The class, from 0; None = it is taken with z.
    """

    def __init__(self, shape: AdaShape, rate: float, label: int | None = None) -> None:
        super().__init__()
        self.norm = PixelNorm()
        self._latent_dim, self._has_classes, self._has_own = shape.latent_dim, shape.classes > 0, label is not None
        if shape.classes:
            self.embed = EqualLinear(shape.classes, shape.embedding)
            own = functional.one_hot(torch.tensor([label or 0]), shape.classes).float()
            self.register_buffer("_own", own, persistent=False)
        widths = (shape.latent_dim + shape.embedding, *shape.mapping)
        self.fc = nn.ModuleList(EqualLinear(*pair, rate=rate, rectify=True) for pair in itertools.pairwise(widths))

    def forward(self, latents: Float[Tensor, "batch latent_dim"]) -> Float[Tensor, "batch w_dim"]:
        """The w of every z, or of every z with its one-hot class behind it; between classes, of their mixture."""
        values: Tensor = self.norm(latents[:, : self._latent_dim])
        if self._has_classes:
            own = self.get_buffer("_own").expand(len(latents), -1)
            classes = own if self._has_own else latents[:, self._latent_dim :]
            values = torch.cat([values, self.norm(self.embed(classes))], dim=1)
        for layer in self.fc:
            values = layer(values)
        return values


class AdaBlock(nn.Module):
    """One resolution: a convolution that upsamples, but in the first one; a second; and what makes an image of it.

    Args:
        width_in: Channels of the maps before; 0 of the first block.
        width: Channels of the maps.
        style_dim: Number of coordinates of w.
        channels: Channels of the image.
        architecture: How the image is made.
        last: Whether this is the last block.
        clamp: Magnitude that layers do not exceed; None = any.
    """

    def __init__(
        self,
        width_in: int,
        width: int,
        style_dim: int,
        channels: int,
        architecture: Architecture,
        *,
        last: bool,
        clamp: float | None,
    ) -> None:
        super().__init__()
        shortcut = architecture == "resnet" and width_in > 0
        if width_in:
            self.conv0 = StyledConv(width_in, width, style_dim, upsample=True, clamp=clamp)
        else:
            self.const = nn.Parameter(torch.randn(width, 4, 4))
        self.conv1 = StyledConv(width, width, style_dim, gain=math.sqrt(0.5) if shortcut else 1.0, clamp=clamp)
        if shortcut:
            self.skip = Shortcut(width_in, width)
        if last or architecture == "skip":
            self.torgb = ToRgb(
                width, style_dim, first=architecture != "skip" or not width_in, channels=channels, clamp=clamp
            )

    @property
    def convolutions(self) -> list[StyledConv]:
        """Its convolutions, in their order."""
        return [self.conv0, self.conv1] if hasattr(self, "conv0") else [self.conv1]

    def forward(
        self, values: Tensor, image: Tensor | None, w: Float[Tensor, "batch some dim"], noise: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """The maps of this resolution, and the image so far.

        Args:
            values: The maps before; of the first block of no meaning.
            image: The image so far.
            w: A w for each convolution, and one for the making of the image.
            noise: A map for each convolution.
        """
        first, *rest = zip(self.convolutions, w.unbind(1)[:-1], noise, strict=True)
        around = self.skip(values) if hasattr(self, "skip") else None
        if not rest:
            values = self.const.expand(len(w), -1, -1, -1)
        for convolution, style, own in (first, *rest):
            values = convolution(values, style, own)
        values = values if around is None else around + values
        return values, self.torgb(values, w[:, -1], image) if hasattr(self, "torgb") else image


class Shortcut(nn.Module):
    """√½ of the upsampled maps under a convolution 1 × 1: what a block of `resnet` adds."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in, 1, 1))
        self.upsample = Upsample()

    def forward(self, values: Float[Tensor, "batch width_in h w"]) -> Float[Tensor, "batch width_out h2 w2"]:
        """The shortcut's maps."""
        # Of each pixel alone, so that it may come before the upsampling, where there are fewer.
        scaled = self.weight * math.sqrt(0.5 / self.weight.shape[1])
        upsampled: Tensor = self.upsample(functional.conv2d(values, scaled))
        return upsampled


class AdaNetwork(StyleNetwork):
    """z → w → image, in any of the published forms.

    Args:
        shape: Dimensions, widths and form.
        rate: Multiplier of the mapping network's learning rate.
        label: The class that is mapped to, from 0; None without classes, or where z comes with one.
        clamp: Magnitude that layers do not exceed; None = any.
    """

    style: AdaMapping

    def __init__(
        self, shape: AdaShape, rate: float = 0.01, label: int | None = None, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.shape = shape
        self.classes = shape.classes if label is None else 0
        self.style = AdaMapping(shape, rate, label)
        self.blocks = nn.ModuleList()
        for index, (before, width) in enumerate(itertools.pairwise((0, *shape.channels))):
            last = index == len(shape.channels) - 1
            form = (shape.mapping[-1], shape.image_channels, shape.architecture)
            self.blocks.append(AdaBlock(before, width, *form, last=last, clamp=clamp))
        self.noises = nn.Module()
        for index, side in enumerate(self.noise_sides()):
            self.noises.register_buffer(f"noise_{index}", torch.zeros(1, 1, side, side))

    @property
    def dims(self) -> tuple[int, int, int]:
        """Coordinates of z, coordinates of w, and how many layers take a w each: 2·log₂(side) − 2."""
        return self.shape.latent_dim, self.shape.mapping[-1], 2 * len(self.shape.channels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        side = self.noise_sides()[-1]
        return (self.shape.image_channels, side, side)

    def noise_sides(self) -> list[int]:
        """Side of each convolution's noise map, px."""
        return [4 * 2 ** ((index + 1) // 2) for index in range(2 * len(self.shape.channels) - 1)]

    def fixed_noise(self) -> list[Tensor]:
        """The noise maps that belong to the weights, shape (1, 1, H, W) each."""
        return [self.noises.get_buffer(f"noise_{index}") for index in range(len(self.noise_sides()))]

    @property
    def first_mapping_weight(self) -> Float[Tensor, "outputs dim"]:
        """The weights by which the mapping network meets z, and those by which it meets classes that come with z."""
        first = self.style.fc[0]
        assert isinstance(first, EqualLinear)  # noqa: S101
        weights = first.scaled_weight[:, : self.shape.latent_dim]
        if not self.classes:
            return weights
        whole: Tensor = torch.block_diag(weights, self.style.embed.scaled_weight)  # type: ignore[no-untyped-call]
        return whole

    def style_weights(self, layer: int) -> Float[Tensor, "outputs dim"]:
        """The style weights of a layer's convolution; of the last layer, of that which makes the image."""
        blocks = [block for block in self.blocks if isinstance(block, AdaBlock)]
        convolutions = [each.conv for block in blocks for each in block.convolutions]
        return [*convolutions, blocks[-1].torgb.conv][layer].modulation.scaled_weight

    def steps(
        self, w: Float[Tensor, "batch layers dim"], noise: Sequence[Tensor]
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Synthesis, one resolution at a time.

        Args:
            w: A w for each layer.
            noise: A map for each convolution, shape (1 or B, 1, H, W).

        Yields:
            The maps of a resolution, and the image so far; None before there is one.
        """
        values, image = w.new_zeros(()), None
        for index, block in enumerate(self.blocks):
            # The w with which a block makes its image is that of the next one's first convolution.
            start = max(2 * index - 1, 0)
            values, image = block(values, image, w[:, start : 2 * index + 2], noise[start : 2 * index + 1])
            yield values, image
