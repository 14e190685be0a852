"""Parts that the specifications of all jobs share: ids, names, distances, seeds and ranges."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, TypeVar

from google.protobuf.message import Message

from pullback import distances, generators
from pullback.distances import DistanceEntry
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import CatalogueEntry
from pullback.weights import Availability
from pullback_api import options
from pullback_api.v1 import specs_pb2, values_pb2
from pullback_server.errors import ApiError, Violations, failed_precondition, not_found
from pullback_server.names import parse_eigenbasis, parse_generator
from pullback_server.protocol.calls import SoundShape

IMAGE_FORMATS: dict[values_pb2.ImageFormat, str] = {
    values_pb2.IMAGE_FORMAT_UNSPECIFIED: "PNG",
    values_pb2.IMAGE_FORMAT_PNG: "PNG",
    values_pb2.IMAGE_FORMAT_JPEG: "JPEG",
}
FORMATS: dict[str, values_pb2.ImageFormat] = {
    "PNG": values_pb2.IMAGE_FORMAT_PNG,
    "JPEG": values_pb2.IMAGE_FORMAT_JPEG,
    "WAV": values_pb2.IMAGE_FORMAT_WAV,
}
"""By the names that workers know."""
WEIGHTS_STATES: dict[Availability, values_pb2.WeightsState] = {
    Availability.NOT_NEEDED: values_pb2.WEIGHTS_STATE_NOT_NEEDED,
    Availability.HERE: values_pb2.WEIGHTS_STATE_HERE,
    Availability.TO_DOWNLOAD: values_pb2.WEIGHTS_STATE_TO_DOWNLOAD,
    Availability.MISSING: values_pb2.WEIGHTS_STATE_MISSING,
}

_MessageT = TypeVar("_MessageT", bound=Message)


def copied(spec: _MessageT) -> _MessageT:
    """A copy of a specification without what this version does not know: that tells no two of them apart."""
    copy = type(spec)()
    copy.CopyFrom(spec)
    copy.DiscardUnknownFields()
    return copy


def take_out_of_bounds(message: Message) -> dict[str, str]:
    """What is wrong with the options that a message gives, by their paths; it does not give them any more.

    So the rest can be looked at, and all that is wrong be told at once.
    """
    found = dict(options.faults(message))
    for path in found:
        options.clear(message, path)
    return found


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
        default = distances.DEFAULT_DISTANCE if generator.draws == "images" else distances.SOUND_DISTANCE
        found = distances.entry(name or default, only_catalogue=True)
    except (UnknownNameError, InvalidInputError) as error:
        wrong.add(field, str(error))
        return None
    if generator.draws not in found.takes:
        able = [each.name for each in distances.catalogue() if generator.draws in each.takes]
        wrong.add(
            field,
            f"distance {found.name!r} compares {found.takes[0]}, but {generator.name!r} draws {generator.draws}; "
            f"take {' or '.join(able)}",
        )
    return found


def check_draws_images(generator: CatalogueEntry, field: str, wrong: Violations) -> bool:
    """Notes where images are asked of a generator of sounds; returns whether it draws images."""
    if generator.draws == "images":
        return True
    wrong.add(field, f"this is of images, but {generator.name!r} draws {generator.draws}; take a generator of images")
    return False


def rate_of(generator: CatalogueEntry) -> int:
    """The sample rate of a generator of sounds.

    Raises:
        ApiError: FAILED_PRECONDITION where nothing says it.
    """
    if generator.sample_rate is None:
        raise failed_precondition(
            f"nothing says how many samples a second the sounds of {generator.name!r} have, so they can be neither "
            f"read nor written: state sample_rate = … under [{generator.name}.options] of its catalogue entry"
        )
    return generator.sample_rate


def sound_shape(generator: CatalogueEntry) -> SoundShape:
    """What a generator of sounds draws.

    Raises:
        ApiError: FAILED_PRECONDITION where nothing says their rate.
    """
    channels, length = generator.image_shape[:2]
    return SoundShape(channels, length, rate_of(generator))


def format_of(asked: values_pb2.ImageFormat, generator: CatalogueEntry, field: str, wrong: Violations) -> str:
    """The name of a file format, the usual one of what a generator draws where none is asked for; others are wrong.

    Raises:
        ApiError: FAILED_PRECONDITION where it draws sounds, and nothing says their rate.
    """
    known = IMAGE_FORMATS
    if generator.draws == "sounds":
        rate_of(generator)
        known = {values_pb2.IMAGE_FORMAT_UNSPECIFIED: "WAV", values_pb2.IMAGE_FORMAT_WAV: "WAV"}
    if asked not in known:
        names = ", ".join(dict.fromkeys(known.values()))
        came = options.names_of(values_pb2.ImageFormat).get(asked, f"format {asked}").upper()
        wrong.add(field, f"{generator.name!r} draws {generator.draws}, which are sent as {names}, but {came} came")
    return known.get(asked, known[values_pb2.IMAGE_FORMAT_UNSPECIFIED])


def owner_of_eigenbasis(name: str, field: str, wrong: Violations) -> str | None:
    """The generator's name in that of an eigenbasis; None where it is none, which is a violation."""
    try:
        return parse_eigenbasis(name, field)[0]
    except ApiError as error:
        wrong.add(error.violations[0].field, error.violations[0].description)
        return None


def enum_names(enum: Any) -> str:
    """The words for an enumeration's values, as people write them, and the first as the contract does.

    Of the value that stands for a default there is none.
    """
    return options.enum_names(enum.DESCRIPTOR)


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
