"""Attention to the session while the bridge waits: closed, paused or resumed by somebody else."""

from __future__ import annotations

from collections.abc import Callable

from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.search.session import EvolutionSession

LOOK = 2.0
"""Seconds between two looks at where the session stands."""


class SessionWatch:
    """Looks every few seconds where a session stands, and says once what others have done to it.

    Args:
        session: The session.
        clock: Seconds that only rise.
        report: Called with a line for people about every change.
    """

    def __init__(self, session: EvolutionSession, clock: Callable[[], float], report: Callable[[str], None]) -> None:
        self._session = session
        self._clock = clock
        self._report = report
        self._looked: float | None = None
        self._state = SessionState.ACTIVE
        self._failed: set[int] = set()

    def closed(self, *, at_once: bool = False) -> bool:
        """Whether the session is closed. Asks the server when the last look was `LOOK` ago.

        Args:
            at_once: Ask in any case.
        """
        now = self._clock()
        if at_once or self._looked is None or now - self._looked >= LOOK:
            self.note(self._session.status())
            # Counted from the answer on: a server that is slow is not asked more often.
            self._looked = self._clock()
        return self._state is SessionState.CLOSED

    def note(self, status: SessionStatus) -> None:
        """Takes in where the session stands, and says what is new."""
        for thread in status.threads:
            if thread.error is not None and thread.thread not in self._failed:
                self._failed.add(thread.thread)
                self._report(f"thread {thread.thread} cannot go on: {thread.error}")
        if status.state is self._state:
            return
        self._state = status.state
        match status.state:
            case SessionState.PAUSED:
                self._report(
                    f"{status.name} is paused: scores of the block that is shown are taken, and the next block waits "
                    f"for pullback sessions resume {status.name}"
                )
            case SessionState.ACTIVE:
                self._report(f"{status.name} goes on")
            case SessionState.CLOSED:
                self._report(f"{status.name} was closed: nothing more is shown, and no more scores are taken")
            case _:
                self._report(f"{status.name} is in a state that this version does not know")
