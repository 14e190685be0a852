"""Classes of conditional generators: which there are, and what becomes of them in an inversion."""

from __future__ import annotations

from pullback.generators import CatalogueEntry
from pullback.generators.space_entry import SpaceEntry
from pullback.generators.style_based.named_layers import mapped_space
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.specs.common import space_of
from pullback_server.specs.eigenbasis import blocks_of

# The class of a latent stays what it was at the start.
FIXED = (specs_pb2.CLASS_MODE_GIVEN, specs_pb2.CLASS_MODE_SEARCHED)


def class_space(generator: CatalogueEntry) -> SpaceEntry | None:
    """The space whose coordinates are classes; None where the generator has none."""
    return next((space for space in generator.spaces if space.labels), None)


def moving_space(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> str:
    """The space of what moves in an inversion: without the class, where that is fixed. Empty where there is none."""
    classes = class_space(generator)
    if settings.class_mode not in FIXED or classes is None:
        return settings.space
    others = [name for name in blocks_of(generator, generator.system(classes).name) if name != classes.name]
    return others[0] if len(others) == 1 else ""


def preconditioning_space(moving: str, generator: CatalogueEntry) -> str:
    """The space whose eigenbasis an inversion uses unless another is named: of `w+` that of `w`, in every layer."""
    layered = mapped_space(generator)
    return moving if layered is None or moving != generator.input_space else layered.name


def complete_space(
    settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> str:
    """The space of an inversion's latents: with a class mode that of all beside the class, else what is asked for."""
    if not settings.class_mode:
        return space_of(settings.space, generator, f"{field}.space", wrong)
    if (classes := class_space(generator)) is None:
        wrong.add(f"{field}.class_mode", f"{settings.generator} has no classes; leave it out")
        return generator.input_space
    whole = generator.system(classes).name
    if settings.class_mode in FIXED and not moving_space(settings, generator):
        wrong.add(
            f"{field}.class_mode",
            f"{settings.generator} has no single space of all but the class; take class_mode 'free'",
        )
    if settings.space not in {"", whole}:
        wrong.add(
            f"{field}.space",
            f"with a class mode latents hold the class, as those of space {whole!r} do, but {settings.space!r} came; "
            "leave it out",
        )
    return whole
