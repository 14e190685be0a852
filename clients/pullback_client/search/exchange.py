"""Exchange of trials with a session: asking for them, and telling what became of them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import NamedTuple

import grpc

from pullback_api.v1 import search_pb2
from pullback_client.errors import FailedPreconditionError, InternalError, InvalidArgumentError
from pullback_client.search import asker, waits
from pullback_client.search.batch import Batch, Trial
from pullback_client.search.records import SessionState, SessionStatus, ThreadStatus
from pullback_client.search.results import ScoreInput, Scores, Told, reports
from pullback_client.search.view import SessionView
from pullback_client.wire import interruption
from pullback_client.wire.times import duration
from pullback_client.wire.transport import Transport

_WAIT = 3.0  # of one Ask for something to show; the server allows 3.5
LEAST_PAUSE = 0.01
"""Seconds between two questions for something that is not there yet."""
_PAUSED = 1.0  # seconds between two Asks while the session is paused


class TellOutcome(NamedTuple):
    """What a tell did.

    Attributes:
        recorded: Results that were new.
        repeated: Results that were known already, and count once.
        late: Results that came after their generation was closed: kept, exported, and not used.
        threads: The session's threads afterwards.
    """

    recorded: int
    repeated: int
    late: int
    threads: tuple[ThreadStatus, ...]


class TrialExchange(SessionView):
    """A session as trials are asked of it and told to it.

    Args:
        transport: Of the client.
        message: The session as the server described it.
        sleep: Waits so many seconds.
        clock: Seconds that only rise.
        client_name: Who asks; None = `user@host/script`: see `Client.get_session`.
        attached: Whether the session was there before: trials under the client's name are taken back then before the
            first is asked for.
    """

    def __init__(
        self,
        transport: Transport,
        message: search_pb2.Session,
        sleep: Callable[[float], None] = interruption.sleep,
        clock: Callable[[], float] = time.monotonic,
        *,
        client_name: str | None = None,
        attached: bool = False,
    ) -> None:
        super().__init__(transport, message)
        self._sleep = sleep
        self._clock = clock
        self._given_name = asker.checked_name(client_name)
        self._attached = attached
        self._attaching = threading.Lock()

    @property
    def client_name(self) -> str:
        """The name under which trials are asked for."""
        return asker.this_process().name if self._given_name is None else self._given_name

    # Asking

    def ask(
        self,
        count: int | None = None,
        *,
        threads: Iterable[int] = (),
        images: bool = False,
        wait: float = 0.0,
        request_id: str | None = None,
    ) -> Batch:
        """Trials to show, or none: then `retry_after` says when to ask again, or `finished` that there will be none.

        Args:
            count: How many at most, 1 to 1000; None = all that the open generations need.
            threads: Only of these; empty = all.
            images: Whether the images come along; only trials whose image is finished are given then. Otherwise each
                is fetched when it is looked at.
            wait: Seconds that the server waits at most while there is nothing to show, up to 3.5.
            request_id: A name of at most 64 characters: the same again gives the same trials. None = a new one.

        Raises:
            FailedPreconditionError: The session is paused or closed.
        """
        self._attach()
        request = search_pb2.AskRequest(
            session=self.name,
            client=self.client_name,
            request_id=request_id or uuid.uuid4().hex,
            count=_count(count),
            threads=threads,
            include_images=images,
            wait=duration(wait),
        )
        answer = self._link.call(self._link.search.Ask, request)
        return Batch(
            [Trial.from_wire(trial, self._link.file) for trial in answer.trials],
            retry_after=answer.retry_after_ms / 1000,
            more=answer.more,
            finished=answer.finished,
        )

    def reclaim(self, client: str | None = None, *, all_clients: bool = False) -> tuple[str, ...]:
        """Takes back trials that were asked and not told, such as those of a script that crashed: they come again.

        A program that attaches with `Client.get_session` takes back by itself, before it asks for the first, what an
        earlier one of its name left behind. A trial that is told all the same counts as one told after its lease.

        Args:
            client: Whose; None = this client's own. `SessionStatus.pending` tells who has trials.
            all_clients: Everybody's, also those of programs that are showing them right now.

        Returns:
            The ids of the trials.

        Raises:
            InvalidArgumentError: Both a client and all of them.
        """
        if all_clients and client is not None:
            raise InvalidArgumentError("name a client, or say all_clients=True, not both")
        name = self.client_name if client is None else asker.checked_name(client)
        request = search_pb2.ReclaimTrialsRequest(
            session=self.name,
            request_id=uuid.uuid4().hex,
            client="" if all_clients else name,
            all_clients=all_clients,
        )
        return tuple(self._link.call(self._link.search.ReclaimTrials, request).trial_ids)

    def _attach(self) -> None:
        """Before the first ask: takes back what an earlier program of this name left behind."""
        with self._attaching:
            if self._given_name is None:
                process = asker.this_process()
                # A name of this process alone was a dead one's before; what the process itself asked for is not meant.
                due = process.begins(self.name) and process.alone and self._attached
            else:
                due = self._attached
            if due:
                try:
                    self.reclaim()
                except InternalError as error:
                    # A server of an earlier version: its leases end by themselves.
                    if error.code is not grpc.StatusCode.UNIMPLEMENTED:
                        raise
            self._attached = False

    def next_batch(
        self,
        count: int | None = None,
        *,
        threads: Iterable[int] = (),
        images: bool = False,
        request_id: str | None = None,
        while_paused: Callable[[SessionStatus], None] = lambda status: None,
        while_leased: Callable[[str], None] = waits.warn,
        raise_failed: bool = True,
    ) -> Batch | None:
        """`ask`, waiting until there is something to show; None once there will be no more of these threads.

        A paused session is waited for until somebody resumes it. Trials that were asked for and not told, such as those
        of a program that crashed, are waited for until their lease ends, or `end_generation`.

        Args:
            count: As for `ask`.
            threads: As for `ask`.
            images: As for `ask`.
            request_id: As for `ask`.
            while_paused: Called about once a second while the session is paused, with where it stands.
            while_leased: Called once, after 5 s in which only trials of others were waited for, with a sentence that
                says so, and where the server has paused the session, with its reason; default a UserWarning.
            raise_failed: Whether the error of a thread that cannot go on is raised once nothing else is left to show.
                Otherwise there is None then, and the status says why.

        Raises:
            ClientError: One of these threads cannot go on, and the others have ended: its error, whatever it is.
        """
        wanted = tuple(threads)
        resumed = False
        reasons: set[str] = set()
        notice = waits.Notice(self._clock, while_leased)
        lease = self._message.spec.lease.ToTimedelta()
        while True:
            try:
                wait = 0.0 if notice.doubtful else _WAIT
                batch = self.ask(count, threads=wanted, images=images, wait=wait, request_id=request_id)
            except FailedPreconditionError:
                status = self.status()
                match status.state:
                    case SessionState.CLOSED:
                        break
                    case SessionState.PAUSED:
                        resumed = False
                        waits.say_why_paused(status, reasons, while_leased)
                        while_paused(status)
                        self._sleep(_PAUSED)
                        notice.begin()
                        continue
                    case SessionState.ACTIVE if status.ended(wanted):
                        # Threads that only a server of another version can go on with are refused, not finished.
                        break
                    case SessionState.ACTIVE if not resumed:
                        # Somebody resumed it between the two calls.
                        resumed = True
                        continue
                    case _:
                        raise
            resumed = False
            if batch:
                return batch
            if batch.finished:
                status = self.status()
                break
            notice.nothing(batch.more, lambda: waits.leases(self.status(), lease, wanted))
            if not notice.doubtful:
                self._sleep(max(batch.retry_after, LEAST_PAUSE))
        # There will be no more.
        if raise_failed and (failure := status.failure(wanted)) is not None:
            raise failure
        return None

    # Telling

    def tell(
        self,
        told: Told,
        scores: Scores | ScoreInput = None,
        *,
        end_generation: Iterable[int] = (),
    ) -> TellOutcome:
        """Records what became of trials: all of it or nothing, on the server's disk when this returns.

        Results may come in any order, in parts, late and repeatedly; one that is known already counts once.

        Args:
            told: The trials of a batch, or one trial, with `scores`; or results, without.
            scores: One per trial in the batch's order, shape (n,) or (n, channels), or a mapping by trial or image id
                that may leave some out. None and NaN = shown, without a usable score; never a bad score.
            end_generation: Threads for whose open generation no more scores will come.

        Raises:
            InvalidArgumentError: An unknown trial, an infinite score, or not as many scores as trials.
            AlreadyExistsError: A trial was told before with other content; nothing is recorded.
        """
        request = search_pb2.TellRequest(
            session=self.name, trials=reports(told, scores), end_generation=[int(thread) for thread in end_generation]
        )
        answer = self._link.call(self._link.search.Tell, request)
        threads = tuple(ThreadStatus.from_wire(thread) for thread in answer.threads)
        return TellOutcome(answer.recorded, answer.repeated_reports, answer.late, threads)

    def end_generation(self, *threads: int) -> TellOutcome:
        """Says that no more scores will come for the open generation of these threads; none named = all.

        Images without a score are treated by the session's policy now. Where too few have one, the generation stays
        open, and they are shown again.
        """
        return self.tell([], end_generation=threads or range(len(self._message.threads)))


def _count(count: int | None) -> int:
    # 0 asks for all on the wire, so a 0 that somebody wrote must not get there.
    if count is not None and count < 1:
        raise InvalidArgumentError(f"count must be from 1 to 1000, got {count}; leave it out for all")
    return count or 0
