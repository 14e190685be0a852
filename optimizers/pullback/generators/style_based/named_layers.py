"""Layers that the generators of the catalogue name, and where their mapping networks lead; imports no torch."""

from __future__ import annotations

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.registry import FAMILIES
from pullback.generators.space_entry import SpaceEntry


def mapped_space(entry: CatalogueEntry) -> SpaceEntry | None:
    """The space behind the mapping network, one latent for the whole image (`w`); None without such a network."""
    return min((space for space in entry.spaces if space.prior == "mapped"), key=lambda space: space.dim, default=None)


def style_layers(entry: CatalogueEntry) -> int:
    """How many layers take a latent of `mapped_space` each; 0 without a mapping network."""
    mapped = mapped_space(entry)
    return 0 if mapped is None else entry.space(entry.input_space).dim // mapped.dim


def noise_shapes(entry: CatalogueEntry) -> tuple[tuple[int, int], ...]:
    """Height and width of each noise map that images can be given beside a latent, from the first layer on.

    Empty where the family takes none, or the entry leaves noise out. That weights let none through is not seen here.
    """
    each = FAMILIES[entry.family].noise_maps
    if not each or entry.option("noise") == "none":
        return ()
    # Of 4 px one, of 8 px and on to the image so many.
    sides = [4 << depth for depth in range((entry.image_shape[-1] // 4).bit_length())]
    return tuple((side, side) for side in sides for _ in range(1 if side == 4 else each))


def activation_layers(entry: CatalogueEntry) -> tuple[str, ...]:
    """Names of the layers that `Generator.activations` gives, from the first on, but for the images themselves.

    Empty where the catalogue does not tell them.
    """
    if not FAMILIES[entry.family].named_layers:
        return ()
    # Layers work at 4 px, 8 px and so on up to the image; the last transposed convolution of a DCGAN has no rectifier.
    doublings = (entry.image_shape[-1] // 4).bit_length() - 1
    if entry.has_mapping or FAMILIES[entry.family].named_by_side:
        return tuple(f"{entry.image_shape[-1] >> depth} px" for depth in reversed(range(doublings + 1)))
    return tuple(f"layer {depth + 1}" for depth in range(doublings))
