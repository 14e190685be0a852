"""Geodesic from one latent to another: the walk on which the image changes least, under the distance's metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.directions.traversals.between.descent import Evaluation, descended
from pullback.directions.traversals.between.ends import Ends
from pullback.directions.traversals.between.great_circle import great_circle
from pullback.directions.traversals.between.straight import straight
from pullback.directions.traversals.even_frames import even_frames
from pullback.directions.traversals.measurement import FRAMES_AT_ONCE, frames_block
from pullback.directions.traversals.walk import Walk
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.generators.generator import LatentSpace, Prior
from pullback.generators.priors import Product, StandardNormal
from pullback.geometry.point import check_same_place, embedding_of
from pullback.geometry.precision import full_precision
from pullback.memory import Block, in_blocks
from pullback.pieces import in_pieces

# Half waves that bend the way, and pieces of it whose lengths are summed: several for each half wave, lest it cut
# corners between them. Of `faces` that makes ways of .71 of the great circle's length.
_WAVES = 4
_PIECES = 16
# Share of the first energy that a unit of −log p counts as.
_DENSITY_WEIGHT = 0.02
_EVALUATIONS = 30
# A derivative takes the memory of several frames.
_NODES_AT_ONCE = FRAMES_AT_ONCE // 2


@in_pieces
def geodesic(
    generator: ImageGenerator,
    distance: Distance,
    ends: Ends,
    frames: int,
    *,
    density_weight: float = _DENSITY_WEIGHT,
    evaluations: int = _EVALUATIONS,
) -> Generator[None, None, Walk]:
    """A way z(t) from z₀ to z₁ whose length ∫ ‖dφ(G(z(t)))/dt‖ dt is locally least, at even speed.

    The metric H = 2 JᵀJ of D(a, b) = ‖φ(a) − φ(b)‖² makes a curve of latents as long as its embedding is. Of all curves
    between two points that of least energy E = ∫ ‖dφ/dt‖² dt is one of least length, run at constant speed. Here

        z(t) = b(t) + Σₘ cₘ sin(π m t) / m        E = N Σᵢ ‖φ(G(zᵢ₊₁)) − φ(G(zᵢ))‖²

    with b the great circle (what is normal) or the straight line (the rest), m ≤ 4, N = 16; E / E(b) is descended by
    L-BFGS, whose gradient takes one derivative at every zᵢ and no metric. Dividing by m makes E under a constant metric
    equally curved in every cₘ. Coordinates of a standard normal prior have the length r of their block kept likely: the
    mean of −log p(r) = r²/2 − (n − 1) log r is added, which great circles between draws keep least. Frames are then put
    where the image changes by the same distance from one to the next. Shortest paths in generators: Chen et al.,
    "Metrics for Deep Generative Models" (AISTATS 2018); Shao, Kumar & Fletcher, "The Riemannian Geometry of Deep
    Generative Models" (CVPRW 2018), whose curves are of free points.

    Args:
        generator: The generator.
        distance: The distance D, with an embedding, on the same device and in the same precision.
        ends: z₀ and z₁.
        frames: How many, at least 2; the first and the last are the ends.
        density_weight: Of the mean of −log p(r) beside E / E(b), ≥ 0.
        evaluations: Of E and its gradient, at most; the descent ends earlier where it no longer helps.

    Yields:
        Nothing, after every few latents: other work may be done then.

    Returns:
        The walk; its steps are t, which says little: frames are even in distance.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: The distance has no embedding, latents have another shape, the images of the way do not
            differ, generator and distance live on different devices or in different precisions, or a number is out of
            range.
        PullbackError: A derivative of the distance is not finite.
    """
    if not 0 <= density_weight < math.inf or evaluations < 1 or frames < 2:
        raise InvalidInputError(
            "a geodesic has a finite density_weight ≥ 0, evaluations ≥ 1 and frames ≥ 2, but "
            f"{density_weight}, {evaluations} and {frames} came"
        )
    embedding_of(distance)
    check_same_place(generator, distance)
    space = generator.space(ends.space)
    if ends.start.shape != (space.dim,):
        raise InvalidInputError(
            f"a latent of space {space.name!r} of generator {generator.name!r} has shape ({space.dim},), but shape "
            f"{tuple(ends.start.shape)} came"
        )
    start = ends.start.to(generator.device, generator.dtype)
    bent = _Bent(space, Ends(start, ends.end.to(start), ends.space))
    nodes = torch.linspace(0, 1, _PIECES + 1, dtype=torch.float64)
    energy = _Energy(generator, distance, bent, nodes, density_weight)
    yield from energy.begin()
    origin = torch.zeros(_WAVES * space.dim, dtype=torch.float64, device=start.device)
    amplitudes = yield from descended(energy, origin, evaluations)
    gaps = yield from energy.gaps(amplitudes)
    return (yield from even_frames(generator, distance, lambda t: bent.walk(amplitudes, t), nodes, gaps.cpu(), frames))


class _Bent:
    """Ways z(t) = b(t) + Σₘ cₘ sin(π m t) / m between two ends."""

    def __init__(self, space: LatentSpace, ends: Ends) -> None:
        self.space = space
        self._ends = ends
        self._clamped = space.prior.bounded

    def walk(self, amplitudes: Float64[Tensor, " k"], t: Float64[Tensor, " frames"]) -> Walk:
        return self._ends.walk(self.latents(amplitudes, t), t)

    def latents(self, amplitudes: Float64[Tensor, " k"], t: Float64[Tensor, " frames"]) -> Float64[Tensor, "frames n"]:
        m = torch.arange(1, _WAVES + 1, dtype=torch.float64)
        waves = (torch.sin(math.pi * t[:, None] * m) / m).to(amplitudes)
        found = self._begun(t) + waves @ amplitudes.view(_WAVES, -1)
        return self.space.prior.truncate(found, math.inf) if self._clamped else found

    def _begun(self, t: Float64[Tensor, " frames"]) -> Float64[Tensor, "frames n"]:
        """b(t)."""
        start, end = self._ends.doubled
        parts = []
        for prior, block in blocks_of(self.space):
            parts.append(_natural(prior, start[block], end[block], t))
        return torch.cat(parts, dim=1)


class _Energy:
    """E / E(b) and the mean of −log p(r), as a function of the amplitudes."""

    def __init__(
        self,
        generator: ImageGenerator,
        distance: Distance,
        bent: _Bent,
        nodes: Float64[Tensor, " nodes"],
        density_weight: float,
    ) -> None:
        self._generator, self._distance, self._bent, self._nodes = generator, embedding_of(distance), bent, nodes
        self._weight = density_weight
        self._block: Block = frames_block(generator, distance, f"geodesics in space {bent.space.name!r}")
        self._first = 1.0

    def begin(self) -> Generator[None, None, None]:
        """Measures E(b).

        Raises:
            InvalidInputError: It is zero: no image of the way differs from another.
        """
        origin = torch.zeros(_WAVES * self._bent.space.dim, dtype=torch.float64, device=self._generator.device)
        seen = yield from self._seen(self._bent.latents(origin, self._nodes))
        self._first = float(_energy(seen))
        if not math.isfinite(self._first):
            raise PullbackError(
                f"distance {self._distance.name!r} is not finite between images of this way; use another distance"
            )
        if self._first == 0:
            raise InvalidInputError("the image is the same all the way, so no way is shorter; take other ends")

    def __call__(self, amplitudes: Float64[Tensor, " k"]) -> Evaluation:
        leaf = amplitudes.clone().requires_grad_()
        with torch.enable_grad():
            latents = self._bent.latents(leaf, self._nodes)
            density = self._weight * sum(_unlikelihood(self._bent.space, latents), 0 * latents.sum())
        seen = yield from self._seen(latents.detach())
        seen.requires_grad_()
        with torch.enable_grad():
            energy = _energy(seen) / self._first
        # ∂E/∂φ of every node, and then Jᵀ of that
        (pulls,) = torch.autograd.grad(energy, seen)
        pushes = yield from self._pulled_back(latents.detach(), pulls)
        (gradient,) = torch.autograd.grad([latents, density], leaf, [pushes, torch.ones_like(density)])
        value = float(energy.detach() + density.detach())
        if not gradient.isfinite().all():
            if not amplitudes.any():
                raise PullbackError(
                    f"the derivative of distance {self._distance.name!r} along this way is not finite; use another "
                    "distance"
                )
            # A point that is no better.
            return math.inf, torch.zeros_like(gradient)
        return value, gradient

    def gaps(self, amplitudes: Float64[Tensor, " k"]) -> Generator[None, None, Float64[Tensor, " gaps"]]:
        """√D from node to node."""
        seen = yield from self._seen(self._bent.latents(amplitudes, self._nodes))
        gaps: Tensor = torch.linalg.vector_norm(seen.diff(dim=0), dim=1)
        return gaps

    def _seen(self, latents: Float64[Tensor, "nodes n"]) -> Generator[None, None, Float64[Tensor, "nodes features"]]:
        """φ(G(z)) of every node."""

        def computed(part: slice) -> Tensor:
            with torch.no_grad(), full_precision():
                seen: Tensor = self._embedding(latents[part].to(self._generator.dtype)).double()
                return seen

        return torch.cat((yield from in_blocks(len(latents), self._rows(latents), self._block, computed)))

    def _pulled_back(
        self, latents: Float64[Tensor, "nodes n"], pulls: Float64[Tensor, "nodes features"]
    ) -> Generator[None, None, Float64[Tensor, "nodes n"]]:
        """Jᵀ p of every node but the ends, which stay."""
        inner = latents[1:-1]

        def computed(part: slice) -> Tensor:
            return self._one_block(inner[part], pulls[1:-1][part])

        found = yield from in_blocks(len(inner), self._rows(latents), self._block, computed)
        return torch.nn.functional.pad(torch.cat(found), (0, 0, 1, 1))

    def _one_block(self, latents: Tensor, pulls: Tensor) -> Tensor:
        leaf = latents.to(self._generator.dtype).requires_grad_()
        with torch.enable_grad(), full_precision():
            seen = self._embedding(leaf)
            (found,) = torch.autograd.grad(seen, leaf, pulls.to(seen))
        return found.double()

    def _rows(self, latents: Tensor) -> int:
        def one() -> Tensor:
            row = latents[:1]
            with torch.no_grad():
                features = self._embedding(row.to(self._generator.dtype))
            return self._one_block(row, torch.ones_like(features))

        return self._block.rows(min(len(latents), _NODES_AT_ONCE), one)

    def _embedding(self, latents: Float[Tensor, "rows n"]) -> Float[Tensor, "rows features"]:
        return self._distance.embed(self._generator.render(latents, self._bent.space.name))


def blocks_of(space: LatentSpace) -> Iterator[tuple[Prior, slice]]:
    """The independent blocks of a space's coordinates, each with its prior."""
    if not isinstance(space.prior, Product):
        yield space.prior, slice(0, space.dim)
        return
    first = 0
    for prior, width in space.prior.parts:
        yield prior, slice(first, first + width)
        first += width


def _energy(seen: Float64[Tensor, "nodes features"]) -> Float64[Tensor, ""]:
    """N Σᵢ ‖φᵢ₊₁ − φᵢ‖²."""
    return (len(seen) - 1) * seen.diff(dim=0).square().sum()


def _unlikelihood(space: LatentSpace, latents: Float64[Tensor, "nodes n"]) -> Iterator[Float64[Tensor, ""]]:
    """The mean of −log p(r) of each standard normal block, r its length; without the constant."""
    for prior, block in blocks_of(space):
        if isinstance(prior, StandardNormal):
            length = torch.linalg.vector_norm(latents[:, block], dim=1)
            n = block.stop - block.start
            yield (length.square() / 2 - (n - 1) * length.clamp_min(1e-6).log()).mean()


def _natural(
    prior: Prior, start: Float64[Tensor, " n"], end: Float64[Tensor, " n"], t: Float64[Tensor, " frames"]
) -> Float64[Tensor, "frames n"]:
    """The great circle of what is normal, where there is one, the straight line of the rest."""
    if torch.equal(start, end):
        return start.expand(len(t), -1)
    ends = Ends(start, end, "")
    way: Callable[[Ends, Tensor], Walk] = great_circle if isinstance(prior, StandardNormal) else straight
    try:
        return way(ends, t).latents
    except InvalidInputError:
        # Through the origin or between opposite ends there is no great circle.
        return straight(ends, t).latents
