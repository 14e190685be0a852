"""Base of the methods that compute the metric at one latent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry.memory import check_memory
from pullback.geometry.point import Point
from pullback.geometry.precision import in_full_precision
from pullback.memory import measured_peak
from pullback.pieces import finish

# How many eigenpairs an iteration computes unless told otherwise.
DEFAULT_K = 50
_FLOAT64 = 8

# Eigenvalues, descending, and their eigenvectors as columns.
Eigenpairs = tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]


class PointwiseMethod(ABC):
    """A method that computes the metric at one latent after another, of one generator, space and distance.

    Attributes:
        name: Name of the method.
        needs_embedding: Whether it works by the embedding of the distance.
        k: How many leading eigenpairs it computes; None for all, or for the default of an iteration.
        block: How many latent directions go through the generator at once, at most.
        max_memory: Bytes that the computation may add at its peak; None for blocks within the budget of the device.
        reserved: How many of these are for other things.
        seed: Of what an iteration starts from; any integer ≥ 0.

    Raises:
        InvalidInputError: A number is out of range.
    """

    name: ClassVar[str]
    needs_embedding: ClassVar[bool]
    iterative: ClassVar[bool]
    default_block: ClassVar[int] = 32

    def __init__(
        self,
        *,
        k: int | None = None,
        block: int | None = None,
        max_memory: int | None = None,
        reserved: int = 0,
        seed: int = 0,
    ) -> None:
        self.k = k
        self.block = self.default_block if block is None else block
        self.max_memory = max_memory
        self.reserved = reserved
        self.seed = seed
        if k is not None and k < 1:
            raise InvalidInputError(f"at least 1 eigenpair is computed, but k = {k} came")
        if self.block < 1:
            raise InvalidInputError(f"a batch holds at least 1 image, but batch_size = {block} came")
        check_max_memory(max_memory)

    @property
    def width(self) -> int:
        """How many directions go through the generator at once, as far as is known by now."""
        return self.block

    def metric(self, point: Point) -> Float64[Tensor, "n n"]:
        """H, shape (n, n), symmetric, on the generator's device; of the rank k that was asked for, if one was.

        Raises:
            InvalidInputError: k exceeds what the method can compute, or the memory does not suffice; the message
                says what does.
            PullbackError: A derivative of the distance is not finite, or the iteration does not converge.
        """
        return finish(self.metric_in_pieces(point))

    def metric_in_pieces(self, point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
        """As `metric`.

        Yields:
            Nothing, after every few derivatives: other work may be done then. An iteration by ARPACK is one piece.
        """
        metric = yield from in_full_precision(self._metric(point))
        point.check_finite(metric)
        return metric

    def eigenpairs(self, point: Point) -> tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]:
        """The leading eigenvalues of H, descending, and their eigenvectors, orthonormal columns.

        Raises:
            InvalidInputError: As for `metric`.
            PullbackError: As for `metric`.
        """
        return finish(self.eigenpairs_in_pieces(point))

    def eigenpairs_in_pieces(self, point: Point) -> Generator[None, None, Eigenpairs]:
        """As `eigenpairs`, and in pieces as `metric_in_pieces`."""
        return (yield from in_full_precision(self._eigenpairs(point)))

    @abstractmethod
    def _metric(self, point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]: ...

    @abstractmethod
    def _eigenpairs(self, point: Point) -> Generator[None, None, Eigenpairs]: ...

    def _check_k(self, k: int, most: int) -> None:
        if k > most:
            raise InvalidInputError(
                f"method {self.name!r} computes at most {most} eigenpairs in this space, but k = {k} came"
                if most
                else f"method {self.name!r} needs 2 latent dimensions or more; use full_backprop"
            )


class DenseMethod(PointwiseMethod):
    """One that computes the whole matrix."""

    iterative: ClassVar[bool] = False

    def _eigenpairs(self, point: Point) -> Generator[None, None, Eigenpairs]:
        k = point.dim if self.k is None else self.k
        self._check_k(k, point.dim)
        metric = yield from self._metric(point)
        point.check_finite(metric)
        # H = U Λ Uᵀ; LAPACK's order is ascending.
        values, vectors = torch.linalg.eigh(metric)
        return values.flip(0)[:k], vectors.flip(1)[:, :k]


class IterativeMethod(PointwiseMethod):
    """One that computes the leading eigenpairs and never the matrix."""

    iterative: ClassVar[bool] = True

    def _metric(self, point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
        values, vectors = yield from self._eigenpairs(point)
        # H ≈ U_k Λ_k U_kᵀ
        metric = (vectors * values) @ vectors.T
        return symmetric(metric)

    def _rank(self, point: Point, most: int) -> int:
        """k, or the default of this space."""
        k = max(1, min(most, DEFAULT_K)) if self.k is None else self.k
        self._check_k(k, most)
        return k


class OneGraphMethod(PointwiseMethod):
    """One whose memory is that of one image's graph, so that there are no blocks to make smaller: it fits or not."""

    _fits: bool = False

    def _check_fits(self, smallest: Callable[[], object], point: Point, kept: int) -> None:
        """Checks the bound, once, against the smallest piece of the work and so many float64 numbers kept besides."""
        if self.max_memory is None or self._fits:
            return
        needed = self.reserved + kept * _FLOAT64 + measured_peak(smallest, point.latent.device)
        check_memory(needed, self.max_memory, self.name)
        self._fits = True


def check_max_memory(max_memory: int | None) -> None:
    """Checks that a bound of memory is a number of bytes.

    Raises:
        InvalidInputError: It is not positive.
    """
    if max_memory is not None and max_memory < 1:
        raise InvalidInputError(f"max_memory is a number of bytes from 1 on, but {max_memory} came")


def symmetric(metric: Float64[Tensor, "n n"]) -> Float64[Tensor, "n n"]:
    """The symmetric part: what rounding left of the symmetry of a Hessian."""
    return (metric + metric.T) / 2
