"""What a solver of inversions is: init, step, terminate, postprocess, over an immutable state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from pullback.inversion.problem import Problem


@dataclass(frozen=True, eq=False)
class InversionResult:
    """What an inversion found.

    Attributes:
        latents: The best latent for each target, over all restarts and steps, shape (images, dim).
        images: Their images in [0, 1], shape (images, C, H, W).
        distances: Their distances to the targets, shape (images,).
        losses: Their losses, shape (images,): the lowest that were seen.
        best_restart: Which restart found them, shape (images,).
        best_step: After how many updates, shape (images,), 0 being the start.
        trace_loss: Losses, shape (images, restarts, evaluations): column k is the value after k updates. A
            finished inversion of s steps has s + 1 columns, one that was stopped has those it came to.
        trace_distance: Distances, likewise.
        restart_latents: The best latent of each restart, shape (images, restarts, dim).
        finished: Whether all steps were made.
    """

    latents: Float[Tensor, "images dim"]
    images: Float[Tensor, "images channels height width"]
    distances: Float[Tensor, " images"]
    losses: Float[Tensor, " images"]
    best_restart: Int[Tensor, " images"]
    best_step: Int[Tensor, " images"]
    trace_loss: Float[Tensor, "images restarts evaluations"]
    trace_distance: Float[Tensor, "images restarts evaluations"]
    restart_latents: Float[Tensor, "images restarts dim"]
    finished: bool


@runtime_checkable
class SolverState(Protocol):
    """What every state offers to whoever drives a solver."""

    @property
    def step(self) -> int:
        """Number of evaluations so far."""
        ...

    @property
    def best_loss(self) -> Float[Tensor, "images restarts"]:
        """The lowest finite loss of each restart so far."""
        ...

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        ...


StateT = TypeVar("StateT", bound=SolverState)


class Solver(ABC, Generic[StateT]):
    """Minimises a problem, one step at a time.

    Use: `state = init(problem, starts)`, `state = step(problem, state)` until `terminate(problem, state)`,
    `postprocess(problem, state)`. States are immutable; one that went through `to_tensors` and `restore` goes
    on bit for bit as if it never had.
    """

    @abstractmethod
    def init(self, problem: Problem, starts: Tensor) -> StateT:
        """The state before the first step, at starting latents of shape (images, restarts, dim)."""

    @abstractmethod
    def step(self, problem: Problem, state: StateT) -> StateT:
        """Evaluates the loss once, and moves."""

    @abstractmethod
    def terminate(self, problem: Problem, state: StateT) -> bool:
        """Whether all steps were made."""

    @abstractmethod
    def postprocess(self, problem: Problem, state: StateT) -> InversionResult:
        """The best that was seen so far; may be asked for at any state after the first step."""

    @abstractmethod
    def restore(self, problem: Problem, tensors: Mapping[str, Tensor]) -> StateT:
        """The state that `to_tensors` wrote, on the problem's device."""
