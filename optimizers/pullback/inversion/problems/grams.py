"""Gram matrices JᵀJ at the points of a search: J the Jacobian of a loss's residual or a distance's embedding."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.func import jvp, vjp, vmap

from pullback.geometry.pointwise.jacobian import inner_products, jacobian_columns
from pullback.geometry.precision import full_precision
from pullback.inversion.batching.chunks import most_rows
from pullback.inversion.problems.problem import Problem
from pullback.inversion.problems.residual import embedding_of, residual_of
from pullback.memory import Block, budget_of, in_blocks

GramOf = Literal["embedding", "residual"]

# For columns of J that are held, at most; where that does not suffice, the others are computed once more for each such
# panel.
HELD_BYTES = 2**28
# Of so many panels most columns would be computed several times: a product with J and Jᵀ, as much as two or three
# columns, is then less work.
_MOST_PANELS = 4
# Of the room of a budget: a panel is there twice while it is put together, and so is the one that it meets.
_SHARE_HELD = 1 / 8


def grams_in_pieces(
    problem: Problem, points: Float[Tensor, "images restarts dim"], of: GramOf, held_bytes: int | None = None
) -> Generator[None, None, Float64[Tensor, "images restarts n n"]]:
    """JᵀJ at every point, with respect to the block that moves.

    The derivatives are taken forward mode in the generator's precision, point by point, so that none depends on its
    company; their products are summed in float64.

    Args:
        problem: The problem.
        points: Where.
        of: Whose Jacobian J is: `embedding`, that of φ(G(z)), so that the metric is 2 JᵀJ, or `residual`, that of r(z),
            where ‖r‖² is the loss, the prior's penalty included.
        held_bytes: Memory for columns of J; 256 MiB when omitted, or less where the budget of memory is small.

    Yields:
        Nothing, before some columns are computed: other work may be done then.

    Raises:
        InvalidInputError: The loss has no residual (see `residual_of`).
        MemoryExhaustedError: Memory does not suffice for a single column.
    """
    block, budget = problem.moving_block, budget_of(problem.generator.device)
    columns = budget.block(f"columns of the Jacobian of the {of}", problem.generator, problem.distance)
    products = budget.block(f"products with the Jacobian of the {of}", problem.generator, problem.distance)
    held_bytes = min(HELD_BYTES, int(_SHARE_HELD * budget.room())) if held_bytes is None else held_bytes
    grams = []
    for image in range(problem.images):
        for point in points[image].detach():
            function = embedding_of(problem, point, image) if of == "embedding" else residual_of(problem, point, image)
            gram = yield from _gram(function, point[block], held_bytes, columns, products)
            grams.append(gram)
    found = torch.stack(grams).reshape(*points.shape[:2], *grams[0].shape)
    if of == "residual":
        space = problem.generator.space(problem.space)
        # ‖r‖² + w_p R has the Hessian 2 JᵀJ + w_p ∇²R.
        found = found + problem.weights.prior / 2 * space.prior.curvature(space.dim)[block, block].to(found)
    return found


def _gram(
    function: Callable[[Tensor], Tensor], block: Float[Tensor, " n"], held_bytes: int, columns: Block, products: Block
) -> Generator[None, None, Float64[Tensor, "n n"]]:
    n = len(block)
    with torch.no_grad():
        column = function(block)
    held = max(1, min(n, held_bytes // (column.numel() * column.element_size())))
    if n > _MOST_PANELS * held:
        return (yield from _by_products(function, block, products))
    gram = torch.zeros(n, n, dtype=torch.float64, device=block.device)
    for start in range(0, n, held):
        rows = slice(start, min(start + held, n))
        panel = yield from _panel(function, block, rows, columns)
        gram[rows, rows] = inner_products(panel, panel)
        for other in range(start + held, n, held):
            place = slice(other, min(other + held, n))
            gram[rows, place] = inner_products(panel, (yield from _panel(function, block, place, columns)))
            gram[place, rows] = gram[rows, place].T
    return gram


def _by_products(
    function: Callable[[Tensor], Tensor], block: Float[Tensor, " n"], products: Block
) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """JᵀJ, some columns at a time, where hardly any of J can be held."""
    n = len(block)
    with full_precision():
        pull: Callable[[Tensor], tuple[Tensor]] = vjp(function, block)[1]

    def product(axis: Tensor) -> Tensor:
        # Jᵀ(J e)
        return pull(jvp(function, (block,), (axis,))[1])[0]

    def computed(part: slice) -> Tensor:
        axes = block.new_zeros(part.stop - part.start, n)
        axes[:, part].fill_diagonal_(1)
        with full_precision(), torch.no_grad():
            found: Tensor = vmap(product)(axes)
        return found

    at_once = products.rows(min(n, most_rows(block.device)), lambda: computed(slice(0, 1)))
    gram = torch.cat((yield from in_blocks(n, at_once, products, computed))).double()
    return (gram + gram.T) / 2


def _panel(
    function: Callable[[Tensor], Tensor], block: Float[Tensor, " n"], place: slice, columns: Block
) -> Generator[None, None, Float[Tensor, "columns features"]]:
    """Columns of J, as rows, some computed at a time."""
    total = place.stop - place.start

    def computed(part: slice) -> Tensor:
        # Not held across a yield: other work has settings of its own.
        with full_precision():
            return jacobian_columns(function, block, place.start + part.start, place.start + part.stop)

    at_once = columns.rows(min(total, most_rows(block.device)), lambda: computed(slice(0, 1)))
    return torch.cat((yield from in_blocks(total, at_once, columns, computed)))
