"""Generators that were saved as TorchScript."""

from dataclasses import replace

from pullback.generators.family import SAMPLE_RATE, Family
from pullback.generators.registry.python import LEVELS

FAMILY = Family(
    name="torchscript",
    title="A network that takes latents, saved by torch.jit.save",
    loader="pullback.generators.own.saved_programs:from_program",
    tensors=(),
    kinds=("path",),
    options=(replace(LEVELS, required=True), SAMPLE_RATE),
)
