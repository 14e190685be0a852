"""Classes of conditional generators: which there are, and what becomes of them in an inversion."""

from __future__ import annotations

from pullback.generators import CatalogueEntry
from pullback.generators.space_entry import SpaceEntry
from pullback.generators.style_based.named_layers import mapped_space
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.specs.common import space_of
from pullback_server.specs.eigenbasis import blocks_of

_OR_GIVEN = ", or give the class: latents of w and w+ hang on none, but may start at that of one"
# The class of a latent stays what it was at the start.
FIXED = (specs_pb2.CLASS_MODE_GIVEN, specs_pb2.CLASS_MODE_SEARCHED)


def class_space(generator: CatalogueEntry) -> SpaceEntry | None:
    """The space whose coordinates are classes; None where the generator has none."""
    return next((space for space in generator.spaces if space.labels), None)


def starts_from_class(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> bool:
    """Whether a class is given behind a mapping network, where latents hang on none: its prior is meant."""
    return settings.class_mode == specs_pb2.CLASS_MODE_GIVEN and is_behind_classes(settings.space, generator)


def is_behind_classes(space: str, generator: CatalogueEntry) -> bool:
    """Whether a space lies behind a mapping network that takes classes."""
    mapped = any(each.name == space and each.prior == "mapped" for each in generator.spaces)
    return mapped and class_space(generator) is not None


def moving_space(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> str:
    """The space of what moves in an inversion: without the class, where that is fixed. Empty where there is none."""
    classes = class_space(generator)
    if settings.class_mode not in FIXED or classes is None or starts_from_class(settings, generator):
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
    """The space of an inversion's latents: with a class mode that of all beside the class, else what is asked for.

    Behind a mapping network a class may be given, too, and what is asked for holds.
    """
    if not settings.class_mode or starts_from_class(settings, generator):
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
        other = _OR_GIVEN if is_behind_classes(settings.space, generator) else ""
        wrong.add(
            f"{field}.space",
            f"with that class mode latents hold the class, as those of space {whole!r} do, but {settings.space!r} "
            f"came; leave it out{other}",
        )
    return whole
