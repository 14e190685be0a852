"""Decision on a reclaim: trials that were asked and not told are taken back before their leases end."""

from __future__ import annotations

from pullback_server.sessions.state.events import SessionState, TrialsReclaimed
from pullback_server.sessions.state.session import Session


def decide_reclaim(session: Session, request_id: str, client: str) -> tuple[TrialsReclaimed, ...]:
    """Takes back what a client, empty = anybody, has out; nothing where the request has come before, or all has ended.

    What is taken is written down under the request's name even where it is nothing: an ask may come between two
    arrivals of the request, and what it leased is not meant.
    """
    if session.state == SessionState.CLOSED or request_id in session.reclaimed:
        return ()
    taken = tuple(name for name in session.out() if not client or session.trials[name].client == client)
    return (TrialsReclaimed(request_id, client, taken),) if taken or request_id else ()
