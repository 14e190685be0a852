"""Records of what is decided about a session, as the store writes it."""

from __future__ import annotations

from collections.abc import Iterable

from pullback_server.sessions.decisions.journal import Journal
from pullback_server.sessions.resources import session_message
from pullback_server.sessions.state.codec import write_event
from pullback_server.sessions.state.events import Began, EigenbasisProvided, Entry, GenerationOpened
from pullback_server.sessions.state.session import Session
from pullback_server.store import SessionChange, SessionEventRecord

# An optimizer's state is kept until two newer ones are there.
KEPT_STATES = 2


def change_of(session_id: str, journal: Journal) -> SessionChange:
    """Everything that was noted, and what it adds up to."""
    session = journal.session
    needed = set(_needed(journal.entries, session))
    return SessionChange(
        events=tuple(SessionEventRecord(e.sequence, e.time, *write_event(e.event)) for e in journal.entries),
        state=session.state.value,
        evolving=bool(session.evolving),
        summary=session_message(session_id, session).SerializeToString(),
        needed=tuple(sorted(needed)),
        released=tuple(sorted(set(_released(journal.entries, session)) - needed)),
    )


def _needed(entries: Iterable[Entry], session: Session) -> Iterable[str]:
    """Digests of the files that events name."""
    for entry in entries:
        match entry.event:
            case Began():
                yield from (digest for digest in entry.event.eigenbases if digest)
                yield from (image.digest for image in entry.event.references)
            case EigenbasisProvided(_, digest):
                yield digest
            case GenerationOpened(number, generation, _, latents, optimizer, constants):
                yield from (latents, optimizer)
                # Once for a thread, though every generation names them.
                before = session.threads[number].opened(generation - 1).constants if generation else ""
                if constants not in ("", before):
                    yield constants


def _released(entries: Iterable[Entry], session: Session) -> Iterable[str]:
    """Digests of the optimizers' states that are not gone back to any more."""
    kept = {
        thread.opened(generation).optimizer
        for thread in session.threads
        for generation in range(max(0, thread.generations - KEPT_STATES), thread.generations)
    }
    for entry in entries:
        if isinstance(entry.event, GenerationOpened) and entry.event.generation >= KEPT_STATES:
            thread = session.threads[entry.event.thread]
            old = thread.opened(entry.event.generation - KEPT_STATES).optimizer
            if old not in kept:
                yield old
