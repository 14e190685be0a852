"""Search spaces of generators in the catalogue: by name, and what of their priors stands in the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.space_entry import SpaceEntry
from pullback.generators.style_based.named_layers import mapped_space
from pullback.generators.truncated_normal import CUT
from pullback.search.constraints import Constraint
from pullback.search.spaces import HELD, MEASURED, Block, Moments, SearchSpace

# Of a prior that a mapping network makes, to see how far its draws lie from its mean.
_DRAWS = 2048


def catalogue_space(
    entry: CatalogueEntry,
    name: str,
    *,
    constraint: Constraint | None = None,
    class_label: str = "",
    measured: Mapping[str, Block] | None = None,
) -> SearchSpace:
    """A latent space of a generator in the catalogue, as a search sees it.

    Args:
        entry: The generator.
        name: Name of the space; empty = the generator's first.
        constraint: Bounds on latents; none when omitted.
        class_label: The class that is held; empty = none. Behind a mapping network, where no coordinates are a class,
            that whose latents a search starts among.
        measured: The blocks of priors that stand in the weights, by the space's name (see `measured_blocks`). Without
            them, means of 0 and deviations of 1 stand for theirs: enough to see whether a search can be made, not to
            make one.

    Raises:
        UnknownNameError: No such space, or no such class.
        InvalidInputError: As `SearchSpace` does.
    """
    space = entry.space(name) if name else entry.spaces[0]
    parts = parts_in(entry, space)
    held = None
    if class_label:
        behind = space.prior == "mapped"
        labels = [label for part in (entry.spaces if behind else parts) for label in part.labels]
        if class_label not in labels:
            raise UnknownNameError(f"class of space {space.name!r} of generator {entry.name!r}", class_label, labels)
        if behind:
            pass  # What is measured there is of the class.
        elif not any(part.prior == "class-embeddings" for part in parts):
            held = labels.index(class_label)
        elif len(parts) == 1:
            raise InvalidInputError(
                f"class {class_label!r} is all that space {space.name!r} holds, so that nothing is left to search; "
                f"leave the class out, or search space {entry.system(space).name!r}"
            )
    known = measured or {}
    blocks = [known.get(part.name) or _block(part, entry, held=bool(class_label)) for part in parts]
    return SearchSpace(tuple(blocks), constraint or Constraint(), held)


def measured_blocks(entry: CatalogueEntry, name: str, generator: Any, *, class_label: str = "") -> dict[str, Block]:
    """The blocks of a space whose priors stand in the weights, by the names of their spaces; none of most families.

    Args:
        entry: What the catalogue says of the generator.
        name: Name of the space.
        generator: The `Generator`, whose weights are there; its module needs torch, which a search goes without.
        class_label: As for `catalogue_space`.
    """
    return {
        part.name: _measured(part, generator, entry, class_label)
        for part in parts_in(entry, entry.space(name))
        if part.prior in MEASURED
    }


def _measured(part: SpaceEntry, generator: Any, entry: CatalogueEntry, class_label: str) -> Block:
    space = generator.space(part.name)
    prior = space.prior
    if part.labels:
        codes = prior.class_codes(part.dim)
        if class_label:
            return Block(HELD, part.dim, None, Moments(tuple(codes[part.labels.index(class_label)].tolist())))
        limits = None if len(codes) == 1 else (float(codes.min()), float(codes.max()))
        mean = codes.mean(dim=0)
        return Block(part.prior, part.dim, limits, _moments(codes, mean, mean, prior.spread(), 1))
    once = mapped_space(entry) or part
    single = generator.space(once.name)
    if class_label:
        space, single = (generator.space_of_class(name, class_label) for name in (part.name, once.name))
        prior = space.prior
    layers = prior.mean(part.dim).reshape(-1, once.dim)
    # Those of one layer where they are alike, as they are unless some are truncated towards another mean.
    mean = layers[0] if bool((layers == layers[0]).all()) else layers.flatten()
    drawn, middle = single.sample(_DRAWS, 0), single.prior.mean(once.dim)
    return Block(part.prior, part.dim, None, _moments(drawn, middle, mean, prior.spread(), len(layers)))


def _moments(drawn: Any, middle: Any, mean: Any, deviation: float, layers: int) -> Moments:
    """Moments with the spread of draws around their middle, which are the same in every layer."""
    away: NDArray[np.float64] = np.square((drawn - middle).double().numpy() / deviation).sum(axis=1)
    return Moments(tuple(mean.tolist()), deviation, float(away.var()) * layers / drawn.shape[1])


def _block(part: SpaceEntry, entry: CatalogueEntry, *, held: bool) -> Block:
    if part.prior in MEASURED:
        kind = HELD if held and part.labels else part.prior
        return Block(kind, part.dim, None, Moments((0.0,)))
    if part.prior != "truncated-normal":
        return Block(part.prior, part.dim, part.bounds)
    reach = CUT * entry.asked("truncation")
    return Block(part.prior, part.dim, (-reach, reach))


def parts_in(entry: CatalogueEntry, space: SpaceEntry) -> list[SpaceEntry]:
    """The spaces that make up one of a generator, side by side."""
    return entry.parts(space) if space.prior == "product" else [space]
