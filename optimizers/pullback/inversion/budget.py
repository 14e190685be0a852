"""Budgets of methods: whether steps and evaluations suffice for a search, known before it begins. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Callable

from pullback.inversion.defaults import POPULATION, method_of
from pullback.inversion.solvers.stages import Stages, fit_stages
from pullback.inversion.solvers.thinning import make_plan, one_each

# Of the methods with a population of their own.
_SCHEDULES = {
    "basin_cma": Stages(outer=30, inner=30, final=301),
    "basin_cma_hessian_adam": Stages(outer=10, inner=10, final=501),
    "hessian_basin_cma": Stages(outer=10, inner=10, final=501),
}


def check_steps_suffice(method: str, *, steps: int) -> None:
    """Checks that so many updates suffice for a method.

    Args:
        method: Its name.
        steps: At most so many updates of a restart that is kept to the end.

    Raises:
        UnknownNameError: No such method.
        InvalidInputError: They do not; the message says how many do.
    """
    if not method_of(method).restarts:
        _fit(method, POPULATION, steps, None)


def check_evaluations_suffice(
    method: str, *, starts: int, evaluations: int, dim: int, thin: bool = False, local_every: int | None = None
) -> None:
    """Checks that so many evaluations suffice for a method, as it does itself when it begins.

    Args:
        method: Its name.
        starts: Points per image that are moved at first, ≥ 1: with a population, all of it.
        evaluations: At most so many evaluations of the generator per image.
        dim: Dimensions that move.
        thin: Whether restarts are given up.
        local_every: With basis `local`: updates between two computations of the metric; None for another basis.

    Raises:
        UnknownNameError: No such method.
        InvalidInputError: They do not; the message says how many do.
    """
    if method_of(method).restarts:
        cost = _cost_of(method, dim, local_every)
        make_plan(starts, steps=max(evaluations, 1), evaluations=evaluations, thin=thin, cost=cost)
    else:
        _fit(method, starts, None, evaluations)


def _cost_of(method: str, dim: int, local_every: int | None) -> Callable[[int], int]:
    """How many evaluations the first so many updates of a restart take: a Jacobian, as many as it has columns."""
    if method == "levenberg_marquardt":
        return lambda updates: updates * (1 + dim)
    if local_every is not None:
        return lambda updates: updates + dim * math.ceil(updates / local_every)
    return one_each


def _fit(method: str, candidates: int, steps: int | None, evaluations: int | None) -> None:
    fit_stages(_SCHEDULES[method], candidates=candidates, finalists=candidates, steps=steps, evaluations=evaluations)
