"""Latent space as a catalogue states it, and how the spaces of an entry lie within each other. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pullback.errors import listed
from pullback.generators.class_names import LABEL_SETS, imagenet_names
from pullback.weights.table import Table

PRIORS = ("standard-normal", "truncated-normal", "one-hot", "class-embeddings", "bounded", "product", "mapped")
# Those that draw classes.
CLASS_PRIORS = ("one-hot", "class-embeddings")
_BOUNDS = (
    "missing; expected the least and the greatest value of a coordinate, as [-10.0, 10.0]: nothing says how such codes "
    "are distributed, so they are drawn evenly within, and never leave. Usual are bounds around zero as far as "
    "searches go, or from 0.0 on for what lies behind a rectifier"
)


@dataclass(frozen=True)
class SpaceEntry:
    """What the catalogue says of a latent space.

    Attributes:
        name: Unique within the generator.
        dim: Number of coordinates.
        prior: `standard-normal`, `truncated-normal` (cut at two standard deviations, of a scale that an option says),
            `one-hot`, `class-embeddings` (one of those in the weights), `bounded` (of codes without a known
            distribution), `product` (of the spaces that tile this one), or `mapped` (what the generator's mapping
            network makes of normal latents).
        start: First coordinate within the generator's input, or within what its mapping network takes (see
            `system_of`).
        labels: Names of the classes, which are the coordinates of a one-hot prior; empty where there are none.
        default: The label that holds while another space is explored; empty without labels.
        bounds: Least and greatest value of a coordinate of a bounded prior; None of the others.
    """

    name: str
    dim: int
    prior: str
    start: int = 0
    labels: tuple[str, ...] = ()
    default: str = ""
    bounds: tuple[float, float] | None = None


def parse_space(table: Table) -> SpaceEntry:
    """A space of an entry's table.

    Raises:
        CatalogueError: A key is missing, unknown or of the wrong kind, or the keys do not go together.
    """
    space = SpaceEntry(
        name=table.string("name"),
        dim=table.integer("dim", minimum=1),
        prior=table.string("prior"),
        start=table.integer("start", 0),
        labels=_labels(table),
        default=table.string("default", ""),
        bounds=table.bounds("bounds") if "bounds" in table else None,
    )
    if space.prior not in PRIORS:
        raise table.error("prior", f"expected one of {', '.join(PRIORS)}, got {space.prior!r}")
    if space.prior == "bounded" and space.bounds is None:
        raise table.error("bounds", _BOUNDS)
    if space.prior != "bounded" and space.bounds is not None:
        raise table.error("bounds", f"expected for a bounded prior and no other; this prior is {space.prior!r}")
    if bool(space.labels) != (space.prior in CLASS_PRIORS):
        raise table.error(
            "labels", f"expected for a prior {' or '.join(CLASS_PRIORS)} and no other; this prior is {space.prior!r}"
        )
    count = space.dim if space.prior == "one-hot" else len(space.labels)
    if space.labels and len(set(space.labels)) != count:
        raise table.error("labels", f"expected {count} different labels, got {listed(space.labels)}")
    if space.labels and space.default not in space.labels:
        raise table.error("default", f"expected one of the labels {listed(space.labels)}, got {space.default!r}")
    if space.default and not space.labels:
        raise table.error("default", f"expected only with labels, got {space.default!r}")
    table.finish()
    return space


def _labels(table: Table) -> tuple[str, ...]:
    labels, known = table.strings("labels"), table.string("label_set", "")
    if not known:
        return labels
    if labels:
        raise table.error("label_set", "expected instead of labels, but both came; leave one out")
    if known not in LABEL_SETS:
        raise table.error("label_set", f"expected {' or '.join(LABEL_SETS)}, got {known!r}")
    return imagenet_names()


def check_spaces(spaces: Sequence[SpaceEntry], input_space: str, table: Table) -> None:
    """Checks that the spaces of an entry lie within each other as they state.

    Args:
        spaces: The spaces.
        input_space: What the entry calls the one that covers the generator's input.
        table: The entry, for errors.

    Raises:
        CatalogueError: They do not.
    """
    names = [space.name for space in spaces]
    if len(set(names)) != len(names):
        raise table.error("spaces", f"expected different names, got {names}")
    if input_space not in names:
        raise table.error("input_space", f"expected one of the spaces {names}, got {input_space!r}")
    for space in spaces:
        whole = system_of(spaces, input_space, space)
        if space.start + space.dim > whole.dim:
            raise table.error(
                "spaces", f"{space.name!r} covers coordinates up to {space.start + space.dim} of {whole.dim}"
            )
        if space.prior == "product" and space is not whole:
            raise table.error(
                "spaces",
                f"{space.name!r}: only the input space, or what a mapping network takes, may have a product prior",
            )
    for space in spaces:
        if space.prior == "product":
            _check_tiles(space, blocks_within(spaces, input_space, space), table)


def _check_tiles(whole: SpaceEntry, parts: Sequence[SpaceEntry], table: Table) -> None:
    """The other spaces must tile it: each starts where the one before ends, the last one at its end."""
    ends = [0, *(space.start + space.dim for space in parts)]
    if [space.start for space in parts] != ends[:-1] or ends[-1] != whole.dim:
        blocks = ", ".join(f"{space.name} [{space.start}, {space.start + space.dim})" for space in parts)
        raise table.error("spaces", f"a product prior needs spaces that tile [0, {whole.dim}), got {blocks or 'none'}")


def system_of(spaces: Sequence[SpaceEntry], input_space: str, space: SpaceEntry) -> SpaceEntry:
    """The space of all the coordinates among which those of a space are.

    Without a mapping network that is the generator's input. With one, what it makes of latents stands for itself; what
    it takes lies in the space of a product prior, where the entry states one: a latent and a class side by side.

    Args:
        spaces: The spaces of an entry.
        input_space: What the entry calls the one that covers the generator's input.
        space: One of them.
    """
    if all(each.prior != "mapped" for each in spaces):
        return next(each for each in spaces if each.name == input_space)
    if space.prior == "mapped":
        return space
    return next((each for each in spaces if each.prior == "product"), space)


def blocks_within(spaces: Sequence[SpaceEntry], input_space: str, whole: SpaceEntry) -> list[SpaceEntry]:
    """The other spaces whose coordinates are among those of a space that is a system, by their first coordinate."""
    others = (each for each in spaces if each is not whole and system_of(spaces, input_space, each) is whole)
    return sorted(others, key=lambda each: each.start)
