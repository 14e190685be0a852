"""When a generation is done, and what becomes of it then."""

from __future__ import annotations

from collections.abc import Collection

from pullback_server.errors import failed_precondition
from pullback_server.sessions.events import Event, GenerationClosed, SessionState, ShownAgain
from pullback_server.sessions.generation import Generation
from pullback_server.sessions.session import Session
from pullback_server.sessions.thread import Thread


def follow_up(session: Session) -> tuple[Event, ...]:
    """What follows by itself from how the session stands: settled generations close, or are shown again."""
    events: list[Event] = []
    if session.state == SessionState.CLOSED:
        return ()
    for thread in session.threads:
        if thread.failed is None and thread.open is not None and thread.open.settled:
            events.append(_end(thread, thread.open))
    return tuple(events)


def end_generations(
    session: Session, threads: Collection[int], reported: Collection[tuple[int, int]] = ()
) -> tuple[Event, ...]:
    """Closes the open generations of some threads with the scores they have; where those are too few, shows them again.

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
    for number in sorted(set(threads)):
        thread = session.threads[number]
        if thread.open is None or thread.failed is not None:
            continue
        if repeated.get(number, thread.open.number) != thread.open.number:
            continue
        events.append(_end(thread, thread.open))
    return tuple(events)


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
