"""Descent to a minimum of a function of a vector whose gradients are computed in pieces: L-BFGS with backtracking."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.quasi_newton import dot, steepest, two_loops

# Armijo's condition: the share of the decrease that the slope promises.
_SUFFICIENT = 1e-4
# A step that failed is shortened to this share.
_SHORTER = 0.35
# Pairs with less curvature, relative to the change of the gradient, say nothing.
_CURVATURE = 1e-8
# Pairs that are remembered.
_HISTORY = 15
# The descent ends when so many steps in a row brought less than this share of the first value each.
_PATIENCE, _LEAST_GAIN = 3, 1e-3

Evaluation = Generator[None, None, tuple[float, Float64[Tensor, " k"]]]


def descended(
    evaluate: Callable[[Float64[Tensor, " k"]], Evaluation], start: Float64[Tensor, " k"], evaluations: int
) -> Generator[None, None, Float64[Tensor, " k"]]:
    """Where the function is least of all points that were tried.

    Liu & Nocedal, "On the limited memory BFGS method for large scale optimization" (Math. Program. 45, 1989). Every
    step is one evaluation; the first, along the gradient, has length 1.

    Args:
        evaluate: f and its gradient, in pieces; f may be infinite or NaN away from the start.
        start: Where it begins.
        evaluations: How many there are, at most.

    Yields:
        Whenever an evaluation does.
    """
    point = start
    value, gradient = yield from evaluate(point)
    first, idle = abs(value), 0
    steps: list[Tensor] = []
    changes: list[Tensor] = []
    direction, length = steepest(gradient), 1.0
    for _ in range(evaluations - 1):
        if not direction.any():
            break
        tried = point + length * direction
        new, new_gradient = yield from evaluate(tried)
        # f(x + s) ≤ f(x) + c₁ gᵀs
        if not new <= value + _SUFFICIENT * length * float(dot(gradient, direction)):
            length *= _SHORTER
            continue
        step, change = tried - point, new_gradient - gradient
        if float(dot(step, change)) > _CURVATURE * float(dot(change, change)):
            steps, changes = [*steps, step][-_HISTORY:], [*changes, change][-_HISTORY:]
        idle = idle + 1 if value - new < _LEAST_GAIN * first else 0
        point, value, gradient = tried, new, new_gradient
        if idle == _PATIENCE:
            break
        direction, length = _quasi_newton(gradient, steps, changes), 1.0
    return point


def _quasi_newton(gradient: Tensor, steps: list[Tensor], changes: list[Tensor]) -> Tensor:
    if not steps:
        return steepest(gradient)
    s, y = torch.stack(steps), torch.stack(changes)
    direction = two_loops(gradient, s, y, 1 / dot(s, y)[:, 0])
    return direction if float(dot(direction, gradient)) < 0 else steepest(gradient)
