"""Stages of a BasinCMA: how many generations, and how long the last stage is; fitted to a budget."""

from __future__ import annotations

from dataclasses import dataclass

from pullback.errors import InvalidInputError


@dataclass(frozen=True)
class Stages:
    """Generations of candidates, each of which is refined, and a last stage in which some are refined further.

    Attributes:
        outer: Generations, at least 1.
        inner: Updates of each candidate of a generation; it is evaluated once more after the last.
        final: Evaluations of each candidate of the last stage, one more than its updates; 0 for no such stage.
    """

    outer: int
    inner: int
    final: int

    @property
    def length(self) -> int:
        """Steps, each of which evaluates all candidates at the same time."""
        return self.outer * (self.inner + 1) + self.final

    def evaluations(self, candidates: int, finalists: int) -> int:
        """Evaluations of the generator, with so many candidates of a generation and in the last stage."""
        return self.outer * (self.inner + 1) * candidates + self.final * finalists


def fit_stages(
    published: Stages, *, candidates: int, finalists: int, steps: int | None, evaluations: int | None
) -> Stages:
    """A published schedule, scaled to a budget.

    The generations get the same share of the budget as there, in whole generations but at least one, each of as many
    updates as there; the last stage gets what is left. Without a budget the schedule is the published one.

    Args:
        published: The schedule.
        candidates: Of a generation, per image.
        finalists: Candidates of the last stage, per image.
        steps: At most so many updates in all, of a candidate that is kept to the end; None for no bound.
        evaluations: At most so many evaluations per image; None for no bound.

    Raises:
        InvalidInputError: A bound does not suffice for one generation.
    """
    generation = published.inner + 1
    bounds = []
    if steps is not None:
        if steps + 1 < generation:
            raise InvalidInputError(
                f"{steps} steps do not suffice for a generation: expected at least {generation - 1}"
            )
        bounds.append((steps + 1, published.length, generation, 1))
    if evaluations is not None:
        if evaluations < generation * candidates:
            raise InvalidInputError(
                f"{evaluations} evaluations do not suffice for a generation of {candidates} candidates with "
                f"{published.inner} updates each: expected at least {generation * candidates}"
            )
        whole = published.evaluations(candidates, finalists)
        bounds.append((evaluations, whole, generation * candidates, finalists))
    if not bounds:
        return published
    outer = max(1, min(published.outer * bound // whole for bound, whole, _, _ in bounds))
    final = min((bound - outer * generation) // each for bound, _, generation, each in bounds)
    return Stages(outer, published.inner, final)
