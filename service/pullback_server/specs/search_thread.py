"""Specification of a thread of a search session: its space, its optimizer, and where it may look."""

from __future__ import annotations

from collections.abc import Mapping

from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators import CatalogueEntry
from pullback.search import (
    METHODS,
    NEEDS_EIGENBASIS,
    Block,
    Constraint,
    SearchSettings,
    SearchSpace,
    catalogue_space,
    complete,
    faults,
    own_constraint,
    unsuitable,
)
from pullback_api.limits import MOST_PLANNED
from pullback_api.options import given_options, names_of, set_option
from pullback_api.tensors import pack
from pullback_api.v1 import search_pb2
from pullback_server.errors import Violations
from pullback_server.specs.common import (
    find_generator,
    owner_of_eigenbasis,
    space_of,
    take_out_of_bounds,
)
from pullback_server.specs.latents import read_latents

MAX_INITIAL = 1_000
MAX_CHANNELS = 10_000
MAX_WEIGHT = 1e40
SEARCH_METHODS = names_of(search_pb2.SearchMethod)


def complete_thread(thread: search_pb2.ThreadSpec, field: str, wrong: Violations) -> None:
    """Fills in a thread's defaults, and notes what cannot be used.

    Raises:
        ApiError: NOT_FOUND for the generator.
    """
    generator = find_generator(thread.generator, f"{field}.generator")
    out_of_bounds = take_out_of_bounds(thread)
    found = Violations()
    thread.space = space_of(thread.space, generator, f"{field}.space", found)
    if not thread.HasField("planned_generations") and 1 <= thread.max_generations <= MOST_PLANNED:
        thread.planned_generations = thread.max_generations
    if not found:
        space = _space(thread, generator, field, found)
        if space is not None and "optimizer.method" not in out_of_bounds:
            _complete_optimizer(thread, space, field, found)
        _complete_latents(thread, generator, f"{field}.initial_latents", found)
    for path, description in out_of_bounds.items():
        found.add(f"{field}.{path}", description)
    _check_channel_weights(thread, field, found)
    wrong.extend(found)


def search_space(
    thread: search_pb2.ThreadSpec, generator: CatalogueEntry, measured: Mapping[str, Block] | None = None
) -> SearchSpace:
    """The space of a thread as the library searches it, with the blocks whose priors stand in the weights.

    Raises:
        InvalidInputError: No latent satisfies the constraint, or no class can be held.
        UnknownNameError: No such class.
    """
    constraint = Constraint(**given_options(thread.constraint))
    return catalogue_space(
        generator, thread.space, constraint=constraint, class_label=thread.class_label, measured=measured
    )


def needs_eigenbasis(thread: search_pb2.ThreadSpec) -> bool:
    """Whether the optimizer of a complete thread searches in an eigenbasis."""
    return SEARCH_METHODS.get(thread.optimizer.method) in NEEDS_EIGENBASIS


def search_settings(options: search_pb2.SearchOptions) -> SearchSettings:
    """The options of a thread's optimizer as the library takes them."""
    given = given_options(options)
    return SearchSettings(given.pop("optimizer"), **given)


def _space(
    thread: search_pb2.ThreadSpec, generator: CatalogueEntry, field: str, wrong: Violations
) -> SearchSpace | None:
    try:
        return search_space(thread, generator)
    except UnknownNameError as error:
        wrong.add(f"{field}.class_label", str(error))
    except InvalidInputError as error:
        # With no bounds, only the class can be at fault.
        bounded = thread.HasField("constraint") and thread.constraint.ListFields()
        wrong.add(f"{field}.constraint" if bounded else f"{field}.class_label", str(error))
    return None


def _complete_optimizer(thread: search_pb2.ThreadSpec, space: SearchSpace, field: str, wrong: Violations) -> None:
    options = thread.optimizer
    options.method = options.method or search_pb2.SEARCH_METHOD_HESSIAN_GP
    _check_method(thread, space, field, wrong)
    _check_eigenbasis(thread, field, wrong)
    settings = search_settings(options)
    if faulty := faults(settings, space.searched):
        for name, description in faulty.items():
            wrong.add(f"{field}.optimizer.{name}", description)
        return
    if reason := unsuitable(settings, space.searched):
        wrong.add(f"{field}.optimizer.method", reason)
    try:
        planned = thread.planned_generations if thread.HasField("planned_generations") else None
        filled = complete(settings, space.searched, planned)
    except PullbackError as error:
        wrong.add(f"{field}.optimizer", str(error))
        return
    for name, value in filled.given().items():
        set_option(options, name, value)
    bounds = own_constraint(filled, space.constraint, space.searched)
    if bounds != space.constraint:
        thread.constraint.stay = str(bounds.stay)


def _check_method(thread: search_pb2.ThreadSpec, space: SearchSpace, field: str, wrong: Violations) -> None:
    method = thread.optimizer.method
    if method == search_pb2.SEARCH_METHOD_SPHERE_CMA and not space.around_zero:
        wrong.add(
            f"{field}.optimizer.method",
            f"method 'sphere_cma' searches coordinates around zero alone, but space {thread.space!r} has classes, lies "
            "behind a mapping network, or has bounds that are not the same on both sides; hold a class (class_label), "
            "or take another space or method",
        )
    if method == search_pb2.SEARCH_METHOD_RANDOM and space.is_measured:
        wrong.add(
            f"{field}.optimizer.method",
            f"method 'random' draws from the prior, which of space {thread.space!r} is what the weights make of other "
            "draws: search the space that they are made of (of w and w+: z), hold a class (class_label), or take "
            "another method",
        )
    if method == search_pb2.SEARCH_METHOD_RANDOM and thread.HasField("initial_latents"):
        wrong.add(f"{field}.initial_latents", "method 'random' takes none; leave them out")


def _check_eigenbasis(thread: search_pb2.ThreadSpec, field: str, wrong: Violations) -> None:
    if not thread.eigenbasis:
        return
    if not needs_eigenbasis(thread):
        method = SEARCH_METHODS[thread.optimizer.method]
        able = " or ".join(repr(name) for name in METHODS if name in NEEDS_EIGENBASIS)
        wrong.add(f"{field}.eigenbasis", f"method {method!r} takes none; leave it out, or use method {able}")
        return
    owner_of_eigenbasis(thread.eigenbasis, f"{field}.eigenbasis", wrong)


def _complete_latents(thread: search_pb2.ThreadSpec, generator: CatalogueEntry, field: str, wrong: Violations) -> None:
    if not thread.HasField("initial_latents"):
        return
    dim, owner = generator.space(thread.space).dim, f"space {thread.space!r} of {thread.generator}"
    latents = read_latents(thread.initial_latents, dim, MAX_INITIAL, owner, field, wrong)
    if latents is not None:
        thread.initial_latents.CopyFrom(pack(latents))


def _check_channel_weights(thread: search_pb2.ThreadSpec, field: str, wrong: Violations) -> None:
    weights = thread.channel_weights
    if len(weights) > MAX_CHANNELS:
        wrong.add(f"{field}.channel_weights", f"expected at most {MAX_CHANNELS:,} weights, but {len(weights)} came")
    # NaN compares as false.
    bad = [weight for weight in weights if not abs(weight) <= MAX_WEIGHT]
    if bad:
        wrong.add(f"{field}.channel_weights", f"every weight must be finite, up to ±{MAX_WEIGHT:g}, but {bad[0]} came")
