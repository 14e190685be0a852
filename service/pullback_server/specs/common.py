"""What the specifications of all jobs share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from copy import deepcopy

from pullback import distances, generators
from pullback.distances import DistanceEntry
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import CatalogueEntry
from pullback.weights import Availability
from pullback_api.v1 import specs_pb2, values_pb2
from pullback_server.errors import Violations, not_found
from pullback_server.names import parse_generator

IMAGE_FORMATS: dict[values_pb2.ImageFormat, str] = {
    values_pb2.IMAGE_FORMAT_UNSPECIFIED: "PNG",
    values_pb2.IMAGE_FORMAT_PNG: "PNG",
    values_pb2.IMAGE_FORMAT_JPEG: "JPEG",
}
WEIGHTS_STATES: dict[Availability, values_pb2.WeightsState] = {
    Availability.NOT_NEEDED: values_pb2.WEIGHTS_STATE_NOT_NEEDED,
    Availability.HERE: values_pb2.WEIGHTS_STATE_HERE,
    Availability.TO_DOWNLOAD: values_pb2.WEIGHTS_STATE_TO_DOWNLOAD,
    Availability.MISSING: values_pb2.WEIGHTS_STATE_MISSING,
}


def find_generator(name: str, field: str) -> CatalogueEntry:
    """The catalogue's entry of `generators/{id}`; NOT_FOUND, listing the known ones, where there is none."""
    try:
        return generators.entry(parse_generator(name, field))
    except UnknownNameError as error:
        raise not_found(f"{field}: {error}") from None


def space_of(name: str, generator: CatalogueEntry, field: str, wrong: Violations) -> str:
    """The name of a space, the generator's first where none is given; an unknown one is a violation."""
    name = name or generator.spaces[0].name
    try:
        generator.space(name)
    except UnknownNameError as error:
        wrong.add(field, str(error))
    return name


def distance_of(name: str, generator: CatalogueEntry, field: str, wrong: Violations) -> DistanceEntry | None:
    """A distance, the default one where none is named; one that is unknown or takes other things is a violation."""
    try:
        # Names outside the catalogue may name any file of this machine.
        found = distances.entry(name or distances.DEFAULT_DISTANCE, only_catalogue=True)
    except (UnknownNameError, InvalidInputError) as error:
        wrong.add(field, str(error))
        return None
    drawn = "images" if len(generator.image_shape) == 3 else "sounds"
    if drawn not in found.takes:
        wrong.add(field, f"distance {found.name!r} compares {found.takes[0]}, but {generator.name!r} draws {drawn}")
    return found


def check_seed(seed: int, field: str, wrong: Violations) -> None:
    """A negative seed is a violation."""
    if seed < 0:
        wrong.add(field, f"expected 0 or more, but {seed} came")


def check_max_memory(mib: int, field: str, wrong: Violations) -> None:
    """A negative bound of memory is a violation."""
    if mib < 0:
        wrong.add(field, f"expected 0 (no bound) or more MiB, but {mib} came")


def check_range(value: int, most: int, field: str, wrong: Violations) -> None:
    """A number outside 1 to `most` is a violation."""
    if not 1 <= value <= most:
        wrong.add(field, f"expected 1 to {most:,} (0 = the default), but {value} came")


def enum_names(enum: type) -> str:
    """The words for an enumeration's values, as people write them, and the first as the contract does.

    Of the value that stands for a default there is none.
    """
    names = [name for name, number in enum.items() if number]  # type: ignore[attr-defined]
    # `METRIC_METHOD_UNSPECIFIED` tells how much of each name is the enumeration's own. One has no such value.
    unspecified = next((name for name, number in enum.items() if not number), "")  # type: ignore[attr-defined]
    prefix = unspecified.removesuffix("UNSPECIFIED")
    words = ", ".join(name.removeprefix(prefix).lower() for name in names)
    return f"{words} (in the contract {names[0]} and so on)"


def identity(spec: specs_pb2.EigenbasisSpec | specs_pb2.AnalysisSpec) -> str:
    """What tells a complete specification from others, as text: all of it but the bound of memory.

    Under another bound the result is the same but for rounding.
    """
    unbounded = deepcopy(spec)
    unbounded.ClearField("max_memory_mib")
    return unbounded.SerializeToString(deterministic=True).hex()


def digest(parts: Iterable[object]) -> str:
    """Eight hexadecimal digits that tell one list of values from another."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:8]


def as_id(readable: str) -> str:
    """A readable text as a resource id."""
    return re.sub(r"[^a-z0-9.-]", "-", readable.lower().replace("+", "p"))
