"""Specification of a masked edit: validation and defaults."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.generators import CatalogueEntry
from pullback.generators.style_based.named_layers import activation_layers
from pullback_api.v1 import directions_pb2
from pullback_server.errors import Violations
from pullback_server.protocol.walks import MaskPlan

MASKED_KINDS = ("linear", "spherical", "density_preserving")
DEFAULT_SUBSETS, DEFAULT_SAMPLES, DEFAULT_REACH = 4, 64, 2.0
# Where the paper cuts: behind the third layer.
_THIRD = 2


def complete_mask(
    asked: directions_pb2.MaskSettings,
    kind: str,
    units: Sequence[float],
    longest: float,
    generator: CatalogueEntry,
    wrong: Violations,
) -> MaskPlan:
    """The mask, every default filled in; what cannot be used is a violation.

    Args:
        asked: What the caller sent, as far as it lies within the contract's bounds.
        kind: How the walk goes.
        units: Lengths of a step of 1 in units of the latent, of each direction.
        longest: A length beside which a latent is forgotten.
        generator: The generator.
        wrong: Takes the violations.
    """
    if kind not in MASKED_KINDS:
        known = ", ".join(map(repr, MASKED_KINDS))
        wrong.add("mask", f"channels follow a walk that is {known}, but {kind!r} came; leave the mask out")
    subsets, samples = asked.subsets or DEFAULT_SUBSETS, asked.samples or DEFAULT_SAMPLES
    if asked.subset >= subsets:
        wrong.add("mask.subset", f"expected 0 to {subsets - 1}, but {asked.subset} came")
    reach = asked.reach or DEFAULT_REACH
    if not wrong and reach * max(units, default=1.0) >= longest:
        wrong.add("mask.reach", f"so far a latent would move by {longest:.3g} and more; take less than {reach:g}")
    names = activation_layers(generator)
    if not names:
        wrong.add("mask", f"the layers of {generator.name!r}, a {generator.family}, have no names; leave the mask out")
        names = ("",)
    elif asked.layer not in ("", *names):
        known = ", ".join(names)
        wrong.add("mask.layer", f"{generator.name!r} has the layers {known}, but {asked.layer[:200]!r} came")
    layer = asked.layer or names[: _THIRD + 1][-1]
    return MaskPlan(asked.subset, subsets, layer, samples, reach, asked.seed)
