"""Priors: the distributions from which latents are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.generators.catalogue_file import CatalogueEntry, SpaceEntry, parts_of
from pullback.generators.generator import LatentSpace, Prior


@dataclass(frozen=True)
class StandardNormal(Prior):
    """N(0, I)."""

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent standard normal coordinates."""
        return torch.randn(n, dim, generator=rng)


@dataclass(frozen=True)
class OneHot(Prior):
    """One coordinate is 1 and the others are 0, each coordinate equally often."""

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Uniformly drawn unit vectors of the coordinate axes."""
        return functional.one_hot(torch.randint(dim, (n,), generator=rng), dim).float()

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """Every coordinate is 1 equally often."""
        return torch.full((dim,), 1 / dim)

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """½‖c − e‖² to the nearest unit vector e of an axis."""
        nearest = functional.one_hot(latents.argmax(dim=-1), latents.shape[-1]).to(latents)
        return (latents - nearest).square().sum(dim=-1) / 2

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Coordinates within [0, 1], whatever the limit."""
        del limit
        return latents.clamp(0, 1)


@dataclass(frozen=True)
class Product(Prior):
    """Independent blocks side by side.

    Attributes:
        parts: Prior and number of coordinates of each block, in order.
    """

    parts: tuple[tuple[Prior, int], ...]

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Draws each block in turn, so the first block is what its own prior draws with the same seed."""
        del dim  # The parts know their own.
        return torch.cat([prior.sample(n, width, rng) for prior, width in self.parts], dim=1)

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """The means of the blocks side by side."""
        del dim  # The parts know their own.
        return torch.cat([prior.mean(width) for prior, width in self.parts])

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """The sum of the blocks' penalties."""
        blocks = zip(self.parts, self._blocks(latents), strict=True)
        return torch.stack([prior.penalty(block) for (prior, _), block in blocks]).sum(dim=0)

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Each block as its own prior truncates it."""
        blocks = zip(self.parts, self._blocks(latents), strict=True)
        return torch.cat([prior.truncate(block, limit) for (prior, _), block in blocks], dim=-1)

    def _blocks(self, latents: Tensor) -> tuple[Tensor, ...]:
        return torch.split(latents, [width for _, width in self.parts], dim=-1)


def latent_spaces(entry: CatalogueEntry) -> dict[str, LatentSpace]:
    """The latent spaces of a catalogue entry with their priors, by name."""
    return {
        space.name: LatentSpace(space.name, space.dim, _prior(space, entry), space.start, space.labels)
        for space in entry.spaces
    }


def _prior(space: SpaceEntry, entry: CatalogueEntry) -> Prior:
    if space.prior == "product":
        return Product(tuple((_prior(part, entry), part.dim) for part in parts_of(entry)))
    return OneHot() if space.prior == "one-hot" else StandardNormal()
