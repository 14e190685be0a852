"""How a method of inversion works: what it takes, its defaults, and its budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from pullback.errors import InvalidInputError
from pullback.generators import CatalogueEntry
from pullback.inversion.budget import check_evaluations_suffice, check_steps_suffice
from pullback.inversion.defaults import ALIGNED_RESTARTS, METHODS, POPULATION, Method
from pullback_api.v1 import specs_pb2
from pullback_server.errors import ApiError, Violations
from pullback_server.names import parse_eigenbasis
from pullback_server.specs.classes import class_space, moving_space
from pullback_server.specs.common import check_range, enum_names
from pullback_server.specs.eigenbasis import blocks_of
from pullback_server.specs.inversion_methods import (
    BASES,
    INVERSION_METHODS,
    SCHEDULES,
    STARTS,
)

MAX_STEPS = 100_000
MAX_RESTARTS = 1_024
MAX_SOLUTIONS = 64
_Enum = TypeVar("_Enum", bound=int)

# Computed once, and found by its specification.
STORED_BASES = (specs_pb2.INVERSION_BASIS_GLOBAL, specs_pb2.INVERSION_BASIS_SEPARATE)


def complete_options(
    settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    """Fills in the defaults of a known method, and notes what it does not take or cannot use."""
    defaults = METHODS[INVERSION_METHODS[settings.method]]
    _complete_budget(settings, defaults, field, wrong)
    _complete_starts(settings, defaults, field, wrong)
    if not wrong:
        _complete_solutions(settings, starts_of(settings, generator), field, wrong)
    _complete_rate(settings, defaults, field, wrong)
    _complete_basis(settings, defaults, field, wrong)
    if settings.basis == specs_pb2.INVERSION_BASIS_SEPARATE:
        space = moving_space(settings, generator)
        if not blocks_of(generator, space):
            wrong.add(
                f"{field}.basis", f"no other spaces tile space {space!r} of {settings.generator}; take basis 'global'"
            )


def starts_of(settings: specs_pb2.InversionSettings, generator: CatalogueEntry) -> int:
    """How many points per image an inversion of complete settings moves at first."""
    classes = class_space(generator)
    searched = classes.dim if settings.class_mode == specs_pb2.CLASS_MODE_SEARCHED and classes is not None else 1
    return (settings.restarts or POPULATION) * searched


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


def _complete_budget(settings: specs_pb2.InversionSettings, defaults: Method, field: str, wrong: Violations) -> None:
    if settings.evaluations < 0:
        wrong.add(f"{field}.evaluations", f"expected 1 or more (0 = no bound), but {settings.evaluations} came")
    # With a bound on evaluations, as many steps as that allows.
    allowed = min(max(settings.evaluations, 0), MAX_STEPS)
    settings.steps = settings.steps or allowed or defaults.steps
    check_range(settings.steps, MAX_STEPS, f"{field}.steps", wrong)
    if not (math.isfinite(settings.seconds) and settings.seconds >= 0):
        wrong.add(f"{field}.seconds", f"expected a finite number > 0 (0 = no bound), but {settings.seconds} came")
    if settings.patience < 0:
        wrong.add(f"{field}.patience", f"expected 1 or more updates (0 = never), but {settings.patience} came")


def _complete_starts(settings: specs_pb2.InversionSettings, defaults: Method, field: str, wrong: Violations) -> None:
    if defaults.restarts:
        # There are no more solutions than restarts.
        aligned = ALIGNED_RESTARTS if settings.HasField("alignment") else 0
        own = max(defaults.restarts, min(settings.top_k, MAX_SOLUTIONS), aligned)
        settings.restarts = settings.restarts or own
        check_range(settings.restarts, MAX_RESTARTS, f"{field}.restarts", wrong)
    elif settings.restarts:
        message = f"method {_name(settings)} takes none: it has a population of its own; leave it out"
        wrong.add(f"{field}.restarts", message)
    settings.start = settings.start or _number(STARTS, defaults.start)
    if settings.start not in STARTS:
        known = enum_names(specs_pb2.Start)
        wrong.add(f"{field}.start", f"unknown start {settings.start}; known: {known}")
    if _taken("thin", settings, defaults, field, wrong) and not settings.HasField("thin"):
        settings.thin = defaults.thin


def _complete_solutions(settings: specs_pb2.InversionSettings, starts: int, field: str, wrong: Violations) -> None:
    if starts > MAX_RESTARTS:
        wrong.add(
            f"{field}.restarts",
            f"{settings.restarts or POPULATION} starts for every class are {starts} per image, expected at most "
            f"{MAX_RESTARTS:,}; {'ask for fewer' if settings.restarts else 'give the class, or leave it free'}",
        )
    settings.top_k = settings.top_k or 1
    most = min(starts, MAX_SOLUTIONS)
    if not 1 <= settings.top_k <= most:
        wrong.add(f"{field}.top_k", f"expected 1 to {most}, the starts of an image, but {settings.top_k} came")


def _complete_rate(settings: specs_pb2.InversionSettings, defaults: Method, field: str, wrong: Violations) -> None:
    if _taken("learning_rate", settings, defaults, field, wrong):
        if not settings.HasField("learning_rate"):
            settings.learning_rate = defaults.learning_rate
        if not (math.isfinite(settings.learning_rate) and settings.learning_rate > 0):
            wrong.add(f"{field}.learning_rate", f"expected a finite number > 0, but {settings.learning_rate} came")
    if _taken("schedule", settings, defaults, field, wrong):
        settings.schedule = settings.schedule or _number(SCHEDULES, defaults.schedule)
        if settings.schedule not in SCHEDULES:
            known = enum_names(specs_pb2.Schedule)
            wrong.add(f"{field}.schedule", f"unknown schedule {settings.schedule}; known: {known}")
    if _taken("betas", settings, defaults, field, wrong):
        if not settings.HasField("betas"):
            settings.betas.mean, settings.betas.square = defaults.betas
        for name, beta in (("mean", settings.betas.mean), ("square", settings.betas.square)):
            if not 0 <= beta < 1:
                wrong.add(f"{field}.betas.{name}", f"expected 0 or more and less than 1, but {beta} came")


def _complete_basis(settings: specs_pb2.InversionSettings, defaults: Method, field: str, wrong: Violations) -> None:
    settings.basis = settings.basis or _number(BASES, defaults.bases[0])
    if settings.basis not in BASES:
        known = enum_names(specs_pb2.InversionBasis)
        wrong.add(f"{field}.basis", f"unknown basis {settings.basis}; known: {known}")
        return
    basis = BASES[settings.basis]
    if BASES[settings.basis] not in defaults.bases:
        known = ", ".join(map(repr, defaults.bases))
        wrong.add(f"{field}.basis", f"method {_name(settings)} takes basis {known}, but {basis!r} came")
        return
    if settings.basis == specs_pb2.INVERSION_BASIS_LOCAL:
        settings.local_every = settings.local_every or defaults.local_every
        check_range(settings.local_every, MAX_STEPS, f"{field}.local_every", wrong)
    elif settings.local_every:
        wrong.add(f"{field}.local_every", "only basis 'local' takes one; leave it out")
    _complete_exponent(settings, defaults, field, wrong)
    if settings.eigenbasis:
        _check_eigenbasis(settings, field, wrong)


def _complete_exponent(settings: specs_pb2.InversionSettings, defaults: Method, field: str, wrong: Violations) -> None:
    if not _taken("exponent", settings, defaults, field, wrong):
        return
    if settings.basis == specs_pb2.INVERSION_BASIS_NONE:
        if settings.HasField("exponent"):
            wrong.add(f"{field}.exponent", "basis 'none' has no eigenvalues to scale by; leave it out")
        return
    if not settings.HasField("exponent"):
        settings.exponent = defaults.exponent
    if not 0 <= settings.exponent <= 1:
        wrong.add(f"{field}.exponent", f"expected 0 to 1, but {settings.exponent} came")


def _check_eigenbasis(settings: specs_pb2.InversionSettings, field: str, wrong: Violations) -> None:
    if settings.basis not in STORED_BASES:
        name, basis = _name(settings), BASES[settings.basis]
        message = f"method {name} takes none with basis {basis!r}; leave it out"
        if settings.method == specs_pb2.INVERSION_METHOD_ADAM:
            message = "method 'adam' takes none; leave it out, or use method 'hessian_adam'"
        wrong.add(f"{field}.eigenbasis", message)
        return
    try:
        parse_eigenbasis(settings.eigenbasis, f"{field}.eigenbasis")
    except ApiError as error:
        wrong.add(error.violations[0].field, error.violations[0].description)


def _taken(option: str, settings: specs_pb2.InversionSettings, defaults: Method, field: str, wrong: Violations) -> bool:
    """Whether the method takes an option; one that it does not take and that came is a violation."""
    if option in defaults.takes:
        return True
    came = settings.HasField(option) if option != "schedule" else bool(settings.schedule)
    if came:
        able = " or ".join(repr(name) for name, method in METHODS.items() if option in method.takes)
        wrong.add(f"{field}.{option}", f"method {_name(settings)} takes none; leave it out, or use method {able}")
    return False


def _name(settings: specs_pb2.InversionSettings) -> str:
    return repr(INVERSION_METHODS[settings.method])


def _number(names: Mapping[_Enum, str], name: str) -> _Enum:
    return next(number for number, known in names.items() if known == name)
