"""Names and numbers of a request: from Python's words to the contract's messages, and back for provenance."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any, Literal, SupportsFloat, TypeAlias, TypedDict, get_args

import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from pullback_api.v1 import specs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.models import JobState
from pullback_client.words import known_words, refuse_unknown_options

MetricMethod: TypeAlias = Literal[
    "sketch", "gram", "full_backprop", "backward_iteration", "forward_iteration", "gram_iteration"
]


def numbers(words: Any, enum: Any, prefix: str) -> dict[str, Any]:
    """The contract's numbers of the words of a `Literal`: of `mean`, that of `{prefix}_MEAN`."""
    return {word: enum.Value(f"{prefix}_{word.upper()}") for word in get_args(words)}


_METRIC_METHODS = numbers(MetricMethod, specs_pb2.MetricMethod, "METRIC_METHOD")
_INT32_MAX = 2**31 - 1


class EigenbasisOptions(TypedDict, total=False):
    """What an eigenbasis shall be. What is left out, or None, is the server's default."""

    space: str | None
    """Latent space; default the generator's first."""
    distance: str | None
    """Image distance."""
    method: MetricMethod
    """Estimator: `sketch` (the default), or the mean over positions of `gram`, `full_backprop`, `backward_iteration`,
    `forward_iteration` or `gram_iteration`."""
    samples: int | Literal["auto"] | None
    """Probes (sketch) or positions (the others); default 2000 or 100. `auto` = until the basis has settled."""
    max_samples: int | None
    """With `auto`: where it ends in any case; default 50000 probes or 1000 positions."""
    tolerance: float | None
    """With `auto`: by how much the agreement with the basis of the whole space may fall short of 1; default 0.005."""
    k: int | None
    """Iterations: how many eigenpairs; default 50, or as many as there are."""
    separate: bool
    """A block-diagonal basis: each axis moves one of the spaces that tile this one, such as noise or class, alone."""
    seed: int
    """Seed of positions and probes, ≥ 0; default 0."""
    max_memory_mib: int | None
    """MiB that the computation may add to the worker's memory; default no bound. It changes the basis by rounding
    alone, so one that exists, or is being computed, under another bound is the answer."""


def eigenbasis_spec(generator: str, options: EigenbasisOptions) -> specs_pb2.EigenbasisSpec:
    """The specification of an eigenbasis.

    Raises:
        InvalidArgumentError: An unknown method, a number that the contract cannot carry, or options that exclude each
            other.
        TypeError: An option that does not exist.
    """
    refuse_unknown_options(options, EigenbasisOptions)
    samples = options.get("samples")
    automatic = isinstance(samples, str)
    if isinstance(samples, str):
        if samples != "auto":
            raise InvalidArgumentError(f"samples must be a whole number or 'auto', got {samples!r}")
        samples = options.get("max_samples")
    elif options.get("max_samples") is not None:
        raise InvalidArgumentError("max_samples bounds samples='auto'; leave it out where samples is a number")
    return specs_pb2.EigenbasisSpec(
        generator=generator_name(generator),
        space=options.get("space") or "",
        distance=options.get("distance") or "",
        method=choice("method", options.get("method", "sketch"), _METRIC_METHODS),
        samples=optional_count("samples", samples),
        seed=whole_number("seed", options.get("seed", 0), minimum=0),
        automatic=automatic,
        tolerance=options.get("tolerance") or 0.0,
        k=optional_count("k", options.get("k")),
        separate=options.get("separate", False),
        max_memory_mib=optional_count("max_memory_mib", options.get("max_memory_mib")),
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
    max_memory_mib: int | None,
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
        positions=optional_count("positions", positions),
        control_positions=optional_count("control_positions", control_positions),
        compared_distances=compared_distances or (),
        seed=whole_number("seed", seed, minimum=0),
        max_memory_mib=optional_count("max_memory_mib", max_memory_mib),
    )


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


def session_name(session: str) -> str:
    """`sessions/7` of `7`; a whole resource name stays as it is.

    Raises:
        InvalidArgumentError: The name is empty.
    """
    if not session:
        raise InvalidArgumentError("the session's name is empty; Client.sessions() lists the known ones")
    return session if session.startswith("sessions/") else f"sessions/{session}"


def job_state(state: JobState | str) -> JobState:
    """The state of a word such as `running`.

    Raises:
        InvalidArgumentError: There is no such state.
    """
    known = [known for known in JobState if known is not JobState.UNKNOWN]
    if state not in known:
        raise InvalidArgumentError(f"unknown job state {str(state)!r}; {known_words(state, [s.value for s in known])}")
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
        whole = operator.index(value)  # NumPy's integers too
    except TypeError as error:
        raise InvalidArgumentError(expected) from error
    # True is 1 to Python, but nobody who writes it means a number.
    if isinstance(value, bool | np.bool_) or not minimum <= whole <= _INT32_MAX:
        raise InvalidArgumentError(expected)
    return whole


def number(field: str, value: Any) -> float:
    """The value as a float, NumPy's scalars too.

    Raises:
        InvalidArgumentError: It is no number. Texts, True and False and arrays are none.
    """
    expected = f"{field} must be a number, got {value!r}"
    if not isinstance(value, SupportsFloat) or isinstance(value, bool | np.bool_) or np.ndim(np.asarray(value)):
        raise InvalidArgumentError(expected)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(expected) from error


def optional_number(field: str, value: Any) -> float | None:
    """`number`; None for None."""
    return None if value is None else number(field, value)


def optional_flag(field: str, value: Any) -> bool | None:
    """The value, NumPy's too; None for None.

    Raises:
        InvalidArgumentError: It is neither True nor False.
    """
    if value is not None and not isinstance(value, bool | np.bool_):
        raise InvalidArgumentError(f"{field} must be True or False, got {value!r}")
    return None if value is None else bool(value)


def text(field: str, value: Any) -> str:
    """The value, which has to be there.

    Raises:
        InvalidArgumentError: It is no text.
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{field} must be a text, got {value!r}")
    return value


def optional_text(field: str, value: Any) -> str:
    """`text`; an empty one, which asks for the default, for None."""
    return "" if value is None else text(field, value)


def choice(field: str, value: str, known: Mapping[str, Any]) -> Any:
    """What a word stands for.

    Raises:
        InvalidArgumentError: There is no such word.
    """
    # A list cannot even be looked for.
    if not isinstance(value, str) or value not in known:
        raise InvalidArgumentError(f"unknown {field} {value!r}; {known_words(value, known)}")
    return known[value]


def optional_choice(field: str, value: str | None, known: Mapping[str, Any]) -> Any:
    """What a word stands for; 0, which asks for the default, for None.

    Raises:
        InvalidArgumentError: There is no such word.
    """
    return 0 if value is None else choice(field, value, known)


def optional_positive(field: str, value: float | None) -> float:
    """The value; 0, which asks for the default, for None.

    Raises:
        InvalidArgumentError: It is no number, or not above 0.
    """
    if value is None:
        return 0.0
    positive = number(field, value)
    # A 0 that somebody wrote must not get onto the wire, where it asks for the default. Written so that NaN fails too.
    if not positive > 0:
        raise InvalidArgumentError(f"{field} must be a number above 0, got {value!r}; leave it out for the default")
    return positive


def optional_count(field: str, value: int | None) -> int:
    """The value, where the contract's int32 can carry it; 0, which asks for the default, for None.

    Raises:
        InvalidArgumentError: It is not a whole number from 1 to 2³¹ − 1.
    """
    # A 0 that somebody wrote must not get onto the wire, where it asks for the default.
    return 0 if value is None else whole_number(field, value, minimum=1)
