"""Evaluating the points of one or several problems in one pass."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from jaxtyping import Bool, Float, Float64, Int, Shaped
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.inversion.chunks import chunks_of, padded
from pullback.inversion.grams import GramOf, grams_in_chunks
from pullback.inversion.problem import Problem, Rows, losses
from pullback.pieces import finish


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


def evaluate_together(problems: Sequence[Problem], queries: Sequence[Query]) -> list[Evaluation]:
    """Evaluates the points of several problems side by side; see `evaluate_in_chunks`."""
    return finish(evaluate_in_chunks(problems, queries))


def evaluate_in_chunks(
    problems: Sequence[Problem], queries: Sequence[Query]
) -> Generator[None, None, list[Evaluation]]:
    """Evaluates the points of several problems, of one generator, distance and space, side by side.

    Points go through the networks in small chunks (see `chunks`): what the points of a target get does not depend on
    their company, bit for bit, and memory does not grow with the number of points. Jacobians are computed point by
    point, some columns at a time.

    Args:
        problems: At least one.
        queries: One for each.

    Yields:
        Nothing, before every chunk: other work may be done then.

    Returns:
        One evaluation for each.

    Raises:
        InvalidInputError: The problems differ in generator, distance or space, or a loss has no residual that is asked
            for (see `residual_of`).
    """
    first = problems[0]
    for problem in problems[1:]:
        if (problem.generator, problem.distance, problem.space) != (first.generator, first.distance, first.space):
            raise InvalidInputError("problems that are evaluated together have the same generator, distance and space")
    found: list[Evaluation | None] = [None] * len(problems)
    # What a chunk computes is the same for all of its rows.
    for gradient in (True, False):
        for framed in (False, True):
            chosen = [
                number
                for number, (problem, query) in enumerate(zip(problems, queries, strict=True))
                if query.gradient == gradient and bool(problem.extra) == framed
            ]
            parts = yield from _evaluate([problems[i] for i in chosen], [queries[i].points for i in chosen], gradient)
            for number, part in zip(chosen, parts, strict=True):
                found[number] = part
    answers = [part for part in found if part is not None]
    for number, (problem, query) in enumerate(zip(problems, queries, strict=True)):
        if query.gram is not None:
            gram = yield from grams_in_chunks(problem, query.points, query.gram)
            answers[number] = replace(answers[number], gram=gram)
    return answers


def _evaluate(
    problems: Sequence[Problem], points: Sequence[Tensor], gradient: bool
) -> Generator[None, None, list[Evaluation]]:
    if not problems:
        return []
    counts = [part.shape[0] * part.shape[1] for part in points]
    ends = list(accumulate(counts))
    owners = [(end - count, end, part.shape[1]) for end, count, part in zip(ends, counts, points, strict=True)]
    flat = torch.cat([part.flatten(0, 1) for part in points]).detach()
    answers = []
    restarts = [part.shape[1] for part in points for _ in range(part.shape[0])]
    for place, size in chunks_of(restarts, flat.device):
        yield
        chunk = flat[place]
        wanted = padded(chunk, size).requires_grad_(gradient)
        with torch.set_grad_enabled(gradient):
            rows = _rows(problems, owners, place.start, wanted)
            loss, distance = losses(problems[0].generator, problems[0].distance, rows)
        # Rows are independent: the gradient of the sum is each one's own.
        slope = torch.autograd.grad(loss.sum(), wanted)[0] if gradient else wanted
        answers.append((loss.detach()[: len(chunk)], distance.detach()[: len(chunk)], slope[: len(chunk)]))
    loss, distance, slope = (torch.cat(column) for column in zip(*answers, strict=True))
    found = []
    for part, one, other, third in zip(
        points, *(torch.split(values, counts) for values in (loss, distance, slope)), strict=True
    ):
        shape = part.shape[:2]
        found.append(
            Evaluation(one.reshape(shape), other.reshape(shape), third.reshape(part.shape) if gradient else None)
        )
    return found


def _rows(
    problems: Sequence[Problem], owners: Sequence[tuple[int, int, int]], start: int, points: Float[Tensor, "rows dim"]
) -> Rows:
    """The rows of a chunk of points, the first of which is number `start` of all; the padding is the last's.

    Args:
        problems: The problems.
        owners: For every problem, the numbers of its first point and of the one after its last, and its restarts.
        start: Number of the first point.
        points: The chunk.
    """
    parts = []
    stop = start + len(points)
    for problem, (first, end, restarts) in zip(problems, owners, strict=True):
        if end == owners[-1][1]:
            end = max(end, stop)  # noqa: PLW2901
        left, right = max(first, start), min(end, stop)
        if left < right:
            numbers = torch.arange(left - first, right - first, device=points.device) // restarts
            mine = points[left - start : right - start]
            parts.append(problem.rows(mine, numbers.clamp_max(problem.images - 1)))
    return Rows.join(parts)
