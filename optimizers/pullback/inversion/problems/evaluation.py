"""Evaluation of the points of one or several problems in one pass."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, groupby
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Float64, Int, Shaped
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.inversion.batching.chunks import Company, chunks_of, rows_to_meet
from pullback.inversion.batching.lanes import Lanes, in_lanes, lanes_of
from pullback.inversion.problems.grams import GramOf, grams_in_pieces
from pullback.inversion.problems.losses import Rows, losses
from pullback.inversion.problems.problem import Problem
from pullback.memory import Block, budget_of, in_smaller_blocks
from pullback.pieces import in_pieces

# Losses, distances and gradients of some points.
_Answer: TypeAlias = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Query:
    """What a solver wants to know.

    Attributes:
        points: Shape (images, restarts, dim).
        gradient: Whether it wants gradients.
        gram: Of which map's Jacobian J it wants JᵀJ, `embedding` or `residual`; None for neither. That costs about as
            much as an evaluation with its gradient for each column of J.
    """

    points: Float[Tensor, "images restarts dim"]
    gradient: bool = True
    gram: GramOf | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What it gets.

    Attributes:
        loss: Shape (images, restarts).
        distance: Image distance, same shape.
        gradient: Of the loss with respect to the points, shape (images, restarts, dim); None where it was not wanted.
        gram: JᵀJ with respect to the block that moves, shape (images, restarts, n, n); None where it was not
            wanted.
    """

    loss: Float[Tensor, "images restarts"]
    distance: Float[Tensor, "images restarts"]
    gradient: Float[Tensor, "images restarts dim"] | None
    gram: Float64[Tensor, "images restarts n n"] | None = None

    @property
    def finite(self) -> Bool[Tensor, "images restarts"]:
        """Where loss and gradient are finite."""
        if self.gradient is None:
            return self.loss.isfinite()
        return self.loss.isfinite() & self.gradient.isfinite().all(dim=2)

    def pick(self, chosen: Int[Tensor, "images kept"]) -> Evaluation:
        """That of some restarts of every image, by their place."""
        gradient = None if self.gradient is None else pick(self.gradient, chosen)
        gram = None if self.gram is None else pick(self.gram, chosen)
        return Evaluation(pick(self.loss, chosen), pick(self.distance, chosen), gradient, gram)


def pick(values: Shaped[Tensor, "images restarts *rest"], chosen: Int[Tensor, "images kept"]) -> Tensor:
    """What belongs to some restarts of every image, by their place; shape (images, kept, …)."""
    index = chosen.reshape(*chosen.shape, *[1] * (values.ndim - 2))
    return values.gather(1, index.expand(-1, -1, *values.shape[2:]))


def evaluate(problem: Problem, query: Query) -> Evaluation:
    """Evaluates the points of one problem."""
    return evaluate_together([problem], [query])[0]


@in_pieces
def evaluate_together(problems: Sequence[Problem], queries: Sequence[Query]) -> Generator[None, None, list[Evaluation]]:
    """Evaluates the points of several problems, of one generator, distance and space, side by side.

    Points go through the networks in small chunks (see `chunks`): what the points of a problem get does not depend on
    the other problems, bit for bit, and memory does not grow with the number of points. Where memory is refused for a
    chunk, half of it goes at a time. Jacobians are computed point by point, some columns at a time.

    Args:
        problems: At least one.
        queries: One for each.

    Yields:
        Nothing, before chunks that are computed side by side (see `lanes`): other work may be done then.

    Returns:
        One evaluation for each.

    Raises:
        InvalidInputError: The problems differ in generator, distance or space, or a loss has no residual that is asked
            for (see `residual_of`).
        MemoryExhaustedError: Memory does not suffice for a single point.
    """
    first = problems[0]
    for problem in problems[1:]:
        if (problem.generator, problem.distance, problem.space) != (first.generator, first.distance, first.space):
            raise InvalidInputError("problems that are evaluated together have the same generator, distance and space")
    found: list[Evaluation | None] = [None] * len(problems)
    # What a chunk computes is the same for all of its rows.
    for gradient in (True, False):
        for extra in dict.fromkeys(problem.extra for problem in problems):
            chosen = [
                number
                for number, (problem, query) in enumerate(zip(problems, queries, strict=True))
                if query.gradient == gradient and problem.extra == extra
            ]
            parts = yield from _evaluate([problems[i] for i in chosen], [queries[i].points for i in chosen], gradient)
            for number, part in zip(chosen, parts, strict=True):
                found[number] = part
    answers = [part for part in found if part is not None]
    for number, (problem, query) in enumerate(zip(problems, queries, strict=True)):
        if query.gram is not None:
            gram = yield from grams_in_pieces(problem, query.points, query.gram)
            answers[number] = replace(answers[number], gram=gram)
    return answers


def choose_rows(problem: Problem, query: Query) -> int:
    """How many rows of a search go through the networks at once, for as long as it lasts.

    Args:
        problem: The problem, of all targets of the search.
        query: What is asked of each target, of shape (1, restarts, dim).

    Raises:
        MemoryExhaustedError: Not even one row fits into a budget of memory that was given.
    """
    count = rows_to_meet([query.points.shape[1]] * problem.images, problem.generator.device)
    lanes = lanes_of(problem.generator, problem.distance)
    point = query.points[:, :1].flatten(0, 1).detach()
    return _way(problem, point, query.gradient).rows(count, lanes)


def _evaluate(
    problems: Sequence[Problem], points: Sequence[Tensor], gradient: bool
) -> Generator[None, None, list[Evaluation]]:
    if not problems:
        return []
    generator, distance = problems[0].generator, problems[0].distance
    lanes = lanes_of(generator, distance)
    calls = []
    # Problems of one company follow each other.
    for company, group in groupby(range(len(problems)), key=lambda number: problems[number].company):
        numbers = list(group)
        calls += _calls(
            company, [problems[number] for number in numbers], [points[number] for number in numbers], gradient, lanes
        )
    answers = yield from in_lanes(calls, lanes)
    parts = [part for answer in answers for part in answer]
    loss, apart, slope = (torch.cat(column) for column in zip(*parts, strict=True))
    counts = [part.shape[0] * part.shape[1] for part in points]
    found = []
    for part, one, other, third in zip(
        points, *(torch.split(values, counts) for values in (loss, apart, slope)), strict=True
    ):
        shape = part.shape[:2]
        found.append(
            Evaluation(one.reshape(shape), other.reshape(shape), third.reshape(part.shape) if gradient else None)
        )
    return found


def _calls(
    company: Company, problems: Sequence[Problem], points: Sequence[Tensor], gradient: bool, lanes: Lanes
) -> list[Callable[[], list[_Answer]]]:
    """Calls that compute chunks of the points of one company."""
    ends = list(accumulate(part.shape[0] * part.shape[1] for part in points))
    flat = torch.cat([part.flatten(0, 1) for part in points]).detach()
    restarts = [part.shape[1] for part in points for _ in range(part.shape[0])]
    device = flat.device
    way = _way(problems[0], flat[:1], gradient)
    block = way.block
    if company.rows is None:
        rows = way.rows(rows_to_meet(restarts, device), lanes)
    else:
        rows = company.rows if block.cap is None else min(company.rows, block.cap)

    def evaluated(place: slice) -> _Answer:
        return way.of_points(flat[place], lambda wanted: _rows(problems, points, ends, place.start, wanted))

    def chunk(place: slice) -> list[_Answer]:
        found = in_smaller_blocks(place, block, evaluated)
        if company.rows is not None and block.cap is not None:
            company.rows = min(company.rows, block.cap)
        return found

    return [partial(chunk, place) for place in chunks_of(restarts, device, rows, lanes.count)]


@dataclass(frozen=True)
class _Way:
    """How points are evaluated.

    Attributes:
        problem: One that they belong to.
        point: A point of its first target, to see what a row takes; shape (1, dim).
        gradient: Whether gradients are wanted.
        sparing: Whether images are computed a second time for them; the numbers are the same.
    """

    problem: Problem
    point: Float[Tensor, "1 dim"]
    gradient: bool
    sparing: bool = False

    @property
    def block(self) -> Block:
        """The block of this kind of work."""
        problem = self.problem
        what = "losses and gradients" if self.gradient else "losses"
        aligned = ", aligned" if problem.alignment is not None else ""
        noisy = ", with noise maps" if problem.noise is not None else ""
        twice = ", images computed twice" if self.sparing else ""
        kind = f"{what} of space {problem.space!r}{aligned}{noisy}{twice}"
        return budget_of(problem.generator.device).block(kind, problem.generator, problem.distance)

    def fits(self) -> bool:
        """Whether a row fits, as far as is known."""
        return self.block.fits(self._row)

    def rows(self, count: int, lanes: Lanes) -> int:
        """How many of so many rows go at once."""
        return self.block.rows(count, self._row, lanes=lanes.count)

    def _row(self) -> _Answer:
        image = torch.zeros(1, dtype=torch.long, device=self.point.device)
        return self.of_points(self.point, lambda wanted: self.problem.rows(wanted, image))

    def of_points(self, points: Float[Tensor, "rows dim"], rows_of: Callable[[Tensor], Rows]) -> _Answer:
        """Losses, distances and gradients of points."""
        problem = self.problem
        # A copy: where a kernel begins in memory may matter too.
        wanted = points.clone().requires_grad_(self.gradient)
        with torch.set_grad_enabled(self.gradient):
            loss, apart = losses(problem.generator, problem.distance, rows_of(wanted), sparing=self.sparing)
        # Rows are independent: the gradient of the sum is each one's own.
        slope = torch.autograd.grad(loss.sum(), wanted)[0] if self.gradient else wanted
        return loss.detach(), apart.detach(), slope


def _way(problem: Problem, point: Float[Tensor, "1 dim"], gradient: bool) -> _Way:
    """The usual one, or the sparing one where gradients are wanted and not even one row fits otherwise."""
    usual = _Way(problem, point, gradient)
    return replace(usual, sparing=True) if gradient and not usual.fits() else usual


def _rows(
    problems: Sequence[Problem],
    points: Sequence[Tensor],
    ends: Sequence[int],
    start: int,
    chunk: Float[Tensor, "rows dim"],
) -> Rows:
    """The rows of a chunk of points, the first of which is number `start` of all.

    Args:
        problems: The problems.
        points: Of each, shape (images, restarts, dim).
        ends: For every problem, the number of the point after its last.
        start: Number of the first point of the chunk.
        chunk: The points.
    """
    parts = []
    stop = start + len(chunk)
    for number in range(bisect_right(ends, start), len(problems)):
        images, restarts = points[number].shape[:2]
        first = ends[number] - images * restarts
        if first >= stop:
            break
        left, right = max(first, start), min(ends[number], stop)
        image = torch.arange(left - first, right - first, device=chunk.device) // restarts
        parts.append(problems[number].rows(chunk[left - start : right - start], image))
    return Rows.join(parts)
