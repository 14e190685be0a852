"""JᵀJ at the points of a search, J the Jacobian of what a loss or a distance is the squared length of."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.geometry.jacobian import inner_products, jacobian_columns
from pullback.geometry.precision import full_precision
from pullback.inversion.chunks import rows_at_once
from pullback.inversion.problem import Problem
from pullback.inversion.residual import embedding_of, residual_of

GramOf = Literal["embedding", "residual"]

# For columns of J that are held; where that does not suffice, the others are computed once more for each such panel.
HELD_BYTES = 2**28


def grams_in_chunks(
    problem: Problem, points: Float[Tensor, "images restarts dim"], of: GramOf, held_bytes: int = HELD_BYTES
) -> Generator[None, None, Float64[Tensor, "images restarts n n"]]:
    """JᵀJ at every point, with respect to the block that moves.

    The derivatives are taken forward mode in the generator's precision, point by point, so that none depends on its
    company; their products are summed in float64.

    Args:
        problem: The problem.
        points: Where.
        of: Whose Jacobian J is: `embedding`, that of φ(G(z)), so that the metric is 2 JᵀJ, or `residual`, that of r(z),
            where ‖r‖² is the loss, the prior's penalty included.
        held_bytes: Memory for columns of J.

    Yields:
        Nothing, before some columns are computed: other work may be done then.

    Raises:
        InvalidInputError: The loss has no residual (see `residual_of`).
    """
    block = problem.moving_block
    grams = []
    for image in range(problem.images):
        for point in points[image].detach():
            function = embedding_of(problem, point, image) if of == "embedding" else residual_of(problem, point, image)
            gram = yield from _gram(function, point[block], held_bytes)
            grams.append(gram)
    found = torch.stack(grams).reshape(*points.shape[:2], *grams[0].shape)
    if of == "residual":
        space = problem.generator.space(problem.space)
        # ‖r‖² + w_p R has the Hessian 2 JᵀJ + w_p ∇²R.
        found = found + problem.weights.prior / 2 * space.prior.curvature(space.dim)[block, block].to(found)
    return found


def _gram(
    function: Callable[[Tensor], Tensor], block: Float[Tensor, " n"], held_bytes: int
) -> Generator[None, None, Float64[Tensor, "n n"]]:
    n = len(block)
    with torch.no_grad():
        column = function(block)
    held = max(1, min(n, held_bytes // (column.numel() * column.element_size())))
    gram = torch.zeros(n, n, dtype=torch.float64, device=block.device)
    for start in range(0, n, held):
        rows = slice(start, min(start + held, n))
        panel = yield from _panel(function, block, rows)
        gram[rows, rows] = inner_products(panel, panel)
        for other in range(start + held, n, held):
            columns = slice(other, min(other + held, n))
            gram[rows, columns] = inner_products(panel, (yield from _panel(function, block, columns)))
            gram[columns, rows] = gram[rows, columns].T
    return gram


def _panel(
    function: Callable[[Tensor], Tensor], block: Float[Tensor, " n"], columns: slice
) -> Generator[None, None, Float[Tensor, "columns features"]]:
    """Columns of J, as rows, some computed at a time."""
    parts = []
    at_once = rows_at_once(block.device)
    for start in range(columns.start, columns.stop, at_once):
        yield
        # Not held across a yield: other work has settings of its own.
        with full_precision():
            parts.append(jacobian_columns(function, block, start, min(start + at_once, columns.stop)))
    return torch.cat(parts)
