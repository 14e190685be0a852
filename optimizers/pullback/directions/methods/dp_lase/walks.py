"""Walks that keep the density of the prior: where it is known, and where it is learnt on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from pullback.directions.methods.dp_lase.correction import Correction
from pullback.directions.methods.dp_lase.density import Density
from pullback.directions.methods.dp_lase.losses import density_change, likelihood, monotonicity


class Walks(ABC):
    """Where walks lead, as a function of weights that are learnt with the directions."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """The weights before the first step, by name."""

    @abstractmethod
    def lead(
        self,
        weights: Mapping[str, Tensor],
        directions: Float[Tensor, "k n"],
        starts: Float[Tensor, "batch n"],
        steps: Float[Tensor, "batch k"],
    ) -> Float[Tensor, "batch k n"]:
        """z_dp, where walks lead.

        Args:
            weights: By name; others beside them have no effect.
            directions: γ_j, unit vectors.
            starts: z₀.
            steps: ε of each start and direction.
        """

    @abstractmethod
    def loss(
        self, weights: Mapping[str, Tensor], starts: Float[Tensor, "batch n"], moved: Float[Tensor, "batch k n"]
    ) -> Float[Tensor, ""]:
        """What the weights are to make small."""


class KnownPrior(Walks):
    """Walks under a normal prior, whose density is a function of the norm: nothing is learnt."""

    def weights(self) -> dict[str, Tensor]:
        """None."""
        return {}

    def lead(
        self,
        weights: Mapping[str, Tensor],
        directions: Float[Tensor, "k n"],
        starts: Float[Tensor, "batch n"],
        steps: Float[Tensor, "batch k"],
    ) -> Float[Tensor, "batch k n"]:
        """z_dp = ‖z₀‖ / ‖z₀ + ε γ_j‖ (z₀ + ε γ_j): DP-LaSE, Eq. 2."""
        del weights
        walked = straight(directions, starts, steps)
        norms: Tensor = torch.linalg.vector_norm(starts, dim=-1)
        return norms[:, None, None] * functional.normalize(walked, dim=-1)

    def loss(
        self, weights: Mapping[str, Tensor], starts: Float[Tensor, "batch n"], moved: Float[Tensor, "batch k n"]
    ) -> Float[Tensor, ""]:
        """Zero."""
        del weights, moved
        return starts.new_zeros(())


class LearntPrior(Walks):
    """Walks under a prior that is known by its draws: F learns its density, C to keep it.

    Args:
        drawn: Latents of the prior, whose means and deviations bring each coordinate to one scale, so that one F serves
            all of them.
        reach: Longest walk.
        rng: Where the first weights come from.
    """

    def __init__(self, drawn: Float[Tensor, "samples n"], reach: float, rng: torch.Generator) -> None:
        self._reach = reach
        self._center = drawn.mean(dim=0)
        self._deviations = drawn.std(dim=0).clamp_min(torch.finfo(drawn.dtype).eps)
        self._density = Density(rng).to(drawn)
        self._correction = Correction(drawn.shape[1], rng).to(drawn)

    def weights(self) -> dict[str, Tensor]:
        """Those of `density.` and `correction.`."""
        networks: dict[str, nn.Module] = {"density": self._density, "correction": self._correction}
        return {
            f"{name}.{key}": tensor.detach().clone()
            for name, network in networks.items()
            for key, tensor in network.named_parameters()
        }

    def lead(
        self,
        weights: Mapping[str, Tensor],
        directions: Float[Tensor, "k n"],
        starts: Float[Tensor, "batch n"],
        steps: Float[Tensor, "batch k"],
    ) -> Float[Tensor, "batch k n"]:
        """z_dp = z₀ + ε γ_j + C(z₀, ε, γ_j): DP-LaSE, Eq. 6."""
        given = (self._scaled(starts), steps / self._reach, directions)
        correction: Tensor = functional_call(self._correction, _of("correction", weights), given)
        return straight(directions, starts, steps) + self._deviations * correction

    def loss(
        self, weights: Mapping[str, Tensor], starts: Float[Tensor, "batch n"], moved: Float[Tensor, "batch k n"]
    ) -> Float[Tensor, ""]:
        """ℓ_mon + ℓ_lik + ℓ_den.

        F learns from the draws alone: ℓ_den, which a flat F would make small, trains the directions and C.
        """
        before = self.log_density(weights, starts)
        fixed = {name: tensor.detach() for name, tensor in weights.items()}
        change = density_change(before.detach(), self.log_density(fixed, moved))
        return monotonicity(before) + likelihood(before) + change

    def log_density(
        self, weights: Mapping[str, Tensor], latents: Float[Tensor, "*shape n"]
    ) -> Float[Tensor, "*shape n"]:
        """The logarithm of F′ of each coordinate, but for a constant of its own."""
        log_slopes: Tensor = functional_call(self._density, _of("density", weights), (self._scaled(latents),))[1]
        return log_slopes

    def _scaled(self, latents: Tensor) -> Tensor:
        return (latents - self._center) / self._deviations


def straight(
    directions: Float[Tensor, "k n"], starts: Float[Tensor, "batch n"], steps: Float[Tensor, "batch k"]
) -> Float[Tensor, "batch k n"]:
    """z₀ + ε γ_j (DP-LaSE, Eq. 1)."""
    return starts[:, None] + steps[..., None] * directions


def _of(network: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network by their own names."""
    start = f"{network}."
    return {name.removeprefix(start): tensor for name, tensor in weights.items() if name.startswith(start)}
