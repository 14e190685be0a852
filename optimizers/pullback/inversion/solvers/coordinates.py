"""The coordinates in which a solver moves points."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.problems.problem import Problem

# Smaller eigenvalues, zero and negative ones included, count as this fraction of the largest: scaling by
# λ^−p would otherwise throw a start along directions of which the metric knows nothing but noise.
EIGENVALUE_FLOOR = 1e-4


@dataclass(frozen=True, eq=False)
class Turn:
    """The map v ↦ (v ⊙ a − (v ⊙ a) L R) ⊙ b: a reflection in r directions between two stretches, or its inverse.

    Attributes:
        before: a, shape (n,).
        left: L, shape (n, r).
        right: R, shape (r, n).
        after: b, shape (n,).
    """

    before: Float[Tensor, " n"]
    left: Float[Tensor, "n r"]
    right: Float[Tensor, "r n"]
    after: Float[Tensor, " n"]

    @property
    def mT(self) -> Turn:  # noqa: N802  (as a tensor's)
        """The transposed map."""
        return Turn(self.after, self.right.T, self.left.T, self.before)

    def of(self, vectors: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """What the map makes of vectors."""
        stretched = vectors * self.before
        return (stretched - stretched @ self.left @ self.right) * self.after


@dataclass(frozen=True, eq=False)
class Coordinates:
    """An affine map between points and the coordinates of what moves in them.

    A point is a latent, followed by an alignment where one is searched. Of its latent a block moves; the rest stays as
    it is in a base point.

    Attributes:
        block: Columns of a point that move along the axes.
        extra: Trailing columns of a point that are coordinates themselves.
        forth: Block → coordinates, shape (n, n), or (…, n, n) where every point has its own; or a turn of few axes;
            None for the identity.
        back: Its inverse.
        layers: How many parts of a block, side by side, each go through the map by itself.
    """

    block: slice
    extra: int = 0
    forth: Float[Tensor, "*batch n n"] | Turn | None = None
    back: Float[Tensor, "*batch n n"] | Turn | None = None
    layers: int = 1

    def of(self, points: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch coordinates"]:
        """The coordinates of points."""
        return torch.cat([self._times(points[..., self.block], self.forth), *self._extra(points)], dim=-1)

    def points(
        self, coordinates: Float[Tensor, "*batch coordinates"], base: Float[Tensor, "*batch dim"]
    ) -> Float[Tensor, "*batch dim"]:
        """The points of coordinates."""
        block = self._times(coordinates[..., : coordinates.shape[-1] - self.extra], self.back)
        stop = base.shape[-1] - self.extra
        parts = [base[..., : self.block.start], block, base[..., self.block.stop : stop], *self._extra(coordinates)]
        return torch.cat(parts, dim=-1)

    def pull(self, gradient: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch coordinates"]:
        """The gradient with respect to coordinates, of one with respect to points."""
        back = None if self.back is None else self.back.mT
        # ∂/∂c = (∂/∂z) Bᵀ
        return torch.cat([self._times(gradient[..., self.block], back), *self._extra(gradient)], dim=-1)

    def _times(self, vectors: Tensor, map_: Tensor | Turn | None) -> Tensor:
        if self.layers == 1:
            return _times(vectors, map_)
        parts = vectors.reshape(*vectors.shape[:-1], self.layers, -1)
        return _times(parts, map_).flatten(-2)

    def _extra(self, values: Tensor) -> list[Tensor]:
        return [values[..., values.shape[-1] - self.extra :]] if self.extra else []


def own_coordinates(problem: Problem) -> Coordinates:
    """The coordinates that the points have anyway: the identity on what moves."""
    return Coordinates(problem.moving_block, problem.extra)


@dataclass(frozen=True, eq=False)
class Axes:
    """Coordinates along the axes of a metric: z = c Λ̃^−p Uᵀ with λ̃ᵢ = max(λᵢ / λ₁, 1e-4).

    Where the eigenbasis has k of n eigenpairs, U is completed by any orthonormal axes of the rest of the space, whose
    eigenvalue is the floor: a reflection in k directions, n k numbers instead of n². Where the space that moves repeats
    that of the basis layer by layer, as `w+` does `w`, the axes are those of the basis in every layer.

    Attributes:
        eigenbasis: U and λ, of the problem's generator and of the space that moves, of any distance; None for no axes:
            the coordinates are those that the points have anyway, and no point is changed on the way, bit for bit.
        exponent: p, finite and ≥ 0: how far directions that change the image slowly are stretched.

    Raises:
        InvalidInputError: The exponent is out of range.
    """

    eigenbasis: Eigenbasis | None
    exponent: float = 0.0
    _known: dict[tuple[torch.device, torch.dtype, int, int], Coordinates] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        check_exponent(self.exponent)

    def coordinates(self, problem: Problem) -> Coordinates:
        """Those of a problem.

        Raises:
            IncompatibleEigenbasisError: The basis is of something else.
        """
        if self.eigenbasis is None:
            return own_coordinates(problem)
        generator, source = problem.generator, self.eigenbasis.provenance
        layers = generator.repeats(source.space, problem.moves)
        serves = source.space if layers else problem.moves
        self.eigenbasis.check_serves(generator=generator.name, weights_hash=generator.metric_hash, space=serves)
        block = problem.moving_block
        key = (generator.device, generator.dtype, block.start, problem.extra)
        if key not in self._known:
            place = (generator.device, generator.dtype)
            maps = _whole_maps if self.eigenbasis.complete else _turns
            forth, back = maps(self.eigenbasis, self.exponent, place)
            self._known[key] = Coordinates(block, problem.extra, forth, back, layers or 1)
        return self._known[key]


def _whole_maps(basis: Eigenbasis, exponent: float, place: tuple[torch.device, torch.dtype]) -> tuple[Tensor, Tensor]:
    """B⁻¹ and B = Λ̃^−p Uᵀ of a complete basis."""
    values = torch.from_numpy(basis.eigenvalues.copy())
    vectors = torch.from_numpy(basis.eigenvectors.copy())
    stretch = stretch_of(values, exponent)
    # In float64 until here.
    return (vectors / stretch).to(*place), (vectors * stretch).T.to(*place)


def _turns(basis: Eigenbasis, exponent: float, place: tuple[torch.device, torch.dtype]) -> tuple[Turn, Turn]:
    """The same of k eigenpairs, their vectors completed to Q = I − Y T Yᵀ."""
    completion = basis.completion
    stretch = stretch_of(torch.from_numpy(basis.spectrum), exponent)
    signs = torch.ones_like(stretch)
    signs[: basis.k] = torch.from_numpy(completion.signs)
    left = torch.from_numpy(completion.reflectors @ completion.factor).to(*place)
    right = torch.from_numpy(completion.reflectors.T.copy()).to(*place)
    none = torch.ones_like(stretch).to(*place)
    # c = z Q S Λ̃^p, and z = c S Λ̃^−p Qᵀ
    forth = Turn(none, left, right, (signs / stretch).to(*place))
    return forth, Turn((signs * stretch).to(*place), right.T, left.T, none)


def check_exponent(exponent: float) -> None:
    """Checks the exponent of eigenvalues.

    Raises:
        InvalidInputError: It is negative or not finite.
    """
    if not (math.isfinite(exponent) and exponent >= 0):
        raise InvalidInputError(f"an exponent is finite and not negative, but {exponent} came")


def stretch_of(eigenvalues: Float[Tensor, "*batch n"], exponent: float) -> Float[Tensor, "*batch n"]:
    """λ̃^−p: how much axes of those eigenvalues, descending, are stretched."""
    return (eigenvalues / eigenvalues[..., :1]).clamp_min(EIGENVALUE_FLOOR).pow(-exponent)


def _times(vectors: Tensor, matrix: Tensor | Turn | None) -> Tensor:
    if matrix is None:
        return vectors
    if isinstance(matrix, Turn):
        # Of every target by itself, as below.
        return torch.stack([matrix.of(one.clone()) for one in vectors]) if vectors.ndim > 2 else matrix.of(vectors)
    if vectors.ndim > 2:
        # Of every target by itself, with its own matrices where it has such.
        matrices = [matrix] * len(vectors) if matrix.ndim == 2 else matrix
        return torch.stack([_times(one.clone(), other) for one, other in zip(vectors, matrices, strict=True)])
    return vectors @ matrix if matrix.ndim == 2 else (vectors[..., None, :] @ matrix)[..., 0, :]
