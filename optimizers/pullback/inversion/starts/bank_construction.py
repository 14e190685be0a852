"""Construction of a bank of starts, in steps of bounded work and memory."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float
from torch import Tensor

import pullback
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.seeding import derive_seed
from pullback.inversion.starts.bank import BankProvenance, StartBank
from pullback.inversion.starts.bank_samples import DEFAULT_SIZE, BankSamples, ShardOf, computed_here
from pullback.inversion.starts.principal_axes import principal_axes_in_pieces
from pullback.pieces import in_pieces

DEFAULT_RANK = 128
MAX_SIZE = 100_000
MAX_RANK = 512
# Samples whose embeddings give the principal axes, and how many values these embeddings may have together (256 MiB).
_AXES_SAMPLES = 512
_AXES_VALUES = 1 << 26


def bank_provenance(
    generator: ImageGenerator,
    distance: Distance,
    space: str,
    *,
    size: int = DEFAULT_SIZE,
    rank: int = DEFAULT_RANK,
    seed: int = 0,
) -> BankProvenance:
    """What a bank that `make_bank` makes with these arguments says of itself.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range.
    """
    for name, value, most in (("size", size, MAX_SIZE), ("rank", rank, MAX_RANK)):
        if not 1 <= value <= most:
            raise InvalidInputError(f"the {name} of a bank lies between 1 and {most}, but {value} came")
    derive_seed(seed)
    return BankProvenance(
        generator=generator.name,
        weights_hash=generator.weights_hash,
        space=generator.space(space).name,
        distance=distance.name,
        distance_hash=distance.weights_hash,
        size=size,
        rank=rank,
        seed=seed,
        version=pullback.__version__,
    )


@in_pieces
def make_bank(
    generator: ImageGenerator,
    distance: Distance,
    space: str,
    *,
    size: int = DEFAULT_SIZE,
    rank: int = DEFAULT_RANK,
    seed: int = 0,
    shard_of: ShardOf = computed_here,
    progress: Callable[[int, int], None] | None = None,
) -> Generator[None, None, StartBank]:
    """Makes a bank of starts: draws from the prior, renders them and embeds the images.

    The principal axes are those of the first 512 samples, or of fewer where their embeddings would take more than
    256 MiB; no other embeddings are held. Embeddings of more than half a million values are folded (see `folded`), to
    within a few thousandths of their lengths and products. Where the space covers only a block of the generator's
    input, the generator's default context surrounds it. The same arguments give the same bank on machines of one kind.

    Args:
        generator: The generator.
        distance: The image distance, on the generator's device and in its precision.
        space: Name of the latent space.
        size: Number of samples, 1 to 100,000.
        rank: Number of principal axes, 1 to 512; a bank has fewer where embeddings vary along fewer.
        seed: Any integer ≥ 0.
        shard_of: What gives the samples' shards, asked for each one once and in order: others may have computed it.
        progress: Called after every few samples with how many there are, and with their number in all.

    Yields:
        Nothing, after every few samples: other work may be done then.

    Returns:
        The bank.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, the distance has no embedding, or the two live on different devices
            or in different precisions.
        PullbackError: An embedding is not finite.
        MemoryExhaustedError: Memory does not suffice for a single sample.
    """
    provenance = bank_provenance(generator, distance, space, size=size, rank=rank, seed=seed)
    samples = BankSamples(generator, distance, space, size=size, seed=seed)
    yield
    thumbnails: list[Tensor] = []

    def embeddings_of(shard: int) -> Generator[None, None, Float[Tensor, "part features"]]:
        """Embeddings of a shard; keeps its thumbnails."""
        embeddings, small = yield from shard_of(samples, shard)
        thumbnails.append(small)
        if progress is not None:
            progress(sum(map(len, thumbnails)), size)
        return embeddings.to(generator.device)

    held: list[Tensor] = []
    # How many there can be is known from the first.
    while len(held) < samples.shards and (not held or _is_short(held, rank)):
        held.append((yield from embeddings_of(len(held))))
        yield
    center, axes = yield from principal_axes_in_pieces(held, rank)
    # What is projected on are the axes that are kept, so that a target's projection is like the samples'.
    kept = axes.half()
    axes = kept.float()
    projections, residuals = [], []
    for shard in range(samples.shards):
        embeddings = held[shard] if shard < len(held) else (yield from embeddings_of(shard))
        centered = embeddings - center
        projections.append(centered @ axes)
        residuals.append(centered.square().sum(dim=1) - projections[-1].square().sum(dim=1))
        yield
    return StartBank(
        latents=samples.latents,
        thumbnails=torch.cat([each.cpu() for each in thumbnails]),
        center=center.cpu(),
        axes=kept.cpu(),
        projections=torch.cat(projections).cpu(),
        # Rounding takes those that are zero below it.
        residuals=torch.cat(residuals).clamp_min(0).cpu(),
        provenance=provenance,
    )


def _is_short(held: list[Tensor], rank: int) -> bool:
    """Whether more embeddings than those should make the axes."""
    return sum(map(len, held)) < min(_AXES_SAMPLES, max(rank, _AXES_VALUES // held[0].shape[1]))
