"""Images of many latents, some at a time, as memory allows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.generators.generator import Generator
from pullback.memory import CALLS, block_by_block, budget_of

# More images at once are drawn no faster; on a GPU, hardly.
RENDERED_AT_ONCE = 16


def rendered(
    generator: Generator,
    latents: Float[Tensor, "count dim"],
    space: str,
    context: Float[Tensor, "*batch input_dim"] | None = None,
    noise: Float[Tensor, "count values"] | None = None,
) -> Iterator[Float[Tensor, "some channels *size"]]:
    """Images of latents, some at a time, each time when they are asked for; nothing is differentiated.

    As many go at once as the budget of memory has room for, 16 at most, and where memory is refused half as many. Which
    ones share a kernel hangs on their places among the latents: 16 that begin at a multiple of 16 are drawn alike,
    whatever comes before and after them.

    Args:
        generator: The generator.
        latents: Latents of `space`, on any device.
        space: Name of a latent space.
        context: Complete inputs, one for all or one for each (see `Generator.render`).
        noise: Noise maps, flat, one row for each latent; the generator's own when omitted.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: Latents of another shape.
        MemoryExhaustedError: Memory does not suffice for a single image.
    """

    @torch.no_grad()
    def drawn(batch: int, part: slice) -> Tensor:
        which = slice(batch + part.start, batch + part.stop)
        some = latents[which].to(generator.device, generator.dtype)
        own = context if context is None or context.ndim == 1 else context[which]
        if noise is None:
            return generator.render(some, space, own)
        return generator.render(some, space, own, noise[which].to(some))

    block = budget_of(generator.device).block(f"images of space {space!r}", generator, share=CALLS)
    for batch in range(0, len(latents), RENDERED_AT_ONCE):
        rows = block.rows(RENDERED_AT_ONCE, lambda: drawn(0, slice(0, 1)))
        count = min(RENDERED_AT_ONCE, len(latents) - batch)
        yield from block_by_block(count, rows, block, partial(drawn, batch))
