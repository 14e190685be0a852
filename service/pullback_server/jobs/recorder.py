"""Recorder of jobs: what workers say of them, written down in the order in which it comes, and never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

import grpc
from google.rpc import status_pb2

from pullback_api.v1 import jobs_pb2
from pullback_server.advice import TAKE_LESS_MEMORY
from pullback_server.deadlines import within
from pullback_server.error_texts import unforeseen
from pullback_server.errors import ApiError
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.dependencies import Dependencies
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.progress import progress_in, read_progress
from pullback_server.jobs.queue_shares import QueueShares
from pullback_server.jobs.results import make_result
from pullback_server.jobs.watched import JobWatch
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import Finished, JobFailed, JobMessage, Progressed, Stopped
from pullback_server.store import JobRecord, NotThereError, Store, reads
from pullback_server.supervision import Part
from pullback_server.transactions import StoreUnavailableError, Transactions
from pullback_server.watching.context import about

MAX_CRASHES = 3
RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 4.0

_log = logging.getLogger(__name__)


class Recorder:
    """Writes down what becomes of jobs.

    Everything runs on the event loop but the store's transactions. What a worker says of the end of a job is kept until
    it is written down, however long the disk is full or another program holds the database.

    Attributes:
        suspects: Jobs one of which has killed a worker: each goes on alone, so that the next time it is clear which one
            it was.
        unwritten_ends: Jobs that are cancelled, but not yet on disk: never started again.
    """

    def __init__(
        self,
        store: Store,
        transactions: Transactions,
        broker: EventBroker,
        checkpoints: Checkpoints,
        dependencies: Dependencies,
        shares: QueueShares,
        watch: JobWatch,
        on_room: Callable[[], None],
    ) -> None:
        self._store = store
        self._in_store = transactions.call
        self._broker = broker
        self._checkpoints = checkpoints
        self._dependencies = dependencies
        self._shares = shares
        self._watch = watch
        self._on_room = on_room
        self.suspects: set[str] = set()
        self.unwritten_ends: set[str] = set()
        self._messages: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        # The checkpoints with which jobs were given to a worker: a newer one says that a job has come further.
        self._marks: dict[str, int] = {}
        # Progress that is yet to be written down, by job and phase.
        self._progress: dict[tuple[str, str], Progressed] = {}

    # What is to be written down --------------------------------------------------------------------------------

    def soon(self, record: Callable[[], Awaitable[None]]) -> None:
        """Has something written down after what came before."""
        self._messages.put_nowait(record)

    def requeue(self, job: JobRecord, phase: str) -> None:
        """Has a job put back into the queue; nobody is to blame."""
        self.soon(partial(self._requeue, job, phase, crashed=False))

    def message(self, message: JobMessage) -> None:
        """A worker says something about a job."""
        if isinstance(message, Progressed):
            self._take_progress(message)
        else:
            self.soon(partial(self._record, message))

    def lost(self, jobs: Collection[str], computing: Collection[str], reason: str) -> None:
        """The worker of those jobs died while it was computing some of them.

        A job that was computed alone has killed it. Where several were computed together one of them has, and nobody
        knows which: none is blamed, and each is computed alone from now on. The others had nothing to do with it.
        """
        if len(computing) > 1:
            self.suspects.update(computing)
        for job in jobs:
            self.soon(partial(self._record_loss, job, reason, blamed={job} == set(computing)))

    async def cancel_unwritten(self, job_id: str, error: StoreUnavailableError) -> JobRecord:
        """Cancels a job although that cannot be written down yet: nothing more is computed. Its record says both."""
        job = await self._in_store(self._store.jobs.find, job_id)
        if job is None or job.state.ended:
            raise error
        if job_id not in self.unwritten_ends:
            self.unwritten_ends.add(job_id)
            self.soon(partial(self._record_cancel, job_id))
        return replace(job, progress=progress_in(job, f"cancelled, which is yet to be written down: {error.message}"))

    async def all_written(self, seconds: float) -> bool:
        """Waits until everything is written down, at most so long; whether it is."""
        try:
            await within(seconds, self._messages.join())
        except asyncio.TimeoutError:
            return False
        return True

    def _take_progress(self, message: Progressed) -> None:
        """Has progress written down: of each phase the latest alone, where the store does not keep up."""
        key = message.job, message.phase
        waiting = self._progress.get(key)
        if waiting is None:
            self.soon(partial(self._record_latest, key))
        elif waiting.previews and not message.previews:
            message = replace(message, previews=waiting.previews)
        self._progress[key] = message

    # Writing it down -------------------------------------------------------------------------------------------

    async def run(self, part: Part) -> None:
        """Writes down one thing after another, for ever.

        Args:
            part: Where health sees whether it can.
        """
        while True:
            record = await self._messages.get()
            try:
                await self._insist(record, part)
            finally:
                self._messages.task_done()

    async def _insist(self, record: Callable[[], Awaitable[None]], part: Part) -> None:
        """Writes something down; while the store cannot be written, waits rather than lose it."""
        delay = RETRY_SECONDS
        while True:
            try:
                await record()
            except StoreUnavailableError as error:
                part.unwell(f"{error.message}; trying again")
                await asyncio.sleep(delay)
                delay = min(2 * delay, MAX_RETRY_SECONDS)
                continue
            except NotThereError:
                # The job has ended and was deleted meanwhile: nobody asks what became of it.
                pass
            except Exception:
                # It concerns one job, and must not keep the others waiting; a next server takes that one up again.
                _log.exception("what became of a job cannot be written down")
            part.well()
            return

    async def _record(self, message: JobMessage) -> None:
        with about(job=message.job):
            await self._record_said(message)

    async def _record_said(self, message: JobMessage) -> None:
        match message:
            case Finished(job_id, result):
                await self._record_result(job_id, result)
            case JobFailed(job_id, failure):
                await self.fail(job_id, failure)
            case Stopped(job_id, suspended):
                job = await self._in_store(self._store.jobs.find, job_id)
                if suspended and job is not None:
                    await self._requeue(job, "waiting for the server to come back", crashed=False)

    async def _record_latest(self, key: tuple[str, str]) -> None:
        await self._record_progress(self._progress.pop(key))

    async def _record_progress(self, message: Progressed) -> None:
        progress = jobs_pb2.Progress(phase=message.phase, step=message.step, total=message.total)
        if message.loss is not None:
            progress.loss = message.loss
        try:
            job = await self._in_store(self._store.jobs.record_progress, message.job, progress.SerializeToString())
        except ApiError as error:
            _log.warning("progress of job %s is not kept: %s", message.job, error.message)
            return
        self._broker.publish(job.id, job.last_sequence, message.previews)
        if job.kind == "eigenbasis":
            await self._dependencies.tell(job)

    async def _record_result(self, job_id: str, result: bytes) -> None:
        job = await self._in_store(self._store.jobs.find, job_id)
        if job is None or job.state.ended:
            return
        try:
            job = await self._in_store(self._finish, job, result)
        except StoreUnavailableError as error:
            # The result is kept in memory until it can be written; whoever watches is told.
            progress = read_progress(job)
            waiting = f"waiting to store the result: {error.message}"
            await self._record_progress(Progressed(job_id, waiting, progress.step, progress.total))
            raise
        except Exception as error:
            message = f"what the worker made cannot be stored: {unforeseen()}"
            _log.error("job %s: %s", job_id, message, exc_info=error)
            await self.fail(job_id, Failure(grpc.StatusCode.INTERNAL.value[0], message))
            return
        self.ended(job)

    def _finish(self, job: JobRecord, made: bytes) -> JobRecord:
        """Runs in the store's thread."""
        progress = read_progress(job)
        progress.phase, progress.step = "done", progress.total
        return self._store.jobs.finish(make_result(job, made, self._store.blobs), progress.SerializeToString())

    async def _record_cancel(self, job_id: str) -> None:
        job = await self._in_store(self._store.jobs.cancel, job_id)
        self.unwritten_ends.discard(job_id)
        self.ended(job)

    async def _record_loss(self, job_id: str, reason: str, *, blamed: bool) -> None:
        job = await self._in_store(self._store.jobs.find, job_id)
        if job is None or job.state.ended:
            return
        # Deaths between which it came further are others' doing: the system's, an administrator's, a neighbour's.
        progressed = await self._in_store(self._mark, job_id) != self._marks.get(job_id)
        if not blamed or progressed or job.crashes + 1 < MAX_CRASHES:
            phase = f"waiting to go on; its worker died ({reason})"
            await self._requeue(job, phase, crashed=blamed, progressed=progressed)
            return
        message = (
            f"the worker process died {MAX_CRASHES} times at this job, which came no further in between, the last time "
            f"{reason}; {TAKE_LESS_MEMORY}"
        )
        await self.fail(job_id, Failure(grpc.StatusCode.INTERNAL.value[0], message))

    async def _requeue(self, job: JobRecord, phase: str, *, crashed: bool, progressed: bool = False) -> None:
        progress = progress_in(job, phase)
        job = await self._in_store(
            self._store.jobs.requeue, job.id, progress=progress, crashed=crashed, progressed=progressed
        )
        self._shares.requeued(job.id)
        self._watch.requeued(job)
        self._broker.publish(job.id, job.last_sequence)
        self._on_room()

    async def fail(self, job_id: str, failure: Failure) -> None:
        """Writes down that a job has failed."""
        status = status_pb2.Status(code=failure.code, message=failure.message)
        self.ended(await self._in_store(self._store.jobs.fail, job_id, status.SerializeToString()))

    def ended(self, job: JobRecord) -> None:
        """Lets go of all that was kept of a job that has ended, and tells those who wait for it."""
        if job.state.ended:
            self._watch.ended(job)
            self.soon(partial(self._dependencies.settle, job))
            self.suspects.discard(job.id)
            self._shares.ended(job.id)
            self._marks.pop(job.id, None)
            self._broker.publish(job.id, job.last_sequence, ended=True)
            self._checkpoints.discard(job.id)

    def given(self, job_id: str) -> None:
        """Notes how far a job has come that a worker is given. It may wait for a disk, so a thread does it."""
        self._marks[job_id] = self._mark(job_id)

    @reads
    def _mark(self, job_id: str) -> int:
        """Tells checkpoints of a job apart; 0 where it has none. It may wait for a disk, so a thread does it."""
        try:
            return self._checkpoints.path(job_id).stat().st_mtime_ns
        except OSError:
            return 0
