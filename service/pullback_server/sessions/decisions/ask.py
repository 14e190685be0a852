"""Decision on an ask: which trials the asker gets."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import grpc

from pullback_api.v1 import search_pb2
from pullback_server.errors import ApiError, failed_precondition
from pullback_server.sessions.decisions.balance import block
from pullback_server.sessions.state.events import Asked, Asking, Event, LeasesRenewed, SessionState
from pullback_server.sessions.state.generation import Candidate
from pullback_server.sessions.state.session import Session


@dataclass(frozen=True)
class AskOrder:
    """What an asker wants.

    Attributes:
        request_id: Name of the request; empty for none.
        count: How many trials at most; 0 for all there are.
        threads: Only of these threads; empty for all.
        ready: Tells of an image whether it can be handed out now.
        client: Name of who asks; empty for none.
    """

    request_id: str = ""
    count: int = 0
    threads: Collection[int] = ()
    ready: Callable[[str], bool] = lambda _image_id: True
    client: str = ""


def check_asking(session: Session) -> None:
    """Refuses to ask a session that is paused or closed."""
    if session.state == SessionState.PAUSED:
        raise failed_precondition("the session is paused; resume it first")
    if session.state == SessionState.CLOSED:
        raise failed_precondition("the session is closed; it can only be read and exported")


def decide_ask(session: Session, order: AskOrder) -> tuple[Event, ...]:
    """Leases the next trials, or those of an earlier request of that name anew; nothing where there is nothing to show.

    Raises:
        ApiError: ALREADY_EXISTS where a trial of the earlier request was told.
    """
    if order.request_id in session.requests:
        names = session.requests[order.request_id]
        if any(session.trials[name].telling is not None for name in names):
            raise ApiError(
                grpc.StatusCode.ALREADY_EXISTS,
                f"request_id {order.request_id!r} was used, and trials of it were told; take a new one for a new ask",
            )
        return (LeasesRenewed(order.request_id, order.client),)
    if _balanced(session):
        chosen = block(session, order.threads, order.count, order.ready)
    else:
        chosen = [each for each in candidates(session, order.threads) if order.ready(each.image_id)]
        chosen = chosen[: order.count or None]
    if not chosen:
        return ()
    return (Asked(order.request_id, _number(session, chosen), order.client),)


def candidates(session: Session, threads: Collection[int] = ()) -> list[Candidate]:
    """What the open generations need, in the order in which to show it, the threads mixed."""
    found = [
        candidate
        for thread in session.threads
        if thread.open is not None and thread.failed is None and (not threads or thread.number in threads)
        for candidate in thread.open.candidates()
    ]
    return sorted(found, key=lambda candidate: candidate.order)


def askable(session: Session, threads: Collection[int] = ()) -> list[Candidate]:
    """What an ask could give now if all images were finished."""
    return block(session, threads, 0, lambda _: True) if _balanced(session) else candidates(session, threads)


def _balanced(session: Session) -> bool:
    return session.spec.balance == search_pb2.BALANCE_BLOCK


def _number(session: Session, chosen: Collection[Candidate]) -> tuple[Asking, ...]:
    """The chosen showings with ids of their own, none of which any trial has."""
    number, trials = session.asked, []
    for candidate in chosen:
        while (name := f"trial{number:06d}") in session.trials:
            number += 1
        number += 1
        trials.append(
            Asking(
                trial_id=name,
                image_id=candidate.image_id,
                thread=candidate.thread,
                generation=candidate.generation,
                repetition=candidate.round,
                reference=candidate.reference,
            )
        )
    return tuple(trials)
