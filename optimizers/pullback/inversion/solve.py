"""Inversion from beginning to end: starts, solver, loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.geometry.seeding import derive_seed
from pullback.inversion.adam import Adam
from pullback.inversion.hessian_adam import HessianAdam
from pullback.inversion.problem import Problem
from pullback.inversion.solver import InversionResult

METHODS = ("adam", "hessian_adam")
MAX_RESTARTS = 1024


def draw_starts(problem: Problem, restarts: int, seed: int = 0) -> Float[Tensor, "images restarts dim"]:
    """Starting latents, drawn from the prior of the problem's space.

    Each draw depends on the seed, the number of its image and the number of its restart alone: an image's starts
    do not depend on its company, and more restarts keep those of fewer.

    Args:
        problem: The problem.
        restarts: How many for each image, 1 to 1,024.
        seed: Any integer ≥ 0.

    Returns:
        Latents of shape (images, restarts, dim), on the generator's device and in its precision.

    Raises:
        InvalidInputError: A number is out of range.
    """
    if not 1 <= restarts <= MAX_RESTARTS:
        raise InvalidInputError(f"restarts lie between 1 and {MAX_RESTARTS}, but {restarts} came")
    space = problem.generator.space(problem.space)
    draws = [
        space.sample(1, derive_seed(seed, image, restart))
        for image in range(problem.images)
        for restart in range(restarts)
    ]
    starts = torch.cat(draws).reshape(problem.images, restarts, space.dim)
    return starts.to(problem.generator.device, problem.generator.dtype)


def make_solver(
    method: str,
    *,
    eigenbasis: Eigenbasis | None = None,
    steps: int = 200,
    learning_rate: float | None = None,
    exponent: float = 0.0,
    schedule: str = "constant",
) -> Adam:
    """A solver by name, to be driven step by step; the arguments are those of `invert`."""
    rate = Adam.learning_rate if learning_rate is None else learning_rate
    if method == "adam":
        return Adam(steps=steps, learning_rate=rate, schedule=schedule)
    if method == "hessian_adam":
        if eigenbasis is None:
            raise InvalidInputError(
                "method 'hessian_adam' needs an eigenbasis; compute one with pullback.geometry.global_metric"
            )
        return HessianAdam(eigenbasis=eigenbasis, steps=steps, learning_rate=rate, exponent=exponent, schedule=schedule)
    raise UnknownNameError("inversion method", method, METHODS)


def invert(
    problem: Problem,
    method: str = "hessian_adam",
    *,
    eigenbasis: Eigenbasis | None = None,
    restarts: int = 4,
    steps: int = 200,
    learning_rate: float | None = None,
    exponent: float = 0.0,
    schedule: str = "constant",
    seed: int = 0,
    starts: Tensor | None = None,
    progress: Callable[[int, int, Tensor], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> InversionResult:
    """Finds latents whose images resemble the problem's targets.

    Args:
        problem: Generator, distance, space, targets and loss.
        method: `adam`, or `hessian_adam` (see `HessianAdam`).
        eigenbasis: For `hessian_adam`: the eigenbasis of the problem's generator, space and distance. `adam`
            ignores it.
        restarts: Independent starts for each target, 1 to 1,024.
        steps: Updates of each, 1 to 100,000.
        learning_rate: Above 0; 0.1 when omitted.
        exponent: For `hessian_adam`: p ≥ 0, scaling coordinates by λ^−p. `adam` ignores it.
        schedule: Of the learning rate, `constant` or `cosine`.
        seed: Of the starts, any integer ≥ 0. The same seed gives the same result on one machine.
        starts: Starting latents, shape (images, restarts, dim), instead of draws from the prior; `restarts` and
            `seed` are ignored then.
        progress: Called after every evaluation with the number of updates before it, with `steps`, and with the
            lowest loss of each target so far, shape (images,), on the CPU.
        should_stop: Asked after every evaluation; true ends the inversion early.

    Returns:
        The best of what was seen, never just the last. After an early end that is the best so far, and the
        result's `finished` is false.

    Raises:
        UnknownNameError: No such method or schedule.
        InvalidInputError: An option is out of range, the starts cannot be used, or the eigenbasis is missing.
        IncompatibleEigenbasisError: The eigenbasis is of another generator, space, distance or set of weights.
        PullbackError: All losses of a target were non-finite.
    """
    solver = make_solver(
        method,
        eigenbasis=eigenbasis,
        steps=steps,
        learning_rate=learning_rate,
        exponent=exponent,
        schedule=schedule,
    )
    state = solver.init(problem, draw_starts(problem, restarts, seed) if starts is None else starts)
    while not solver.terminate(problem, state):
        state = solver.step(problem, state)
        if progress is not None:
            progress(state.step - 1, steps, state.best_loss.amin(dim=1).cpu())
        if should_stop is not None and should_stop():
            break
    return solver.postprocess(problem, state)
