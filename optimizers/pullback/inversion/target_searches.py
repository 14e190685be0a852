"""Searches for several targets at the same time, each by itself."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.errors import InvalidInputError, PullbackError
from pullback.inversion.batching.lanes import in_lanes, lanes_of
from pullback.inversion.limits import Limits
from pullback.inversion.problems.evaluation import Evaluation, Query, choose_rows
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.record import apart, check_starts
from pullback.inversion.solvers.solver import InversionResult, Solver, SolverState
from pullback.pieces import finish

_ENDED = "ended"
_ROWS = "rows"


@dataclass(frozen=True, eq=False)
class TargetSearches:
    """A search for each target of a problem; as a value, like a solver's state.

    No target has any part in what becomes of another: each has its own problem and its own state, is evaluated, moved
    and judged by the same calls as if it were alone, and ends by itself.

    Attributes:
        solver: What moves them.
        problems: One for each target.
        states: Where each search is.
        ended: Which of them a limit has ended.
    """

    solver: Solver[Any]
    problems: Sequence[Problem]
    states: Sequence[SolverState]
    ended: Sequence[bool]

    @classmethod
    def begin(cls, solver: Solver[Any], problem: Problem, starts: Tensor) -> TargetSearches:
        """The searches before their first step.

        Args:
            solver: The solver.
            problem: Of all targets.
            starts: Starting points, shape (images, restarts, dim).

        Raises:
            InvalidInputError: They have another shape or are not finite, the evaluations do not suffice for them, or
                noise maps are searched, which the solver does not move.
            IncompatibleEigenbasisError: The eigenbasis is of something else.
        """
        check_starts(problem, starts)
        if problem.noise is not None and not solver.moves_noise:
            raise InvalidInputError(
                f"{type(solver).__name__} moves no noise maps; take a method that is Adam, or leave the maps out"
            )
        problems = problem.each()
        states = [solver.init(one, starts[image : image + 1].clone()) for image, one in enumerate(problems)]
        problems[0].company.rows = choose_rows(problem, solver.ask(problems[0], states[0]))
        return cls(solver, problems, states, [False] * len(problems))

    @property
    def searching(self) -> list[int]:
        """The numbers of the targets whose searches have not come to an end."""
        return [
            number
            for number, (problem, state) in enumerate(zip(self.problems, self.states, strict=True))
            if not self.ended[number] and not self.solver.terminate(problem, state)
        ]

    @property
    def done(self) -> bool:
        """Whether every search has come to an end."""
        return not self.searching

    @property
    def step(self) -> int:
        """Steps of the search that has made most."""
        return max(state.step for state in self.states)

    @property
    def total(self) -> int:
        """Updates that a search makes which nothing ends early."""
        return max(self.solver.total(state) for state in self.states)

    @property
    def best_loss(self) -> Float[Tensor, " images"]:
        """The lowest finite loss of each target so far."""
        return torch.cat([state.best_loss.amin(dim=1) for state in self.states])

    def ask(self) -> list[tuple[Problem, Query]]:
        """What has to be evaluated for the next step of those that are searching, in their order."""
        return [
            (self.problems[number], self.solver.ask(self.problems[number], self.states[number]))
            for number in self.searching
        ]

    def tell(self, evaluations: Sequence[Evaluation]) -> TargetSearches:
        """The searches after a step whose questions had those answers."""
        states = list(self.states)
        for number, evaluation in zip(self.searching, evaluations, strict=True):
            states[number] = self.solver.tell(self.problems[number], states[number], evaluation)
        return replace(self, states=states)

    def limited(self, limits: Limits, seconds: float) -> TargetSearches:
        """The searches, without those that have reached a limit after so many seconds."""
        ended = [
            over or (state.step > 0 and limits.reached(state.trace_loss, seconds))
            for over, state in zip(self.ended, self.states, strict=True)
        ]
        return replace(self, ended=ended)

    def result(self) -> InversionResult:
        """The best that was seen so far of every target.

        Raises:
            InvalidInputError: No step was made yet.
            PullbackError: All losses of every target were non-finite.
        """
        return finish(self.result_in_pieces())

    def result_in_pieces(self) -> Generator[None, None, InversionResult]:
        """As `result`; yields before some of the targets' images are made: other work may be done then."""
        found = yield from self._best()
        if not found.losses.isfinite().any():
            raise PullbackError(
                "no restart of any target ever had a finite loss; try other starts, or another distance"
            )
        return found

    def best(self) -> InversionResult:
        """As `result`, also where no target ever had a finite loss.

        Raises:
            InvalidInputError: No step was made yet.
        """
        return finish(self._best())

    def _best(self) -> Generator[None, None, InversionResult]:
        first = self.problems[0]
        calls = [
            partial(self.solver.postprocess, one, state) for one, state in zip(self.problems, self.states, strict=True)
        ]
        return _joined((yield from in_lanes(calls, lanes_of(first.generator, first.distance))))

    def to_tensors(self) -> dict[str, Tensor]:
        """The searches as named tensors, for a checkpoint."""
        tensors = {
            f"{number}.{name}": tensor
            for number, state in enumerate(self.states)
            for name, tensor in state.to_tensors().items()
        }
        rows = self.problems[0].company.rows
        return apart(tensors | {_ENDED: torch.tensor(self.ended), _ROWS: torch.tensor(rows or 0)})

    @classmethod
    def restore(cls, solver: Solver[Any], problem: Problem, tensors: Mapping[str, Tensor]) -> TargetSearches:
        """The searches that `to_tensors` wrote, on the problem's device.

        Raises:
            InvalidInputError: A tensor is missing, or belongs to another problem.
        """
        # Those of before it was chosen say nothing of it: then it is chosen by what is there.
        problems = problem.each(int(tensors[_ROWS]) or None if _ROWS in tensors else None)
        ended = tensors.get(_ENDED)
        if ended is None or ended.shape != (len(problems),):
            raise InvalidInputError(
                f"a checkpoint of {len(problems)} searches says which have ended, but "
                f"{'nothing' if ended is None else f'shape {tuple(ended.shape)}'} came"
            )
        states = []
        for number, one in enumerate(problems):
            place = f"{number}."
            mine = {name.removeprefix(place): value for name, value in tensors.items() if name.startswith(place)}
            states.append(solver.restore(one, mine))
        return cls(solver, problems, states, ended.tolist())


def _joined(results: Sequence[InversionResult]) -> InversionResult:
    """One result of all targets."""
    columns = max(result.trace_loss.shape[2] for result in results)

    def column(name: str) -> Any:
        values = [getattr(result, name) for result in results]
        if name == "finished":
            return all(values)
        if values[0] is None:
            return None
        if name.startswith("trace_"):
            # A search that ended early saw nothing afterwards.
            values = [functional.pad(value, (0, columns - value.shape[2]), value=math.nan) for value in values]
        return torch.cat(values)

    return InversionResult(**{field.name: column(field.name) for field in fields(InversionResult)})
