"""Construction of a bank of starts, in steps of bounded work and memory."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

import pullback
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.point import check_same_place, embedding_of
from pullback.geometry.random_signs import folded
from pullback.geometry.seeding import derive_seed
from pullback.inversion.batching.chunks import most_rows
from pullback.inversion.starts.bank import BankProvenance, StartBank, thumbnails_of
from pullback.inversion.starts.principal_axes import principal_axes_in_pieces
from pullback.memory import budget_of, in_smaller_blocks
from pullback.pieces import in_pieces

DEFAULT_SIZE = 3000
DEFAULT_RANK = 128
MAX_SIZE = 100_000
MAX_RANK = 512
# Samples whose embeddings give the principal axes, and how many values these embeddings may have together (256 MiB).
_AXES_SAMPLES = 512
_AXES_VALUES = 1 << 26
# Values of an embedding, at most: 128 axes of these are 256 MiB. A prime, so that no side of a map has a part in which
# of them are added up.
_LONGEST = (1 << 19) - 1


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
        progress: Called after every few samples with how many there are, and with their number in all.

    Yields:
        Nothing, after every few samples: other work may be done then.

    Returns:
        The bank.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, the generator makes no images, the distance has no embedding, or
            the two live on different devices or in different precisions.
        PullbackError: An embedding is not finite.
        MemoryExhaustedError: Memory does not suffice for a single sample.
    """
    check_same_place(generator, distance)
    embedding = embedding_of(distance)
    if len(generator.image_shape) != 3:
        raise InvalidInputError(f"a bank of starts holds images, but generator {generator.name!r} makes sounds")
    provenance = bank_provenance(generator, distance, space, size=size, rank=rank, seed=seed)
    latents = generator.space(space).sample(size, derive_seed(seed))
    block = budget_of(generator.device).block(f"samples of a bank of space {space!r}", generator, distance)

    @torch.no_grad()
    def embedded(part: slice) -> tuple[Float[Tensor, "part features"], UInt8[Tensor, "part channels height width"]]:
        """Embeddings and thumbnails of a few samples."""
        images = generator.render(latents[part].to(generator.device, generator.dtype), space)
        return folded(embedding.embed(images).float(), _LONGEST), _eight_bits(thumbnails_of(images))

    rows = block.rows(min(size, most_rows(generator.device)), lambda: embedded(slice(0, 1)))
    yield
    parts = [slice(start, min(start + rows, size)) for start in range(0, size, rows)]
    thumbnails: list[Tensor] = []

    def look_at(part: slice) -> Float[Tensor, "part features"]:
        """Embeddings of a few samples; keeps their thumbnails."""
        found, small = zip(*in_smaller_blocks(part, block, embedded), strict=True)
        embeddings = torch.cat(found)
        if not embeddings.isfinite().all():
            raise PullbackError(
                f"distance {distance.name!r} has no finite embedding of an image of generator {generator.name!r} "
                f"(space {space!r}, seed {seed}); use another distance, or another seed if this is a rare image"
            )
        thumbnails.append(torch.cat(small))
        if progress is not None:
            progress(sum(map(len, thumbnails)), size)
        return embeddings

    held: list[Tensor] = []
    # How many there can be is known from the first.
    while len(held) < len(parts) and (not held or _is_short(held, rank)):
        held.append(look_at(parts[len(held)]))
        yield
    center, axes = yield from principal_axes_in_pieces(held, rank)
    # What is projected on are the axes that are kept, so that a target's projection is like the samples'.
    kept = axes.half()
    axes = kept.float()
    projections, residuals = [], []
    for number, part in enumerate(parts):
        centered = (held[number] if number < len(held) else look_at(part)) - center
        projections.append(centered @ axes)
        residuals.append(centered.square().sum(dim=1) - projections[-1].square().sum(dim=1))
        yield
    return StartBank(
        latents=latents,
        thumbnails=torch.cat(thumbnails).cpu(),
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


def _eight_bits(images: Float[Tensor, "*batch"]) -> UInt8[Tensor, "*batch"]:
    """Images in [0, 1] as integers from 0 to 255."""
    return (255 * images).round().clamp(0, 255).to(torch.uint8)
