"""Iterative Curve-Traversal: along a local axis of w, whose direction is found anew at each piece of the way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.directions.mapping_basis import MappingBasis, mapping_bases, mapping_of
from pullback.directions.traversals.checks import as_direction, as_start, as_steps
from pullback.directions.traversals.layered import LAYERED_SPACE, lift, write
from pullback.directions.traversals.walk import Walk
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.seeding import derive_seed
from pullback.pieces import in_pieces

PIECES = 40
# Axes along which w moves by less than this share of the most that it moves are none of the curve's: z would have to
# take steps a thousand times as long, out to where no latent was ever drawn and w moves no more.
_LEAST_SHARE = 1e-3


@in_pieces
def curve(
    generator: ImageGenerator,
    z: Tensor,
    steps: Tensor,
    *,
    rank: int = 0,
    guide: Tensor | None = None,
    pieces: int = PIECES,
    layers: Sequence[int] = (),
    jitter: float = 0.0,
    seed: int = 0,
) -> Generator[None, None, Walk]:
    """A curve that stays on what the mapping network reaches.

    Choi et al., "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of GANs" (ICLR
    2022), Algorithm 2, on both sides of the start; see `trace`.

    Args:
        generator: A style-based generator.
        z: Where the curve starts, a latent of z, shape (d,).
        steps: Places on the curve, in its length in w from the start, signed and ascending, shape (frames,).
        rank: Along which local axis the curve departs, from 0, the one of the largest singular value; not for a guide.
        guide: A direction of w, shape (n,), that every piece follows instead: their Sec. 3.4.
        pieces: Of how many pieces each side is made, at least 1.
        layers: Layers, from 0, into whose w the curve is written, while the others keep the w of the start; all when
            empty.
        jitter: From 0 to below 1: the pieces' lengths are drawn uniformly between 1 ± jitter, and scaled to the length
            of the side. That explores the surroundings of one curve.
        seed: Of that draw, any integer ≥ 0.

    Yields:
        Nothing, after every piece of the curve: other work may be done then.

    Returns:
        The walk, in w, or in w+ where layers are chosen.

    Raises:
        InvalidInputError: The generator has no mapping network or no such layer, a number is out of range, the shapes
            differ, or the mapping network does not move w along the axis; the message says what to do.
        PullbackError: A derivative of the mapping network is not finite.
    """
    mapping, steps, dim = mapping_of(generator), as_steps(steps), generator.space("z").dim
    if z.shape != (dim,):
        raise InvalidInputError(
            f"a curve starts from a latent of space 'z' of generator {generator.name!r}, of shape ({dim},), but shape "
            f"{tuple(z.shape)} came"
        )
    as_start(z)
    z = z.detach().to(generator.device, generator.dtype)
    (w,) = yield from trace.in_pieces(
        mapping, z[None], steps, rank=rank, guide=guide, pieces=pieces, jitter=jitter, seed=seed
    )
    with torch.no_grad():
        start = mapping(z[None])[0]
    if not layers:
        return Walk(w, "w", steps, start)
    base = lift(generator, z, "z", layers)
    return Walk(write(base, w, layers), LAYERED_SPACE, steps, base)


@in_pieces
def trace(
    mapping: Callable[[Tensor], Tensor],
    z: Float[Tensor, "batch d"],
    steps: Float64[Tensor, " frames"],
    *,
    rank: int = 0,
    guide: Tensor | None = None,
    pieces: int = PIECES,
    jitter: float = 0.0,
    seed: int = 0,
) -> Generator[None, None, Float[Tensor, "batch frames n"]]:
    """The w of places on the curves of several latents, for any mapping network.

    At each piece of length l the axis u of the Local Basis there is taken that is most similar to the axis of the piece
    before, arg max |⟨u', u_j⟩| in W (Eq. 12), or to the guide; it is turned to the same side, and its partner v in Z
    with it; then z moves by (l/σ) v (Eq. 11), and w by l u to first order. Axes along which w hardly moves (σ below a
    thousandth of the largest, such as the length of a z that is normalised first) are no axes of the curve; along those
    of a small σ, z takes long steps, soon to where the prior is thin.

    A side goes up to the farthest step, in pieces of one length. A place within a piece is reached by a part of its
    move (Eq. 10), so that places may lie anywhere.

    Args:
        mapping: z of shape (B, d) → w of shape (B, n).
        z: Where the curves start, shape (B, d).
        steps: As for `curve`.
        rank: As for `curve`.
        guide: As for `curve`.
        pieces: As for `curve`.
        jitter: As for `curve`; all curves have pieces of the same lengths.
        seed: As for `curve`.

    Yields:
        Nothing, after every piece of the curves: other work may be done then.

    Returns:
        Shape (B, frames, n).

    Raises:
        InvalidInputError: As `curve` does.
        PullbackError: As `curve` does.
    """
    if pieces < 1:
        raise InvalidInputError(f"a curve is made of at least 1 piece, but {pieces} came")
    if not 0 <= jitter < 1:
        raise InvalidInputError(f"the jitter of a curve is from 0 to below 1, but {jitter} came")
    basis = mapping_bases(mapping, z)
    heading = _departure(basis, rank, z.dtype) if guide is None else as_direction(guide, basis.w[0]).expand_as(basis.w)
    ways = [z[:, None].expand(-1, int((steps == 0).sum()), -1)]
    for side, sign in enumerate((-1, 1)):
        # Lengths from the start, ascending on both sides.
        reached = (sign * steps[sign * steps > 0]).sort().values
        if not len(reached):
            continue
        ends = _ends(float(reached[-1]), pieces, jitter, derive_seed(seed, side))
        found = yield from _side(mapping, z, basis, sign * heading, ends, reached, guided=guide is not None)
        ways = [found.flip(1), *ways] if sign < 0 else [*ways, found]
    places = torch.cat(ways, dim=1)
    with torch.no_grad():
        return mapping(places.flatten(0, 1)).reshape(*places.shape[:2], -1)


def _side(
    mapping: Callable[[Tensor], Tensor],
    z: Tensor,
    basis: MappingBasis,
    heading: Tensor,
    ends: Tensor,
    reached: Tensor,
    *,
    guided: bool,
) -> Generator[None, None, Float[Tensor, "batch places d"]]:
    """The z of places on one side of the curves, at these lengths from the start, ascending."""
    found: list[Tensor] = []
    begin = 0.0
    for end in ends.tolist():
        # Every piece but the first starts where no basis is known yet.
        here = basis if begin == 0 else mapping_bases(mapping, z)
        axis, move = _axis(here, heading, z.dtype)
        within = reached[(reached > begin) & (reached <= end)]
        # z + (t/σ) v
        found += [(z + (length - begin) * move).to(z) for length in within.tolist()]
        # z_{i+1} = z_i + (l/σ) v
        z = (z + (end - begin) * move).to(z)
        heading = heading if guided else axis
        begin = end
        yield
    return torch.stack(found, dim=1)


def _axis(
    basis: MappingBasis, heading: Float64[Tensor, "batch n"], dtype: torch.dtype
) -> tuple[Float64[Tensor, "batch n"], Float64[Tensor, "batch d"]]:
    """The local axis most similar to a heading, on its side, and the move of z that moves w by 1 along it."""
    # ⟨u', u_j⟩ in W
    similarities = torch.einsum("bn,bnr->br", heading, basis.left)
    similarities = torch.where(_moving(basis, dtype), similarities, 0.0)
    index = similarities.abs().argmax(dim=1, keepdim=True)
    signs = similarities.gather(1, index).sign()
    if not signs.all():
        raise InvalidInputError(
            "the mapping network moves w along no axis that resembles the one that the curve follows; take another "
            "start or direction, or a shorter curve"
        )
    # Both vectors of a pair turn together.
    axis, partner = (
        signs * torch.take_along_dim(part, index[:, None], 2)[:, :, 0] for part in (basis.left, basis.right)
    )
    return axis, partner / basis.values.gather(1, index)


def _departure(basis: MappingBasis, rank: int, dtype: torch.dtype) -> Float64[Tensor, "batch n"]:
    """The local axes of a rank."""
    most = basis.values.shape[1]
    if not 0 <= rank < most:
        raise InvalidInputError(f"the local axes are numbered 0 to {most - 1}, but rank {rank} came")
    moving = int(_moving(basis, dtype).sum(dim=1).min())
    if rank >= moving:
        raise InvalidInputError(
            f"the mapping network does not move w along local axis {rank} (singular value "
            f"{float(basis.values[:, rank].min()):.3g}); take a rank below {moving}"
        )
    return basis.left[:, :, rank]


def _moving(basis: MappingBasis, dtype: torch.dtype) -> Tensor:
    """Along which axes w moves, and by more than rounding in the mapping network's precision; shape (B, r)."""
    rounding = torch.finfo(dtype).eps * max(basis.left.shape[1], basis.right.shape[1])
    return basis.values > max(rounding, _LEAST_SHARE) * basis.values[:, :1]


def _ends(length: float, pieces: int, jitter: float, seed: int) -> Float64[Tensor, " pieces"]:
    """Where the pieces of a side end, the last exactly at its length."""
    drawn = torch.rand(pieces, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ends = (1 + jitter * (2 * drawn - 1)).cumsum(0)
    return torch.cat([ends[:-1] * (length / ends[-1]), ends.new_tensor([length])])
