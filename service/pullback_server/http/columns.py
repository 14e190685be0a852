"""Scores that are null in the columns of a tell."""

from __future__ import annotations

from typing import Any

from pullback_api.v1 import search_pb2
from pullback_server.errors import Violations

TRIAL_COLUMNS = search_pb2.TrialColumns.DESCRIPTOR.full_name


def nulls_as_invalid(columns: dict[str, Any], prefix: str, wrong: Violations) -> dict[str, Any]:
    """The columns with `valid` false wherever a score is null; a contradiction is noted as a violation.

    Args:
        columns: A `TrialColumns` as it came.
        prefix: Path of the columns in the request, with the dot that follows it.
        wrong: Gets the violations.
    """
    scores = columns.get("scores", [])
    if scores is None:
        # The NaN of a single trial; of several it would be a list, and of none nothing.
        scores = [None] if len(_listed(columns, "trial_ids", "trialIds")) == 1 else []
    elif not isinstance(scores, list):
        scores = [scores]
    missing = [number for number, score in enumerate(scores) if score is None]
    if not missing:
        return columns
    valid = _listed(columns, "valid")
    for number in missing:
        if number < len(valid) and valid[number]:
            wrong.add(f"{prefix}valid[{number}]", f"is true, but scores[{number}] is null; send a score, or false")
    filled = valid or [score is not None for score in scores]
    return {**columns, "scores": scores, "valid": filled}


def _listed(columns: dict[str, Any], *names: str) -> list[Any]:
    """A column under any of its names, a scalar as a list of one."""
    value: Any = next((columns[name] for name in names if columns.get(name) is not None), [])
    return value if isinstance(value, list) else [value]
