"""Starts that an inversion's targets bring: the space they lie in, and each of them, checked."""

from __future__ import annotations

from pullback.generators import CatalogueEntry
from pullback_api.v1 import inversion_pb2, specs_pb2
from pullback_server.errors import Violations
from pullback_server.specs.latents import read_latent


def start_spaces(space: str, generator: CatalogueEntry) -> list[str]:
    """Names of the spaces whose latents can start an inversion in a space: itself, and those mapped into it."""
    mapped = [each.name for each in generator.spaces if each.prior == "mapped"]
    if space not in mapped:
        return [space]
    leading = mapped if space == generator.input_space else []
    # A class alone is no latent to start from.
    before = [each.name for each in generator.spaces if each.prior != "mapped" and not each.labels]
    return [space, *(each.name for each in generator.spaces if each.name != space and each.name in (*before, *leading))]


def check_start_space(
    settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    """A space from which nothing leads to that of the inversion is a violation of that field."""
    known = start_spaces(settings.space, generator)
    if settings.start_space and settings.start_space not in known:
        wrong.add(
            field,
            f"an inversion in space {settings.space!r} starts at a latent of {' or '.join(known)}, but "
            f"{settings.start_space!r} came",
        )


def check_start(
    target: inversion_pb2.Target,
    settings: specs_pb2.InversionSettings,
    generator: CatalogueEntry,
    field: str,
    wrong: Violations,
) -> None:
    """A start that is no latent of its space is a violation."""
    if target.HasField("start"):
        space = settings.start_space or settings.space
        owner = f"space {space!r} of {settings.generator}"
        read_latent(target.start, generator.space(space).dim, owner, f"{field}.start", wrong)
