"""Adam over latents, batched over images and restarts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.adam import adam_step
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.geometry.seeding import derive_seed
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.descent import Descent, DescentState, Seen, where

SCHEDULES = ("constant", "cosine")
# A stream of random numbers apart from those of the starts.
_NOISE = 3


@dataclass(frozen=True, kw_only=True)
class Adam(Descent):
    """Adam (Kingma & Ba, ICLR 2015), elementwise over images × restarts × dimensions.

    A restart whose loss or gradient is not finite stays where it is. Noise that is added to latents where they are
    evaluated is drawn anew for each step, for each restart its own; no latent keeps it.

    Attributes:
        learning_rate: Step size, above 0.
        betas: Decay of the running means of the gradient and of its square, each in [0, 1).
        eps: Added to the root of the second mean, above 0.
        schedule: `constant`, or `cosine`: the step size falls to 0 along half a cosine.
        ramp_up: Share of the updates over which the step size rises from 0, besides, 0 to 1.
        ramp_down: Share of the updates at whose end it falls to 0 along half a cosine, besides, 0 to 1.
        latent_noise: Standard deviation of the noise on latents at first, finite and ≥ 0, in units of √E‖w − w̄‖², of
            each layer where the space that moves has a w for each.
        noise_ramp: Share of the updates over which it falls to 0, above 0, at most 1.
        seed: Of that noise.

    Raises:
        InvalidInputError: An option is out of range.
        UnknownNameError: No such schedule.
    """

    learning_rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    schedule: str = "constant"
    ramp_up: float = 0.0
    ramp_down: float = 0.0
    latent_noise: float = 0.0
    noise_ramp: float = 0.75
    seed: int = 0

    moves_noise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_learning_rate(self.learning_rate)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InvalidInputError(f"betas lie from 0 to below 1, but {self.betas} came")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise InvalidInputError(f"eps is finite and above 0, but {self.eps} came")
        if self.schedule not in SCHEDULES:
            raise UnknownNameError("schedule", self.schedule, SCHEDULES)
        for name, share in (("up", self.ramp_up), ("down", self.ramp_down)):
            if not 0 <= share <= 1:
                raise InvalidInputError(f"a ramp {name} is a share of the updates, 0 to 1, but {share} came")
        if not (math.isfinite(self.latent_noise) and self.latent_noise >= 0):
            raise InvalidInputError(f"noise on latents is finite and not negative, but {self.latent_noise} came")
        if not 0 < self.noise_ramp <= 1:
            raise InvalidInputError(
                f"noise on latents falls over a share of the updates above 0, at most 1, but {self.noise_ramp} came"
            )

    def evaluated(self, problem: Problem, state: DescentState) -> Float[Tensor, "images alive dim"]:
        """Where the restarts stand, with noise while there is any."""
        points, noise = super().evaluated(problem, state), self.noise_scale(state.progress)
        return points if noise == 0 else points + _noise(problem, state, noise, self.seed)

    def memory(self, problem: Problem, coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
        """Running means of the gradient and of its square, and how many updates they hold."""
        del problem
        return adam_memory(coordinates)

    def move(
        self, state: DescentState, seen: Seen, progress: float
    ) -> tuple[Float[Tensor, "images alive k"], dict[str, Tensor]]:
        """One update of Adam."""
        return adam_update(state.coordinates, seen, state.memory, self.rate(progress), self.betas, self.eps)

    def noise_scale(self, progress: float) -> float:
        """Standard deviation of the noise on latents after that share of the updates, in its unit."""
        # σ_t = σ max(0, 1 − t / r)²
        return self.latent_noise * max(0.0, 1 - progress / self.noise_ramp) ** 2

    def rate(self, progress: float) -> float:
        """Step size of the update after that share of the updates."""
        rate = self.learning_rate
        if self.schedule == "cosine":
            # η_k = η (1 + cos(π k / steps)) / 2
            rate *= (1 + math.cos(math.pi * progress)) / 2
        if self.ramp_up:
            rate *= min(1.0, progress / self.ramp_up)
        if self.ramp_down:
            # ½ − ½ cos(π min(1, (1 − t) / d))
            rate *= (1 - math.cos(math.pi * min(1.0, (1 - progress) / self.ramp_down))) / 2
        return rate


def _noise(problem: Problem, state: DescentState, scale: float, seed: int) -> Float[Tensor, "images alive dim"]:
    """Noise on what moves of the latents, for each step and each restart its own, whatever the target."""
    block, space = problem.moving_block, problem.generator.space(problem.moves)
    layers = problem.generator.repeats("w", problem.moves) or 1
    # √E‖w − w̄‖² = √tr Σ
    deviation = scale * problem.moving_prior.spread() * math.sqrt(space.dim / layers)
    restarts = range(state.best_loss.shape[1])
    seeds = [derive_seed(seed, _NOISE, state.step, restart) for restart in restarts]
    draws = torch.stack([torch.randn(space.dim, generator=torch.Generator().manual_seed(each)) for each in seeds])
    noise = torch.zeros_like(state.base)
    noise[..., block] = deviation * draws.to(noise)[state.alive]
    return noise


def adam_memory(coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
    """What Adam remembers before the first update."""
    return {
        "mean": torch.zeros_like(coordinates),
        "variance": torch.zeros_like(coordinates),
        "updates": torch.zeros_like(coordinates[..., :1]),
    }


def adam_update(
    coordinates: Float[Tensor, "images alive k"],
    seen: Seen,
    memory: Mapping[str, Tensor],
    rate: float | Float[Tensor, " k"],
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Float[Tensor, "images alive k"], dict[str, Tensor]]:
    """The next coordinates and memory; both stay as they are where what was seen is not finite.

    Args:
        coordinates: Where the restarts stand.
        seen: What was seen there.
        memory: What Adam remembers, besides what others do.
        rate: Step size, or that of each coordinate.
        betas: Decay of the running means.
        eps: Added to the root of the second mean.
    """
    updates = memory["updates"] + 1
    moved, mean, variance = adam_step(
        coordinates, seen.gradient, memory["mean"], memory["variance"], updates, rate=rate, betas=betas, eps=eps
    )
    new = {"mean": mean, "variance": variance, "updates": updates}
    kept = {name: where(seen.finite, tensor, memory[name]) for name, tensor in new.items()}
    return where(seen.finite, moved, coordinates), {**memory, **kept}


def check_learning_rate(learning_rate: float) -> None:
    """Checks a step size.

    Raises:
        InvalidInputError: It is not above 0, or not finite.
    """
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise InvalidInputError(f"a learning rate is finite and above 0, but {learning_rate} came")
