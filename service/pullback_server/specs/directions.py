"""Specification of directions, discovered or imported from a file: validation and defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pullback import distances
from pullback.directions.defaults import DirectionsSettings, complete, faults, method_of, space_of_directions
from pullback.generators import CatalogueEntry
from pullback.generators.style_based.named_layers import mapped_space, style_layers
from pullback_api.options import given_options, names_of, options_of, set_option
from pullback_api.tensors import pack
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_server.errors import Violations
from pullback_server.names import directions_name, generator_name
from pullback_server.specs.common import (
    as_id,
    copied,
    digest,
    distance_of,
    enum_names,
    find_generator,
    owner_of_eigenbasis,
    space_of,
    take_out_of_bounds,
)
from pullback_server.specs.eigenbasis import complete_eigenbasis_spec, eigenbasis_name_of
from pullback_server.specs.latents import read_latent

DIRECTION_METHODS = names_of(specs_pb2.DirectionMethod)
IMPORT_FORMATS = names_of(directions_pb2.ImportFormat)
# What settings of the library have otherwise, or not at all.
_NO_SETTINGS = {"distance", "eigenbasis"}


def complete_directions_spec(spec: specs_pb2.DirectionsSpec, field: str) -> specs_pb2.DirectionsSpec:
    """A copy with every default filled in, the eigenbasis' name included.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(spec.generator, f"{field}.generator")
    wrong = Violations()
    completed = copied(spec)
    completed.method = spec.method or specs_pb2.DIRECTION_METHOD_HESSIAN
    if completed.method not in DIRECTION_METHODS:
        known = enum_names(specs_pb2.DirectionMethod)
        wrong.add(f"{field}.method", f"unknown method {spec.method}; known: {known}")
    elif completed.method == specs_pb2.DIRECTION_METHOD_IMPORTED:
        wrong.add(
            f"{field}.method",
            "'imported' says where directions came from; bring a file to Client.import_directions, `pullback "
            "directions GENERATOR --import FILE`, or ImportDirections of the API",
        )
    wrong.raise_if_any()
    out_of_bounds = take_out_of_bounds(completed)
    settings = directions_settings(completed)
    for name, description in (*faults(settings, generator), *out_of_bounds.items()):
        wrong.add(f"{field}.{name}", description)
    _check_eigenbasis(spec.eigenbasis, generator, f"{field}.eigenbasis", wrong)
    if not wrong:
        settings = complete(settings, generator)
        _put(settings, completed)
        _complete_place(completed, settings, generator, field, wrong)
    wrong.raise_if_any()
    if not completed.eigenbasis:
        measuring = measuring_eigenbasis_spec(generator, space_of_directions(settings, generator))
        completed.eigenbasis = eigenbasis_name_of(measuring)
    return completed


def directions_settings(spec: specs_pb2.DirectionsSpec) -> DirectionsSettings:
    """A specification's settings as the library takes them."""
    given = {name: value for name, value in given_options(spec).items() if name not in _NO_SETTINGS}
    return DirectionsSettings(layers=tuple(spec.layers), **given)


def space_directions_lie_in(spec: specs_pb2.DirectionsSpec) -> str:
    """The space of the directions that a complete specification makes."""
    return space_of_directions(directions_settings(spec), find_generator(spec.generator, "generator"))


def directions_name_of(spec: specs_pb2.DirectionsSpec) -> str:
    """The resource name of the directions that a complete specification makes with today's weights."""
    generator = find_generator(spec.generator, "generator")
    distance = distances.entry(spec.distance).weights_hash if spec.distance else ""
    parts = (generator.weights_hash, distance, spec.SerializeToString(deterministic=True).hex())
    readable = f"{DIRECTION_METHODS[spec.method]}-{spec.space}-{spec.k}-{spec.seed}-{digest(parts)}"
    return directions_name(generator.name, as_id(readable))


def complete_import(request: directions_pb2.ImportDirectionsRequest) -> specs_pb2.DirectionsSpec:
    """The specification of directions that a file is to bring, but for their number.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(request.generator, "generator")
    wrong = Violations()
    space = space_of(request.space, generator, "space", wrong)
    if request.format not in IMPORT_FORMATS:
        known = enum_names(directions_pb2.ImportFormat)
        wrong.add("format", f"unknown format {request.format}; known: {known}")
    if not request.content:
        wrong.add("content", "expected the bytes of a file, but none came")
    check_layers(request.layers, space, generator, "layers", wrong)
    _check_eigenbasis(request.eigenbasis, generator, "eigenbasis", wrong)
    wrong.raise_if_any()
    return specs_pb2.DirectionsSpec(
        generator=request.generator,
        space=space,
        method=specs_pb2.DIRECTION_METHOD_IMPORTED,
        eigenbasis=request.eigenbasis or eigenbasis_name_of(measuring_eigenbasis_spec(generator, space)),
        layers=sorted(request.layers),
    )


def imported_name_of(spec: specs_pb2.DirectionsSpec, import_format: str, content: bytes) -> str:
    """The resource name of what a file brings under the specification that `complete_import` gave."""
    generator = find_generator(spec.generator, "generator")
    file = hashlib.sha256(content).hexdigest()
    parts = (generator.weights_hash, import_format, file, spec.SerializeToString(deterministic=True).hex())
    return directions_name(generator.name, as_id(f"imported-{import_format}-{spec.space}-{digest(parts)}"))


def measuring_eigenbasis_spec(generator: CatalogueEntry, space: str) -> specs_pb2.EigenbasisSpec:
    """The specification of the eigenbasis by which directions of a space are measured where none is named."""
    spec = specs_pb2.EigenbasisSpec(generator=generator_name(generator.name), space=space)
    return complete_eigenbasis_spec(spec, "eigenbasis")


def check_layers(layers: Sequence[int], space: str, generator: CatalogueEntry, field: str, wrong: Violations) -> None:
    """Layers on which no step along a direction of that space can act are a violation."""
    mapped, given = mapped_space(generator), list(layers)
    if not given:
        return
    if mapped is None or space != mapped.name:
        wrong.add(field, f"steps act on single layers along a direction of a style-based generator's w, not of {space}")
    elif len(set(given)) < len(given) or not all(0 <= layer < style_layers(generator) for layer in given):
        most = style_layers(generator) - 1
        wrong.add(field, f"expected layers 0 to {most} of {generator.name!r}, each once, but {given} came")


def _put(settings: DirectionsSettings, spec: specs_pb2.DirectionsSpec) -> None:
    for name in options_of(spec.DESCRIPTOR).keys() - _NO_SETTINGS:
        # What a method does not take is empty.
        if value := getattr(settings, name):
            set_option(spec, name, value)
    spec.layers[:] = settings.layers


def _complete_place(
    spec: specs_pb2.DirectionsSpec,
    settings: DirectionsSettings,
    generator: CatalogueEntry,
    field: str,
    wrong: Violations,
) -> None:
    """Where a local method looks, and by which distance; a violation where the method takes neither."""
    method = method_of(settings.method)
    if spec.HasField("latent") and not method.local:
        wrong.add(f"{field}.latent", f"method {settings.method} looks at no single latent; leave it out")
    elif spec.HasField("latent"):
        owner = f"space {spec.space!r} of {spec.generator}"
        dim = generator.space(spec.space).dim
        latent = read_latent(spec.latent, dim, owner, f"{field}.latent", wrong)
        if latent is not None:
            spec.latent.CopyFrom(pack(latent))
    if spec.distance and not method.needs_distance:
        wrong.add(f"{field}.distance", f"method {settings.method} takes no distance; leave it out")
    elif method.needs_distance:
        found = distance_of(spec.distance, generator, f"{field}.distance", wrong)
        spec.distance = found.name if found else ""


def _check_eigenbasis(name: str, generator: CatalogueEntry, field: str, wrong: Violations) -> None:
    if not name:
        return
    owner = owner_of_eigenbasis(name, field, wrong)
    if owner not in (None, generator.name):
        wrong.add(field, f"expected an eigenbasis of {generator_name(generator.name)}, but {name} came")
