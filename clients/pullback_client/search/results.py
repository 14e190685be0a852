"""Results of trials: from the forms in which experiments hold scores to the contract's reports."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, SupportsFloat, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback_api.limits import MAX_NOTE
from pullback_api.v1 import search_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.batch import Trial
from pullback_client.search.scores import check_size, plain, real, rows, score_values
from pullback_client.wire.fields import numbers, optional_choice, text

Outcome: TypeAlias = Literal["scored", "failed", "abandoned"]

_OUTCOMES = numbers(Outcome, search_pb2.Outcome, "OUTCOME")


@dataclass(frozen=True)
class TrialResult:
    """What became of one trial.

    Attributes:
        trial_id: The trial's id as asked, or any other that is unique in the session; empty = that of the trial in
            whose place the result stands.
        image_id: The image; may be empty where the trial was asked.
        score: The score, within ±1e100; None or NaN = none.
        channel_values: Or the responses of several channels, the same number for every trial of a thread; a NaN among
            them = none.
        outcome: `scored`, `failed` (shown, without a usable score) or `abandoned` (not shown); default `scored` where
            there is a score, `failed` where there is none. A score of a trial that failed is kept and not used.
        t_onset: When the image appeared, in seconds of the rig's clock; None or NaN = it is not known, or it did not.
        note: Anything to keep with the trial, at most 1000 characters; None or NaN = nothing.
    """

    trial_id: str = ""
    image_id: str = ""
    score: SupportsFloat | None = None
    channel_values: Sequence[SupportsFloat] | npt.NDArray[Any] = ()
    outcome: Outcome | None = None
    t_onset: SupportsFloat | None = None
    note: str | float | None = ""

    @property
    def has_score(self) -> bool:
        """Whether there is a score, or a value of every channel."""
        # NaN is how arrays say that there is no score. It is never a bad score.
        score, channels = self._given()
        given = [*channels, *([] if score is None else [score])]
        return bool(given) and not any(math.isnan(value) for value in given)

    def _given(self) -> tuple[float | None, list[float]]:
        what = f"the score of {self.trial_id}"
        score = None if self.score is None else real(what, self.score)
        channels = plain(f"the channel values of {self.trial_id}", self.channel_values)
        if channels.size:
            channels = np.atleast_1d(score_values(f"the channel values of {self.trial_id}", channels))
        if score is not None:
            check_size(what, score)
        return score, channels.ravel().tolist()

    def to_wire(self) -> search_pb2.TrialReport:
        """The report to send.

        Raises:
            InvalidArgumentError: The trial has no id, a score or the onset is infinite or no real number, or the note
                is no text or too long.
        """
        if not text("trial_id of a result", self.trial_id):
            raise InvalidArgumentError("a result has no trial_id: give that of its trial, or one of your own")
        score, channels = self._given()
        usable = self.has_score
        outcome = self.outcome or ("scored" if usable else "failed")
        return search_pb2.TrialReport(
            trial_id=self.trial_id,
            image_id=text(f"image_id of {self.trial_id}", self.image_id),
            # What a trial that failed or was broken off gave is kept all the same, and not used.
            score=score if usable else None,
            channel_values=channels if usable else (),
            outcome=optional_choice("outcome", outcome, _OUTCOMES),
            t_onset=self._onset(),
            note=self._note(),
        )

    def _onset(self) -> float | None:
        # Arrays of onsets say with a NaN, or hide, that an image never appeared: a broken fixation has no onset.
        what = f"t_onset of {self.trial_id}"
        if isinstance(self.t_onset, bool | np.bool_):
            raise InvalidArgumentError(f"{what} must be a number, got {self.t_onset!r}")
        onset = real(what, self.t_onset)
        if math.isinf(onset):
            raise InvalidArgumentError(
                f"{what} is infinite: give seconds of the rig's clock, or None where there is none"
            )
        return None if math.isnan(onset) else onset

    def _note(self) -> str:
        # An empty cell of a table of notes is None or NaN.
        if self.note is None or (isinstance(self.note, float) and math.isnan(self.note)):
            return ""
        note = text(f"note of {self.trial_id}", self.note)
        if len(note) > MAX_NOTE:
            raise InvalidArgumentError(f"note of {self.trial_id} has {len(note)} characters: give at most {MAX_NOTE}")
        return note


ScoreInput: TypeAlias = "SupportsFloat | Sequence[SupportsFloat] | npt.NDArray[Any] | TrialResult | None"
"""A score, the values of several channels, or all that is known of the trial; None, NaN and masked = shown, without a
score. Numbers, arrays and tensors of any library will do, where they are real: see `pullback_client.search.scores`."""

Scores: TypeAlias = "Iterable[ScoreInput] | npt.NDArray[Any] | Mapping[str, ScoreInput]"
"""One score per trial of a batch in its order, shape (n,) or (n, channels), or scores by trial or image id: a
mapping, or a Series or DataFrame whose index has these ids. Other tables are taken in the order of their rows."""


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
    given = rows(scores)
    if given is None and len(trials) == 1 and scores is not None:
        given = [scores]
    if given is None:
        raise InvalidArgumentError(f"{len(trials)} trials need as many scores, got {scores!r}")
    if isinstance(given, Mapping):
        return _by_id(trials, given)
    if len(given) != len(trials):
        raise InvalidArgumentError(
            f"{len(given)} scores for {len(trials)} trials: give one for each, None where there is none, "
            f"or a dict by trial id{_about_shape(scores, len(trials))}"
        )
    return [_result(trial, score) for trial, score in zip(trials, given, strict=True)]


def _about_shape(scores: Any, count: int) -> str:
    shape = tuple(getattr(scores, "shape", ()))
    return f"; of shape {shape}, the last axis is that of channels: give its .T" if shape[-1:] == (count,) else ""


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
    if isinstance(score, TrialResult):
        result = score
    else:
        values = score_values(f"the score of {trial.id}", score)
        result = TrialResult(channel_values=values) if isinstance(values, list) else TrialResult(score=values)
    return replace(result, trial_id=result.trial_id or trial.id, image_id=result.image_id or trial.image_id)
