"""The samples that GANSpace decomposes: latents, and what the generator makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.generator import Generator
from pullback.geometry.seeding import derive_seed

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

    generator: Generator
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
        return self._values(*self._draw(0, 1)).shape[1]

    def batches(
        self, rows: int
    ) -> Iterator[tuple[Float64[np.ndarray, "batch n"], Float64[np.ndarray, "batch features"]]]:
        """The samples in order, at least so many at a time but for the last ones: latents and values."""
        latents: list[Tensor] = []
        values: list[Tensor] = []
        for piece, start in enumerate(range(0, self.samples, _DRAWN)):
            drawn, contexts = self._draw(piece, min(_DRAWN, self.samples - start))
            latents.append(drawn)
            values.append(self._values(drawn, contexts))
            if sum(map(len, latents)) >= rows:
                yield _gathered(latents), _gathered(values)
                latents, values = [], []
        if latents:
            yield _gathered(latents), _gathered(values)

    def _draw(self, piece: int, count: int) -> tuple[Tensor, Tensor | None]:
        device, dtype = self.generator.device, self.generator.dtype
        latents = self.generator.space(self.space).sample(count, derive_seed(self.seed, piece, 0)).to(device, dtype)
        if not self.generator.needs_context(self.space):
            return latents, None
        whole = self.generator.space(self.generator.input_space)
        return latents, whole.sample(count, derive_seed(self.seed, piece, 1)).to(device, dtype)

    def _values(self, latents: Tensor, contexts: Tensor | None) -> Tensor:
        if not self.layer:
            return latents
        with torch.no_grad():
            inputs = self.generator.complete(latents, self.space, contexts)
            parts = torch.split(inputs, _RENDERED)
            return torch.cat([self.generator.activations(part, self.layer)[self.layer].flatten(1) for part in parts])


def _gathered(parts: list[Tensor]) -> Float64[np.ndarray, "batch width"]:
    return torch.cat(parts).double().cpu().numpy()
