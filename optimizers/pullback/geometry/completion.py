"""Completion of orthonormal columns to a whole orthogonal matrix, as one block reflection; NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Completion:
    """Q = I − Y T Yᵀ, orthogonal, whose first k columns are those of U but for their signs; the others span the rest.

    A product with it takes 4 n k operations, and it is kept in 2 n k numbers instead of n². Schreiber & Van Loan, "A
    storage-efficient WY representation for products of Householder transformations" (SIAM J. Sci. Stat. Comput. 10,
    1989).

    Attributes:
        reflectors: Y, shape (n, r), r ≤ k.
        factor: T, shape (r, r), upper triangular.
        signs: s, shape (k,), 1 or −1: U = Q[:, :k] diag(s).
    """

    reflectors: Float64[np.ndarray, "n r"]
    factor: Float64[np.ndarray, "r r"]
    signs: Float64[np.ndarray, " k"]

    @classmethod
    def of(cls, vectors: Float64[np.ndarray, "n k"]) -> Completion:
        """That of orthonormal columns U, 1 ≤ k ≤ n."""
        k = vectors.shape[1]
        # LAPACK's geqrf: U = H₁ … H_k R with Hᵢ = I − τᵢ vᵢ vᵢᵀ; vᵢ lies below the diagonal, and R is diagonal here.
        raw, tau = np.linalg.qr(vectors, mode="raw")
        packed = raw.T
        signs = np.where(np.diagonal(packed) < 0, -1.0, 1.0)
        reflectors = np.tril(packed, -1)
        reflectors[np.arange(k), np.arange(k)] = 1
        # Where τ is zero, H is the identity.
        turning = np.flatnonzero(tau)
        reflectors = np.ascontiguousarray(reflectors[:, turning])
        # Orthogonality asks for T⁻¹ + T⁻ᵀ = YᵀY.
        products = reflectors.T @ reflectors
        inverse = np.triu(products, 1) + np.diag(np.diagonal(products) / 2)
        factor = np.linalg.solve(inverse, np.eye(len(turning)))
        return cls(reflectors, factor, signs)

    def times(self, rows: NDArray[np.float64]) -> Float64[np.ndarray, "*batch n"]:
        """The products v Q of rows v."""
        product: NDArray[np.float64] = rows - rows @ self.reflectors @ self.factor @ self.reflectors.T
        return product

    def times_transposed(self, rows: NDArray[np.float64]) -> Float64[np.ndarray, "*batch n"]:
        """The products c Qᵀ of rows c: the inverse of `times`."""
        product: NDArray[np.float64] = rows - rows @ self.reflectors @ self.factor.T @ self.reflectors.T
        return product

    def columns(self, start: int, stop: int) -> Float64[np.ndarray, "n m"]:
        """The columns of Q from `start` to before `stop`."""
        rows = np.zeros((stop - start, len(self.reflectors)))
        rows[np.arange(stop - start), np.arange(start, stop)] = 1
        # Q e is the row e Qᵀ.
        return self.times_transposed(rows).T
