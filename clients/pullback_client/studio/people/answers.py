"""Answers of observers: each told to the server as it comes, with all that is known of it, and read back from there.

An answer that is a score of its own is told as a scored trial for each of its images: a rating, or 1 for the image that
was chosen and 0 for the others, so that their mean is the share of wins. Where scores are made of all answers to a
generation, an answer is told as a trial that was shown and has no usable score by itself; the scores follow as trials
of their own. The raw answer is the trial's note either way: the server's log keeps it, and no other place has to.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pullback_client.errors import InvalidArgumentError
from pullback_client.search.history import TrialRecord
from pullback_client.search.results import TrialResult
from pullback_client.studio.people.design import RATINGS, Design, Way
from pullback_client.studio.people.plan import Presentation

_ANSWER, _SCORE = "people-answer-", "people-score-"
_LONGEST_MS = 86_400_000.0

COLUMNS = (
    "generation",
    "presentation",
    "observer",
    "images",
    "answer",
    "chosen_image",
    "reaction_ms",
    "onset_s",
    "shown_ms",
    "fixation_ms",
    "late_frames",
    "told",
)
"""Columns of the table of answers."""


@dataclass(frozen=True)
class Answer:
    """What an observer answered to a presentation.

    Attributes:
        key: The presentation's.
        observer: Who answered.
        images: The images, from the left to the right.
        value: A rating, 1 to 9, or the place of the image that was chosen, from 0 at the left.
        reaction_ms: From the images' onset to the key, by the browser's clock of performance.now().
        onset_s: When the images appeared, by the clock of the observer's computer: seconds since 1970 in UTC.
        shown_ms: How long they were seen.
        fixation_ms: How long the fixation cross was seen.
        late_frames: Frames of the screen that came late, or not at all, while the images were seen.
    """

    key: str
    observer: str
    images: tuple[str, ...]
    value: int
    reaction_ms: float
    onset_s: float
    shown_ms: float
    fixation_ms: float
    late_frames: int

    @property
    def generation(self) -> int:
        """The generation that was shown."""
        return int(self.key[1:5])

    def to_note(self) -> str:
        """As the note of a trial."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_note(cls, note: str) -> Answer:
        """Of the note of a trial.

        Raises:
            ValueError: It is none.
        """
        try:
            given = json.loads(note)
            return cls(**{**given, "images": tuple(given["images"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no answer: {note[:80]!r}") from error


def checked_answer(sent: Mapping[str, Any], shown: Presentation, observer: str, way: Way) -> Answer:
    """The answer that a browser sent.

    Args:
        sent: `value`, and the times of `Answer`.
        shown: What it was shown.
        observer: Who answers.
        way: What was asked.

    Raises:
        InvalidArgumentError: A value or a time is none that can be.
    """
    value = sent.get("value")
    known = RATINGS if way == "rate" else range(len(shown.images))
    if not isinstance(value, int) or isinstance(value, bool) or value not in known:
        raise InvalidArgumentError(f"the answer to {shown.key} must be {known[0]} to {known[-1]}, got {value!r}")
    times = {name: _time(name, sent.get(name)) for name in ("reaction_ms", "shown_ms", "fixation_ms")}
    onset, late = sent.get("onset_s"), sent.get("late_frames", 0)
    if not isinstance(onset, int | float) or not math.isfinite(onset) or not isinstance(late, int):
        raise InvalidArgumentError(f"the answer to {shown.key} lacks its onset or its frames: {onset!r}, {late!r}")
    return Answer(shown.key, observer, shown.images, value, onset_s=round(onset, 4), late_frames=late, **times)


def reports(answer: Answer, design: Design, own: Sequence[str]) -> list[TrialResult]:
    """What the server is told of an answer.

    Args:
        answer: The answer.
        design: The design.
        own: The images of the generation; others of the presentation are anchors, of which nothing is told.
    """
    note = answer.to_note()
    found: list[TrialResult] = []
    for place, image in enumerate(answer.images):
        if image not in own:
            continue
        score = float(answer.value) if design.way == "rate" else float(place == answer.value)
        found.append(
            TrialResult(
                trial_id=f"{_ANSWER}{answer.key}-{place}",
                image_id=image,
                score=score if design.direct else None,
                outcome="scored" if design.direct else "failed",
                t_onset=answer.onset_s,
                # The first of them tells for all.
                note=note if not found else f"see {found[0].trial_id}",
            )
        )
    return found


def score_reports(generation: int, scores: Mapping[str, float], made_of: str) -> list[TrialResult]:
    """What the server is told of the scores that a generation's answers make.

    Args:
        generation: The generation.
        scores: By image.
        made_of: How they were made, for people.
    """
    return [
        TrialResult(
            trial_id=f"{_SCORE}g{generation:04d}-{image}", image_id=image, score=score, outcome="scored", note=made_of
        )
        for image, score in scores.items()
    ]


def answers_of(trials: Iterable[TrialRecord]) -> list[tuple[Answer, TrialRecord]]:
    """The answers among the trials of a session, in order, with the trials that tell of them."""
    found = []
    for trial in trials:
        if trial.trial_id.startswith(_ANSWER) and trial.note.startswith("{"):
            try:
                found.append((Answer.from_note(trial.note), trial))
            except ValueError:
                continue  # told by somebody else under such a name
    return found


def answers_csv(answers: Iterable[tuple[Answer, TrialRecord]]) -> bytes:
    """The answers as a table, `COLUMNS`; lists within a cell have spaces between, times are ISO 8601 in UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for answer, trial in answers:
        # A rating has no chosen image; the places of choices count from 1, as people do.
        several = len(answer.images) > 1
        writer.writerow(
            [
                answer.generation,
                answer.key,
                answer.observer,
                " ".join(answer.images),
                answer.value + 1 if several else answer.value,
                answer.images[answer.value] if several else "",
                answer.reaction_ms,
                answer.onset_s,
                answer.shown_ms,
                answer.fixation_ms,
                answer.late_frames,
                "" if trial.told is None else trial.told.isoformat(),
            ]
        )
    return text.getvalue().encode()


def _time(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _LONGEST_MS:
        raise InvalidArgumentError(f"{name} must be from 0 to {_LONGEST_MS:,.0f} ms, got {value!r}")
    return round(float(value), 2)
