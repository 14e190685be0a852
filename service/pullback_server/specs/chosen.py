"""Choice of a direction: which one of a set a request names, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pullback.errors import nearest
from pullback.generators import CatalogueEntry
from pullback_api.tensors import unpack
from pullback_api.v1 import directions_pb2
from pullback_server.errors import Violations, invalid
from pullback_server.names import generator_name
from pullback_server.specs.common import space_of

MAX_TITLE, MAX_NOTES = 100, 10_000


@dataclass(frozen=True)
class ChosenDirection:
    """A direction that a request names.

    Attributes:
        vector: The unit vector, shape (n,).
        rate: α_H of it.
        space: The space that it lies in.
        layers: Layers on which its steps act; empty = all.
    """

    vector: NDArray[np.float64]
    rate: float
    space: str
    layers: tuple[int, ...]


def chosen_index(
    ref: directions_pb2.DirectionRef, whole: directions_pb2.DirectionSet, generator: CatalogueEntry, field: str
) -> int:
    """Which direction of a set is named, by its number or its title.

    Args:
        ref: What names it.
        whole: The set that is named.
        generator: The generator on which it is to be walked.
        field: Path of `ref` in the request.

    Raises:
        ApiError: INVALID_ARGUMENT where there is none, or the set is of another generator or of other weights.
    """
    if whole.spec.generator != (name := generator_name(generator.name)):
        raise invalid(f"{field}.directions", f"expected directions of {name}, but those of another came")
    if whole.generator_weights_hash != generator.weights_hash:
        raise invalid(f"{field}.directions", f"{whole.name} is of weights that {name} had before; find it anew")
    index = ref.index
    if ref.title:
        titles = {note.title: note.index for note in whole.annotations if note.title}
        if ref.title not in titles:
            known = ", ".join(map(repr, titles)) or "none"
            raise invalid(
                f"{field}.title",
                f"no direction of this set is titled {ref.title[:200]!r}; known: {known}{nearest(ref.title, titles)}",
            )
        if ref.index not in {0, titles[ref.title]}:
            raise invalid(f"{field}.index", f"{ref.title!r} is direction {titles[ref.title]}; leave the index out")
        index = titles[ref.title]
    if not 0 <= index < whole.count:
        raise invalid(f"{field}.index", f"expected 0 to {whole.count - 1}, but {index} came")
    return index


def chosen_direction(one: directions_pb2.DirectionSet) -> ChosenDirection:
    """The only direction of a set."""
    return ChosenDirection(
        vector=np.asarray(unpack(one.vectors)[0], dtype=np.float64),
        rate=float(unpack(one.rates)[0]),
        space=one.space,
        layers=tuple(one.layers),
    )


def direction_to_come(
    ref: directions_pb2.DirectionRef, space: str, generator: CatalogueEntry, field: str
) -> ChosenDirection:
    """What stands for a direction that is not found yet while a walk is only checked: one of its space, of rate 1.

    Args:
        ref: What names it.
        space: Space of the walk's latent; empty = the generator's first.
        generator: The generator on which it is to be walked.
        field: Path of `ref` in the request.

    Raises:
        ApiError: INVALID_ARGUMENT where there is no such space, or a projection on more eigenvectors than it has.
    """
    wrong = Violations()
    name = space_of(ref.space or space, generator, f"{field}.space", wrong)
    wrong.raise_if_any()
    dim = generator.space(name).dim
    if not 0 <= ref.purify <= dim:
        raise invalid(f"{field}.purify", f"expected 1 to {dim} (0 = as it is), but {ref.purify} came")
    return ChosenDirection(vector=np.eye(1, dim)[0], rate=1.0, space=name, layers=())


def in_whole(direction: ChosenDirection, generator: CatalogueEntry, space: str) -> ChosenDirection:
    """A direction of a block of a space as one of the space, which leaves other blocks alone; any other as it is.

    Args:
        direction: The direction.
        generator: Its generator.
        space: Name of a space.
    """
    block = generator.space(direction.space)
    whole = generator.system(block)
    if whole.name != space:
        return direction
    vector = np.zeros(whole.dim)
    vector[block.start : block.start + block.dim] = direction.vector
    return replace(direction, vector=vector, space=whole.name)


def check_annotation(annotation: directions_pb2.Annotation, count: int) -> None:
    """Refuses an annotation that one of so many directions cannot have.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    wrong = Violations()
    if not 0 <= annotation.index < count:
        wrong.add("annotation.index", f"expected 0 to {count - 1}, but {annotation.index} came")
    for name, most in (("title", MAX_TITLE), ("notes", MAX_NOTES)):
        if (length := len(getattr(annotation, name))) > most:
            wrong.add(f"annotation.{name}", f"expected at most {most:,} characters, but {length:,} came")
    wrong.raise_if_any()
