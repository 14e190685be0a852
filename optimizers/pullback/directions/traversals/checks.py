"""Checks of what traversals take, and the messages for anything else."""

from __future__ import annotations

from jaxtyping import Float64
from torch import Tensor

from pullback.directions.traversals.walk import Walk
from pullback.errors import InvalidInputError


def as_start(start: Tensor) -> Float64[Tensor, " n"]:
    """A start in float64, where it is.

    Raises:
        InvalidInputError: It is no vector, or not finite.
    """
    if start.ndim != 1 or len(start) == 0:
        raise InvalidInputError(f"a walk starts from one latent of shape (n,), but shape {tuple(start.shape)} came")
    if not start.isfinite().all():
        raise InvalidInputError("a walk starts from a finite latent, but this one holds NaN or infinity")
    return start.detach().double()


def as_direction(vector: Tensor, start: Float64[Tensor, " n"]) -> Float64[Tensor, " n"]:
    """A direction in float64, next to the start.

    Raises:
        InvalidInputError: It has not the start's shape, is not finite, or is zero.
    """
    if vector.shape != start.shape:
        raise InvalidInputError(
            f"from a latent of {len(start)} coordinates a walk follows a vector of shape ({len(start)},), but shape "
            f"{tuple(vector.shape)} came; a direction of w is spread over the layers of w+ first"
        )
    if not vector.isfinite().all():
        raise InvalidInputError("a walk follows a finite vector, but this one holds NaN or infinity")
    if not vector.any():
        raise InvalidInputError("a walk follows a vector that is not zero, but zero came")
    return vector.detach().to(start)


def as_steps(steps: Tensor) -> Float64[Tensor, " frames"]:
    """Steps in float64, on the CPU.

    Raises:
        InvalidInputError: There is none, they are not finite, or do not ascend.
    """
    if steps.ndim != 1 or len(steps) == 0:
        raise InvalidInputError(f"a walk has steps of shape (frames,), but shape {tuple(steps.shape)} came")
    steps = steps.detach().double().cpu()
    if not steps.isfinite().all() or bool((steps.diff() <= 0).any()):
        raise InvalidInputError(f"the steps of a walk are finite and ascend, but {steps.tolist()} came")
    return steps


def as_walk(latents: Float64[Tensor, "frames n"], space: str, steps: Tensor, start: Tensor) -> Walk:
    """A walk whose latents were computed in float64, in the start's precision."""
    return Walk(latents.to(start), space, steps, start.detach())
