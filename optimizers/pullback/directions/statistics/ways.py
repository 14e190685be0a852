"""Ways to move latents by a strength: what a perturbation is measured along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pullback.directions.direction_set import DirectionSet
from pullback.directions.mapping_basis import mapping_bases, mapping_of
from pullback.directions.traversals.curve import PIECES, trace
from pullback.directions.traversals.layered import mapped
from pullback.directions.traversals.linear import linear
from pullback.directions.traversals.walk import Walk
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.seeding import derive_seed


@dataclass(frozen=True)
class Way:
    """How latents are moved.

    Attributes:
        move: From latents, shape (B, d), and signed, ascending steps, shape (steps,), to the moved latents, shape
            (B, steps, n).
        space: Name of the space in which these lie.
    """

    move: Callable[[Tensor, Tensor], Tensor]
    space: str


def along_direction(
    generator: Generator,
    vector: Tensor,
    space: str,
    *,
    start_space: str | None = None,
    traversal: Callable[[Tensor, Tensor, Tensor, str], Walk] = linear,
) -> Way:
    """Along one global direction.

    Args:
        generator: The generator.
        vector: The direction, shape (n,).
        space: Its space.
        start_space: Space of the latents that are moved, such as z for a direction of w; `space` when omitted.
        traversal: `linear`, `spherical` or `density_preserving`.
    """

    def move(latents: Tensor, steps: Tensor) -> Tensor:
        starts = (mapped(generator, latent, start_space or space, space) for latent in latents)
        return torch.stack([traversal(start, vector, steps, space).latents for start in starts])

    return Way(move, space)


def along_local_axis(generator: Generator, rank: int) -> Way:
    """From latents of z, straight along the local axis of this rank in w, found anew at every latent.

    Raises:
        InvalidInputError: The generator has no mapping network, or no such axis.
    """
    mapping = mapping_of(generator)
    if not 0 <= rank < (dim := generator.space("z").dim):
        raise InvalidInputError(f"the local axes are numbered 0 to {dim - 1}, but rank {rank} came")

    def move(latents: Tensor, steps: Tensor) -> Tensor:
        basis = mapping_bases(mapping, latents)
        # w + t u
        return (basis.w[:, None] + steps.to(basis.w)[:, None] * basis.left[:, None, :, rank]).to(latents)

    return Way(move, "w")


def along_curve(generator: Generator, rank: int, pieces: int = PIECES) -> Way:
    """From latents of z, along the curve that departs along the local axis of this rank.

    Args:
        generator: A style-based generator.
        rank: From 0.
        pieces: Of how many pieces each side is made, at least 1.

    Raises:
        InvalidInputError: The generator has no mapping network.
    """
    mapping = mapping_of(generator)
    return Way(lambda latents, steps: trace(mapping, latents, steps, rank=rank, pieces=pieces), "w")


def along_any(generator: Generator, directions: DirectionSet, *, start_space: str | None = None, seed: int = 0) -> Way:
    """Along one random direction of a set, by a random share α ~ U[−1, 1] of the strength, for every latent anew.

    Palaev et al., "Exploring Semantic Variations in GAN Latent Spaces via Matrix Factorization" (ICLR 2023, Tiny
    Papers), Tables 1 to 3.

    Args:
        generator: The generator.
        directions: The set; where it has layers they are not looked at.
        start_space: Space of the latents that are moved; the set's when omitted.
        seed: Of the draws, which are made in the order of the latents; any integer ≥ 0.
    """
    rng = torch.Generator().manual_seed(derive_seed(seed))
    vectors, space = torch.tensor(directions.vectors), directions.origin.space

    def moved(latent: Tensor, steps: Tensor) -> Tensor:
        chosen = vectors[int(torch.randint(len(vectors), (), generator=rng))]
        share = 2 * torch.rand((), generator=rng, dtype=torch.float64) - 1
        return linear(mapped(generator, latent, start_space or space, space), share * chosen, steps, space).latents

    return Way(lambda latents, steps: torch.stack([moved(latent, steps) for latent in latents]), space)
