"""The leading eigenpairs of the metric without its matrix, from products with Jᵀ and J, for large latent spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.errors import PullbackError
from pullback.geometry.memory import check_memory, largest_block
from pullback.geometry.point import Point
from pullback.geometry.pointwise import IterativeMethod
from pullback.geometry.products import Products, peak_of_products
from pullback.geometry.seeding import derive_seed

_FLOAT64 = 8
# Residual ‖H u − λ u‖ / λ₁ at which an eigenpair is found, in units of rounding.
_TOLERANCE = 50
# Length of what a unit vector has outside the others, below which it is rounding.
_DEPENDENT = 1e-8
# Products, in units of n, after which an iteration that ought to have ended long ago is given up.
_PATIENCE = 20


class GramIteration(IterativeMethod):
    """Block Lanczos over products H V = 2 Jᵀ(J V), forward mode then backward mode, for distances with an embedding.

    The basis of the block Krylov space is orthogonalised in full, and restarted with the leading Ritz vectors when it
    is full ("thick restart": Wu & Simon, SIAM J. Matrix Anal. Appl. 22, 2000). Products in the generator's precision,
    everything else in float64, on the device. Of n latent dimensions it holds a few times n × k numbers, not n².
    """

    name: ClassVar[str] = "gram_iteration"
    needs_embedding: ClassVar[bool] = True
    default_block: ClassVar[int] = 16
    _width: int | None = None

    def _eigenpairs(self, point: Point) -> tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]:
        n = point.dim
        k = self._rank(point, n)
        if self._width is None:
            self._width = self._fitting_width(point, k)
        products = Products(point)
        rng = torch.Generator().manual_seed(derive_seed(self.seed))
        start = torch.randn(n, min(self._width, n), generator=rng, dtype=torch.float64).to(point.latent.device)
        tolerance = _TOLERANCE * torch.finfo(point.latent.dtype).eps
        return block_lanczos(products, start, k, tolerance=tolerance, most=_basis_size(n, k, self._width), rng=rng)

    def _fitting_width(self, point: Point, k: int) -> int:
        """Directions that go through the network at once."""
        n, limit = point.dim, min(self.block, point.dim)
        if self.max_memory is None:
            return limit
        # Basis and products, each with its copy while they are rotated; U_k Λ_k U_kᵀ
        kept = self.reserved + (4 * n * _basis_size(n, k, limit) + 4 * n**2) * _FLOAT64

        width, peak = largest_block(lambda count: peak_of_products(point, count), limit, self.max_memory - kept)
        check_memory(kept + peak, self.max_memory, self.name)
        return width


def block_lanczos(
    product: Callable[[Float64[Tensor, "n b"]], Float64[Tensor, "n b"]],
    start: Float64[Tensor, "n b"],
    k: int,
    *,
    tolerance: float,
    most: int,
    rng: torch.Generator,
) -> tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]:
    """The k largest eigenvalues of a positive semi-definite operator, descending, and their eigenvectors.

    Args:
        product: V ↦ H V.
        start: The first block, shape (n, b).
        k: How many, from 1 to n.
        tolerance: ‖H u − λ u‖ / λ₁ at which an eigenpair is found.
        most: Vectors that the basis holds before it is restarted: at least k + 2b, or n.
        rng: Source of directions where the Krylov space is exhausted.

    Raises:
        PullbackError: The iteration does not converge.
    """
    n, width = start.shape
    basis = torch.linalg.qr(start).Q
    images = product(basis)
    multiplied, confirmed = width, False
    while True:
        # Rayleigh–Ritz: T = QᵀHQ = S Θ Sᵀ
        small = basis.T @ images
        ascending, rotation = torch.linalg.eigh((small + small.T) / 2)
        values, rotation = ascending.flip(0)[:k], rotation.flip(1)
        # R = H Q S − Q S Θ
        residuals = images @ rotation[:, :k] - basis @ rotation[:, :k] * values
        lacking = residuals[:, residuals.norm(dim=0) > tolerance * values[0].abs()]
        found = len(values) == k and not lacking.shape[1]
        if basis.shape[1] == n or (found and confirmed):
            return values, basis @ rotation[:, :k]
        if multiplied > _PATIENCE * n:
            raise PullbackError(
                f"the block Lanczos iteration lacks {lacking.shape[1]} of {k} eigenpairs after {multiplied} products; "
                "ask for fewer, or use gram"
            )
        if basis.shape[1] + width > most:
            kept = rotation[:, : most - width]
            basis, images = basis @ kept, images @ kept
        if not lacking.shape[1]:
            # A Krylov space holds at most b vectors of one eigenspace: fresh directions show what it may have missed.
            lacking = torch.randn(n, width, generator=rng, dtype=basis.dtype).to(basis.device)
            confirmed = found
        new = _orthonormal(lacking[:, : min(width, n - basis.shape[1])], basis, rng)
        basis = torch.cat([basis, new], dim=1)
        images = torch.cat([images, product(new)], dim=1)
        multiplied += new.shape[1]


def _orthonormal(
    block: Float64[Tensor, "n b"], basis: Float64[Tensor, "n m"], rng: torch.Generator
) -> Float64[Tensor, "n b"]:
    """The block, orthonormal and orthogonal to the basis; random directions in place of dependent columns."""
    block = block / block.norm(dim=0)
    for _ in range(3):
        block, triangle = torch.linalg.qr(block - basis @ (basis.T @ block))
        dependent = triangle.diagonal().abs() < _DEPENDENT
        random = torch.randn(block.shape, generator=rng, dtype=block.dtype).to(block.device)
        block = torch.where(dependent, random, block)
    return block


def _basis_size(n: int, k: int, width: int) -> int:
    return min(n, max(3 * k, k + 8 * width))
