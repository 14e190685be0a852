"""Discovery of directions by any method but the one that is trained, and their measurement."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from dataclasses import replace
from importlib import import_module

from torch import Tensor

from pullback.directions.defaults import DirectionsSettings, method_of
from pullback.directions.direction_set import DirectionSet
from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.pieces import InPieces, in_pieces


@in_pieces
def discover(
    generator: ImageGenerator,
    settings: DirectionsSettings,
    *,
    eigenbasis: Eigenbasis,
    latent: Tensor | None = None,
    distance: Distance | None = None,
) -> Generator[None, None, DirectionSet]:
    """Directions of a generator, measured by an eigenbasis.

    Args:
        generator: The generator.
        settings: The method and its settings, with every default filled in (`complete`).
        eigenbasis: That of the space that the directions lie in; `hessian` returns its axes.
        latent: Where a local method looks, shape (n,), of `settings.space`; the draw of `settings.seed` from the prior
            when omitted. Not for the other methods.
        distance: Whose metric `local_hessian` takes. Not for the other methods.

    Yields:
        Nothing, after every piece of a method's work: other work may be done then. What is one piece: `hessian`,
        `sefa` and `local_basis`, which take a decomposition of a small matrix; the iteration of FastICA; and that of
        `local_hessian` of more than 1,024 dimensions.

    Returns:
        The directions, with `settings.layers`.

    Raises:
        UnknownNameError: No such method, space or layer.
        InvalidInputError: Something is missing, too much, or out of range; the message says what.
        IncompatibleEigenbasisError: The eigenbasis belongs to another generator, to other weights, or to another space.
        PullbackError: A derivative is not finite, or an iteration does not converge.
    """
    method, function = method_of(settings.method), finder(settings.method)
    if latent is not None and not method.local:
        raise InvalidInputError(f"method {settings.method!r} looks at no latent, but one came; leave it out")
    if (distance is not None) != method.needs_distance:
        needs = "needs a distance, but none" if method.needs_distance else "takes no distance, but one"
        raise InvalidInputError(f"method {settings.method!r} {needs} came")
    # Before anything is computed; by which distance directions are measured is free.
    space = "w" if method.through_mapping else settings.space
    eigenbasis.check_serves(generator=generator.name, weights_hash=generator.metric_hash, space=space)
    given = {**vars(settings), "generator": generator, "eigenbasis": eigenbasis, "distance": distance}
    if method.local:
        given["latent"] = generator.space(settings.space).sample(1, settings.seed)[0] if latent is None else latent
    taken = {name: given[name] for name in inspect.signature(function).parameters if name in given}
    found: DirectionSet
    if isinstance(function, InPieces):
        found = yield from function.in_pieces(**taken)
    else:
        found = function(**taken)
    return replace(found, layers=settings.layers).measured(eigenbasis)


def finder(name: str) -> Callable[..., DirectionSet]:
    """The function of a method that is not trained: that of its name, in the module of its name.

    Its parameters are settings, by their names in `DirectionsSettings`, and what `discover` takes: it is given those
    that it names.

    Raises:
        UnknownNameError: There is no such method.
        InvalidInputError: It is trained.
    """
    if method_of(name).trained:
        raise InvalidInputError(f"directions of {name!r} are trained step by step; use `DpLase`")
    function: Callable[..., DirectionSet] = getattr(import_module(f"pullback.directions.methods.{name}"), name)
    return function
