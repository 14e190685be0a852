"""Directions by any method but the one that is trained, measured."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from pullback.directions.defaults import DirectionsSettings, method_of
from pullback.directions.direction_set import DirectionSet
from pullback.directions.ganspace_ica import ganspace_ica
from pullback.directions.ganspace_pca import ganspace_pca
from pullback.directions.hessian import hessian
from pullback.directions.jacobian import jacobian
from pullback.directions.local_basis import local_basis
from pullback.directions.local_hessian import local_hessian
from pullback.directions.sefa import sefa
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.eigenbasis import Eigenbasis


def discover(
    generator: Generator,
    settings: DirectionsSettings,
    *,
    eigenbasis: Eigenbasis,
    latent: Tensor | None = None,
    distance: Distance | None = None,
) -> DirectionSet:
    """Directions of a generator, measured by an eigenbasis.

    Args:
        generator: The generator.
        settings: The method and its settings, with every default filled in (`complete`).
        eigenbasis: That of the space that the directions lie in; `hessian` returns its axes.
        latent: Where a local method looks, shape (n,), of `settings.space`; the draw of `settings.seed` from the prior
            when omitted. Not for the other methods.
        distance: Whose metric `local_hessian` takes. Not for the other methods.

    Returns:
        The directions, with `settings.layers`.

    Raises:
        UnknownNameError: No such method, space or layer.
        InvalidInputError: Something is missing, too much, or out of range; the message says what.
        IncompatibleEigenbasisError: The eigenbasis belongs to another generator, to other weights, or to another space.
        PullbackError: A derivative is not finite, or an iteration does not converge.
    """
    method = method_of(settings.method)
    if settings.method == "dp_lase":
        raise InvalidInputError("directions of 'dp_lase' are trained step by step; use `DpLase`")
    if latent is not None and not method.local:
        raise InvalidInputError(f"method {settings.method!r} looks at no latent, but one came; leave it out")
    if (distance is not None) != method.needs_distance:
        needs = "needs a distance, but none" if method.needs_distance else "takes no distance, but one"
        raise InvalidInputError(f"method {settings.method!r} {needs} came")
    # Before anything is computed; by which distance directions are measured is free.
    space = "w" if settings.method == "local_basis" else settings.space
    source = eigenbasis.provenance
    eigenbasis.check_serves(
        generator=generator.name,
        weights_hash=generator.weights_hash,
        space=space,
        distance=source.distance,
        distance_hash=source.distance_hash,
    )
    if method.local:
        if latent is None:
            latent = generator.space(settings.space).sample(1, settings.seed)[0]
        found = _at_latent(generator, settings, latent, distance)
    else:
        found = _global(generator, settings, eigenbasis)
    return replace(found, layers=settings.layers).measured(eigenbasis)


def _at_latent(
    generator: Generator, settings: DirectionsSettings, latent: Tensor, distance: Distance | None
) -> DirectionSet:
    if distance is not None:
        return local_hessian(generator, distance, latent, settings.space, settings.k)
    if settings.method == "local_basis":
        return local_basis(generator, latent, settings.k)
    return jacobian(generator, latent, settings.space, settings.k, settings.iterations, settings.seed)


def _global(generator: Generator, settings: DirectionsSettings, eigenbasis: Eigenbasis) -> DirectionSet:
    space, k, layer, samples, seed = settings.space, settings.k, settings.layer, settings.samples, settings.seed
    match settings.method:
        case "hessian":
            return hessian(eigenbasis, k)
        case "sefa":
            return sefa(generator, k, space=space, layers=settings.layers)
        case "ganspace_pca":
            return ganspace_pca(generator, k, space=space, layer=layer, samples=samples, seed=seed)
        case _:
            vectors = settings.ica_vectors
            return ganspace_ica(generator, k, space=space, layer=layer, samples=samples, seed=seed, vectors=vectors)
