"""Pivotal tuning: the weights of a generator, moved until latents that were found draw their photographs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.adam import adam_step
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, MemoryExhaustedError, PullbackError
from pullback.generators.generator import Generator
from pullback.inversion.problems.loss_weights import LossWeights
from pullback.inversion.problems.problem import Problem
from pullback.inversion.tuning.locality import interpolation_code, locality_draw
from pullback.inversion.tuning.settings import MAX_PHOTOGRAPHS, TuningSettings
from pullback.inversion.tuning.tuned_weights import MAX_WEIGHT_BYTES, TunedWeights, copied
from pullback.memory import Block, budget_of, in_smaller_blocks, size_text

# The weights that move, their gradients, and two means of them.
_COPIES = 4
_WEIGHT, _MEAN, _SQUARE = "weight.", "mean.", "square."
_UPDATES, _ENDED, _TRACE = "updates", "ended", "trace"


@dataclass(frozen=True, eq=False)
class TuningResult:
    """What a tuning made.

    Attributes:
        weights: The tensors that changed.
        images: What the tuned generator draws at the pivots, shape (photographs, C, H, W), in [0, 1].
        distances: Image distances to the photographs before and after, shape (photographs, 2).
        squared_errors: Mean squared differences of images on [0, 1] before and after, likewise; under a mask of what
            counts.
        trace: Of every update the loss at its photograph, the distance there, and the locality term (NaN without one),
            as they were before it, shape (updates, 3); float32.
        finished: Whether all steps were made, or the threshold was reached.
    """

    weights: TunedWeights
    images: Float[Tensor, "photographs channels height width"]
    distances: Float[Tensor, "photographs 2"]
    squared_errors: Float[Tensor, "photographs 2"]
    trace: Float[Tensor, "updates 3"]
    finished: bool


class PivotalTuning:
    """A tuning, update by update; see `TuningSettings` for what was published.

    Photographs take turns, an update each, and go through the networks one by one: memory does not grow with how many
    there are. The generator itself is never changed; a copy of it is.

    Args:
        generator: The generator, in plain PyTorch: parameters that its images depend on are tuned.
        distance: The image distance, with an embedding.
        space: Name of the space of the pivots.
        targets: Photographs, shape (photographs, C, H, W), in [0, 1]; of one identity where there are several.
        pivots: The latents that were found for them, shape (photographs, dim).
        masks: Weights of the pixels, shape (photographs, 1, H, W); None where all count.
        settings: How.
        seed: Of the draws of the locality term, any integer ≥ 0.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: Targets, pivots or masks do not fit, there are too many, or nothing of the generator can be
            tuned; or it makes sounds.
        MemoryExhaustedError: The weights and what Adam remembers of them do not fit into a budget that was given.
    """

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        targets: Tensor,
        pivots: Tensor,
        *,
        masks: Tensor | None = None,
        settings: TuningSettings | None = None,
        seed: int = 0,
    ) -> None:
        if len(generator.image_shape) != 3:
            raise InvalidInputError(f"weights are tuned to photographs, but generator {generator.name!r} makes sounds")
        self.settings = settings = settings or TuningSettings()
        self.original, self.distance, self.seed = generator, distance, seed
        self.tuned = copied(generator)
        weights = LossWeights(1.0, 0.0, settings.l2, 0.0)
        whole = Problem(self.tuned, distance, space, targets, masks=masks, weights=weights)
        self._problems = whole.each()
        if not 1 <= whole.images <= MAX_PHOTOGRAPHS:
            raise InvalidInputError(f"a tuning takes 1 to {MAX_PHOTOGRAPHS} photographs, but {whole.images} came")
        if pivots.shape != (whole.images, whole.latent_dim) or not bool(pivots.isfinite().all()):
            raise InvalidInputError(
                f"pivots have shape ({whole.images}, {whole.latent_dim}) and are finite, but {tuple(pivots.shape)} "
                "came, or NaN or infinity"
            )
        self.pivots = pivots.to(generator.device, generator.dtype)
        self._locality_weights = weights
        self._weights = self._moving()
        self._means = [torch.zeros_like(weight) for weight in self._weights.values()]
        self._squares = [torch.zeros_like(weight) for weight in self._weights.values()]
        self.updates = 0
        self._ended = False
        self._trace: list[tuple[float, float, float]] = []

    @property
    def photographs(self) -> int:
        """How many there are."""
        return len(self._problems)

    @property
    def total(self) -> int:
        """Updates that are made unless the threshold is reached."""
        return self.settings.steps * self.photographs

    @property
    def done(self) -> bool:
        """Whether it has come to an end."""
        return self._ended or self.updates >= self.total

    @property
    def loss(self) -> float | None:
        """The mean loss of the latest turn of every photograph; None before the first."""
        latest = [loss for loss, *_ in self._trace[-self.photographs :]]
        return sum(latest) / len(latest) if latest else None

    def step(self) -> None:
        """The next update: of one photograph, or the end.

        Raises:
            PullbackError: The loss is not finite.
            MemoryExhaustedError: Memory does not suffice for one image and its gradient.
        """
        photograph = self.updates % self.photographs
        (found,) = in_smaller_blocks(slice(0, 1), self._block(), lambda _: self._gradients(photograph))
        gradients, values = found
        if not all(math.isfinite(value) for value in values[:2]):
            raise PullbackError(
                f"the loss of update {self.updates + 1} is not finite; take a smaller learning_rate, or another pivot"
            )
        self._trace.append(values)
        turn = self._trace[-photograph - 1 :]
        if photograph == self.photographs - 1 and all(far <= self.settings.threshold for _, far, _ in turn):
            self._ended = True
            return
        self.updates += 1
        with torch.no_grad():
            for number, (weight, gradient) in enumerate(zip(self._weights.values(), gradients, strict=True)):
                moved, self._means[number], self._squares[number] = adam_step(
                    weight,
                    gradient,
                    self._means[number],
                    self._squares[number],
                    self.updates,
                    rate=self.settings.learning_rate,
                )
                weight.copy_(moved)

    @torch.no_grad()
    def images(self, generator: Generator | None = None) -> Float[Tensor, "photographs channels height width"]:
        """What the tuned generator, or another one, draws at the pivots."""
        drawn = self.tuned if generator is None else generator
        space = self._problems[0].space
        return torch.cat([drawn.render(pivot[None], space) for pivot in self.pivots])

    def result(self) -> TuningResult:
        """What it made so far."""
        before, after = (self._measured(generator) for generator in (self.original, self.tuned))
        return TuningResult(
            weights=self.weights(),
            images=self.images(),
            distances=torch.stack([before[0], after[0]], dim=1),
            squared_errors=torch.stack([before[1], after[1]], dim=1),
            trace=torch.tensor(self._trace, dtype=torch.float32).reshape(-1, 3),
            finished=self.done,
        )

    def weights(self) -> TunedWeights:
        """The tensors that have changed."""
        own = dict(self.original.named_parameters())
        changed = {
            name: weight.detach().float().cpu().clone()
            for name, weight in self._weights.items()
            if not torch.equal(weight, own[name])
        }
        return TunedWeights(self.original.name, self.original.weights_hash, changed)

    def to_tensors(self) -> dict[str, Tensor]:
        """Its state as named tensors, for a checkpoint."""
        tensors = {
            _UPDATES: torch.tensor(self.updates),
            _ENDED: torch.tensor(self._ended),
            _TRACE: torch.tensor(self._trace, dtype=torch.float64).reshape(-1, 3),
        }
        for (name, weight), mean, square in zip(self._weights.items(), self._means, self._squares, strict=True):
            tensors |= {_WEIGHT + name: weight.detach(), _MEAN + name: mean, _SQUARE + name: square}
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from what `to_tensors` gave.

        Raises:
            InvalidInputError: It is of another generator.
        """
        if {name.removeprefix(_WEIGHT) for name in tensors if name.startswith(_WEIGHT)} != self._weights.keys():
            raise InvalidInputError("this checkpoint is of a tuning of another generator")
        with torch.no_grad():
            for number, (name, weight) in enumerate(self._weights.items()):
                weight.copy_(tensors[_WEIGHT + name])
                self._means[number] = tensors[_MEAN + name].to(weight)
                self._squares[number] = tensors[_SQUARE + name].to(weight)
        self.updates, self._ended = int(tensors[_UPDATES]), bool(tensors[_ENDED])
        self._trace = [(loss, far, local) for loss, far, local in tensors[_TRACE].tolist()]

    def _moving(self) -> Mapping[str, Tensor]:
        """The parameters on which an image at a pivot depends, by name; from now on they want gradients."""
        named = dict(self.tuned.named_parameters())
        size = sum(weight.numel() * weight.element_size() for weight in named.values())
        budget = budget_of(self.tuned.device)
        if size > MAX_WEIGHT_BYTES:
            raise InvalidInputError(
                f"the weights of generator {self.tuned.name!r} take {size_text(size)}, and at most "
                f"{size_text(MAX_WEIGHT_BYTES)} are tuned"
            )
        if budget.given and _COPIES * size > budget.room():
            raise MemoryExhaustedError(
                f"pivotal tuning: weights, gradients and their means take {size_text(_COPIES * size)}, and "
                f"{size_text(budget.room())} of the budget of memory are for jobs; give it more (PULLBACK_MEMORY, or "
                "--memory of the server), or take a smaller generator"
            )
        chosen = {name: weight for name, weight in named.items() if weight.is_floating_point()}
        for weight in chosen.values():
            weight.requires_grad_(True)
        found: Sequence[Tensor | None] = ()
        if chosen:
            image = self.tuned.render(self.pivots[:1], self._problems[0].space)
            if image.requires_grad:
                found = torch.autograd.grad(image.sum(), list(chosen.values()), allow_unused=True)
        moving = {name: chosen[name] for name, gradient in zip(chosen, found, strict=False) if gradient is not None}
        for name, weight in chosen.items():
            weight.requires_grad_(name in moving)
        if not moving:
            raise InvalidInputError(
                f"generator {self.tuned.name!r} cannot be tuned: its images do not depend on parameters of plain "
                "PyTorch modules, which alone are tuned"
            )
        return moving

    def _gradients(self, photograph: int) -> tuple[Sequence[Tensor], tuple[float, float, float]]:
        """Gradients of the loss at a photograph; loss, distance and locality term."""
        pivot, weights = self.pivots[photograph : photograph + 1], list(self._weights.values())
        # L = D(G_θ(w_p), x) + λ ‖G_θ(w_p) − x‖²
        loss, far = self._problems[photograph].evaluate(pivot[:, None])
        gradients = list(torch.autograd.grad(loss.sum(), weights))
        total, local = float(loss.detach()), math.nan
        if self.settings.locality:
            # L_R = D(G_θ(w_r), G_0(w_r)) + λ ‖G_θ(w_r) − G_0(w_r)‖²
            term = self._locality(pivot)
            for number, gradient in enumerate(torch.autograd.grad(term.sum(), weights, allow_unused=True)):
                if gradient is not None:
                    gradients[number] = gradients[number] + self.settings.locality * gradient
            local = float(term.detach())
            total += self.settings.locality * local
        return gradients, (total, float(far.detach()), local)

    def _locality(self, pivot: Float[Tensor, "1 dim"]) -> Tensor:
        first = self._problems[0]
        draw = locality_draw(self.original, first.space, self.seed, self.updates)
        code = interpolation_code(pivot, draw, self.settings.locality_reach)
        with torch.no_grad():
            kept = self.original.render(code, first.space)
        problem = Problem(self.tuned, first.distance, first.space, kept, weights=self._locality_weights)
        loss, _ = problem.evaluate(code[:, None])
        return loss

    @torch.no_grad()
    def _measured(self, generator: Generator) -> tuple[Tensor, Tensor]:
        """Distance and squared error at every pivot."""
        found = []
        for problem, pivot in zip(self._problems, self.pivots, strict=True):
            judged = Problem(
                generator,
                problem.distance,
                problem.space,
                problem.targets,
                masks=problem.masks,
                weights=LossWeights(0.0, 0.0, 1.0, 0.0),
            )
            squared, far = judged.evaluate(pivot[None, None])
            # Of images on [−1, 1] it is four times that on [0, 1].
            found.append((float(far), float(squared) / 4))
        distances, errors = zip(*found, strict=True)
        return torch.tensor(distances, dtype=torch.float32), torch.tensor(errors, dtype=torch.float32)

    def _block(self) -> Block:
        block = budget_of(self.tuned.device).block("pivotal tuning", self.tuned, self._problems[0].distance)
        block.rows(1, lambda: self._gradients(0))
        return block
