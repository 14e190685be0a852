"""Resources of a session as messages of the contract: its state, its events and its trials."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import timezone

import grpc
from google.rpc import status_pb2

from pullback_api.v1 import search_pb2
from pullback_server.names import job_name, session_name
from pullback_server.sessions.state.events import (
    Asked,
    Began,
    Entry,
    GenerationClosed,
    GenerationOpened,
    ImageScore,
    StateChanged,
    ThreadFailed,
    Told,
)
from pullback_server.sessions.state.generation import Generation
from pullback_server.sessions.state.session import Session, Trial
from pullback_server.sessions.state.thread import Thread, mean_score
from pullback_server.specs.reports import Report


def session_message(session_id: str, session: Session) -> search_pb2.Session:
    """The session as its resource, without its specification."""
    message = search_pb2.Session(
        name=session_name(session_id),
        state=search_pb2.SessionState.Name(session.state.value),
        threads=[thread_message(thread) for thread in session.threads],
        trials=session.told,
        last_sequence=session.sequence,
        pause_reason=session.pause_reason,
    )
    if session.began is not None:
        message.version = session.began.version
        message.weights_hashes.extend(session.began.weights_hashes)
    if session.create_time is not None and session.update_time is not None:
        message.create_time.FromDatetime(session.create_time)
        message.update_time.FromDatetime(session.update_time)
    message.pending.extend(pending_messages(session))
    return message


def pending_messages(session: Session) -> list[search_pb2.ClientTrials]:
    """The trials that are out, by who asked for them, in the order of names."""
    found: dict[str, search_pb2.ClientTrials] = {}
    for name in session.out():
        trial = session.trials[name]
        message = found.setdefault(trial.client, search_pb2.ClientTrials(client=trial.client))
        message.trials += 1
        if trial.lease_time is not None:
            latest = max(trial.lease_time, message.lease_time.ToDatetime(timezone.utc))
            message.lease_time.FromDatetime(latest)
    return [found[client] for client in sorted(found)]


def thread_message(thread: Thread) -> search_pb2.Thread:
    """A thread as it stands."""
    message = search_pb2.Thread(thread=thread.number, state=search_pb2.ThreadState.Name(thread.state.value))
    current = _current(thread)
    if current is not None:
        message.current.CopyFrom(current)
    if thread.awaited and not thread.ended:
        message.waiting_for = job_name(thread.awaited)
    if thread.failed is not None:
        message.error.CopyFrom(status_pb2.Status(code=thread.failed.code, message=thread.failed.message))
    if thread.best is not None:
        message.best_score, message.best_image_id = thread.best.score, thread.best.image_id
    if thread.best_image is not None and (far := thread.best_image.far) is not None:
        message.best_distance, message.best_typicality = far
    return message


def mark_blocked(threads: Sequence[search_pb2.Thread], blocked: Mapping[int, str]) -> None:
    """Says of a session's threads which ones this server cannot go on with, and why: what no log holds.

    Args:
        threads: All threads of a session, as its log has them.
        blocked: Numbers of threads that wait for a server of another version, each with the reason.
    """
    for number, reason in blocked.items():
        threads[number].state = search_pb2.THREAD_STATE_FAILED
        error = status_pb2.Status(code=grpc.StatusCode.FAILED_PRECONDITION.value[0], message=reason)
        threads[number].error.CopyFrom(error)


def closed_summary(
    event: GenerationClosed, opened: GenerationOpened, *, minimize: bool
) -> search_pb2.GenerationSummary:
    """A closed generation in numbers."""
    summary = opened_summary(opened)
    summary.scored, summary.dropped, summary.carried = map(len, (event.scores, event.dropped, event.carried))
    summary.closed = True
    _add_scores(summary, opened, event.scores, minimize=minimize)
    return summary


def opened_summary(event: GenerationOpened) -> search_pb2.GenerationSummary:
    """A generation as it is opened."""
    summary = search_pb2.GenerationSummary(thread=event.thread, generation=event.generation, images=len(event.images))
    if far := [image.far for image in event.images if image.far is not None]:
        summary.mean_distance, summary.mean_typicality = map(statistics.fmean, zip(*far, strict=True))
    return summary


def event_message(entry: Entry, session: Session) -> search_pb2.SessionEvent:
    """What those who watch a session are told of an event: of one that is only the log's, that it was."""
    message = search_pb2.SessionEvent(sequence=entry.sequence)
    message.time.FromDatetime(entry.time)
    match entry.event:
        case Began():
            message.state = search_pb2.SESSION_STATE_ACTIVE
        case StateChanged(state):
            message.MergeFrom(search_pb2.SessionEvent(state=search_pb2.SessionState.Name(state)))
        case GenerationOpened():
            message.generation_opened.CopyFrom(opened_summary(entry.event))
        case Asked(_, trials):
            message.asked.trial_ids.extend(asking.trial_id for asking in trials)
        case Told(tellings):
            message.told.trial_ids.extend(telling.report.trial_id for telling in tellings)
        case GenerationClosed(number, generation):
            thread = session.threads[number]
            summary = closed_summary(entry.event, thread.opened(generation), minimize=thread.spec.minimize)
            message.generation_closed.CopyFrom(summary)
        case ThreadFailed(number, code, reason):
            failed = search_pb2.Thread(thread=number, state=search_pb2.THREAD_STATE_FAILED)
            failed.error.CopyFrom(status_pb2.Status(code=code, message=reason))
            message.thread_failed.CopyFrom(failed)
    return message


def trial_record(trial_id: str, trial: Trial) -> search_pb2.TrialRecord:
    """A trial as it is kept."""
    record = search_pb2.TrialRecord(report=search_pb2.TrialReport(trial_id=trial_id))
    if (asking := trial.asking) is not None:
        record.report.image_id = asking.image_id
        record.thread, record.generation, record.repetition = asking.thread, asking.generation, asking.repetition
    if (telling := trial.telling) is not None:
        record.report.CopyFrom(report_message(telling.report))
        record.thread, record.generation, record.repetition = telling.thread, telling.generation, telling.repetition
        record.late = telling.late
        if telling.score is not None and not telling.late and not telling.reference:
            record.score = telling.score
    if trial.ask_time is not None:
        record.ask_time.FromDatetime(trial.ask_time)
    if trial.tell_time is not None:
        record.tell_time.FromDatetime(trial.tell_time)
    record.client = trial.client
    return record


def report_message(report: Report) -> search_pb2.TrialReport:
    """What a rig said, as it said it."""
    return search_pb2.TrialReport(
        trial_id=report.trial_id,
        image_id=report.image_id,
        score=report.score,
        channel_values=report.channel_values,
        outcome=search_pb2.Outcome.Name(report.outcome),
        t_onset=report.t_onset,
        note=report.note,
    )


def open_summary(generation: Generation, thread: Thread) -> search_pb2.GenerationSummary:
    """An open generation in numbers."""
    scores = generation.scores()
    summary = opened_summary(generation.opened)
    summary.scored, summary.dropped, summary.carried = len(scores), *map(len, generation.given_up())
    _add_scores(summary, generation.opened, scores, minimize=thread.spec.minimize)
    return summary


def _current(thread: Thread) -> search_pb2.GenerationSummary | None:
    """The generation that is shown, or the last one."""
    if thread.open is not None:
        return open_summary(thread.open, thread)
    if not thread.closed:
        return None
    last = thread.closed[-1]
    return closed_summary(last.closed, last.opened, minimize=thread.spec.minimize)


def _add_scores(
    summary: search_pb2.GenerationSummary, opened: GenerationOpened, scores: tuple[ImageScore, ...], *, minimize: bool
) -> None:
    if (mean := mean_score(scores)) is not None:
        best = (min if minimize else max)(scores, key=lambda each: each.score)
        summary.mean_score, summary.best_score, summary.best_image_id = mean, best.score, best.image_id
        if (far := opened.image(best.image_id).far) is not None:
            summary.best_distance, summary.best_typicality = far
