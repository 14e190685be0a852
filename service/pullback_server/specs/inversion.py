"""How an inversion is asked to be computed."""

from __future__ import annotations

import math

from pullback_api.v1 import specs_pb2
from pullback_server.errors import ApiError, Violations
from pullback_server.names import parse_eigenbasis
from pullback_server.specs.common import check_range, check_seed, distance_of, enum_names, find_generator, space_of
from pullback_server.specs.eigenbasis import complete_eigenbasis_spec, eigenbasis_name_of

INVERSION_METHODS: dict[specs_pb2.InversionMethod, str] = {
    specs_pb2.INVERSION_METHOD_ADAM: "adam",
    specs_pb2.INVERSION_METHOD_HESSIAN_ADAM: "hessian_adam",
}
SCHEDULES: dict[specs_pb2.Schedule, str] = {
    specs_pb2.SCHEDULE_CONSTANT: "constant",
    specs_pb2.SCHEDULE_COSINE: "cosine",
}

MAX_STEPS = 100_000
MAX_RESTARTS = 1_024
MAX_STARTS = 4_096
# Traces hold two numbers for every start and step, and must fit into one answer.
MAX_TRACE = 4_000_000
DEFAULT_STEPS = 200
DEFAULT_RESTARTS = 4


def complete_inversion_settings(
    settings: specs_pb2.InversionSettings, *, targets: int, field: str = "settings"
) -> specs_pb2.InversionSettings:
    """A copy with every default filled in, the eigenbasis' name included.

    Args:
        settings: What the caller sent.
        targets: How many images are to be inverted.
        field: Path of the settings in the request.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(settings.generator, f"{field}.generator")
    wrong = Violations()
    complete = specs_pb2.InversionSettings()
    complete.CopyFrom(settings)
    complete.space = space_of(settings.space, generator, f"{field}.space", wrong)
    distance = distance_of(settings.distance, generator, f"{field}.distance", wrong)
    if distance is not None:
        complete.distance = distance.name
        if not distance.embedding:
            wrong.add(
                f"{field}.distance", f"an inversion needs a distance with an embedding; {distance.name!r} has none"
            )
    complete.method = settings.method or specs_pb2.INVERSION_METHOD_HESSIAN_ADAM
    if complete.method not in INVERSION_METHODS:
        known = enum_names(specs_pb2.InversionMethod)
        wrong.add(f"{field}.method", f"unknown method {settings.method}; known: {known}")
    complete.weights.CopyFrom(_weights(settings.weights, f"{field}.weights", wrong))
    complete.steps = settings.steps or DEFAULT_STEPS
    check_range(complete.steps, MAX_STEPS, f"{field}.steps", wrong)
    complete.restarts = settings.restarts or DEFAULT_RESTARTS
    check_range(complete.restarts, MAX_RESTARTS, f"{field}.restarts", wrong)
    if not wrong:
        _check_size(targets, complete, field, wrong)
    check_seed(settings.seed, f"{field}.seed", wrong)
    _check_rates(complete, field, wrong)
    _check_basis_options(complete, field, wrong)
    if settings.preview_every < 0:
        wrong.add(f"{field}.preview_every", f"expected 0 or more steps, but {settings.preview_every} came")
    wrong.raise_if_any()
    if complete.method == specs_pb2.INVERSION_METHOD_HESSIAN_ADAM and not complete.eigenbasis:
        complete.eigenbasis = eigenbasis_name_of(default_eigenbasis_spec(complete))
    return complete


def default_eigenbasis_spec(settings: specs_pb2.InversionSettings) -> specs_pb2.EigenbasisSpec:
    """The specification of the eigenbasis that an inversion uses where it names none."""
    spec = specs_pb2.EigenbasisSpec(generator=settings.generator, space=settings.space, distance=settings.distance)
    return complete_eigenbasis_spec(spec, "settings")


def _weights(weights: specs_pb2.LossWeights, field: str, wrong: Violations) -> specs_pb2.LossWeights:
    complete = specs_pb2.LossWeights(
        distance=weights.distance if weights.HasField("distance") else 1.0,
        l1=weights.l1 if weights.HasField("l1") else 0.0,
        l2=weights.l2 if weights.HasField("l2") else 1.0,
    )
    values = {"distance": complete.distance, "l1": complete.l1, "l2": complete.l2}
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            wrong.add(f"{field}.{name}", f"expected a finite number ≥ 0, but {value} came")
    if not any(values.values()):
        wrong.add(field, "all weights are 0, so every latent would be as good; set at least one above 0")
    return complete


def _check_rates(settings: specs_pb2.InversionSettings, field: str, wrong: Violations) -> None:
    if settings.HasField("learning_rate") and not (
        math.isfinite(settings.learning_rate) and settings.learning_rate > 0
    ):
        wrong.add(f"{field}.learning_rate", f"expected a finite number > 0, but {settings.learning_rate} came")
    if settings.schedule and settings.schedule not in SCHEDULES:
        known = enum_names(specs_pb2.Schedule)
        wrong.add(f"{field}.schedule", f"unknown schedule {settings.schedule}; known: {known}")


def _check_basis_options(settings: specs_pb2.InversionSettings, field: str, wrong: Violations) -> None:
    if settings.method == specs_pb2.INVERSION_METHOD_ADAM:
        for name in ("eigenbasis", "exponent"):
            if settings.eigenbasis if name == "eigenbasis" else settings.HasField("exponent"):
                wrong.add(f"{field}.{name}", "method ADAM takes none; leave it out, or use method HESSIAN_ADAM")
        return
    if settings.HasField("exponent") and not 0 <= settings.exponent <= 1:
        wrong.add(f"{field}.exponent", f"expected 0 to 1, but {settings.exponent} came")
    if settings.eigenbasis:
        try:
            parse_eigenbasis(settings.eigenbasis, f"{field}.eigenbasis")
        except ApiError as error:
            wrong.add(error.violations[0].field, error.violations[0].description)


def _check_size(targets: int, settings: specs_pb2.InversionSettings, field: str, wrong: Violations) -> None:
    starts = targets * settings.restarts
    if starts > MAX_STARTS:
        wrong.add(
            f"{field}.restarts",
            f"{targets} images × {settings.restarts} restarts are {starts} starts, at most {MAX_STARTS} fit into "
            "one job; send fewer images or ask for fewer restarts",
        )
    elif starts * settings.steps > MAX_TRACE:
        wrong.add(
            f"{field}.steps",
            f"{starts} starts × {settings.steps} steps are more than the {MAX_TRACE:,} that one job may trace; "
            "send fewer images, or ask for fewer restarts or steps",
        )
