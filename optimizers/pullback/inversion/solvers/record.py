"""Record of a search: the best of every restart, and every loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.rendering import rendered
from pullback.inversion.problems.evaluation import Evaluation
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.solver import InversionResult


@dataclass(frozen=True, eq=False)
class Record:
    """The best that each restart saw, and its traces.

    Attributes:
        best_points: Points of the lowest finite loss, shape (images, restarts, dim).
        best_loss: The lowest finite loss, shape (images, restarts); infinite before there is one.
        best_distance: The distance there, same shape.
        best_step: After how many updates, same shape.
        trace_loss: Losses, shape (images, restarts, step); NaN where a restart was not evaluated.
        trace_distance: Distances, likewise.
        evaluations: Evaluations of the generator per image.
    """

    best_points: Float[Tensor, "images restarts dim"]
    best_loss: Float[Tensor, "images restarts"]
    best_distance: Float[Tensor, "images restarts"]
    best_step: Int[Tensor, "images restarts"]
    trace_loss: Float[Tensor, "images restarts step"]
    trace_distance: Float[Tensor, "images restarts step"]
    evaluations: int = 0

    @classmethod
    def begin(cls, problem: Problem, starts: Tensor) -> Record:
        """An empty record of a search from starting points.

        Args:
            problem: The problem.
            starts: Starting points, shape (images, restarts, dim).

        Raises:
            InvalidInputError: They have another shape, or are not finite.
        """
        check_starts(problem, starts)
        starts = starts.detach().to(problem.generator.device, problem.generator.dtype)
        none = starts.new_zeros((*starts.shape[:2], 0))
        endless = torch.full_like(starts[..., 0], math.inf)
        return cls(starts, endless, endless, torch.zeros_like(endless, dtype=torch.long), none, none)

    @property
    def step(self) -> int:
        """Number of steps so far."""
        return self.trace_loss.shape[2]

    def seen(
        self, points: Tensor, evaluation: Evaluation, alive: Int[Tensor, "images alive"], cost: int | None = None
    ) -> Record:
        """The record after another step.

        Args:
            points: What was evaluated, shape (images, alive, dim).
            evaluation: What came out.
            alive: The numbers of the restarts that were evaluated.
            cost: Evaluations per image that this step took; one for each restart when omitted.
        """
        loss, distance = (self._spread(values, alive) for values in (evaluation.loss, evaluation.distance))
        # A comparison with NaN is false, so that NaN is never better.
        better = loss < self.best_loss
        index = alive[..., None].expand(-1, -1, points.shape[2])
        return Record(
            best_points=torch.where(better[..., None], self.best_points.scatter(1, index, points), self.best_points),
            best_loss=torch.where(better, loss, self.best_loss),
            best_distance=torch.where(better, distance, self.best_distance),
            best_step=torch.where(better, self.step, self.best_step),
            trace_loss=torch.cat([self.trace_loss, loss[..., None]], dim=2),
            trace_distance=torch.cat([self.trace_distance, distance[..., None]], dim=2),
            evaluations=self.evaluations + (alive.shape[1] if cost is None else cost),
        )

    def _spread(self, values: Tensor, alive: Tensor) -> Tensor:
        """Values of the restarts that are alive, among NaN for the others."""
        return torch.full_like(self.best_loss, math.nan).scatter(1, alive, values)

    def to_tensors(self) -> dict[str, Tensor]:
        """The record as named tensors."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return tensors | {"evaluations": torch.tensor(self.evaluations)}

    @classmethod
    def restore(cls, problem: Problem, tensors: Mapping[str, Tensor]) -> Record:
        """The record that `to_tensors` wrote, on the problem's device.

        Raises:
            InvalidInputError: A tensor is missing, or belongs to another problem.
        """
        found = take(problem, tensors, [field.name for field in fields(cls)])
        shape = tuple(found["best_points"].shape)
        if (shape[0], shape[-1]) != (problem.images, problem.dim):
            raise InvalidInputError(
                f"this problem's checkpoints have shape ({problem.images}, restarts, {problem.dim}), but {shape} came"
            )
        evaluations = int(found.pop("evaluations"))
        return cls(**found, evaluations=evaluations)

    def result(self, problem: Problem, *, finished: bool) -> InversionResult:
        """The best that was seen so far.

        Raises:
            InvalidInputError: Nothing was evaluated yet.
        """
        if self.step == 0:
            raise InvalidInputError("nothing was evaluated yet; make a step first")
        losses, restart = self.best_loss.min(dim=1)
        image = torch.arange(problem.images, device=restart.device)
        points = self.best_points[image, restart]
        latents, frames, noise = problem.split(self.best_points)
        best, maps = latents[image, restart], None if noise is None else noise[image, restart]
        images = torch.cat(list(rendered(problem.generator, best, problem.space, problem.context, maps)))
        with torch.no_grad():
            framed = problem.framed_targets(points[:, None])[:, 0]
        return InversionResult(
            latents=best,
            images=images,
            distances=self.best_distance[image, restart],
            losses=losses,
            best_restart=restart,
            best_step=self.best_step[image, restart],
            frames=None if frames is None else frames[image, restart],
            framed_targets=framed,
            noise=maps,
            trace_loss=self.trace_loss,
            trace_distance=self.trace_distance,
            restart_latents=latents,
            restart_losses=self.best_loss,
            restart_distances=self.best_distance,
            restart_steps=self.best_step,
            restart_frames=frames,
            restart_noise=noise,
            evaluations=torch.full((problem.images,), self.evaluations),
            finished=finished,
        )


def check_starts(problem: Problem, starts: Tensor) -> None:
    """Checks starting points.

    Raises:
        InvalidInputError: They have another shape than (images, restarts, dim), or are not finite.
    """
    if starts.ndim != 3 or (len(starts), starts.shape[2]) != (problem.images, problem.dim) or not starts.numel():
        raise InvalidInputError(
            f"starting points have shape ({problem.images}, restarts, {problem.dim}), "
            f"but shape {tuple(starts.shape)} came"
        )
    if not starts.isfinite().all():
        raise InvalidInputError("starting points are finite, but NaN or infinity came")


def apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors, contiguous and each in memory of its own: safetensors refuses those that share it."""
    return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}


def take(problem: Problem, tensors: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """Those tensors of a checkpoint, on the problem's device.

    Raises:
        InvalidInputError: One is missing.
    """
    missing = [name for name in names if name not in tensors]
    if missing:
        raise InvalidInputError(f"a checkpoint of an inversion lacks {', '.join(missing)}")
    return {name: tensors[name].to(problem.generator.device) for name in names}


@dataclass(frozen=True, eq=False)
class Recorded:
    """A solver's state that keeps a record.

    Attributes:
        record: The best so far, and the traces.
    """

    record: Record

    @property
    def step(self) -> int:
        """Number of steps so far, each one evaluation of everything that is alive."""
        return self.record.step

    @property
    def evaluations(self) -> int:
        """Evaluations of the generator per image so far."""
        return self.record.evaluations

    @property
    def best_loss(self) -> Float[Tensor, "images restarts"]:
        """The lowest finite loss of each restart so far."""
        return self.record.best_loss

    @property
    def trace_loss(self) -> Float[Tensor, "images restarts step"]:
        """Every loss so far."""
        return self.record.trace_loss
