"""Starts that targets bring, as latents of the inversion's space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pullback.generators import Generator
from pullback.inversion import led_into
from pullback_api.tensors import unpack
from pullback_api.v1 import inversion_pb2, specs_pb2


def given_starts(
    targets: Sequence[inversion_pb2.Target], settings: specs_pb2.InversionSettings, generator: Generator
) -> list[Tensor | None] | None:
    """A latent of the inversion's space for each target, shape (dim,), None where it brings none.

    None where none does.
    """
    if not any(target.HasField("start") for target in targets):
        return None

    def led(target: inversion_pb2.Target) -> Tensor | None:
        if not target.HasField("start"):
            return None
        # Each by itself: what is mapped beside others may differ in its last bits.
        latent = torch.from_numpy(unpack(target.start).astype("float32"))[None].to(generator.device, generator.dtype)
        of = settings.start_space or settings.space
        return led_into(generator, latent, of, settings.space, target.class_label)[0]

    return [led(target) for target in targets]
