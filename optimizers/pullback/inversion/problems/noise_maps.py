"""Noise maps as variables of an inversion: their regulariser, and how they are drawn and kept normal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.generators.noise_maps import noise_values, split_maps
from pullback.geometry.seeding import derive_seed

# A pyramid of a map ends at this side, px.
_LAST_SIDE = 8


@dataclass(frozen=True)
class NoiseMaps:
    """The noise maps of a generator, flat side by side.

    They are meant to stay what noise is, white and of unit variance, so that no picture is drawn with them (Karras et
    al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, appendix D): a regulariser keeps neighbours
    uncorrelated at every scale, and after each update every map is normalised.

    Attributes:
        shapes: Height and width of each map.
    """

    shapes: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, generator: Generator) -> NoiseMaps:
        """Those that a generator takes.

        Raises:
            InvalidInputError: It takes none.
        """
        if not generator.noise_shapes:
            raise InvalidInputError(
                f"generator {generator.name!r} has no noise maps that could be searched; leave them out"
            )
        return cls(generator.noise_shapes)

    @property
    def values(self) -> int:
        """How many numbers all maps hold."""
        return noise_values(self.shapes)

    def split(self, noise: Float[Tensor, "*batch values"]) -> list[Tensor]:
        """The maps, each of shape (…, height, width)."""
        return split_maps(noise, self.shapes)

    def normalized(self, noise: Float[Tensor, "*batch values"]) -> Float[Tensor, "*batch values"]:
        """Every map n as (n − mean n) / √mean (n − mean n)²."""
        found = []
        for each in self.split(noise):
            flat = each.flatten(-2)
            centred = flat - flat.mean(dim=-1, keepdim=True)
            power = centred.square().mean(dim=-1, keepdim=True)
            # A map that is the same everywhere stays so.
            found.append(centred * power.clamp_min(torch.finfo(power.dtype).tiny).rsqrt())
        return torch.cat(found, dim=-1)

    def penalty(self, noise: Float[Tensor, "*batch values"]) -> Float[Tensor, "*batch"]:
        """Squared autocorrelations at shifts of one pixel, over maps and their pyramids; differentiable.

        Σ over maps and scales of (mean n·n→)² + (mean n·n↓)², n→ and n↓ the map shifted cyclically by a pixel along
        each axis, each scale the means of 2 × 2 px of the one before, down to 8 px. The paper multiplies each scale by
        2, which keeps its variance; its code and all that follow it do not, and the usual weight, 1e5, is for those.
        """
        total = noise.new_zeros(noise.shape[:-1])
        for each in self.split(noise):
            scale = each.reshape(-1, 1, *each.shape[-2:])
            while True:
                for axis in (2, 3):
                    correlation = (scale * scale.roll(1, axis)).mean(dim=(1, 2, 3))
                    total = total + correlation.square().reshape(total.shape)
                if min(scale.shape[2:]) <= _LAST_SIDE:
                    break
                scale = functional.avg_pool2d(scale, 2)
        return total

    def draw(self, seed: int, *place: int) -> Float[Tensor, " values"]:
        """Maps of N(0, 1), normalised, float32 on the CPU."""
        rng = torch.Generator().manual_seed(derive_seed(seed, *place))
        return self.normalized(torch.randn(self.values, generator=rng))
