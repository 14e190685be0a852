"""Self-expression: channels as combinations of each other, which tells which of them work together."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.pieces import in_pieces

# η of Eq. 13, with channels whose mean energy is 1.
SPARSITY = 0.5
_ITERATIONS = 2000
_SETTLED = 1e-6
# Iterations: of 512 channels about a second.
_AT_ONCE = 20


@in_pieces
def self_expression(
    gram: Float64[np.ndarray, "channels channels"], sparsity: float = SPARSITY
) -> Generator[None, None, Float64[np.ndarray, "channels channels"]]:
    """R that rebuilds each channel from few of the others: DP-LaSE, Eq. 12 and 13.

    min_R E‖M − M R‖² + η ‖R‖₁ with diag(R) = 0, the columns of M being the channels. The paper trains a layer by Adam.
    The problem is convex and the Gram matrix says all that it needs of the features, so it is solved here by
    accelerated proximal gradients (Beck & Teboulle, 2009): zeros are exact and nothing is drawn. It ends when
    no coefficient moves by more than 10⁻⁶, or after 2,000 iterations.

    Args:
        gram: E[MᵀM], symmetric, positive semi-definite. It is scaled to a mean of 1 on the diagonal, so that η means
            the same for every layer.
        sparsity: η, above 0.

    Returns:
        R; the column of a channel says of which others it is made. A channel that is always zero has a zero column.

    Raises:
        InvalidInputError: The sparsity is out of range, the matrix is not finite, or all channels are zero.
    """
    if not 0 < sparsity < np.inf:
        raise InvalidInputError(f"the sparsity of a self-expression is above 0, finite, but {sparsity} came")
    if not np.isfinite(gram).all():
        raise InvalidInputError("a Gram matrix is finite, but NaN or infinity came")
    mean = gram.diagonal().mean()
    if not mean > 0:
        raise InvalidInputError("all channels are zero, so none is made of others; take another layer")
    scaled = gram / mean
    # The gradient 2 (G R − G) changes no faster than by 2 λ_max.
    rate = 1 / (2 * np.linalg.eigvalsh(scaled)[-1])
    found: NDArray[np.float64] = np.zeros_like(scaled)
    ahead = found
    momentum = 1.0
    for iteration in range(_ITERATIONS):
        if iteration % _AT_ONCE == _AT_ONCE - 1:
            yield
        stepped = ahead - rate * 2 * (scaled @ ahead - scaled)
        # prox of η ‖R‖₁, and diag(R) = 0
        shrunk: NDArray[np.float64] = np.sign(stepped) * np.maximum(np.abs(stepped) - rate * sparsity, 0)
        np.fill_diagonal(shrunk, 0)
        if ((ahead - shrunk) * (shrunk - found)).sum() > 0:
            # The momentum leads uphill (O'Donoghue & Candès, 2015).
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = shrunk + (momentum - 1) / following * (shrunk - found)
        change = np.abs(shrunk - found).max()
        found, momentum = shrunk, following
        if change < _SETTLED:
            break
    return found


def affinity(expression: Float64[np.ndarray, "channels channels"]) -> Float64[np.ndarray, "channels channels"]:
    """S = (|R| + |Rᵀ|) / 2: how closely channels work together (DP-LaSE, Eq. 14)."""
    mean: NDArray[np.float64] = (np.abs(expression) + np.abs(expression.T)) / 2
    return mean
