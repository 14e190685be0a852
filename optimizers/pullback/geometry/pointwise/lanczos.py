"""Leading eigenpairs of a metric from its products with vectors, by ARPACK."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.errors import PullbackError
from pullback.geometry.point import Point
from pullback.geometry.seeding import derive_seed


def lanczos(
    product: Callable[[Float[Tensor, " n"]], Float[Tensor, " n"]],
    point: Point,
    k: int,
    *,
    tolerance: float,
    seed: int,
) -> tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]:
    """The k eigenpairs of largest magnitude, by the implicitly restarted Lanczos method (`scipy.sparse.linalg.eigsh`).

    Args:
        product: v ↦ H v, on the generator's device and in its precision.
        point: Where H is taken.
        k: How many, from 1 to n − 1.
        tolerance: Relative accuracy of the eigenvalues at which the iteration ends.
        seed: Of the starting vector.

    Returns:
        Eigenvalues, descending, and their eigenvectors as columns, on the generator's device.

    Raises:
        PullbackError: A product is not finite, or the iteration does not converge.
    """
    # What every worker is spared at its start: no other way to an eigenbasis needs it.
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh  # type: ignore[import-untyped]  # noqa: PLC0415

    latent = point.latent

    def multiply(vector: np.ndarray) -> np.ndarray:
        result = product(torch.from_numpy(vector.reshape(-1).copy()).to(latent))
        point.check_finite(result)
        numbers: np.ndarray = result.double().cpu().numpy()
        return numbers

    start = np.random.default_rng(derive_seed(seed)).standard_normal(point.dim)
    # ARPACK refuses the zero matrix: the images do not change with these latents.
    if not multiply(start).any():
        nothing = torch.zeros(k, dtype=torch.float64, device=latent.device)
        return nothing, torch.eye(point.dim, k, dtype=torch.float64, device=latent.device)
    operator = LinearOperator((point.dim, point.dim), matvec=multiply, dtype=np.float64)
    try:
        values, vectors = eigsh(operator, k=k, which="LM", v0=start, tol=tolerance)
    except ArpackError as error:
        raise PullbackError(
            f"the Lanczos iteration found no {k} eigenpairs ({error}); ask for fewer, or use full_backprop"
        ) from error
    order = np.argsort(-values)
    return (
        torch.from_numpy(values[order]).to(latent.device),
        torch.from_numpy(np.ascontiguousarray(vectors[:, order])).to(latent.device),
    )


def lanczos_memory(n: int, k: int) -> int:
    """How many float64 numbers ARPACK keeps: its basis, and the eigenvectors."""
    return n * (min(n, max(2 * k + 1, 20)) + 2 * k)
