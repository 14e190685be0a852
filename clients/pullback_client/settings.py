"""Names and numbers of a request: from Python's words to the contract's messages, and back for provenance."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from pullback_api.v1 import specs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.models import JobState

MetricMethod: TypeAlias = Literal["sketch", "gram"]
InversionMethod: TypeAlias = Literal["hessian_adam", "adam"]
Schedule: TypeAlias = Literal["constant", "cosine"]

_METRIC_METHODS = {"sketch": specs_pb2.METRIC_METHOD_SKETCH, "gram": specs_pb2.METRIC_METHOD_GRAM}
_INVERSION_METHODS = {
    "hessian_adam": specs_pb2.INVERSION_METHOD_HESSIAN_ADAM,
    "adam": specs_pb2.INVERSION_METHOD_ADAM,
}
_SCHEDULES = {"constant": specs_pb2.SCHEDULE_CONSTANT, "cosine": specs_pb2.SCHEDULE_COSINE}
_WEIGHTS = ("distance", "l1", "l2")
_INT32_MAX = 2**31 - 1


def eigenbasis_spec(
    generator: str, *, space: str | None, distance: str | None, method: str, samples: int | None, seed: int
) -> specs_pb2.EigenbasisSpec:
    """The specification of an eigenbasis; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown method, or a number that the contract cannot carry.
    """
    return specs_pb2.EigenbasisSpec(
        generator=generator_name(generator),
        space=space or "",
        distance=distance or "",
        method=_choice("method", method, _METRIC_METHODS),
        samples=_optional_count("samples", samples),
        seed=whole_number("seed", seed, minimum=0),
    )


def analysis_spec(
    generator: str,
    *,
    space: str | None,
    distance: str | None,
    positions: int | None,
    control_positions: int | None,
    compared_distances: Sequence[str] | None,
    seed: int,
) -> specs_pb2.AnalysisSpec:
    """The specification of an analysis; None leaves a default to the server.

    Raises:
        InvalidArgumentError: No list of names, or a number that the contract cannot carry.
    """
    # An empty list asks for the default on the wire, so one that somebody wrote must not get there.
    if isinstance(compared_distances, str) or (compared_distances is not None and not compared_distances):
        raise InvalidArgumentError(
            f"compared_distances must be a list of at least one name, or None for the server's default, "
            f"got {compared_distances!r}"
        )
    return specs_pb2.AnalysisSpec(
        generator=generator_name(generator),
        space=space or "",
        distance=distance or "",
        positions=_optional_count("positions", positions),
        control_positions=_optional_count("control_positions", control_positions),
        compared_distances=compared_distances or (),
        seed=whole_number("seed", seed, minimum=0),
    )


def inversion_settings(
    generator: str,
    *,
    method: str,
    space: str | None,
    distance: str | None,
    weights: Mapping[str, float] | None,
    steps: int | None,
    restarts: int | None,
    seed: int,
    learning_rate: float | None,
    schedule: str | None,
    exponent: float | None,
    eigenbasis: str | None,
    preview_every: int,
) -> specs_pb2.InversionSettings:
    """The settings of an inversion; None leaves a default to the server.

    Raises:
        InvalidArgumentError: An unknown method, schedule or weight, or a number that the contract cannot carry.
    """
    if weights is not None and (unknown := sorted(set(weights) - set(_WEIGHTS))):
        raise InvalidArgumentError(f"unknown weights {', '.join(unknown)}; known: {', '.join(_WEIGHTS)}")
    settings = specs_pb2.InversionSettings(
        generator=generator_name(generator),
        space=space or "",
        distance=distance or "",
        method=_choice("method", method, _INVERSION_METHODS),
        weights=None if weights is None else specs_pb2.LossWeights(**weights),
        steps=_optional_count("steps", steps),
        restarts=_optional_count("restarts", restarts),
        seed=whole_number("seed", seed, minimum=0),
        learning_rate=learning_rate,
        exponent=exponent,
        eigenbasis=eigenbasis or "",
        preview_every=whole_number("preview_every", preview_every, minimum=0),
    )
    if schedule is not None:
        settings.schedule = _choice("schedule", schedule, _SCHEDULES)
    return settings


def generator_name(generator: str) -> str:
    """`generators/faces` of `faces`; a whole resource name stays as it is.

    Raises:
        InvalidArgumentError: The name is empty.
    """
    if not generator:
        raise InvalidArgumentError("the generator's name is empty; Client.generators() lists the known ones")
    return generator if generator.startswith("generators/") else f"generators/{generator}"


def job_name(job: str) -> str:
    """`jobs/7` of `7`; a whole resource name stays as it is.

    Raises:
        InvalidArgumentError: The name is empty.
    """
    if not job:
        raise InvalidArgumentError("the job's name is empty; Client.jobs() lists the known ones")
    return job if job.startswith("jobs/") else f"jobs/{job}"


def job_state(state: JobState | str) -> JobState:
    """The state of a word such as `running`.

    Raises:
        InvalidArgumentError: There is no such state.
    """
    known = [known for known in JobState if known is not JobState.UNKNOWN]
    if state not in known:
        raise InvalidArgumentError(f"unknown job state {str(state)!r}; known: {', '.join(s.value for s in known)}")
    return JobState(state)


def as_dict(message: Message) -> dict[str, Any]:
    """A specification or settings as plain values under the contract's field names, enums by name."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def whole_number(field: str, value: int, *, minimum: int) -> int:
    """The value, where the contract's int32 can carry it.

    Raises:
        InvalidArgumentError: It is not a whole number from `minimum` to 2³¹ − 1.
    """
    expected = f"{field} must be a whole number from {minimum} to {_INT32_MAX}, got {value!r}"
    try:
        number = operator.index(value)  # NumPy's integers too
    except TypeError as error:
        raise InvalidArgumentError(expected) from error
    if not minimum <= number <= _INT32_MAX:
        raise InvalidArgumentError(expected)
    return number


def _choice(field: str, value: str, known: Mapping[str, Any]) -> Any:
    if value not in known:
        raise InvalidArgumentError(f"unknown {field} {value!r}; known: {', '.join(known)}")
    return known[value]


def _optional_count(field: str, value: int | None) -> int:
    # 0 asks for the default on the wire, so a 0 that somebody wrote must not get there.
    return 0 if value is None else whole_number(field, value, minimum=1)
