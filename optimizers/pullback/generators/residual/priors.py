"""Priors of BigGAN: truncated noise, and the embeddings of classes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.generators.generator import Prior
from pullback.generators.truncated_normal import CUT, DEVIATION


@dataclass(frozen=True)
class TruncatedNormal(Prior):
    """Independent coordinates of N(0, t²) within ±2 t: those of BigGAN under its truncation trick.

    Within its bounds the density is that of N(0, t²) but for a constant, so that the penalty is ½‖z/t‖². Outside it is
    zero; the penalty goes on as it is, so that it has a gradient everywhere.

    Attributes:
        scale: t, above 0.
    """

    scale: float = 1.0

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Draws through the inverse of the distribution function."""
        # Φ(z) lies uniformly between Φ(−2) and Φ(2), and Φ(z) = (1 + erf(z/√2)) / 2.
        reach = math.erf(CUT / math.sqrt(2))
        spread = 2 * torch.rand(n, dim, generator=rng, dtype=torch.float64) - 1
        drawn: Tensor = math.sqrt(2) * torch.special.erfinv(reach * spread)
        return (self.scale * drawn.clamp(-CUT, CUT)).float()

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """½‖z/t‖²."""
        return (latents / self.scale).square().sum(dim=-1) / 2

    def curvature(self, dim: int) -> Float[Tensor, "dim dim"]:
        """I / t²."""
        return torch.eye(dim) / self.scale**2

    def spread(self) -> float:
        """The standard deviation of a coordinate, .88 t."""
        return self.scale * DEVIATION

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Coordinates within ±limit · t, and within ±2 t whatever the limit."""
        reach = self.scale * min(limit, CUT)
        return latents.clamp(-reach, reach)


@dataclass(frozen=True, eq=False)
class ClassEmbeddings(Prior):
    """One of the embeddings of classes, each equally often: the class coordinates of BigGAN.

    Every point is an input that the generator takes, but only the embeddings were trained.

    Attributes:
        embeddings: One row for each class, on the CPU in float32.
    """

    embeddings: Float[Tensor, "classes dim"]
    _sent: dict[tuple[torch.device, torch.dtype], Tensor] = field(default_factory=dict, init=False, repr=False)

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Uniformly drawn embeddings."""
        del dim  # The embeddings have their own.
        return self.embeddings[torch.randint(len(self.embeddings), (n,), generator=rng)]

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """The mean of the embeddings."""
        del dim
        return self.embeddings.mean(dim=0)

    def class_codes(self, dim: int) -> Float[Tensor, "classes dim"]:
        """The embeddings."""
        del dim
        return self.embeddings

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """½‖(c − e)/s‖² to the nearest embedding e; s is the spread, so that a coordinate counts as much as noise."""
        codes = self._codes(latents)
        with torch.no_grad():
            # ‖c − e‖² = ‖c‖² − 2 c·e + ‖e‖²
            nearest = (codes.square().sum(dim=1) / 2 - latents @ codes.T).argmin(dim=-1)
        return (latents - codes[nearest]).square().sum(dim=-1) / (2 * self._spread**2)

    def curvature(self, dim: int) -> Float[Tensor, "dim dim"]:
        """I / s²."""
        return torch.eye(dim) / self._spread**2

    def spread(self) -> float:
        """The root mean square of the coordinates' standard deviations over the classes; of one class, its own size."""
        return self._spread

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Coordinates between the least and the greatest of the embeddings, whatever the limit; free of one."""
        del limit
        if len(self.embeddings) == 1:
            return latents
        least, greatest = self._codes(latents).aminmax(dim=0)
        return latents.clamp(least, greatest)

    @cached_property
    def _spread(self) -> float:
        one = len(self.embeddings) == 1
        around = self.embeddings if one else self.embeddings - self.embeddings.mean(dim=0)
        return float(around.square().mean().sqrt())

    def _codes(self, like: Tensor) -> Tensor:
        """The embeddings on that device and of that type; they are sent there once."""
        place = (like.device, like.dtype)
        if place not in self._sent:
            # Who asks first may take no derivatives, but others do.
            with torch.inference_mode(mode=False):
                self._sent[place] = self.embeddings.to(*place)
        return self._sent[place]
