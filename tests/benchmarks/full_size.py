"""Generators of the sizes that are in use, with seeded weights: StyleGAN2 of any side, and one of 4,096 dimensions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pullback.generators import CatalogueEntry, Generator, LatentSpace, SpaceEntry, StandardNormal, StyleGan2, build
from pullback.generators.style_based.stylegan2_network import StyleGan2Network, StyleGan2Shape
from pullback.weights.source import WeightsSource

# Of the published networks: dimensions of z and w, and channels at most.
WIDEST = 512


def stylegan2(side: int, multiplier: int = 2, *, widest: int = WIDEST, mapping_layers: int = 8) -> StyleGan2:
    """A StyleGAN2 of the published widths, with seeded weights, float32 on the CPU; config-f with multiplier 2.

    Args:
        side: Of its images in pixels, a power of 2.
        multiplier: Of the channels from 64 px on.
        widest: Channels at most, and dimensions of z and w.
        mapping_layers: Of the mapping network.
    """
    sides = [4 << level for level in range(side.bit_length() - 2)]
    channels = tuple(min(widest, widest // 2 * multiplier * 64 // max(each, 64)) for each in sides)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = StyleGan2Network(StyleGan2Shape(widest, mapping_layers, channels)).state_dict()
    spaces = (
        SpaceEntry("z", widest, "standard-normal"),
        SpaceEntry("w", widest, "mapped"),
        SpaceEntry("w+", 2 * len(channels) * widest, "mapped"),
    )
    source = WeightsSource(kind="path", location="seeded", sha256="0" * 64)
    name = f"stylegan2-{side}-x{multiplier}"
    found = build(CatalogueEntry(name, name, "stylegan2", spaces, "w+", (3, side, side), source), state)
    assert isinstance(found, StyleGan2)
    return found


class FullyConnected(Generator):
    """The shape of DeePSiM's generator of fc6 features (Dosovitskiy & Brox, NeurIPS 2016), with seeded weights.

    Three fully connected layers of 4,096, then transposed convolutions from 4 to 256 px.

    Args:
        dim: Dimensions of its latents, and width of its fully connected layers; a multiple of 16.
        side: Of its images in pixels, a power of 2 from 8 on.
    """

    def __init__(self, dim: int = 4096, side: int = 256) -> None:
        super().__init__()
        self.name, self.weights_hash = f"fully-connected-{dim}", "seeded"
        self.spaces: Mapping[str, LatentSpace] = {"z": LatentSpace("z", dim, StandardNormal())}
        self.input_space, self.image_shape = "z", (3, side, side)
        # Maps at 4 px, and after each doubling.
        widths = [dim // 16, *(max(1, min(dim // 16, 2 * dim // each)) for each in (16, 32, 64, 128, 256))]
        doublings = side.bit_length() - 3
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            layers: list[nn.Module] = []
            for _ in range(3):
                layers += [nn.Linear(dim, dim), nn.LeakyReLU(0.3)]
            layers.append(nn.Unflatten(1, (widths[0], 4, 4)))
            for level in range(doublings):
                before = widths[min(level, 5)]
                after = 3 if level == doublings - 1 else widths[min(level + 1, 5)]
                layers += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.LeakyReLU(0.3)]
            self.main = nn.Sequential(*layers[:-1])
            for module in self.main:
                if isinstance(module, nn.Linear | nn.ConvTranspose2d):
                    # Variances stay about 1; of a transposed convolution of stride 2, 4 taps meet each pixel.
                    taps = module.in_features if isinstance(module, nn.Linear) else 4 * module.in_channels
                    nn.init.normal_(module.weight, std=(2 / taps) ** 0.5)
        self.requires_grad_(requires_grad=False).eval()

    @property
    def default_context(self) -> Tensor:
        """Zeros."""
        return torch.zeros(self.spaces["z"].dim, device=self.device, dtype=self.dtype)

    def synthesize(self, inputs: Tensor) -> Tensor:
        """Images in [0, 1]."""
        images: Tensor = self.main(inputs)
        return torch.sigmoid(images)
