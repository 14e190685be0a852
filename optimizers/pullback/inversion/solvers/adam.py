"""Adam over latents, batched over images and restarts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.adam import adam_step
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.descent import Descent, DescentState, Seen, where

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True, kw_only=True)
class Adam(Descent):
    """Adam (Kingma & Ba, ICLR 2015), elementwise over images × restarts × dimensions.

    A restart whose loss or gradient is not finite stays where it is.

    Attributes:
        learning_rate: Step size, above 0.
        betas: Decay of the running means of the gradient and of its square, each in [0, 1).
        eps: Added to the root of the second mean, above 0.
        schedule: `constant`, or `cosine`: the step size falls to 0 along half a cosine.

    Raises:
        InvalidInputError: An option is out of range.
        UnknownNameError: No such schedule.
    """

    learning_rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    schedule: str = "constant"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_learning_rate(self.learning_rate)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InvalidInputError(f"betas lie from 0 to below 1, but {self.betas} came")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise InvalidInputError(f"eps is finite and above 0, but {self.eps} came")
        if self.schedule not in SCHEDULES:
            raise UnknownNameError("schedule", self.schedule, SCHEDULES)

    def memory(self, problem: Problem, coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
        """Running means of the gradient and of its square, and how many updates they hold."""
        del problem
        return adam_memory(coordinates)

    def move(
        self, state: DescentState, seen: Seen, progress: float
    ) -> tuple[Float[Tensor, "images alive k"], dict[str, Tensor]]:
        """One update of Adam."""
        return adam_update(state.coordinates, seen, state.memory, self._rate(progress), self.betas, self.eps)

    def _rate(self, progress: float) -> float:
        if self.schedule == "constant":
            return self.learning_rate
        # η_k = η (1 + cos(π k / steps)) / 2
        return self.learning_rate * (1 + math.cos(math.pi * progress)) / 2


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
