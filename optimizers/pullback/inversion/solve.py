"""Inversion from beginning to end: starts, solver, loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.defaults import ALIGNED_RESTARTS, SolverOptions, method_of
from pullback.inversion.limits import Limits
from pullback.inversion.methods import make_solver
from pullback.inversion.presets import preset_of
from pullback.inversion.problems.evaluation import evaluate_together
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.solver import InversionResult
from pullback.inversion.starts.bank import StartBank
from pullback.inversion.starts.starting_points import make_starts
from pullback.inversion.target_searches import TargetSearches

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


def invert(
    problem: Problem,
    method: str = "hessian_adam",
    *,
    eigenbasis: Eigenbasis | None = None,
    restarts: int | None = None,
    seed: int = 0,
    start: str | None = None,
    bank: StartBank | None = None,
    starts: Tensor | None = None,
    latents: Sequence[Tensor | None] | None = None,
    classes: Sequence[int] | None = None,
    search_classes: bool = False,
    limits: Limits | None = None,
    preset: str | None = None,
    progress: Callable[[int, int, Tensor], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **options: Unpack[SolverOptions],
) -> InversionResult:
    """Finds latents whose images resemble the problem's targets.

    Each target is searched for by itself: what is found for it is the same, bit for bit, whatever the others are.

    Args:
        problem: Generator, distance, space, targets and loss.
        method: One of `METHODS`.
        eigenbasis: Where the method works in one: an eigenbasis of the problem's generator and moving space,
            of any distance.
        restarts: Independent starts for each target, 1 to 1,024; None for the method's default. BasinCMA has a
            population of its own.
        seed: Of the starts and of BasinCMA, any integer ≥ 0. The same seed gives the same result on one machine. Starts
            from a bank are not drawn: there the seed decides on nothing but the frames of an alignment.
        start: `prior`, `mean` or `bank`; None for the method's default, or where that is `bank` and there is none, for
            `prior`, or `mean` of a problem of given classes.
        bank: For `bank`, one under the problem's distance. `make_starts` of `problem.under(another)` finds `starts` in
            a bank under another.
        starts: Starting points, shape (images, restarts, dim), instead of all these.
        latents: Where the first restart of each target starts; None where as the others (see `make_starts`).
        classes: The class of every target, where it is given (see `make_starts`).
        search_classes: Whether every class is tried; methods that can thin restarts do then, unless `thin` says
            otherwise.
        limits: What ends the inversion early.
        preset: One of `PRESETS`: its start, restarts and options are the defaults then. What it says of the problem,
            space, distance, weights and noise maps, the problem was made with.
        progress: Called after every step with the number of updates before it, with their number in all, and with the
            lowest loss of each target so far, shape (images,), on the CPU.
        should_stop: Asked after every step; true ends the inversion early.
        **options: How the method works; see `SolverOptions`.

    Returns:
        The best of what was seen, never just the last. After an early end that is the best so far, and the
        result's `finished` is false.

    Raises:
        UnknownNameError: No such method, preset, basis, start or schedule.
        InvalidInputError: An option is out of range, the starts cannot be used, or the eigenbasis or bank is missing.
        IncompatibleEigenbasisError: The eigenbasis is of another generator, space or set of weights.
        PullbackError: All losses of every target were non-finite.
    """
    solver = make_solver(
        method, eigenbasis=eigenbasis, seed=seed, preset=preset, search_classes=search_classes, **options
    )
    defaults = method_of(method) if preset is None else preset_of(preset)
    if starts is None:
        unbanked = "mean" if problem.of_classes else "prior"
        own = unbanked if defaults.start == "bank" and bank is None else defaults.start
        several = ALIGNED_RESTARTS if problem.alignment is not None and defaults.restarts else 1
        count = max(defaults.restarts, several) if restarts is None else restarts
        starts = make_starts(
            problem,
            count,
            seed,
            start=start or own,
            bank=bank,
            classes=classes,
            search_classes=search_classes,
            latents=latents,
        )
    began, limits = time.perf_counter(), limits or Limits()
    searches = TargetSearches.begin(solver, problem, starts)
    while asked := searches.ask():
        searches = searches.tell(evaluate_together(*zip(*asked, strict=True)))
        if progress is not None:
            progress(searches.step - 1, searches.total, searches.best_loss.cpu())
        if should_stop is not None and should_stop():
            break
        searches = searches.limited(limits, time.perf_counter() - began)
    return searches.result()
