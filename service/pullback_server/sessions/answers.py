"""Answers to those who ask and tell a session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence

from pullback_api.v1 import search_pb2, values_pb2
from pullback_server.errors import invalid
from pullback_server.names import job_name
from pullback_server.sessions.audience import wait_for
from pullback_server.sessions.decisions.ask import AskOrder, askable, check_asking, decide_ask
from pullback_server.sessions.decisions.closure import end_generations
from pullback_server.sessions.decisions.journal import Journal
from pullback_server.sessions.decisions.reclaim import decide_reclaim
from pullback_server.sessions.decisions.tell import Judge, decide_tell
from pullback_server.sessions.dry_run import DryRun
from pullback_server.sessions.live import LiveSession
from pullback_server.sessions.resources import mark_blocked, pending_messages, thread_message
from pullback_server.sessions.state.events import Asked, Event, GenerationOpened, LeasesRenewed
from pullback_server.sessions.state.session import Session, image_number
from pullback_server.specs.reports import Report

# MATLAB's webread gives up after 5 s.
MAX_WAIT_SECONDS = 3.5
# While an optimizer or a renderer is at work, and while others hold what there is.
SOON_MS, LATER_MS = 50, 500


class Asker:
    """One ask of a session."""

    def __init__(self, live: LiveSession, request: search_pb2.AskRequest) -> None:
        self._live = live
        self._request = request

    async def answer(self, wait: float) -> search_pb2.AskResponse:
        """Leases trials; waits at most `wait` seconds while there is nothing to show.

        Raises:
            ApiError: FAILED_PRECONDITION where the session is paused or closed, or another version's; see `decide_ask`.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            changed = self._live.changed
            response = await self._live.change(self._decide)
            remaining = began + wait - loop.time()
            if response.trials or response.finished or remaining <= 0:
                break
            # A lease may end without anything happening.
            await wait_for(changed, min(remaining, LATER_MS / 1000))
        if self._request.include_images:
            # A repeated ask may find its images gone.
            for trial in response.trials:
                if not trial.HasField("image"):
                    left = max(0.0, began + MAX_WAIT_SECONDS - loop.time())
                    if (image := await self._live.image(trial.image_id, left)) is not None:
                        trial.image.CopyFrom(image)
        return response

    def _decide(self, journal: Journal) -> search_pb2.AskResponse:
        session, request = journal.session, self._request
        check_asking(session)
        check_threads(session, request.threads, "threads")
        self._live.check_not_blocked(session, request.threads)
        journal.add(self._live.leases.expire(session, time.monotonic()))
        images: dict[str, values_pb2.Image] = {}

        def ready(image_id: str) -> bool:
            if not request.include_images:
                return True
            if (image := self._live.pictures.get(image_id)) is None:
                return False
            images[image_id] = image
            return True

        order = AskOrder(request.request_id, request.count, set(request.threads), ready, request.client)
        events = decide_ask(session, order)
        journal.add(events)
        names = [name for event in events for name in _names(session, event)]
        left = askable(session, request.threads)
        if request.include_images and not names:
            self._live.pictures.want(session, [candidate.image_id for candidate in left])
        finished = session.finished(request.threads)
        response = search_pb2.AskResponse(more=bool(left), finished=finished)
        for name in names:
            response.trials.append(self._trial(name, session, images))
        if not names and not finished:
            response.waiting_for = self._awaited(session)
            response.retry_after_ms = self._retry(session, waiting=bool(left))
        return response

    def _awaited(self, session: Session) -> str:
        """The job that a thread waits for which was asked, that of the first of them; empty where none does."""
        asked = self._request.threads or range(len(session.threads))
        threads = [session.threads[number] for number in asked]
        return next((job_name(thread.awaited) for thread in threads if thread.awaited and not thread.ended), "")

    def _retry(self, session: Session, *, waiting: bool) -> int:
        """When to ask again where there is nothing to show now."""
        # An eigenbasis takes minutes, whoever's it is.
        if waiting or any(not thread.awaited for thread in session.evolving):
            return SOON_MS
        seconds = self._live.leases.remaining(time.monotonic())
        return LATER_MS if seconds is None else max(SOON_MS, min(LATER_MS, int(1000 * seconds)))

    def _trial(self, name: str, session: Session, images: dict[str, values_pb2.Image]) -> search_pb2.Trial:
        trial = session.trials[name]
        asking = trial.asking
        if asking is None:
            raise ValueError(f"trial {name} was never asked")
        message = search_pb2.Trial(
            trial_id=name,
            image_id=asking.image_id,
            thread=asking.thread,
            generation=asking.generation,
            repetition=asking.repetition,
            reference=asking.reference,
            image=images.get(asking.image_id),
            image_path=self._live.image_path(asking.image_id),
        )
        if trial.lease_time is not None:
            message.lease_time.FromDatetime(trial.lease_time)
        if not asking.reference:
            far = session.threads[asking.thread].opened(asking.generation).image(asking.image_id).far
            if far is not None:
                message.distance, message.typicality = far
        return message


async def tell(
    live: LiveSession, reports: Sequence[tuple[str, Report]], end_generation: Sequence[int]
) -> search_pb2.TellResponse:
    """Records reports, all or none, and ends the open generations of some threads.

    Raises:
        ApiError: See `decide_tell`.
    """
    judge = await _judge(live, [report for _, report in reports]) if live.spec.HasField("dry_run") else None

    def decide(journal: Journal) -> search_pb2.TellResponse:
        session = journal.session
        check_threads(session, end_generation, "end_generation")
        tally = decide_tell(session, reports, judge)
        journal.add(tally.events)
        journal.settle()
        # Where nothing is new, the request has come a second time.
        repeated = () if tally.new else tally.threads
        journal.add(end_generations(session, end_generation, repeated))
        response = search_pb2.TellResponse(
            recorded=len(tally.new),
            repeated_reports=tally.repeated,
            late=tally.late,
            threads=[thread_message(thread) for thread in session.threads],
        )
        mark_blocked(response.threads, live.blocked)
        return response

    return await live.change(decide)


async def reclaim(live: LiveSession, request_id: str, client: str) -> search_pb2.ReclaimTrialsResponse:
    """Takes back what a client, empty = anybody, has out; what an earlier request of that name took is said again."""

    def decide(journal: Journal) -> search_pb2.ReclaimTrialsResponse:
        session = journal.session
        events = decide_reclaim(session, request_id, client)
        journal.add(events)
        taken = events[0].trial_ids if events else session.reclaimed.get(request_id, ())
        return search_pb2.ReclaimTrialsResponse(trial_ids=taken, pending=pending_messages(session))

    return await live.change(decide)


def _names(session: Session, event: Event) -> tuple[str, ...]:
    """The trials that an event leases."""
    match event:
        case Asked(_, trials):
            return tuple(asking.trial_id for asking in trials)
        case LeasesRenewed(request_id):
            return session.requests[request_id]
        case _:
            return ()


def check_threads(session: Session, threads: Collection[int], field: str) -> None:
    """Refuses threads that the session does not have."""
    for number, thread in enumerate(threads):
        if not 0 <= thread < len(session.threads):
            raise invalid(f"{field}[{number}]", f"expected 0 to {len(session.threads) - 1}, but {thread} came")


async def _judge(live: LiveSession, reports: Sequence[Report]) -> Judge:
    """What makes up the scores of a dry run, with the latents of everything that is reported at hand."""

    def homes(session: Session) -> dict[str, GenerationOpened]:
        asked = (session.trials.get(report.trial_id) for report in reports)
        names = {trial.asking.image_id for trial in asked if trial is not None and trial.asking is not None}
        names |= {report.image_id for report in reports}
        known = {name: session.homes[name] for name in names if name in session.homes}
        return {name: session.threads[thread].opened(generation) for name, (thread, generation) in known.items()}

    shown = {}
    for image_id, opened in (await live.read(homes)).items():
        latents = await live.latents.of(opened)
        subject = DryRun(live.spec, opened.thread, latents.shape[1])
        shown[image_id] = subject, latents[image_number(image_id)]

    def judge(trial_id: str, image_id: str) -> float | None:
        subject, latent = shown[image_id]
        return subject.score(trial_id, latent)

    return judge
