"""The options of directions: from Python's words to the contract's specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict

import numpy.typing as npt

from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_client.codec import tensor_from_array
from pullback_client.directions.starts import latent_of
from pullback_client.eigenbasis import EigenbasisInfo
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion import Inversion
from pullback_client.inversion_options import eigenbasis_name
from pullback_client.models import Generator
from pullback_client.settings import choice, generator_name, numbers, optional_choice, optional_count, whole_number
from pullback_client.words import refuse_unknown_options

DirectionMethod: TypeAlias = Literal[
    "hessian", "local_hessian", "local_basis", "jacobian", "ganspace_pca", "ganspace_ica", "sefa", "dp_lase"
]
IcaVectors: TypeAlias = Literal["mixing", "unmixing"]
ImportFormat: TypeAlias = Literal[
    "ganspace", "sefa", "local_basis", "styleclip", "deformator", "hessian_penalty", "pullback"
]

METHODS = numbers(DirectionMethod, specs_pb2.DirectionMethod, "DIRECTION_METHOD")
IMPORT_FORMATS = numbers(ImportFormat, directions_pb2.ImportFormat, "IMPORT_FORMAT")
_ICA_VECTORS = numbers(IcaVectors, specs_pb2.IcaVectors, "ICA_VECTORS")

LOCAL_METHODS = frozenset({"local_hessian", "local_basis", "jacobian"})
"""The methods that look at one latent; what they find there is of that latent."""


class DirectionsOptions(TypedDict, total=False):
    """What directions shall be. What is left out, or None, is the server's default."""

    method: DirectionMethod
    """`hessian` (the default): axes of the global eigenbasis. `local_hessian`, `local_basis`, `jacobian`: at `latent`.
    `ganspace_pca`, `ganspace_ica`: of w or of a layer's activations. `sefa`: of the weights. `dp_lase`: trained."""
    space: str | None
    """Latent space; default w where the generator has one and the method takes it, else the generator's first."""
    k: int | None
    """How many; default 20, or as many as there are."""
    eigenbasis: str | EigenbasisInfo | None
    """An eigenbasis by which they are measured, or its resource name; default the one of the default specification."""
    seed: int
    """Seed of what a method draws, ≥ 0; default 0."""
    latent: npt.ArrayLike | Inversion | None
    """Where a local method looks, shape (dim,); default the draw of `seed` from the prior."""
    distance: str | None
    """Image distance of `local_hessian`."""
    samples: int | None
    """Latents that GANSpace looks at, 100 to 1000000; steps of the training of `dp_lase`, 100 to 100000."""
    layer: str | None
    """Layer whose activations GANSpace decomposes; default w where there is one, else the first layer."""
    layers: Sequence[int] | None
    """Layers of a style-based generator, from 0: of `sefa`, whose weights; on which a step acts. Default all."""
    ica_vectors: IcaVectors | None
    """Which vectors of `ganspace_ica`: columns of the `mixing` matrix (the default) or rows of the `unmixing` one."""
    iterations: int | None
    """Iterations of the subspace of `jacobian`, 1 to 1000; default 30."""
    learn_density: bool
    """`dp_lase`: learn the prior's density instead of taking it as known."""


def directions_spec(generator: str, options: DirectionsOptions) -> specs_pb2.DirectionsSpec:
    """The specification of directions; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown word, or a number or an array that the contract cannot carry.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, DirectionsOptions)
    basis, latent = options.get("eigenbasis"), options.get("latent")
    return specs_pb2.DirectionsSpec(
        generator=generator_name(generator),
        space=options.get("space") or "",
        method=choice("method", options.get("method", "hessian"), METHODS),
        k=optional_count("k", options.get("k")),
        eigenbasis="" if basis is None else eigenbasis_name(basis),
        seed=whole_number("seed", options.get("seed", 0), minimum=0),
        latent=None if latent is None else tensor_from_array(latent_of(latent)),
        distance=options.get("distance") or "",
        samples=optional_count("samples", options.get("samples")),
        layer=options.get("layer") or "",
        layers=layer_numbers(options.get("layers")),
        ica_vectors=optional_choice("ica_vectors", options.get("ica_vectors"), _ICA_VECTORS),
        iterations=optional_count("iterations", options.get("iterations")),
        learn_density=options.get("learn_density", False),
    )


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
    mapped = next((space.name for space in generator.spaces.values() if space.prior == "mapped"), "")
    if mapped and spec.method == METHODS["local_basis"]:
        return mapped
    # A known density is that of z.
    takes_mapped = spec.method != METHODS["dp_lase"] or spec.learn_density
    return spec.space or (mapped if takes_mapped else "") or next(iter(generator.spaces))
