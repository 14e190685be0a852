"""Closure of a generation: when it is done, and what becomes of it then."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pullback_server.errors import failed_precondition
from pullback_server.sessions.decisions.balance import in_step, open_generations
from pullback_server.sessions.state.events import Event, GenerationClosed, SessionState, ShownAgain, StateChanged
from pullback_server.sessions.state.generation import MOST_IN_VAIN, Generation
from pullback_server.sessions.state.session import Session
from pullback_server.sessions.state.thread import Thread


def follow_up(session: Session) -> tuple[Event, ...]:
    """What follows by itself from how the session stands: settled generations close, or are shown again."""
    events: list[Event] = []
    if session.state == SessionState.CLOSED:
        return ()
    if together := in_step(session):
        settled = [pair for pair in open_generations(together) if pair[1].settled]
        # Those that have to be shown again are, whatever the others do.
        ended = _end_together(settled) if len(settled) == len(together) else _again(settled)
        return _paused_in_vain(session, ended)
    for thread in session.threads:
        if thread.failed is None and thread.open is not None and thread.open.settled:
            events.append(_end(thread, thread.open))
    return _paused_in_vain(session, events)


def end_generations(
    session: Session, threads: Collection[int], reported: Collection[tuple[int, int]] = ()
) -> tuple[Event, ...]:
    """Closes the open generations of some threads with the scores they have; where those are too few, shows them again.

    Of threads that are kept in step all are closed, or none is while the scores of one are too few.

    Args:
        session: The session.
        threads: The threads.
        reported: Threads and generations of the reports of the same request, where all of them were known already: the
            request has come a second time then, and ends no generation but theirs.

    Raises:
        ApiError: FAILED_PRECONDITION where the session is closed, and the request has not come a second time.
    """
    if session.state == SessionState.CLOSED:
        if threads and not reported:
            raise failed_precondition("the session is closed; none of its generations can be ended")
        return ()
    events: list[Event] = []
    repeated = dict(sorted(reported))
    if threads and (together := in_step(session)):
        pairs = open_generations(together)
        again = any(repeated.get(thread.number, generation.number) != generation.number for thread, generation in pairs)
        return () if again else _paused_in_vain(session, _end_together(pairs))
    for number in sorted(set(threads)):
        thread = session.threads[number]
        if thread.open is None or thread.failed is not None:
            continue
        if repeated.get(number, thread.open.number) != thread.open.number:
            continue
        events.append(_end(thread, thread.open))
    return _paused_in_vain(session, events)


def _paused_in_vain(session: Session, events: Sequence[Event]) -> tuple[Event, ...]:
    """The events, and a pause where they show a generation again once more and nothing was measured all the while."""
    again = {event.thread for event in events if isinstance(event, ShownAgain)}
    shown = [thread.open for thread in session.threads if thread.open is not None and thread.number in again]
    if any(each.in_vain + 1 >= MOST_IN_VAIN for each in shown) and session.state == SessionState.ACTIVE:
        return (*events, StateChanged(SessionState.PAUSED.value))
    return tuple(events)


def _end_together(pairs: Sequence[tuple[Thread, Generation]]) -> tuple[Event, ...]:
    return _again(pairs) or tuple(_end(thread, generation) for thread, generation in pairs)


def _again(pairs: Sequence[tuple[Thread, Generation]]) -> tuple[Event, ...]:
    """The generations of which too few images have a score are shown again."""
    return tuple(_end(thread, generation) for thread, generation in pairs if not generation.enough)


def _end(thread: Thread, generation: Generation) -> Event:
    if not generation.enough:
        return ShownAgain(thread.number, generation.number)
    dropped, carried = generation.unscored()
    if generation.number == thread.last_number:
        # There is no generation to go on to.
        dropped, carried = [*dropped, *carried], []
    return GenerationClosed(
        thread=thread.number,
        generation=generation.number,
        scores=generation.scores(),
        dropped=tuple(dropped),
        carried=tuple(carried),
    )
