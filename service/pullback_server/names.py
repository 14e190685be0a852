"""Resource names, parsed and formatted in this one place (after google.aip.dev/122).

generators/{generator}
generators/{generator}/eigenbases/{eigenbasis}
generators/{generator}/analyses/{analysis}
generators/{generator}/directions/{directions}
generators/{generator}/tunings/{tuning}
inversions/{inversion}
jobs/{job}
keys/{key}
sessions/{session}
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from pullback_server.errors import ApiError, invalid

_ID = r"[a-z0-9](?:[a-z0-9._-]{0,120}[a-z0-9])?"
_GENERATOR = re.compile(rf"generators/({_ID})")
_EIGENBASIS = re.compile(rf"generators/({_ID})/eigenbases/({_ID})")
_ANALYSIS = re.compile(rf"generators/({_ID})/analyses/({_ID})")
_DIRECTIONS = re.compile(rf"generators/({_ID})/directions/({_ID})")
_TUNING = re.compile(rf"generators/({_ID})/tunings/({_ID})")
_INVERSION = re.compile(rf"inversions/({_ID})")
_JOB = re.compile(rf"jobs/({_ID})")
_SESSION = re.compile(rf"sessions/({_ID})")
_KEY = re.compile(r"keys/([a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?|-)")

ANY_GENERATOR = "generators/-"
ANY_KEY = "-"

ID_LENGTH = 8
# Digits and consonants that nobody takes for another, aloud or on paper; without vowels they make no words.
ID_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"


def new_id(taken: Callable[[str], bool]) -> str:
    """A fresh identifier, short enough to be read out: eight characters of an alphabet without doubtful ones.

    Args:
        taken: Tells whether a resource has it already.
    """
    while taken(found := "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))):
        pass
    return found


def generator_name(generator: str) -> str:
    """`generators/{generator}`."""
    return f"generators/{generator}"


def eigenbasis_name(generator: str, eigenbasis: str) -> str:
    """`generators/{generator}/eigenbases/{eigenbasis}`."""
    return f"generators/{generator}/eigenbases/{eigenbasis}"


def analysis_name(generator: str, analysis: str) -> str:
    """`generators/{generator}/analyses/{analysis}`."""
    return f"generators/{generator}/analyses/{analysis}"


def directions_name(generator: str, directions: str) -> str:
    """`generators/{generator}/directions/{directions}`."""
    return f"generators/{generator}/directions/{directions}"


def tuning_name(generator: str, tuning: str) -> str:
    """`generators/{generator}/tunings/{tuning}`."""
    return f"generators/{generator}/tunings/{tuning}"


def inversion_name(inversion: str) -> str:
    """`inversions/{inversion}`."""
    return f"inversions/{inversion}"


def job_name(job: str) -> str:
    """`jobs/{job}`."""
    return f"jobs/{job}"


def session_name(session: str) -> str:
    """`sessions/{session}`."""
    return f"sessions/{session}"


def parse_generator(name: str, field: str) -> str:
    """The generator's id in `generators/{generator}`; INVALID_ARGUMENT on `field` for anything else."""
    if (tuning := _TUNING.fullmatch(name)) is not None:
        raise invalid(
            field,
            f"expected a generator, but the tuning {name!r} came, which Render and Traverse alone take; for all else, "
            f"take {generator_name(tuning[1])}: its eigenbases and directions serve the tuning",
        )
    return _parse(_GENERATOR, name, field, "generators/{generator}")[0]


def parse_eigenbasis(name: str, field: str) -> tuple[str, str]:
    """Generator's and eigenbasis' ids; INVALID_ARGUMENT on `field` for anything else."""
    generator, eigenbasis = _parse(_EIGENBASIS, name, field, "generators/{generator}/eigenbases/{eigenbasis}")
    return generator, eigenbasis


def parse_analysis(name: str, field: str) -> tuple[str, str]:
    """Generator's and analysis' ids; INVALID_ARGUMENT on `field` for anything else."""
    generator, analysis = _parse(_ANALYSIS, name, field, "generators/{generator}/analyses/{analysis}")
    return generator, analysis


def parse_directions(name: str, field: str) -> tuple[str, str]:
    """Generator's and directions' ids; INVALID_ARGUMENT on `field` for anything else."""
    generator, directions = _parse(_DIRECTIONS, name, field, "generators/{generator}/directions/{directions}")
    return generator, directions


def parse_tuning(name: str, field: str) -> tuple[str, str]:
    """Generator's and tuning's ids; INVALID_ARGUMENT on `field` for anything else."""
    generator, tuning = _parse(_TUNING, name, field, "generators/{generator}/tunings/{tuning}")
    return generator, tuning


def is_tuning(name: str) -> bool:
    """Whether a name is that of a tuning."""
    return _TUNING.fullmatch(name) is not None


def parse_inversion(name: str, field: str) -> str:
    """The inversion's id; INVALID_ARGUMENT on `field` for anything else."""
    return _parse(_INVERSION, name, field, "inversions/{inversion}")[0]


def parse_job(name: str, field: str) -> str:
    """The job's id; INVALID_ARGUMENT on `field` for anything else."""
    return _parse(_JOB, name, field, "jobs/{job}")[0]


def parse_session(name: str, field: str) -> str:
    """The session's id; INVALID_ARGUMENT on `field` for anything else."""
    return _parse(_SESSION, name, field, "sessions/{session}")[0]


def key_name(key: str) -> str:
    """`keys/{key}`."""
    return f"keys/{key}"


def parse_key(name: str, field: str) -> str:
    """The key's id in `keys/{key}`, `-` for all; INVALID_ARGUMENT on `field` for anything else."""
    return _parse(_KEY, name, field, "keys/{key}")[0]


def _parse(pattern: re.Pattern[str], name: str, field: str, form: str) -> tuple[str, ...]:
    match = pattern.fullmatch(name)
    if match is None:
        raise _wrong_form(field, name, form)
    return match.groups()


def _wrong_form(field: str, name: str, form: str) -> ApiError:
    came = repr(name[:200]) if name else "nothing"
    return invalid(field, f"expected a resource name of the form {form}, but {came} came")
