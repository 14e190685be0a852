"""Leading eigenpairs of the metric without its matrix, from products with Jᵀ and J, for large latent spaces."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.errors import PullbackError
from pullback.geometry.memory import check_memory
from pullback.geometry.point import Point
from pullback.geometry.pointwise.method import Eigenpairs, IterativeMethod
from pullback.geometry.pointwise.products import Products, first_products
from pullback.geometry.random_signs import random_numbers
from pullback.geometry.seeding import derive_seed
from pullback.memory import budget_of, largest_block, measured_peak

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

    @property
    def width(self) -> int:
        """Directions that go through the network at once."""
        return self._width or self.block

    def _eigenpairs(self, point: Point) -> Generator[None, None, Eigenpairs]:
        n = point.dim
        k = self._rank(point, n)
        if self._width is None:
            self._width = self._fitting_width(point, k)
        products = Products(point)
        tolerance = tolerance_of(point.latent.dtype)
        directions = RandomDirections(n, self.seed, point.latent.device)
        return (yield from block_lanczos(products, directions, k, tolerance=tolerance, width=self._width))

    def _fitting_width(self, point: Point, k: int) -> int:
        """Directions that go through the network at once."""
        n, limit = point.dim, min(self.block, point.dim)
        device = point.latent.device
        if self.max_memory is None:
            kind = f"method {self.name!r} in space {point.space!r}"
            block = budget_of(device).block(kind, point.generator, point.distance)
            return block.rows(limit, lambda: first_products(point, 1))
        # Basis and products, each with its copy while they are rotated; U_k Λ_k U_kᵀ
        kept = self.reserved + (4 * n * basis_size(n, k, limit) + 4 * n**2) * _FLOAT64

        def peak_of(count: int) -> int:
            return measured_peak(lambda: first_products(point, count), device)

        width, peak = largest_block(peak_of, limit, self.max_memory - kept)
        check_memory(kept + peak, self.max_memory, self.name)
        return width


class RandomDirections:
    """Directions of a latent space that nothing prefers, another block whenever one is asked for.

    Args:
        n: Latent dimensions.
        seed: Any integer ≥ 0.
        device: Where they are made: nothing is sent there.
    """

    def __init__(self, n: int, seed: int, device: torch.device) -> None:
        self.n = n
        self._seed, self._device, self._drawn = seed, device, 0

    def draw(self, count: int) -> Float64[Tensor, "n {count}"]:
        """So many more, as columns; neither orthogonal nor of length 1."""
        self._drawn += 1
        return random_numbers(derive_seed(self._seed, self._drawn), self.n, count, self._device)


def block_lanczos(
    product: Callable[[Float64[Tensor, "n b"]], Float64[Tensor, "n b"]],
    directions: RandomDirections,
    k: int,
    *,
    tolerance: float,
    width: int,
    products: int | None = None,
) -> Generator[None, None, Eigenpairs]:
    """The k largest eigenvalues of a positive semi-definite operator, descending, and their eigenvectors.

    Yields:
        Nothing, after every product with a block.

    Args:
        product: V ↦ H V.
        directions: Where it begins, and where it goes on once the Krylov space is exhausted.
        k: How many, from 1 to n.
        tolerance: ‖H u − λ u‖ / λ₁ at which an eigenpair is found.
        width: Columns of a block, at most.
        products: Columns after which what has been found is enough, at least k; None to go on until all are found.

    Raises:
        PullbackError: The iteration does not converge.
    """
    n = directions.n
    # Vectors that the basis holds before it is restarted.
    most = basis_size(n, k, width)
    basis = torch.linalg.qr(directions.draw(min(width, n))).Q
    images = product(basis)
    yield
    multiplied, confirmed = basis.shape[1], False
    while True:
        # Rayleigh–Ritz: T = QᵀHQ = S Θ Sᵀ
        small = basis.T @ images
        ascending, rotation = torch.linalg.eigh((small + small.T) / 2)
        values, rotation = ascending.flip(0)[:k], rotation.flip(1)
        # R = H Q S − Q S Θ
        residuals = images @ rotation[:, :k] - basis @ rotation[:, :k] * values
        lacking = residuals[:, residuals.norm(dim=0) > tolerance * values[0].abs()]
        found = len(values) == k and not lacking.shape[1]
        enough = products is not None and multiplied >= products and len(values) == k
        if basis.shape[1] == n or (found and confirmed) or enough:
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
            lacking = directions.draw(width)
            confirmed = found
        new = _orthonormal(lacking[:, : min(width, n - basis.shape[1])], basis, directions)
        basis = torch.cat([basis, new], dim=1)
        images = torch.cat([images, product(new)], dim=1)
        multiplied += new.shape[1]
        yield


def _orthonormal(
    block: Float64[Tensor, "n b"], basis: Float64[Tensor, "n m"], directions: RandomDirections
) -> Float64[Tensor, "n b"]:
    """The block, orthonormal and orthogonal to the basis; random directions in place of dependent columns."""
    block = block / block.norm(dim=0)
    for _ in range(3):
        block, triangle = torch.linalg.qr(block - basis @ (basis.T @ block))
        dependent = triangle.diagonal().abs() < _DEPENDENT
        block = torch.where(dependent, directions.draw(block.shape[1]), block)
    return block


def basis_size(n: int, k: int, width: int) -> int:
    """Vectors that the basis of `block_lanczos` holds, at most."""
    return min(n, max(3 * k, k + 8 * width))


def tolerance_of(dtype: torch.dtype) -> float:
    """The residual at which an eigenpair of products in that precision is found."""
    return _TOLERANCE * torch.finfo(dtype).eps
