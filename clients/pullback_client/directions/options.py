"""Options of directions: from Python's words to the contract's specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy.typing as npt

from pullback_api.options import options_of
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_client.catalogue import Generator
from pullback_client.directions.start import latent_of
from pullback_client.eigenbasis.basis import EigenbasisInfo, eigenbasis_name
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.result import Inversion
from pullback_client.text.vocabulary import refuse_unknown_options
from pullback_client.wire.codec import tensor_from_array
from pullback_client.wire.fields import numbers, whole_number
from pullback_client.wire.names import generator_name
from pullback_client.wire.option_types import DirectionsFields
from pullback_client.wire.option_values import set_options

ImportFormat: TypeAlias = Literal[
    "ganspace", "sefa", "local_basis", "styleclip", "deformator", "hessian_penalty", "pullback"
]

METHODS = options_of(specs_pb2.DirectionsSpec.DESCRIPTOR)["method"].words
IMPORT_FORMATS = numbers(ImportFormat, directions_pb2.ImportFormat, "IMPORT_FORMAT")

LOCAL_METHODS = frozenset({"local_hessian", "local_basis", "jacobian"})
"""The methods that look at one latent; what they find there is of that latent."""


class DirectionsOptions(DirectionsFields, total=False):
    """What directions shall be. What is left out, or None, is the server's default."""

    eigenbasis: str | EigenbasisInfo | None
    """An eigenbasis by which they are measured, or its resource name; default the one of the default specification."""
    latent: npt.ArrayLike | Inversion | None
    """Where a local method looks, shape (dim,); default the draw of `seed` from the prior."""
    layers: Sequence[int] | None
    """Layers of a style-based generator, from 0: of `sefa`, whose weights; on which a step acts. Default all."""


def directions_spec(generator: str, options: DirectionsOptions) -> specs_pb2.DirectionsSpec:
    """The specification of directions; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown word, or a number or an array that the contract cannot carry.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, DirectionsOptions)
    basis, latent = options.get("eigenbasis"), options.get("latent")
    spec = specs_pb2.DirectionsSpec(
        generator=generator_name(generator),
        latent=None if latent is None else tensor_from_array(latent_of(latent)),
        layers=layer_numbers(options.get("layers")),
    )
    set_options(spec, {**options, "eigenbasis": None if basis is None else eigenbasis_name(basis)})
    return spec


def layer_numbers(layers: Sequence[int] | None) -> list[int]:
    """Layers as the contract carries them; none, which asks for the default, for None.

    Raises:
        InvalidArgumentError: An empty list, or no layers from 0 on.
    """
    # An empty list asks for the default on the wire, so one that somebody wrote must not get there.
    if layers is not None and not len(layers):
        raise InvalidArgumentError("layers must name at least one layer; leave them out for the default")
    return sorted({whole_number("layers", layer, minimum=0) for layer in layers or ()})


def measuring_space(generator: Generator, spec: specs_pb2.DirectionsSpec) -> str:
    """The space that directions of a specification lie in, whose eigenbasis measures them.

    Args:
        generator: The generator of the specification.
        spec: The specification, in which defaults may be left out.
    """
    mapped = next((space.name for space in generator.spaces.values() if space.mapped), "")
    if mapped and spec.method == METHODS["local_basis"]:
        return mapped
    # A known density is that of z.
    takes_mapped = spec.method != METHODS["dp_lase"] or spec.learn_density
    return spec.space or (mapped if takes_mapped else "") or next(iter(generator.spaces))
