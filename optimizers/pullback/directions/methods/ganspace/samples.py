"""Samples that GANSpace decomposes: latents, and what the generator makes of them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.seeding import derive_seed
from pullback.memory import budget_of, in_blocks
from pullback.pieces import finish

_DRAWN = 64
_RENDERED = 16


@dataclass(frozen=True, eq=False)
class GanspaceSamples:
    """Latents of a space and the values that belong to them, the same whenever they are gone through.

    They are computed when they are asked for, and never held all together.

    Attributes:
        generator: The generator.
        space: Name of the space from whose prior latents are drawn. Where it is a block of the input, the other
            coordinates come from the prior of the whole.
        layer: Name of the layer whose activations are the values; empty = the latents themselves.
        samples: How many, at least 2.
        seed: Of the draws, any integer ≥ 0.

    Raises:
        UnknownNameError: The generator has no such space or layer.
        InvalidInputError: Too few samples, or a seed below 0.
    """

    generator: ImageGenerator
    space: str
    layer: str
    samples: int
    seed: int

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise InvalidInputError(f"components need at least 2 samples, but {self.samples} came")
        latents, contexts = self._draw(0, 1)
        if self.layer:
            found = self.generator.activations(self.generator.complete(latents, self.space, contexts), self.layer)
            if self.layer not in found:
                raise UnknownNameError(f"layer of generator {self.generator.name!r}", self.layer, found)

    @cached_property
    def features(self) -> int:
        """Number of values of a sample."""
        return finish(self._values_in_pieces(*self._draw(0, 1))).shape[1]

    @property
    def dim(self) -> int:
        """Number of coordinates of a latent."""
        return self.generator.space(self.space).dim

    def batch_in_pieces(
        self, start: int, rows: int
    ) -> Generator[None, None, tuple[Float64[np.ndarray, "batch n"], Float64[np.ndarray, "batch features"]]]:
        """Latents and values of the samples from a number on.

        Args:
            start: The number of the first, where a batch before ended, or 0.
            rows: How many at least; fewer at the end.

        Yields:
            Nothing, after every few samples: other work may be done then.

        Raises:
            InvalidInputError: No batch ends there.
        """
        if start % _DRAWN:
            raise InvalidInputError(f"samples are drawn {_DRAWN} at a time, but a batch that begins at {start} came")
        latents: list[Tensor] = []
        values: list[Tensor] = []
        while start < self.samples and sum(map(len, latents)) < rows:
            drawn, contexts = self._draw(start // _DRAWN, min(_DRAWN, self.samples - start))
            latents.append(drawn)
            values.append((yield from self._values_in_pieces(drawn, contexts)))
            start += len(drawn)
        return _gathered(latents), _gathered(values)

    def _draw(self, piece: int, count: int) -> tuple[Tensor, Tensor | None]:
        device, dtype = self.generator.device, self.generator.dtype
        latents = self.generator.space(self.space).sample(count, derive_seed(self.seed, piece, 0)).to(device, dtype)
        if not self.generator.needs_context(self.space):
            return latents, None
        whole = self.generator.whole_of(self.space)
        return latents, whole.sample(count, derive_seed(self.seed, piece, 1)).to(device, dtype)

    def _values_in_pieces(self, latents: Tensor, contexts: Tensor | None) -> Generator[None, None, Tensor]:
        if not self.layer:
            yield
            return latents
        inputs = self._inputs(latents, contexts)

        @torch.no_grad()
        def values(part: slice) -> Tensor:
            return self.generator.activations(inputs[part], self.layer)[self.layer].flatten(1)

        block = budget_of(self.generator.device).block(f"activations of layer {self.layer!r}", self.generator)
        rows = block.rows(min(len(inputs), _RENDERED), lambda: values(slice(0, 1)))
        return torch.cat((yield from in_blocks(len(inputs), rows, block, values)))

    @torch.no_grad()
    def _inputs(self, latents: Tensor, contexts: Tensor | None) -> Tensor:
        return self.generator.complete(latents, self.space, contexts)


def _gathered(parts: list[Tensor]) -> Float64[np.ndarray, "batch width"]:
    return torch.cat(parts).double().cpu().numpy()
