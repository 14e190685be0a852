"""Decision on a tell: what reports of trials count for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace

import grpc

from pullback_server.errors import ApiError, Violations, failed_precondition
from pullback_server.sessions.state.events import Asking, Event, LeasesExpired, SessionState, Telling, Told
from pullback_server.sessions.state.scores import score_of_channels
from pullback_server.sessions.state.session import Session
from pullback_server.specs.reports import Outcome, Report

# Of a trial's and an image's id: the score that counts in a dry run, or None for a trial that fails.
Judge = Callable[[str, str], float | None]


@dataclass
class Tally:
    """What a tell did.

    Attributes:
        new: What was new.
        repeated: Reports that were known already.
        threads: The threads and generations of all reports, known ones included.
        replaced: Trials that were asked, and told under a rig's own ids instead.
    """

    new: list[Telling] = field(default_factory=list)
    repeated: int = 0
    threads: set[tuple[int, int]] = field(default_factory=set)
    replaced: list[str] = field(default_factory=list)

    @property
    def events(self) -> tuple[Event, ...]:
        """What is to be written down."""
        told = (Told(tuple(self.new)),) if self.new else ()
        return (*told, LeasesExpired(tuple(self.replaced))) if self.replaced else told

    @property
    def late(self) -> int:
        """New reports that came after their generation was closed."""
        return sum(telling.late for telling in self.new)


def decide_tell(session: Session, reports: Sequence[tuple[str, Report]], judge: Judge | None = None) -> Tally:
    """What some reports count for; nothing is changed.

    Args:
        session: The session.
        reports: The reports, each with the path of its field in the request.
        judge: In a dry run, what makes up the scores.

    Raises:
        ApiError: ALREADY_EXISTS for a trial that was told before with other content; INVALID_ARGUMENT for an image
            that is not known or not the trial's, and for another number of channels; FAILED_PRECONDITION where the
            session is closed and a report is new.
    """
    wrong, tally = Violations(), Tally()
    fresh: dict[str, Report] = {}
    counts: Counter[tuple[int, str]] = Counter()
    channels = {thread.number: thread.channels for thread in session.threads}
    for path, raw in reports:
        report = _with_image(session, raw, path, wrong)
        if report is None:
            continue
        if (known := _known(session, fresh, report.trial_id)) is not None:
            _check_same(known, report)
            tally.repeated += 1
            if (trial := session.trials.get(report.trial_id)) and trial.telling:
                tally.threads.add((trial.telling.thread, trial.telling.generation))
            continue
        fresh[report.trial_id] = report
        place = _place(session, report, counts)
        _check_channels(report, place, channels, path, wrong)
        if not wrong:
            tally.new.append(_judged(session, report, place, judge))
            tally.threads.add((place.thread, place.generation))
    wrong.raise_if_any()
    tally.replaced = _replaced(session, tally.new)
    if tally.new and session.state == SessionState.CLOSED:
        raise failed_precondition("the session is closed; nothing more can be told")
    return tally


def _known(session: Session, fresh: dict[str, Report], trial_id: str) -> Report | None:
    trial = session.trials.get(trial_id)
    return trial.telling.report if trial is not None and trial.telling is not None else fresh.get(trial_id)


def _check_same(known: Report, report: Report) -> None:
    if known != report:
        different = [each.name for each in fields(known) if getattr(known, each.name) != getattr(report, each.name)]
        raise ApiError(
            grpc.StatusCode.ALREADY_EXISTS,
            f"trial {report.trial_id!r} was told before with another {', '.join(different)}; "
            "nothing of this request was written",
        )


def _with_image(session: Session, report: Report, path: str, wrong: Violations) -> Report | None:
    """The report with its image filled in; None, and a violation, where there is no such image."""
    trial = session.trials.get(report.trial_id)
    shown = None
    if trial is not None and (trial.asking or trial.telling):
        shown = trial.asking.image_id if trial.asking else trial.telling.report.image_id if trial.telling else None
    if not report.image_id:
        if shown is None:
            wrong.add(f"{path}.image_id", f"trial {report.trial_id!r} was never asked, so its image is needed")
            return None
        return replace(report, image_id=shown)
    if trial is not None and trial.asking and report.image_id != shown:
        wrong.add(f"{path}.image_id", f"trial {report.trial_id!r} shows {shown!r}, but {report.image_id!r} came")
        return None
    if report.image_id not in session.homes and report.image_id not in session.references:
        wrong.add(f"{path}.image_id", f"the session has no image {report.image_id!r}; take the ids that Ask gave")
        return None
    return report


def _place(session: Session, report: Report, counts: Counter[tuple[int, str]]) -> Asking:
    """Where a report belongs: as it was asked, or else one more showing of its image."""
    trial = session.trials.get(report.trial_id)
    if trial is not None and trial.asking is not None:
        return trial.asking
    reference = report.image_id in session.references
    thread, home = (-1, -1) if reference else session.homes[report.image_id]
    generation = session.threads[thread].open if thread >= 0 else None
    if generation is None or not generation.holds(report.image_id):
        return Asking(report.trial_id, report.image_id, thread, home, 0, reference)
    repetition = generation.repetition(report.image_id) + counts[thread, report.image_id]
    counts[thread, report.image_id] += 1
    return Asking(report.trial_id, report.image_id, thread, generation.number, repetition, reference)


def _replaced(session: Session, tellings: Sequence[Telling]) -> list[str]:
    """For each telling under an id of the rig's own, the trial in whose place it stands, where one was asked.

    Nobody would ever tell of that one: its image must not wait for the end of its lease.
    """
    taken = {telling.report.trial_id for telling in tellings}
    found: list[str] = []
    for telling in tellings:
        trial = session.trials.get(telling.report.trial_id)
        generation = session.generation(telling.thread, telling.generation)
        if trial is not None or generation is None:
            continue
        if left := [name for name in generation.leased(telling.report.image_id) if name not in taken]:
            taken.add(left[0])
            found.append(left[0])
    return found


def _check_channels(
    report: Report, place: Asking, channels: dict[int, int | None], path: str, wrong: Violations
) -> None:
    came = len(report.channel_values)
    if place.reference or place.thread < 0 or not came:
        return
    expected = channels[place.thread] = channels[place.thread] or came
    if came != expected:
        wrong.add(
            f"{path}.channel_values",
            f"expected {expected} channels, as in every report of thread {place.thread}, but {came} came",
        )


def _judged(session: Session, report: Report, place: Asking, judge: Judge | None) -> Telling:
    """The report with what it counts for."""
    outcome, score = report.outcome, None
    if outcome == Outcome.SCORED and judge is not None and not place.reference:
        score = judge(report.trial_id, report.image_id)
        outcome = Outcome.FAILED if score is None else Outcome.SCORED
    elif outcome == Outcome.SCORED:
        weights = [] if place.thread < 0 or place.reference else session.threads[place.thread].spec.channel_weights
        score = report.score if report.score is not None else score_of_channels(report.channel_values, weights)
    return Telling(
        report=report,
        thread=place.thread,
        generation=place.generation,
        repetition=place.repetition,
        reference=place.reference,
        late=place.thread >= 0 and session.generation(place.thread, place.generation) is None,
        outcome=outcome,
        score=score,
    )
