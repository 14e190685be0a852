"""Directions by any method but the one that is trained, measured."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from torch import Tensor

from pullback.directions.defaults import DirectionsSettings, method_of
from pullback.directions.direction_set import DirectionSet
from pullback.directions.ganspace_ica import ganspace_ica_in_chunks
from pullback.directions.ganspace_pca import ganspace_pca_in_chunks
from pullback.directions.hessian import hessian
from pullback.directions.jacobian import jacobian_in_chunks
from pullback.directions.local_basis import local_basis
from pullback.directions.local_hessian import local_hessian_in_chunks
from pullback.directions.sefa import sefa
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.pieces import finish


def discover(
    generator: ImageGenerator,
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
    return finish(discover_in_chunks(generator, settings, eigenbasis=eigenbasis, latent=latent, distance=distance))


def discover_in_chunks(
    generator: ImageGenerator,
    settings: DirectionsSettings,
    *,
    eigenbasis: Eigenbasis,
    latent: Tensor | None = None,
    distance: Distance | None = None,
) -> Generator[None, None, DirectionSet]:
    """As `discover`.

    Yields:
        Nothing, after every piece of a method's work: other work may be done then. What is one piece: `hessian`,
        `sefa` and `local_basis`, which take a decomposition of a small matrix; the iteration of FastICA; and that of
        `local_hessian` of more than 1,024 dimensions.
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
        found = yield from _at_latent(generator, settings, latent, distance)
    else:
        found = yield from _global(generator, settings, eigenbasis)
    return replace(found, layers=settings.layers).measured(eigenbasis)


def _at_latent(
    generator: ImageGenerator, settings: DirectionsSettings, latent: Tensor, distance: Distance | None
) -> Generator[None, None, DirectionSet]:
    if distance is not None:
        return (yield from local_hessian_in_chunks(generator, distance, latent, settings.space, settings.k))
    if settings.method == "local_basis":
        return local_basis(generator, latent, settings.k)
    return (
        yield from jacobian_in_chunks(generator, latent, settings.space, settings.k, settings.iterations, settings.seed)
    )


def _global(
    generator: ImageGenerator, settings: DirectionsSettings, eigenbasis: Eigenbasis
) -> Generator[None, None, DirectionSet]:
    space, k, layer, samples, seed = settings.space, settings.k, settings.layer, settings.samples, settings.seed
    match settings.method:
        case "hessian":
            return hessian(eigenbasis, k)
        case "sefa":
            return sefa(generator, k, space=space, layers=settings.layers)
        case "ganspace_pca":
            return (
                yield from ganspace_pca_in_chunks(generator, k, space=space, layer=layer, samples=samples, seed=seed)
            )
        case _:
            return (
                yield from ganspace_ica_in_chunks(
                    generator, k, space=space, layer=layer, samples=samples, seed=seed, vectors=settings.ica_vectors
                )
            )
