"""Interface of a solver: init, step, terminate, postprocess, over an immutable state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from pullback.inversion.problems.evaluation import Evaluation, Query, evaluate
from pullback.inversion.problems.problem import Problem


@dataclass(frozen=True, eq=False)
class InversionResult:
    """What an inversion found.

    Attributes:
        latents: The best latent for each target, over all restarts and steps, shape (images, dim).
        images: Their images in [0, 1], shape (images, C, H, W).
        distances: Their distances to the targets, shape (images,).
        losses: Their losses, shape (images,): the lowest that were seen; infinite for a target that never had a finite
            one, whose latent is a start then.
        best_restart: Which restart found them, shape (images,).
        best_step: After how many updates, shape (images,), 0 being the start.
        frames: Scale, shift to the right and shift downwards of the best, shape (images, 3); None where no alignment
            was searched.
        framed_targets: What the images resemble: the targets, within their frames where those were searched, shape
            (images, C, H, W).
        noise: The noise maps that belong to the images, flat side by side as the generator's `noise_shapes` say, shape
            (images, values); None where none were searched.
        trace_loss: Losses, shape (images, restarts, steps + 1): column k is the value after k updates, NaN where a
            restart was given up before. One that was stopped has as many columns as it came to.
        trace_distance: Distances, likewise.
        restart_latents: The best latent of each restart, shape (images, restarts, dim).
        restart_losses: Their losses, shape (images, restarts).
        restart_distances: Their distances, same shape.
        restart_steps: After how many updates, same shape.
        restart_frames: Their frames, shape (images, restarts, 3), or None.
        restart_noise: Their noise maps, shape (images, restarts, values), or None.
        evaluations: Evaluations of the generator for each target, shape (images,).
        finished: Whether all steps were made.
    """

    latents: Float[Tensor, "images dim"]
    images: Float[Tensor, "images channels *size"]
    distances: Float[Tensor, " images"]
    losses: Float[Tensor, " images"]
    best_restart: Int[Tensor, " images"]
    best_step: Int[Tensor, " images"]
    frames: Float[Tensor, "images 3"] | None
    framed_targets: Float[Tensor, "images channels *size"]
    noise: Float[Tensor, "images values"] | None
    trace_loss: Float[Tensor, "images restarts evaluations"]
    trace_distance: Float[Tensor, "images restarts evaluations"]
    restart_latents: Float[Tensor, "images restarts dim"]
    restart_losses: Float[Tensor, "images restarts"]
    restart_distances: Float[Tensor, "images restarts"]
    restart_steps: Int[Tensor, "images restarts"]
    restart_frames: Float[Tensor, "images restarts 3"] | None
    restart_noise: Float[Tensor, "images restarts values"] | None
    evaluations: Int[Tensor, " images"]
    finished: bool


@runtime_checkable
class SolverState(Protocol):
    """What every state offers to whoever drives a solver."""

    @property
    def step(self) -> int:
        """Number of steps so far."""
        ...

    @property
    def evaluations(self) -> int:
        """Evaluations of the generator per image so far."""
        ...

    @property
    def best_loss(self) -> Float[Tensor, "images restarts"]:
        """The lowest finite loss of each restart so far."""
        ...

    @property
    def trace_loss(self) -> Float[Tensor, "images restarts step"]:
        """Every loss so far, NaN where a restart was not evaluated."""
        ...

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        ...


StateT = TypeVar("StateT", bound=SolverState)


class Solver(ABC, Generic[StateT]):
    """Minimises a problem, one step at a time.

    Use: `state = init(problem, starts)`, `state = step(problem, state)` until `terminate(problem, state)`,
    `postprocess(problem, state)`. A step is `ask` for what to evaluate, and `tell` of what came out, so that whoever
    drives several searches may evaluate them together. States are immutable; one that went through `to_tensors` and
    `restore` goes on bit for bit as if it never had.

    Attributes:
        moves_noise: Whether it can move the generator's noise maps, too.
    """

    moves_noise: ClassVar[bool] = False

    @abstractmethod
    def init(self, problem: Problem, starts: Tensor) -> StateT:
        """The state before the first step, at starting points of shape (images, restarts, dim)."""

    @abstractmethod
    def ask(self, problem: Problem, state: StateT) -> Query:
        """What the next step wants evaluated."""

    @abstractmethod
    def tell(self, problem: Problem, state: StateT, evaluation: Evaluation) -> StateT:
        """The state after a step whose query had that answer."""

    def step(self, problem: Problem, state: StateT) -> StateT:
        """Evaluates once, and moves."""
        return self.tell(problem, state, evaluate(problem, self.ask(problem, state)))

    @abstractmethod
    def total(self, state: StateT) -> int:
        """How many updates a search makes that nobody stops: one less than its steps."""

    @abstractmethod
    def terminate(self, problem: Problem, state: StateT) -> bool:
        """Whether all steps were made."""

    @abstractmethod
    def postprocess(self, problem: Problem, state: StateT) -> InversionResult:
        """The best that was seen so far; may be asked for at any state after the first step."""

    @abstractmethod
    def restore(self, problem: Problem, tensors: Mapping[str, Tensor]) -> StateT:
        """The state that `to_tensors` wrote, on the problem's device."""
