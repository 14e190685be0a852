"""Journal of events that are decided one after another and written together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pullback_server.sessions.decisions.closure import follow_up
from pullback_server.sessions.state.events import Entry, Event
from pullback_server.sessions.state.session import Session


class Journal:
    """A session, and what has been decided about it since the log was last written.

    The session is ahead of the log by `entries`: where they cannot be written, it must be thrown away.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self.entries: list[Entry] = []

    def add(self, events: Iterable[Event]) -> None:
        """Notes events, and applies them."""
        for event in events:
            entry = Entry(self.session.sequence + 1, self.now, event)
            self.session.apply(entry)
            self.entries.append(entry)

    def settle(self) -> None:
        """Notes what follows by itself."""
        self.add(follow_up(self.session))
