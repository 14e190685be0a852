"""Generators that were saved by torch.export."""

from dataclasses import replace

from pullback.generators.family import SAMPLE_RATE, Family
from pullback.generators.registry.python import LEVELS

FAMILY = Family(
    name="torch-export",
    title="A network that takes latents, saved by torch.export.save with a batch of any size",
    loader="pullback.generators.own.saved_programs:from_program",
    tensors=(),
    kinds=("path",),
    options=(replace(LEVELS, required=True), SAMPLE_RATE),
)
