"""Reports of trials read from the forms in which a rig may send them."""

from __future__ import annotations

import math

from pullback_api.limits import MAX_NOTE, MAX_SCORE
from pullback_api.v1 import search_pb2
from pullback_server.errors import Violations
from pullback_server.specs.common import enum_names
from pullback_server.specs.reports import Outcome, Report

MAX_TRIAL_ID = 128
MAX_CHANNELS = 10_000
MAX_REPORTS = 100_000
_COLUMNS = ("image_ids", "scores", "valid", "t_onsets")


def read_reports(request: search_pb2.TellRequest) -> list[tuple[str, Report]]:
    """Every report of a request, each with the path of its field; images may still be missing.

    Raises:
        ApiError: INVALID_ARGUMENT, with all that is wrong.
    """
    wrong = Violations()
    columns = request.columns.trial_ids
    if len(request.trials) + len(columns) > MAX_REPORTS:
        wrong.add("trials", f"expected at most {MAX_REPORTS:,} reports in one request; send them in parts")
        wrong.raise_if_any()
    found = [(f"trials[{i}]", _read_trial(trial, f"trials[{i}]", wrong)) for i, trial in enumerate(request.trials)]
    found += _read_columns(request.columns, wrong)
    for path, report in found:
        if not 1 <= len(report.trial_id) <= MAX_TRIAL_ID:
            wrong.add(f"{path}.trial_id", f"expected 1 to {MAX_TRIAL_ID} characters, but {len(report.trial_id)} came")
    wrong.raise_if_any()
    return found


def _read_trial(trial: search_pb2.TrialReport, path: str, wrong: Violations) -> Report:
    has_score = trial.HasField("score") or bool(trial.channel_values)
    outcome = trial.outcome or (search_pb2.OUTCOME_SCORED if has_score else 0)
    if outcome not in list(Outcome):
        known = enum_names(search_pb2.Outcome)
        what = f"unknown outcome {outcome}" if outcome else "neither a score nor an outcome came"
        wrong.add(f"{path}.outcome", f"{what}; send a score, or one of {known}")
    elif outcome == Outcome.SCORED and not has_score:
        wrong.add(f"{path}.score", "outcome 'scored' needs a score or channel values; a trial without is 'failed'")
    for name, values in (("score", [trial.score]), ("channel_values", trial.channel_values)):
        # NaN compares as false.
        bad = [value for value in values if not abs(value) <= MAX_SCORE]
        if bad:
            wrong.add(
                f"{path}.{name}",
                f"expected finite numbers up to ±{MAX_SCORE:g}, but {bad[0]} came; a trial without a score is 'failed'",
            )
    if len(trial.channel_values) > MAX_CHANNELS:
        wrong.add(f"{path}.channel_values", f"expected at most {MAX_CHANNELS:,}, but {len(trial.channel_values)} came")
    t_onset = _onset(trial.t_onset, f"{path}.t_onset", wrong) if trial.HasField("t_onset") else None
    if len(trial.note) > MAX_NOTE:
        wrong.add(f"{path}.note", f"expected at most {MAX_NOTE} characters, but {len(trial.note)} came")
    return Report(
        trial_id=trial.trial_id,
        image_id=trial.image_id,
        outcome=outcome,
        score=trial.score if trial.HasField("score") else None,
        channel_values=tuple(trial.channel_values),
        t_onset=t_onset,
        note=trial.note,
    )


def _onset(seconds: float, path: str, wrong: Violations) -> float | None:
    """An onset in seconds; None for NaN, which stands where nothing was shown: a fixation that broke before."""
    if math.isinf(seconds):
        wrong.add(path, f"expected a finite number of seconds, or NaN where there is none, but {seconds} came")
    # NaN is not equal to itself: the same report would not be known when it comes again.
    return None if math.isnan(seconds) else seconds


def _read_columns(columns: search_pb2.TrialColumns, wrong: Violations) -> list[tuple[str, Report]]:
    count = len(columns.trial_ids)
    some_scored = any(columns.valid) if columns.valid else count > 0
    for name in _COLUMNS:
        length = len(getattr(columns, name))
        if length != count and (length or (name == "scores" and some_scored)):
            wrong.add(f"columns.{name}", f"expected {count} entries, one for each of trial_ids, but {length} came")
    if wrong:
        return []
    found = []
    for i, trial_id in enumerate(columns.trial_ids):
        valid = columns.valid[i] if columns.valid else True
        if valid and not abs(columns.scores[i]) <= MAX_SCORE:
            wrong.add(
                f"columns.scores[{i}]",
                f"expected a finite number up to ±{MAX_SCORE:g}, but {columns.scores[i]} came; "
                f"set valid[{i}] to false where there is none",
            )
        t_onset = _onset(columns.t_onsets[i], f"columns.t_onsets[{i}]", wrong) if columns.t_onsets else None
        report = Report(
            trial_id=trial_id,
            image_id=columns.image_ids[i] if columns.image_ids else "",
            outcome=Outcome.SCORED if valid else Outcome.FAILED,
            score=columns.scores[i] if valid else None,
            t_onset=t_onset,
        )
        found.append((f"columns[{i}]", report))
    return found
