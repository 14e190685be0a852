"""Construction of searches: from settings, or from the bytes of one that went before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.constraints import Constraint
from pullback.search.defaults import SearchSettings, complete, own_constraint, unsuitable
from pullback.search.methods.cholesky_cma import CholeskyCMA
from pullback.search.methods.cma import CMA
from pullback.search.methods.genetic import Genetic
from pullback.search.methods.hessian_cma import HessianCMA
from pullback.search.methods.hessian_gp import HessianGP
from pullback.search.methods.method import Beginning, Method
from pullback.search.methods.random_search import RandomSearch
from pullback.search.methods.sphere_cma import SphereCMA
from pullback.search.optimizer import Best, Optimizer, Setup, Standing
from pullback.search.scores import Told, as_latents
from pullback.search.serialization import Constants, Stored
from pullback.search.spaces import Block, Moments, SearchSpace

KINDS: dict[str, type[Method[Any]]] = {
    kind.name: kind for kind in (CMA, HessianCMA, CholeskyCMA, SphereCMA, Genetic, RandomSearch, HessianGP)
}


def make_optimizer(
    settings: SearchSettings,
    *,
    space: SearchSpace,
    start: ArrayLike | None = None,
    initial_latents: ArrayLike | None = None,
    eigenbasis: Eigenbasis | None = None,
    minimize: bool = False,
    seed: int = 0,
    planned_generations: int | None = None,
) -> Optimizer:
    """A search that was told nothing yet.

    Args:
        settings: The method and its options; what is left out takes the method's default.
        space: Where to search. Where it does not say how far from the prior, `hessian_gp` goes at most twice as far as
            draws lie.
        start: The latent around which methods with a mean begin, shape (dim,). When omitted, the mean of
            `initial_latents`, or else the prior's mean; `sphere_cma`, which needs a direction, makes it of its first
            generation.
        initial_latents: Latents that are asked first, shape (n, dim), each moved to the nearest that is admitted. Not
            for `random`.
        eigenbasis: That of the space's metric, of `w+` also that of `w`, whose axes then stand in every layer; for
            `hessian_gp` and `hessian_cma`, and of no effect for the others.
        minimize: Whether low scores are good ones.
        seed: Of all random numbers, any integer ≥ 0.
        planned_generations: How many generations it is meant to have, at least 1, over which its steps fall.
            It may have more, and goes on with its last step size. When omitted, as many as the method is made for.

    Raises:
        UnknownNameError: No such method.
        InvalidInputError: Something cannot be used; the message says what, and what was expected.
    """
    settings = complete(settings, space.searched, planned_generations)
    space = replace(space, constraint=own_constraint(settings, space.constraint, space.searched))
    if reason := unsuitable(settings, space.searched):
        raise InvalidInputError(reason)
    if settings.method == "random" and space.is_measured:
        raise InvalidInputError(
            "method 'random' draws from the prior, which stands in the generator's weights and is not known to a "
            "search; take one of the other spaces, or another method"
        )
    kind = KINDS[settings.method]
    if seed < 0:
        raise InvalidInputError(f"a seed is a whole number from 0 on, but {seed} came")
    rng = np.random.default_rng(seed)
    initial = np.zeros((0, space.dim), np.float32)
    if initial_latents is not None:
        if not kind.takes_initial:
            raise InvalidInputError(f"method {settings.method!r} takes no initial latents; leave them out")
        initial = space.latents(space.points(as_latents(initial_latents, space.dim, "initial latents")))
    point = space.points(initial).mean(axis=0) if len(initial) else None
    if start is not None:
        if not kind.takes_start:
            raise InvalidInputError(f"method {settings.method!r} takes no start, as it has no mean; leave it out")
        point = space.points(as_latents(np.asarray(start)[None], space.dim, "a start, as one of n = 1,"))[0]
    method = _method(settings, space)
    if eigenbasis is not None and settings.axes is not None:
        eigenbasis = space.layered(eigenbasis, settings.axes)
    state = method.first(Beginning(space, point, eigenbasis, rng))
    standing = Standing(state, initial, Told.none(space.dim))
    return Optimizer(Setup(settings, space, minimize), method, standing, rng)


def restore(data: bytes, constants: Constants | None = None) -> Optimizer:
    """The search that `Optimizer.to_bytes` wrote, or `to_parts`: it goes on as that one would, bit for bit.

    Args:
        data: The bytes.
        constants: What `to_parts` left out.

    Raises:
        InvalidInputError: The bytes are no search's, or of another version, or go with other constants; the message
            says what is wrong with them.
    """
    stored = Stored.read(data, constants)
    values = stored.values
    try:
        blocks = tuple(_block(**block) for block in values["space"]["blocks"])
        constraint = Constraint(**values["space"]["constraint"])
        space = SearchSpace(blocks, constraint, values["space"]["held_class"])
        settings = complete(SearchSettings(**values["settings"]), space.searched)
        method = _method(settings, space)
        standing = Standing(
            state=stored.state("state", method.state_type_of(stored.names("state"))),
            initial=stored.arrays["initial"],
            waiting=stored.state("waiting", Told),
            best=stored.state("best", Best) if "best" in values else None,
            generation=values["generation"],
        )
        rng = np.random.Generator(np.random.PCG64())
        rng.bit_generator.state = values["rng"]
        return Optimizer(Setup(settings, space, values["minimize"]), method, standing, rng, stored.constants)
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidInputError(f"a search's state that is not whole ({type(error).__name__}: {error})") from error


def _block(
    kind: str, width: int, bounds: Sequence[float] | None = None, moments: Mapping[str, Any] | None = None
) -> Block:
    """A block as it is stored; those of before there were bounds or moments have none."""
    measured = None if moments is None else Moments(**{**moments, "mean": tuple(moments["mean"])})
    return Block(kind, width, None if bounds is None else (bounds[0], bounds[1]), measured)


def _method(settings: SearchSettings, space: SearchSpace) -> Method[Any]:
    return KINDS[settings.method].of(settings.given(), space)
