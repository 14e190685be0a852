"""Leases of trials: how long they stay their askers', by a clock of the server's own, which nobody sets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pullback_server.sessions.state.events import Asked, Event, LeasesExpired, LeasesRenewed
from pullback_server.sessions.state.session import Session


class LeaseClock:
    """When the leases of a session end, in seconds that only rise while the process lives.

    The clock on the wall may be set while trials are out, by hand or by a time server: that ends no lease and lengthens
    none. The log has times of that clock alone, for people, and so has `Trial.lease_time`; a server that starts again
    takes from it how much of a lease was left at the last event, and counts on from there.

    Args:
        lease: How long a trial is its asker's.
    """

    def __init__(self, lease: timedelta) -> None:
        self._lease = lease.total_seconds()
        self._ends: dict[str, float] = {}

    def load(self, session: Session, now: float) -> None:
        """Begins to count for a session that was read from its log; leases that are known already go on."""
        known = self._ends
        self._ends = {name: known.get(name, now + self._left(session, name)) for name in session.leased}

    def follow(self, session: Session, events: Iterable[Event], now: float) -> None:
        """Counts on after events that have just been written."""
        for event in events:
            match event:
                case Asked(_, trials):
                    self._ends |= {asking.trial_id: now + self._lease for asking in trials}
                case LeasesRenewed(request_id):
                    self._ends |= dict.fromkeys(session.requests[request_id], now + self._lease)
        self._ends = {name: end for name, end in self._ends.items() if name in session.leased}

    def expire(self, session: Session, now: float) -> tuple[Event, ...]:
        """Gives back what was not told in time."""
        ended = tuple(name for name in sorted(session.leased) if self._ends[name] <= now)
        return (LeasesExpired(ended),) if ended else ()

    def remaining(self, now: float) -> float | None:
        """Seconds until the next lease ends; None where nothing is leased."""
        return min(self._ends.values()) - now if self._ends else None

    def _left(self, session: Session, name: str) -> float:
        until, last = session.trials[name].lease_time, session.update_time
        if until is None or last is None:
            return 0.0
        # Where that clock was set back between two events, a lease looks longer than any is.
        return min(max((until - last).total_seconds(), 0.0), self._lease)
