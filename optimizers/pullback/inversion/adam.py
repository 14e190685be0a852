"""Adam over latents, batched over images and restarts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.inversion.problem import Problem
from pullback.inversion.solver import InversionResult, Solver

SCHEDULES = ("constant", "cosine")
MAX_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class AdamState:
    """Where every restart stands, and the best it saw.

    Attributes:
        step: Number of evaluations so far.
        coordinates: What Adam moves, shape (images, restarts, dim): latents, or coordinates that stand for them.
        mean: Running mean of the gradient, same shape.
        variance: Running mean of the squared gradient, same shape.
        best_latents: Latents of the lowest finite loss, same shape.
        best_loss: The lowest finite loss, shape (images, restarts); infinite before there is one.
        best_distance: The distance there, same shape.
        best_step: After how many updates, same shape.
        trace_loss: Every loss, shape (images, restarts, step).
        trace_distance: Every distance, same shape.
    """

    step: int
    coordinates: Float[Tensor, "images restarts dim"]
    mean: Float[Tensor, "images restarts dim"]
    variance: Float[Tensor, "images restarts dim"]
    best_latents: Float[Tensor, "images restarts dim"]
    best_loss: Float[Tensor, "images restarts"]
    best_distance: Float[Tensor, "images restarts"]
    best_step: Int[Tensor, "images restarts"]
    trace_loss: Float[Tensor, "images restarts step"]
    trace_distance: Float[Tensor, "images restarts step"]

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "step"}
        return {name: tensor.contiguous() for name, tensor in tensors.items()}


@dataclass(frozen=True)
class Adam(Solver[AdamState]):
    """Adam (Kingma & Ba, ICLR 2015), elementwise over images × restarts × dimensions.

    Losses are evaluated before the first update, between updates and after the last, steps + 1 times; the last
    evaluation needs no gradient. A restart whose loss or gradient is not finite stays where it is, and a loss that
    is not finite is never the best.

    Attributes:
        steps: Number of updates, 1 to 100,000.
        learning_rate: Step size, above 0.
        betas: Decay of the running means of the gradient and of its square, each in [0, 1).
        eps: Added to the root of the second mean, above 0.
        schedule: `constant`, or `cosine`: the step size falls to 0 along half a cosine.

    Raises:
        InvalidInputError: An option is out of range.
        UnknownNameError: No such schedule.
    """

    steps: int = 200
    learning_rate: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    schedule: str = "constant"

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise InvalidInputError(f"steps lie between 1 and {MAX_STEPS}, but {self.steps} came")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise InvalidInputError(f"a learning rate is finite and above 0, but {self.learning_rate} came")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InvalidInputError(f"betas lie from 0 to below 1, but {self.betas} came")
        if not (math.isfinite(self.eps) and self.eps > 0):
            raise InvalidInputError(f"eps is finite and above 0, but {self.eps} came")
        if self.schedule not in SCHEDULES:
            raise UnknownNameError("schedule", self.schedule, SCHEDULES)

    def init(self, problem: Problem, starts: Tensor) -> AdamState:
        """The state before the first step.

        Args:
            problem: What to minimise.
            starts: Starting latents, shape (images, restarts, dim).

        Raises:
            InvalidInputError: The starting latents have another shape, or are not finite.
        """
        if starts.ndim != 3 or (len(starts), starts.shape[2]) != (problem.images, problem.dim) or not starts.numel():
            raise InvalidInputError(
                f"starting latents have shape ({problem.images}, restarts, {problem.dim}), "
                f"but shape {tuple(starts.shape)} came"
            )
        if not starts.isfinite().all():
            raise InvalidInputError("starting latents are finite, but NaN or infinity came")
        starts = starts.detach().to(problem.generator.device, problem.generator.dtype)
        each = starts.new_zeros(starts.shape[:2])
        none = starts.new_zeros((*starts.shape[:2], 0))
        return AdamState(
            step=0,
            coordinates=self._to_coordinates(problem, starts),
            mean=torch.zeros_like(starts),
            variance=torch.zeros_like(starts),
            best_latents=starts,
            best_loss=torch.full_like(each, math.inf),
            best_distance=torch.full_like(each, math.inf),
            best_step=each.long(),
            trace_loss=none,
            trace_distance=none,
        )

    def step(self, problem: Problem, state: AdamState) -> AdamState:
        """Evaluates the loss once and, unless that was the last evaluation, moves."""
        moves = state.step < self.steps
        coordinates = state.coordinates.detach().requires_grad_(moves)
        with torch.set_grad_enabled(moves):
            latents = self._to_latents(problem, coordinates)
            loss, distance = problem.evaluate(latents)
        # Restarts are independent: the gradient of the sum is each one's own.
        gradient = torch.autograd.grad(loss.sum(), coordinates)[0] if moves else None
        seen = self._record(state, latents.detach(), loss.detach(), distance.detach())
        return seen if gradient is None else self._update(seen, gradient)

    def terminate(self, problem: Problem, state: AdamState) -> bool:
        """Whether all steps were made and the last one evaluated."""
        del problem
        return state.step > self.steps

    def postprocess(self, problem: Problem, state: AdamState) -> InversionResult:
        """The best that was seen so far.

        Raises:
            InvalidInputError: No step was made yet.
            PullbackError: All losses of a target were non-finite.
        """
        if state.step == 0:
            raise InvalidInputError("nothing was evaluated yet; make a step first")
        losses, restart = state.best_loss.min(dim=1)
        lost = (~losses.isfinite()).nonzero().flatten().tolist()
        if lost:
            raise PullbackError(
                f"no restart of target {lost[0]} ever had a finite loss; try other starts, or another distance"
            )
        image = torch.arange(problem.images, device=restart.device)
        latents = state.best_latents[image, restart]
        with torch.no_grad():
            images = problem.render(latents[:, None])[:, 0]
        return InversionResult(
            latents=latents,
            images=images,
            distances=state.best_distance[image, restart],
            losses=losses,
            best_restart=restart,
            best_step=state.best_step[image, restart],
            trace_loss=state.trace_loss,
            trace_distance=state.trace_distance,
            restart_latents=state.best_latents,
            finished=self.terminate(problem, state),
        )

    def restore(self, problem: Problem, tensors: Mapping[str, Tensor]) -> AdamState:
        """The state that `to_tensors` wrote, on the problem's device.

        Raises:
            InvalidInputError: A tensor is missing, or belongs to another problem.
        """
        names = [field.name for field in fields(AdamState) if field.name != "step"]
        missing = [name for name in names if name not in tensors]
        if missing:
            raise InvalidInputError(f"a checkpoint of an inversion lacks {', '.join(missing)}")
        shape = tuple(tensors["coordinates"].shape)
        if (shape[0], shape[-1]) != (problem.images, problem.dim):
            raise InvalidInputError(
                f"this problem's checkpoints have shape ({problem.images}, restarts, {problem.dim}), but {shape} came"
            )
        moved = {name: tensors[name].to(problem.generator.device) for name in names}
        return AdamState(step=moved["trace_loss"].shape[2], **moved)

    def _to_coordinates(self, problem: Problem, latents: Tensor) -> Tensor:
        del problem
        return latents

    def _to_latents(self, problem: Problem, coordinates: Tensor) -> Tensor:
        del problem
        return coordinates

    def _record(self, state: AdamState, latents: Tensor, loss: Tensor, distance: Tensor) -> AdamState:
        # A comparison with NaN is false, so that NaN is never better.
        better = loss < state.best_loss
        return replace(
            state,
            step=state.step + 1,
            best_latents=torch.where(better[..., None], latents, state.best_latents),
            best_loss=torch.where(better, loss, state.best_loss),
            best_distance=torch.where(better, distance, state.best_distance),
            best_step=torch.where(better, state.step, state.best_step),
            trace_loss=torch.cat([state.trace_loss, loss[..., None]], dim=2),
            trace_distance=torch.cat([state.trace_distance, distance[..., None]], dim=2),
        )

    def _update(self, state: AdamState, gradient: Tensor) -> AdamState:
        beta1, beta2 = self.betas
        # m ← β₁ m + (1 − β₁) g
        mean = beta1 * state.mean + (1 - beta1) * gradient
        # v ← β₂ v + (1 − β₂) g²
        variance = beta2 * state.variance + (1 - beta2) * gradient.square()
        # m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ), c ← c − η m̂ / (√v̂ + ε)
        unbiased_mean = mean / (1 - beta1**state.step)
        unbiased_variance = variance / (1 - beta2**state.step)
        rate = self._rate(state.step - 1)
        moved = state.coordinates - rate * unbiased_mean / (unbiased_variance.sqrt() + self.eps)
        finite = (state.trace_loss[..., -1:].isfinite() & gradient.isfinite().all(dim=2, keepdim=True)).expand_as(moved)
        return replace(
            state,
            coordinates=torch.where(finite, moved, state.coordinates),
            mean=torch.where(finite, mean, state.mean),
            variance=torch.where(finite, variance, state.variance),
        )

    def _rate(self, update: int) -> float:
        if self.schedule == "constant":
            return self.learning_rate
        # η_k = η (1 + cos(π k / steps)) / 2
        return self.learning_rate * (1 + math.cos(math.pi * update / self.steps)) / 2
