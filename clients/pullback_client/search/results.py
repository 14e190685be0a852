"""What became of trials: from the forms in which experiments hold scores to the contract's reports."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback_api.v1 import search_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.batch import Trial
from pullback_client.settings import number, numbers, optional_choice

Outcome: TypeAlias = Literal["scored", "failed", "abandoned"]

_OUTCOMES = numbers(Outcome, search_pb2.Outcome, "OUTCOME")


@dataclass(frozen=True)
class TrialResult:
    """What became of one trial.

    Attributes:
        trial_id: The trial's id as asked, or any other that is unique in the session; empty = that of the trial in
            whose place the result stands.
        image_id: The image; may be empty where the trial was asked.
        score: The score; None or NaN = none.
        channel_values: Or the responses of several channels, the same number for every trial of a thread; a NaN among
            them = none.
        outcome: `scored`, `failed` (shown, without a usable score) or `abandoned` (not shown); default `scored` where
            there is a score, `failed` where there is none.
        t_onset: When the image appeared, in seconds of the rig's clock; None or NaN = it is not known, or it did not.
        note: Anything to keep with the trial, at most 1000 characters.
    """

    trial_id: str = ""
    image_id: str = ""
    score: float | None = None
    channel_values: Sequence[float] = ()
    outcome: Outcome | None = None
    t_onset: float | None = None
    note: str = ""

    @property
    def has_score(self) -> bool:
        """Whether there is a score, or a value of every channel."""
        # NaN is how arrays say that there is no score. It is never a bad score.
        given = self._given
        return bool(given) and not any(math.isnan(value) for value in given)

    @property
    def _given(self) -> list[float]:
        return [float(value) for value in (self.score, *self.channel_values) if value is not None]

    def to_wire(self) -> search_pb2.TrialReport:
        """The report to send.

        Raises:
            InvalidArgumentError: The trial has no id, a score or the onset is infinite, or the onset is no number.
        """
        if not self.trial_id:
            raise InvalidArgumentError("a result has no trial_id: give that of its trial, or one of your own")
        if any(math.isinf(value) for value in self._given):
            raise InvalidArgumentError(
                f"the score of {self.trial_id} is infinite: give a finite number, or None where there is none"
            )
        outcome = self.outcome or ("scored" if self.has_score else "failed")
        kept = self.has_score and outcome == "scored"
        return search_pb2.TrialReport(
            trial_id=self.trial_id,
            image_id=self.image_id,
            score=self.score if kept else None,
            channel_values=[float(value) for value in self.channel_values] if kept else (),
            outcome=optional_choice("outcome", outcome, _OUTCOMES),
            t_onset=self._onset(),
            note=self.note,
        )

    def _onset(self) -> float | None:
        # Arrays of onsets say with a NaN, or hide, that an image never appeared: a broken fixation has no onset.
        if self.t_onset is None or np.ma.is_masked(self.t_onset):
            return None
        onset = number(f"t_onset of {self.trial_id}", self.t_onset)
        if math.isinf(onset):
            raise InvalidArgumentError(
                f"t_onset of {self.trial_id} is infinite: give seconds of the rig's clock, or None where there is none"
            )
        return None if math.isnan(onset) else onset


ScoreInput: TypeAlias = "float | Sequence[float] | npt.NDArray[Any] | TrialResult | None"
"""A score, the values of several channels, or all that is known of the trial; None, NaN and masked = shown, without a
score."""

Scores: TypeAlias = "Sequence[ScoreInput] | npt.NDArray[Any] | Mapping[str, ScoreInput]"
"""One score per trial of a batch in its order, shape (n,) or (n, channels), or scores by trial or image id."""


Told: TypeAlias = "Sequence[Trial] | Trial | Iterable[TrialResult]"
"""The trials of a batch, or one trial, which take scores; or results, which say all themselves."""


def reports(told: Told, scores: Scores | ScoreInput = None) -> list[search_pb2.TrialReport]:
    """The reports to send.

    Args:
        told: See `Told`.
        scores: Of trials: see `Scores`; what a mapping leaves out is not reported. Of one trial: its score.

    Raises:
        InvalidArgumentError: Not as many scores as trials, an id that is not in the batch, an image that was shown
            several times, a result that cannot be sent, or two of one trial.
    """
    sent = [result.to_wire() for result in _results(told, scores)]
    if doubled := [trial for trial, count in Counter(report.trial_id for report in sent).items() if count > 1]:
        raise InvalidArgumentError(f"several results of one trial: {', '.join(doubled)}")
    return sent


def _results(told: Told, scores: Any) -> list[TrialResult]:
    if isinstance(told, Trial):
        return [_result(told, scores)]
    entries = list(told)
    trials = [entry for entry in entries if isinstance(entry, Trial)]
    results = [entry for entry in entries if isinstance(entry, TrialResult)]
    if len(trials) + len(results) < len(entries) or (results and (trials or scores is not None)):
        raise InvalidArgumentError("give trials and their scores, or TrialResults alone")
    if not trials:
        return results
    if isinstance(scores, Mapping):
        return _by_id(trials, scores)
    if not isinstance(scores, Sequence | np.ndarray) or isinstance(scores, str):
        raise InvalidArgumentError(f"{len(trials)} trials need as many scores, got {scores!r}")
    if len(scores) != len(trials):
        raise InvalidArgumentError(
            f"{len(scores)} scores for {len(trials)} trials: give one for each, None where there is none, "
            "or a dict by trial id"
        )
    return [_result(trial, score) for trial, score in zip(trials, scores, strict=True)]


def _by_id(trials: Sequence[Trial], scores: Mapping[str, ScoreInput]) -> list[TrialResult]:
    by_trial = {trial.id: trial for trial in trials}
    shown = Counter(trial.image_id for trial in trials)
    by_image = {trial.image_id: trial for trial in trials}
    found = []
    for name, score in scores.items():
        if name in by_trial:
            found.append(_result(by_trial[name], score))
        elif shown[name] == 1:
            found.append(_result(by_image[name], score))
        elif shown[name]:
            raise InvalidArgumentError(f"{name} is shown {shown[name]} times in this batch: give scores by trial id")
        else:
            raise InvalidArgumentError(f"{name!r} is neither a trial nor an image of this batch")
    return found


def _result(trial: Trial, score: ScoreInput) -> TrialResult:
    if score is None:
        result = TrialResult()
    elif isinstance(score, TrialResult):
        result = score
    else:
        # What a masked array hides is not there, whatever number lies beneath.
        values = _values(trial, score)
        result = TrialResult(score=float(values)) if values.ndim == 0 else TrialResult(channel_values=values.tolist())
    return replace(result, trial_id=result.trial_id or trial.id, image_id=result.image_id or trial.image_id)


def _values(trial: Trial, score: Any) -> npt.NDArray[np.float64]:
    try:
        values: npt.NDArray[np.float64] = np.ma.asarray(score, np.float64).filled(np.nan)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"the score of {trial.id} must be a number, one per channel, or None where there is none, got {score!r}"
        ) from error
    return values
