"""BasinCMA: CMA-ES over starting points, each of which Adam refines before it is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.inversion.defaults import POPULATION
from pullback.inversion.problems.blocks import moving_blocks
from pullback.inversion.problems.evaluation import Evaluation, Query, pick
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.adam import adam_memory, adam_update, check_learning_rate
from pullback.inversion.solvers.coordinates import Coordinates, own_coordinates
from pullback.inversion.solvers.descent import check_steps, see
from pullback.inversion.solvers.evolution import Evolutions
from pullback.inversion.solvers.record import Record, Recorded, apart, take
from pullback.inversion.solvers.solver import InversionResult, Solver
from pullback.inversion.solvers.stages import Stages, fit_stages

# CMA-ES needs a few samples to choose among.
_LEAST_POPULATION = 4
# Of the frame, whose coordinates are standardised.
_FRAME_SIGMA = 1.0
_MEMORY = "memory."


@dataclass(frozen=True, eq=False)
class BasinState(Recorded):
    """Where the candidates stand, and what all of them saw.

    Its record is of every candidate, by its number in the population.

    Attributes:
        alive: The numbers of the candidates that go on, shape (images, alive).
        coordinates: Where they stand, in Adam's coordinates, shape (images, alive, k).
        base: Points that hold what does not move, shape (images, alive, dim).
        memory: What Adam remembers, by name, each of shape (images, alive, …).
        starts: Where the searches began, shape (images, starts, dim).
        told: Losses of the candidates of every generation so far, shape (images, candidates, generations).
        evolutions: CMA-ES as it is after these; None after the last generation.
    """

    alive: Int[Tensor, "images alive"]
    coordinates: Float[Tensor, "images alive k"]
    base: Float[Tensor, "images alive dim"]
    memory: Mapping[str, Tensor]
    starts: Float[Tensor, "images starts dim"]
    told: Float[Tensor, "images candidates generations"]
    evolutions: Evolutions | None = None

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint; CMA-ES is rebuilt from its seed and what it was told."""
        names = ("alive", "coordinates", "base", "starts", "told")
        own = {name: getattr(self, name) for name in names}
        memory = {_MEMORY + name: tensor for name, tensor in self.memory.items()}
        return apart(self.record.to_tensors() | own | memory)


@dataclass(frozen=True, kw_only=True)
class BasinCMA(Solver[BasinState]):
    """BasinCMA as pix2latent does it, in the latent's own coordinates.

    Huh et al., "Transforming and Projecting Images into Class-conditional Generative Networks" (ECCV 2020). In a
    generation CMA-ES draws candidates, Adam refines each, and CMA-ES is told what was drawn, before Adam, with the loss
    that came out, after Adam. At the end a fresh draw is refined for longer. CMA-ES searches the noise alone; a class
    that moves begins with every generation where it started, and is moved by Adam, less fast. A frame has a CMA-ES of
    its own. All candidates of an image are evaluated side by side.

    Every start is the mean of a search of its own, with a population of its own. Budgets scale the schedule (see
    `fit_stages`).

    Attributes:
        steps: At most so many updates in all of a candidate that is kept to the end, 1 to 100,000; None for those of
            the schedule, or as many as `evaluations` allow.
        evaluations: At most so many evaluations of the generator per image; None for no bound.
        seed: Of CMA-ES, any integer ≥ 0.
        learning_rate: Step size of Adam, above 0.
        class_rate: That of a class, in units of the other, above 0.
        population: Candidates of a generation, at least 4.
        outer: Generations, at least 1.
        inner: Updates of each candidate of a generation, at least 0.
        final: Updates of the last stage, at least 0.
        finalists: How many of the last generation's candidates are refined in the last stage, at least 1; None for a
            fresh draw.
        sigma: Standard deviation of the first candidates, in units of the prior's, above 0.
        class_sigma: That of the class; None where CMA-ES leaves it alone.
        class_from_zero: Whether the class is drawn around 0, no class at all, instead of around that of the start.
        clamp: Latents are clamped as by a truncation of the problem, above 0; None for no clamp but the problem's own.

    Raises:
        InvalidInputError: An option is out of range.
    """

    steps: int | None = None
    evaluations: int | None = None
    seed: int = 0
    learning_rate: float = 0.05
    class_rate: float = 0.2
    population: int = POPULATION
    outer: int = 30
    inner: int = 30
    final: int = 300
    finalists: int | None = None
    sigma: float = 1.0
    class_sigma: float | None = None
    class_from_zero: bool = False
    clamp: float | None = 2.0

    def __post_init__(self) -> None:
        if self.steps is not None:
            check_steps(self.steps)
        check_learning_rate(self.learning_rate)
        least = {"population": _LEAST_POPULATION, "outer": 1, "inner": 0, "final": 0, "finalists": 1, "seed": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise InvalidInputError(f"{name} of a BasinCMA is at least {bound}, but {value} came")
        for name in ("class_rate", "sigma", "class_sigma", "clamp"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InvalidInputError(f"{name} of a BasinCMA is finite and above 0, but {value} came")

    def adam_coordinates(self, problem: Problem) -> Coordinates:
        """The coordinates in which Adam moves candidates."""
        return own_coordinates(problem)

    def cma_coordinates(self, problem: Problem) -> Coordinates:
        """The coordinates in which CMA-ES draws candidates."""
        return own_coordinates(problem)

    def cma_blocks(self, problem: Problem) -> list[tuple[slice, float]]:
        """Which of these each CMA-ES draws, and with which standard deviation at first."""
        whole, blocks = problem.generator.space(problem.moves), []
        for space in moving_blocks(problem):
            sigma = self.class_sigma if space.labels else self.sigma * space.prior.spread()
            if sigma is not None:
                blocks.append((slice(space.start - whole.start, space.start - whole.start + space.dim), sigma))
        return blocks or [(slice(0, whole.dim), self.sigma * problem.moving_prior.spread())]

    def rate(self, update: int, updates: int, *, final: bool) -> float:
        """The step size of one of so many updates of a candidate, in units of the learning rate."""
        del update, updates, final
        return 1.0

    def stages(self, starts: int) -> Stages:
        """The schedule for so many starts per image.

        Raises:
            InvalidInputError: The budget does not suffice for one generation.
        """
        published = Stages(self.outer, self.inner, self.final + 1 if self.final else 0)
        candidates = starts * self.population
        return fit_stages(
            published,
            candidates=candidates,
            finalists=self._finalists(candidates),
            steps=self.steps,
            evaluations=self.evaluations,
        )

    def init(self, problem: Problem, starts: Tensor) -> BasinState:
        """The state before the first step.

        Args:
            problem: What to minimise.
            starts: The means of the searches, shape (images, starts, dim).

        Raises:
            InvalidInputError: They have another shape or are not finite, or the budget does not suffice for them.
            IncompatibleEigenbasisError: The eigenbasis is of something else.
        """
        begun = Record.begin(problem, starts)
        self.stages(begun.best_loss.shape[1])
        means = problem.clamp(begun.best_points)
        record = Record.begin(problem, means.repeat_interleave(self.population, dim=1))
        alive = torch.arange(record.best_loss.shape[1], device=means.device).repeat(problem.images, 1)
        state = BasinState(
            record=record,
            alive=alive,
            coordinates=record.best_points,
            base=record.best_points,
            memory={},
            starts=means,
            told=record.trace_loss,
        )
        return self._drawn(problem, state, self._begun(problem, means))

    def ask(self, problem: Problem, state: BasinState) -> Query:
        """The points of the candidates that are alive."""
        points = self.adam_coordinates(problem).points(state.coordinates, state.base)
        update, updates = self._place(state)
        return Query(points, gradient=update < updates)

    def tell(self, problem: Problem, state: BasinState, evaluation: Evaluation) -> BasinState:
        """Records what was seen, and moves the candidates or, after their last update, goes on to the next."""
        coordinates = self.adam_coordinates(problem)
        update, updates = self._place(state)
        points = coordinates.points(state.coordinates, state.base)
        final = self._is_final(state)
        state = replace(state, record=state.record.seen(points, evaluation, state.alive))
        if update < updates:
            rate = self.learning_rate * self.rate(update, updates, final=final) * self._relative_rates(problem, state)
            moved, memory = adam_update(state.coordinates, see(coordinates, evaluation), state.memory, rate)
            points = self._clamped(problem, coordinates.points(moved, state.base))
            return replace(state, coordinates=coordinates.of(points), base=points, memory=memory)
        return state if final else self._next(problem, state, evaluation.loss)

    def total(self, state: BasinState) -> int:
        """Updates and judgements, of all generations and the last stage."""
        return self._stages_of(state).length - 1

    def terminate(self, problem: Problem, state: BasinState) -> bool:
        """Whether all generations and the last stage were evaluated."""
        del problem
        return state.step == self._stages_of(state).length

    def postprocess(self, problem: Problem, state: BasinState) -> InversionResult:
        """The best that was seen so far; a restart of the result is a candidate's number in the population.

        Raises:
            InvalidInputError: No step was made yet.
        """
        return state.record.result(problem, finished=self.terminate(problem, state))

    def restore(self, problem: Problem, tensors: Mapping[str, Tensor]) -> BasinState:
        """The state that `to_tensors` wrote, on the problem's device; this solver has the same seed.

        Raises:
            InvalidInputError: A tensor is missing, or belongs to another problem.
        """
        record = Record.restore(problem, tensors)
        own = take(problem, tensors, ["alive", "coordinates", "base", "starts", "told"])
        memory = {name: take(problem, tensors, [_MEMORY + name])[_MEMORY + name] for name in adam_memory(own["base"])}
        state = BasinState(record=record, memory=memory, evolutions=None, **own)
        if self._is_final(state):
            return state
        evolutions = self._begun(problem, state.starts)
        for losses in state.told.unbind(dim=2):
            evolutions = evolutions.told(losses)
        return replace(state, evolutions=evolutions)

    def _next(self, problem: Problem, state: BasinState, losses: Float[Tensor, "images candidates"]) -> BasinState:
        """The state with the next generation's candidates, or with those of the last stage."""
        evolutions = state.evolutions
        assert evolutions is not None  # noqa: S101  (a generation has just ended)
        state = replace(state, told=torch.cat([state.told, losses[..., None]], dim=2))
        last = self._is_final(state)
        if not last or self.finalists is None:
            state = self._drawn(problem, state, evolutions.told(losses))
            return replace(state, evolutions=None) if last else state
        chosen = losses.nan_to_num(nan=math.inf).argsort(dim=1, stable=True)[:, : self._finalists(losses.shape[1])]
        coordinates = pick(state.coordinates, chosen)
        return replace(
            state,
            alive=pick(state.alive, chosen),
            coordinates=coordinates,
            base=pick(state.base, chosen),
            memory=adam_memory(coordinates),
            evolutions=None,
        )

    def _begun(self, problem: Problem, starts: Tensor) -> Evolutions:
        """CMA-ES before it was told anything."""
        means = starts.clone()
        if self.class_from_zero:
            for block in _class_blocks(problem):
                means[..., block] = 0
        blocks = self.cma_blocks(problem)
        if problem.extra:
            end = problem.generator.space(problem.moves).dim
            blocks.append((slice(end, end + problem.extra), _FRAME_SIGMA))
        return Evolutions.begin(self.cma_coordinates(problem).of(means), blocks, self.population, self.seed)

    def _drawn(self, problem: Problem, state: BasinState, evolutions: Evolutions) -> BasinState:
        """The state with all candidates as CMA-ES draws them."""
        starts = state.starts.repeat_interleave(self.population, dim=1)
        drawn = self.cma_coordinates(problem).points(evolutions.candidates(), starts)
        points = self._clamped(problem, drawn)
        coordinates = self.adam_coordinates(problem).of(points)
        return replace(
            state, coordinates=coordinates, base=points, memory=adam_memory(coordinates), evolutions=evolutions
        )

    def _clamped(self, problem: Problem, points: Tensor) -> Tensor:
        points = problem.clamp(points)
        if self.clamp is None:
            return points
        latents, extra = points[..., : problem.latent_dim], points[..., problem.latent_dim :]
        return torch.cat([problem.prior.truncate(latents, self.clamp), extra], dim=-1)

    def _relative_rates(self, problem: Problem, state: BasinState) -> Float[Tensor, " k"]:
        """Step sizes of Adam's coordinates, in units of the learning rate."""
        rates = torch.ones_like(state.base[0, 0])
        for block in _class_blocks(problem):
            rates[block] = self.class_rate
        return own_coordinates(problem).of(rates)

    def _finalists(self, candidates: int) -> int:
        return candidates if self.finalists is None else min(self.finalists, candidates)

    def _stages_of(self, state: BasinState) -> Stages:
        return self.stages(state.starts.shape[1])

    def _is_final(self, state: BasinState) -> bool:
        return state.told.shape[2] == self._stages_of(state).outer

    def _place(self, state: BasinState) -> tuple[int, int]:
        """Which update of its generation or of the last stage comes next, and how many there are."""
        stages = self._stages_of(state)
        if self._is_final(state):
            return state.step - stages.outer * (self.inner + 1), stages.final - 1
        return state.step % (self.inner + 1), self.inner


def _class_blocks(problem: Problem) -> list[slice]:
    """The columns of a point in which a class moves."""
    start = problem.generator.space(problem.space).start
    return [
        slice(space.start - start, space.start - start + space.dim) for space in moving_blocks(problem) if space.labels
    ]
