"""Base of the methods that descend along gradients: coordinates, restarts that are thinned, and the record."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.inversion.defaults import MAX_STEPS
from pullback.inversion.problems.evaluation import Evaluation, Query, pick
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.coordinates import Coordinates, own_coordinates
from pullback.inversion.solvers.record import Record, Recorded, apart, take
from pullback.inversion.solvers.solver import InversionResult, Solver
from pullback.inversion.solvers.thinning import Plan, make_plan

_MEMORY = "memory."


@dataclass(frozen=True, eq=False)
class DescentState(Recorded):
    """Where every restart that is alive stands, and what all of them saw.

    Attributes:
        plan: How many restarts are alive when.
        alive: The numbers of the restarts that go on, shape (images, alive).
        coordinates: Where they stand, shape (images, alive, k).
        base: Points that hold what does not move, shape (images, alive, dim).
        memory: What the method remembers of the way, by name, each of shape (images, alive, …).
    """

    plan: Plan
    alive: Int[Tensor, "images alive"]
    coordinates: Float[Tensor, "images alive k"]
    base: Float[Tensor, "images alive dim"]
    memory: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        """Whether the next evaluation is the last."""
        return self.step == self.plan.length - 1

    @property
    def progress(self) -> float:
        """Share of the updates that were made, from 0 to 1."""
        return self.step / (self.plan.length - 1)

    def to_tensors(self) -> dict[str, Tensor]:
        """The state as named tensors, for a checkpoint."""
        own = {"alive": self.alive, "coordinates": self.coordinates, "base": self.base}
        memory = {_MEMORY + name: tensor for name, tensor in self.memory.items()}
        return apart(self.record.to_tensors() | own | memory)

    def keep(self, chosen: Int[Tensor, "images kept"]) -> DescentState:
        """The state with only those of the restarts that are alive, by their place among them."""
        return replace(
            self,
            alive=pick(self.alive, chosen),
            coordinates=pick(self.coordinates, chosen),
            base=pick(self.base, chosen),
            memory={name: pick(tensor, chosen) for name, tensor in self.memory.items()},
        )


@dataclass(frozen=True, eq=False)
class Seen:
    """What a method sees where the restarts stand.

    Attributes:
        loss: Shape (images, alive).
        gradient: Of the loss with respect to the coordinates, shape (images, alive, k).
        finite: Where loss and gradient are finite, shape (images, alive).
        gram: JᵀJ with respect to the block that moves, shape (images, alive, n, n); None where it was not asked for.
    """

    loss: Float[Tensor, "images alive"]
    gradient: Float[Tensor, "images alive k"]
    finite: Bool[Tensor, "images alive"]
    gram: Float64[Tensor, "images alive n n"] | None = None


@dataclass(frozen=True, kw_only=True)
class Descent(Solver[DescentState]):
    """Moves restarts along gradients, in coordinates of its own, and gives up the worse ones on the way.

    Losses are evaluated before the first update, between updates and after the last; the last evaluation needs no
    gradient. A loss that is not finite is never the best.

    Attributes:
        steps: At most so many updates of a restart that is kept to the end, 1 to 100,000.
        evaluations: At most so many evaluations of the generator per image; None for no bound but `steps`.
        thin: Whether the worse half of the restarts is given up again and again (see `make_plan`).

    Raises:
        InvalidInputError: An option is out of range.
    """

    steps: int = 200
    evaluations: int | None = None
    thin: bool = False

    def __post_init__(self) -> None:
        check_steps(self.steps)

    def cost(self, problem: Problem, updates: int) -> int:
        """How many evaluations of the generator the first so many updates of a restart take."""
        del problem
        return updates

    def coordinates(self, problem: Problem, state: DescentState | None) -> Coordinates:
        """The coordinates that are moved; `state` is None before there is one."""
        del state
        return own_coordinates(problem)

    def evaluated(self, problem: Problem, state: DescentState) -> Float[Tensor, "images alive dim"]:
        """The points at which the restarts are evaluated: where they stand."""
        return self.coordinates(problem, state).points(state.coordinates, state.base)

    def query(self, state: DescentState, points: Float[Tensor, "images alive dim"]) -> Query:
        """What has to be known of the points before they are moved."""
        del state
        return Query(points)

    def turn(self, problem: Problem, state: DescentState, evaluation: Evaluation) -> DescentState:
        """The state in the coordinates of the next update."""
        del problem, evaluation
        return state

    @abstractmethod
    def memory(self, problem: Problem, coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
        """What the method remembers before the first update."""

    @abstractmethod
    def move(
        self, state: DescentState, seen: Seen, progress: float
    ) -> tuple[Float[Tensor, "images alive k"], dict[str, Tensor]]:
        """The next coordinates and memory.

        Args:
            state: Where the restarts stand.
            seen: What was seen there, not everywhere finite.
            progress: Share of the updates that were made, from 0 to below 1.
        """

    def init(self, problem: Problem, starts: Tensor) -> DescentState:
        """The state before the first step.

        Args:
            problem: What to minimise.
            starts: Starting points, shape (images, restarts, dim).

        Raises:
            InvalidInputError: They have another shape or are not finite, or the evaluations do not suffice for them.
            IncompatibleEigenbasisError: The eigenbasis is of something else.
        """
        record = Record.begin(problem, starts)
        images, restarts = record.best_loss.shape
        base = problem.clamp(record.best_points)
        coordinates = self.coordinates(problem, None).of(base)
        alive = torch.arange(restarts, device=base.device).expand(images, -1)
        memory = self.memory(problem, coordinates)
        return DescentState(record, self._plan(problem, restarts), alive, coordinates, base, memory)

    def ask(self, problem: Problem, state: DescentState) -> Query:
        """The points of the restarts that are alive."""
        points = self.evaluated(problem, state)
        return Query(points, gradient=False) if state.is_last else self.query(state, points)

    def tell(self, problem: Problem, state: DescentState, evaluation: Evaluation) -> DescentState:
        """Records what was seen and, unless that was the last evaluation, thins the restarts and moves the others."""
        points = self.evaluated(problem, state)
        step, plan, progress = state.step, state.plan, state.progress
        each = 1 if state.is_last else self.cost(problem, step + 1) - self.cost(problem, step)
        state = replace(
            state, record=state.record.seen(points, evaluation, state.alive, cost=each * state.alive.shape[1])
        )
        if evaluation.gradient is None:
            return state
        keep = plan.alive_after(state.step)
        if keep < state.alive.shape[1]:
            chosen = state.record.best_loss.gather(1, state.alive).argsort(dim=1, stable=True)[:, :keep]
            state, evaluation = state.keep(chosen), evaluation.pick(chosen)
        state = self.turn(problem, state, evaluation)
        seen = see(self.coordinates(problem, state), evaluation)
        moved, memory = self.move(state, seen, progress)
        return self._clamped(problem, replace(state, coordinates=moved, memory=memory))

    def total(self, state: DescentState) -> int:
        """Updates of a restart that is kept to the end."""
        return state.plan.length - 1

    def terminate(self, problem: Problem, state: DescentState) -> bool:
        """Whether all updates were made and the last one evaluated."""
        del problem
        return state.step == state.plan.length

    def postprocess(self, problem: Problem, state: DescentState) -> InversionResult:
        """The best that was seen so far.

        Raises:
            InvalidInputError: No step was made yet.
        """
        return state.record.result(problem, finished=self.terminate(problem, state))

    def restore(self, problem: Problem, tensors: Mapping[str, Tensor]) -> DescentState:
        """The state that `to_tensors` wrote, on the problem's device.

        Raises:
            InvalidInputError: A tensor is missing, or belongs to another problem.
        """
        record = Record.restore(problem, tensors)
        own = take(problem, tensors, ["alive", "coordinates", "base"])
        names = [_MEMORY + name for name in self.memory(problem, own["coordinates"])]
        memory = {name.removeprefix(_MEMORY): tensor for name, tensor in take(problem, tensors, names).items()}
        return DescentState(record, self._plan(problem, record.best_loss.shape[1]), memory=memory, **own)

    def _plan(self, problem: Problem, restarts: int) -> Plan:
        return make_plan(
            restarts,
            steps=self.steps,
            evaluations=self.evaluations,
            thin=self.thin,
            cost=lambda updates: self.cost(problem, updates),
        )

    def _clamped(self, problem: Problem, state: DescentState) -> DescentState:
        """The state with points within the truncation and the reach of the alignment, and noise maps normalised."""
        if problem.noise is not None:
            # They are coordinates themselves, the last ones: no latent goes to points and back for their sake.
            rest = state.coordinates.shape[2] - problem.noise.values
            maps = problem.noise.normalized(state.coordinates[..., rest:])
            state = replace(state, coordinates=torch.cat([state.coordinates[..., :rest], maps], dim=2))
        if problem.truncation is None and problem.alignment is None:
            return state
        coordinates = self.coordinates(problem, state)
        base = problem.clamp(coordinates.points(state.coordinates, state.base))
        return replace(state, coordinates=coordinates.of(base), base=base)


def see(coordinates: Coordinates, evaluation: Evaluation) -> Seen:
    """What a method in those coordinates sees of an evaluation with its gradient."""
    assert evaluation.gradient is not None  # noqa: S101  (it was asked for)
    return Seen(evaluation.loss, coordinates.pull(evaluation.gradient), evaluation.finite, evaluation.gram)


def where(chosen: Bool[Tensor, "images alive"], new: Tensor, old: Tensor) -> Tensor:
    """The new values of the chosen restarts, the old ones of the others."""
    return torch.where(chosen.reshape(*chosen.shape, *[1] * (new.ndim - 2)), new, old)


def check_steps(steps: int) -> None:
    """Checks a number of updates.

    Raises:
        InvalidInputError: It is out of range.
    """
    if not 1 <= steps <= MAX_STEPS:
        raise InvalidInputError(f"steps lie between 1 and {MAX_STEPS}, but {steps} came")
