"""Samples of a bank of starts: drawn, rendered and embedded, in shards that depend on no other."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from pullback.distances.distance import Distance
from pullback.errors import PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.point import check_same_place, embedding_of
from pullback.geometry.random_signs import folded
from pullback.geometry.seeding import derive_seed
from pullback.inversion.batching.chunks import most_rows
from pullback.inversion.starts.bank import thumbnails_of
from pullback.memory import budget_of, in_smaller_blocks

DEFAULT_SIZE = 3000
# Values of an embedding, at most: 128 axes of these are 256 MiB. A prime, so that no side of a map has a part in which
# of them are added up.
_LONGEST = (1 << 19) - 1

Shard = tuple[Float[Tensor, "part features"], UInt8[Tensor, "part channels *size"]]


class BankSamples:
    """Draws from the prior of a space, whose images are embedded a few at a time.

    A shard is those few. It depends on the arguments and its number alone, so it may be computed elsewhere: bit for bit
    the same on machines of one kind where `rows` is the same.

    Attributes:
        generator: The generator.
        distance: The image distance, on the generator's device and in its precision.
        latents: All of them, shape (size, dim), float32, on the CPU.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: The distance has no embedding, or the two live on different devices or in different
            precisions.
        MemoryExhaustedError: Memory does not suffice for a single sample.
    """

    def __init__(
        self, generator: ImageGenerator, distance: Distance, space: str, *, size: int = DEFAULT_SIZE, seed: int = 0
    ) -> None:
        check_same_place(generator, distance)
        self._embedding = embedding_of(distance)
        self.generator = generator
        self.distance = distance
        self.latents = generator.space(space).sample(size, derive_seed(seed))
        self._space, self._seed = space, seed
        self._block = budget_of(generator.device).block(f"samples of a bank of space {space!r}", generator, distance)
        self._rows = self._block.rows(min(size, most_rows(generator.device)), lambda: self._embedded(slice(0, 1)))

    @property
    def shards(self) -> int:
        """How many there are; the last may have fewer samples."""
        return -(-len(self.latents) // self._rows)

    @property
    def rows(self) -> int:
        """How many samples are computed at once, as far as is known by now: others come to other bits."""
        return self._rows if self._block.cap is None else min(self._rows, self._block.cap)

    def shard(self, number: int) -> Shard:
        """Embeddings of a shard, float32, folded where they are long (see `folded`); and thumbnails, 8 bits.

        Raises:
            PullbackError: An embedding is not finite.
            MemoryExhaustedError: Memory does not suffice for a single sample.
        """
        start = number * self._rows
        part = slice(start, min(start + self._rows, len(self.latents)))
        found, small = zip(*in_smaller_blocks(part, self._block, self._embedded), strict=True)
        embeddings = torch.cat(found)
        if not embeddings.isfinite().all():
            raise PullbackError(
                f"distance {self.distance.name!r} has no finite embedding of an image of generator "
                f"{self.generator.name!r} (space {self._space!r}, seed {self._seed}); use another distance, or another "
                "seed if this is a rare image"
            )
        return embeddings, torch.cat(small)

    @torch.no_grad()
    def _embedded(self, part: slice) -> Shard:
        latents = self.latents[part].to(self.generator.device, self.generator.dtype)
        images = self.generator.render(latents, self._space)
        return folded(self._embedding.embed(images).float(), _LONGEST), _eight_bits(thumbnails_of(images))


ShardOf = Callable[[BankSamples, int], Generator[None, None, Shard]]


def computed_here(samples: BankSamples, number: int) -> Generator[None, None, Shard]:
    """A shard, computed at once."""
    yield from ()
    return samples.shard(number)


def _eight_bits(images: Float[Tensor, "*batch"]) -> UInt8[Tensor, "*batch"]:
    """Images in [0, 1] as integers from 0 to 255."""
    return (255 * images).round().clamp(0, 255).to(torch.uint8)
