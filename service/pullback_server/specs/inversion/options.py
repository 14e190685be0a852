"""Options of a method of inversion: defaults, and the rules that no single option tells of."""

from __future__ import annotations

from typing import cast

from pullback.errors import InvalidInputError
from pullback.generators import CatalogueEntry
from pullback.inversion.budget import check_evaluations_suffice, check_steps_suffice
from pullback.inversion.defaults import ALIGNED_RESTARTS, METHODS, POPULATION, Method, SolverOptions, complete, faults
from pullback.inversion.presets import Preset
from pullback_api.options import given_options, set_option
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.specs.classes import class_space, moving_space, starts_from_class
from pullback_server.specs.common import owner_of_eigenbasis
from pullback_server.specs.eigenbasis import blocks_of
from pullback_server.specs.inversion.methods import BASES, INVERSION_METHODS

MAX_RESTARTS = 1_024
MAX_SOLUTIONS = 64

_OF_A_SOLVER = frozenset(SolverOptions.__annotations__)

# Computed once, and found by its specification.
STORED_BASES = (specs_pb2.INVERSION_BASIS_GLOBAL, specs_pb2.INVERSION_BASIS_SEPARATE)


def solver_options(settings: specs_pb2.InversionSettings) -> SolverOptions:
    """The options of settings as the library calls them, where they are given."""
    given = {name: value for name, value in given_options(settings).items() if name in _OF_A_SOLVER}
    return cast("SolverOptions", given)


def complete_options(
    settings: specs_pb2.InversionSettings,
    generator: CatalogueEntry,
    preset: Preset | None,
    field: str,
    wrong: Violations,
) -> None:
    """Fills in the defaults of a known method, and notes what it does not take or cannot use.

    Args:
        settings: The settings, each option by itself within its bounds.
        generator: Their generator.
        preset: The one that they name.
        field: Path of the settings in the request.
        wrong: Where violations go.
    """
    name = INVERSION_METHODS[settings.method]
    given = solver_options(settings)
    untaken = faults(name, preset=preset, **given)
    for option, description in untaken.items():
        wrong.add(f"{field}.{option}", description)
    if not untaken:
        searched = settings.class_mode == specs_pb2.CLASS_MODE_SEARCHED
        for option, value in complete(name, preset=preset, search_classes=searched, **given).given().items():
            set_option(settings, option, value)
        _check_basis(settings, generator, field, wrong)
    # A preset's number of starts is no method's that has a population of its own.
    usual = METHODS[name] if preset is None or "preset" in untaken else preset
    _complete_starts(settings, usual, generator, field, wrong)


def starts_of(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> int:
    """How many points per image an inversion of complete settings moves at first."""
    return (settings.restarts or POPULATION) * _classes_searched(settings, generator)


def _classes_searched(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> int:
    """How many classes every restart begins with; 1 where they are not searched."""
    classes = class_space(generator)
    if classes is None or settings.class_mode != specs_pb2.CLASS_MODE_SEARCHED:
        return 1
    return len(classes.labels)


def check_budget(
    settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    """Steps or evaluations that do not suffice for the method of complete settings are a violation."""
    method = INVERSION_METHODS[settings.method]
    option = "evaluations"
    try:
        if settings.evaluations:
            check_evaluations_suffice(
                method,
                starts=starts_of(settings, generator),
                evaluations=settings.evaluations,
                dim=generator.space(moving_space(settings, generator)).dim,
                thin=settings.thin,
                local_every=settings.local_every or None,
            )
        # After the evaluations, which settle the steps where none are given.
        option = "steps"
        check_steps_suffice(method, steps=settings.steps)
    except InvalidInputError as error:
        wrong.add(f"{field}.{option}", str(error))


def _complete_starts(
    settings: specs_pb2.InversionSettings,
    method: Method | Preset,
    generator: CatalogueEntry,
    field: str,
    wrong: Violations,
) -> None:
    of_class = starts_from_class(settings, generator)
    if not settings.start:
        # Of a bank, latents of every class are there.
        set_option(settings, "start", "mean" if of_class and method.start == "bank" else method.start)
    elif of_class and settings.start == specs_pb2.START_BANK:
        message = (
            "the latents of a bank are of every class; with a class given take 'mean', where its w lie, or 'prior'"
        )
        wrong.add(f"{field}.start", message)
    solutions = settings.top_k if settings.HasField("top_k") else 1
    if method.restarts and not settings.HasField("restarts"):
        # There are no more solutions than restarts.
        aligned = ALIGNED_RESTARTS if settings.HasField("alignment") else 0
        wanted = max(method.restarts, solutions, aligned)
        # Of a thousand classes each is tried once.
        settings.restarts = min(wanted, max(1, MAX_RESTARTS // _classes_searched(settings, generator)))
    elif settings.HasField("restarts") and not method.restarts:
        message = f"method {_name(settings)} takes none: it has a population of its own; leave it out"
        wrong.add(f"{field}.restarts", message)
        return
    starts = starts_of(settings, generator)
    if starts > MAX_RESTARTS:
        wrong.add(
            f"{field}.restarts",
            f"{settings.restarts or POPULATION} starts for every class are {starts} per image, expected at most "
            f"{MAX_RESTARTS:,}; {'ask for fewer' if settings.restarts else 'give the class, or leave it free'}",
        )
    settings.top_k = solutions
    most = min(starts, MAX_SOLUTIONS)
    if solutions > most:
        wrong.add(f"{field}.top_k", f"expected 1 to {most}, the starts of an image, but {solutions} came")


def _check_basis(
    settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    if settings.basis == specs_pb2.INVERSION_BASIS_SEPARATE:
        space = moving_space(settings, generator)
        # One that is not known has been noted already.
        if any(each.name == space for each in generator.spaces) and not blocks_of(generator, space):
            wrong.add(
                f"{field}.basis", f"no other spaces tile space {space!r} of {settings.generator}; take basis 'global'"
            )
    if not settings.eigenbasis:
        return
    if settings.basis not in STORED_BASES:
        name, basis = _name(settings), BASES[settings.basis]
        message = f"method {name} takes none with basis {basis!r}; leave it out"
        if settings.method == specs_pb2.INVERSION_METHOD_ADAM:
            message = "method 'adam' takes none; leave it out, or use method 'hessian_adam'"
        wrong.add(f"{field}.eigenbasis", message)
        return
    owner_of_eigenbasis(settings.eigenbasis, f"{field}.eigenbasis", wrong)


def _name(settings: specs_pb2.InversionSettings) -> str:
    return repr(INVERSION_METHODS[settings.method])
