"""From the queue to a worker, and from the worker to the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

import grpc
from google.rpc import status_pb2

from pullback_api.v1 import jobs_pb2
from pullback_server.advice import TAKE_LESS_MEMORY
from pullback_server.batching import Load, place
from pullback_server.checkpoints import Checkpoints
from pullback_server.errors import ApiError, failed_precondition
from pullback_server.events import EventBroker
from pullback_server.executor import Executor
from pullback_server.queue_shares import Queued, QueueShares
from pullback_server.results import make_result
from pullback_server.store import JobRecord, JobState, Store, reads
from pullback_server.supervision import Health, supervised
from pullback_server.transactions import StoreUnavailableError, Transactions
from pullback_server.worker.messages import Failure, Finished, JobFailed, JobMessage, Progressed, StartJob, Stopped

MAX_CRASHES = 3
RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 8.0
SUSPEND_SECONDS = 20.0
DRAIN_SECONDS = 5.0
# How often the store is asked whether it is there, and how long its answer may take.
PROBE_SECONDS, ANSWER_SECONDS = 1.0, 3.0

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class Scheduler:
    """Gives queued jobs to the workers that have room for them, and writes down what becomes of them.

    Everything runs on the event loop but the store's transactions. What a worker says of the end of a job is kept until
    it is written down, however long the disk is full or another program holds the database.
    """

    def __init__(
        self, store: Store, executor: Executor, broker: EventBroker, checkpoints: Checkpoints, health: Health
    ) -> None:
        self._health = health
        self._store = store
        self._executor = executor
        self._broker = broker
        self._checkpoints = checkpoints
        self._transactions = Transactions()
        self.shares = QueueShares()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        # Messages of workers are written down in the order in which they come.
        self._messages: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        # Jobs one of which has killed a worker: each goes on alone, so that the next time it is clear which one it was.
        self._suspects: set[str] = set()
        # The checkpoints with which jobs were given to a worker: a newer one says that a job has come further.
        self._marks: dict[str, int] = {}
        # Cancelled, but not yet on disk: never started again.
        self._unwritten_ends: set[str] = set()
        # Progress that is yet to be written down, by job and phase.
        self._progress: dict[tuple[str, str], Progressed] = {}
        self._draining = False

    async def in_store(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a method of the store off the event loop: see `Transactions.call`."""
        return await self._transactions.call(method, *args, **kwargs)

    async def start(self) -> None:
        """Takes up what an earlier server left unfinished, and starts the workers."""
        await self.in_store(self._checkpoints.sweep, self._state)
        for job in await self.in_store(self._store.interrupted):
            _log.warning("job %s was interrupted; it goes on from its last checkpoint", job.id)
            # Written as soon as it can be: a server whose disk is full answers meanwhile.
            phase = "waiting to go on after a restart of the server"
            self._messages.put_nowait(partial(self._requeue, job, phase, crashed=False))
        self._executor.start(self)
        for name, make in (
            ("dispatcher", self._dispatch_forever),
            ("recorder", self._record_forever),
            ("store", self._probe_forever),
        ):
            self._tasks.append(supervised(name, make, self._health))
        self._wake.set()

    def _state(self, job_id: str) -> JobState | None:
        job = self._store.job(job_id)
        return None if job is None else job.state

    async def drain(self) -> None:
        """Has running jobs stop at a checkpoint and go back to the queue, where the next server finds them."""
        self._draining = True
        await self._executor.suspend(SUSPEND_SECONDS)
        try:
            await asyncio.wait_for(self._messages.join(), DRAIN_SECONDS)
        except asyncio.TimeoutError:
            # The disk is full. Those jobs stay RUNNING in the store, so that the next server takes them up.
            _log.error("what became of some jobs could not be written down; they go on from their checkpoints")

    async def stop(self) -> None:
        """Ends the workers and this scheduler's own tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._executor.stop()
        await self._transactions.close()

    def submitted(self, job: JobRecord) -> None:
        """Says that a new job is in the store."""
        self._broker.publish(job.id, job.last_sequence)
        self._wake.set()

    async def cancel(self, job_id: str) -> JobRecord:
        """Cancels a job at once; a worker that is at it stops before its next step."""
        try:
            job = await self.in_store(self._store.cancel_job, job_id)
        except StoreUnavailableError as error:
            return await self._cancel_unwritten(job_id, error)
        self._executor.cancel(job_id)
        self._ended(job)
        return job

    async def _cancel_unwritten(self, job_id: str, error: StoreUnavailableError) -> JobRecord:
        """Cancels a job although that cannot be written down yet: nothing more is computed. Its record says both."""
        job = await self.in_store(self._store.job, job_id)
        if job is None or job.state.ended:
            raise error
        if job_id not in self._unwritten_ends:
            self._unwritten_ends.add(job_id)
            self._messages.put_nowait(partial(self._record_cancel, job_id))
        self._executor.cancel(job_id)
        return replace(job, progress=_progress(job, f"cancelled, which is yet to be written down: {error.message}"))

    # From the queue to a worker --------------------------------------------------------------------------------

    async def _dispatch_forever(self) -> None:
        # One that ended before it had looked begins with a look.
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while not self._draining and await self._dispatch():
                    pass
                self._health.part("dispatcher").well()
            except Exception as error:
                # Whatever it is, jobs that come later must not wait for ever.
                if not isinstance(error, ApiError):
                    _log.exception("no job can be started")
                why = error.message if isinstance(error, ApiError) else "see the server's log"
                self._health.part("dispatcher").unwell(f"no job can be started: {why}")
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._wake.set)

    async def _dispatch(self) -> bool:
        """Starts every queued job for which some worker has room; false where there is none."""
        queued = [job for job in await self.in_store(self._store.queued) if job.id not in self._unwritten_ends]
        turns = self.shares.in_turn([Queued(job.id, job.created) for job in queued])
        queued = [queued[number] for number in turns]
        placed = place([Load(job.batch, job.rows) for job in queued], self._executor.loads())
        for number, worker in placed:
            await self._start(queued[number], worker)
        return bool(placed)

    async def _start(self, job: JobRecord, worker: int) -> None:
        """Gives a queued job to the worker of that number."""
        try:
            start = await self.in_store(self._make_start, job)
        except StoreUnavailableError:
            raise
        except ApiError as error:
            # Its input is gone or damaged: waiting does not help.
            await self._fail(job.id, Failure(error.code.value[0], f"the job cannot be started: {error.message}"))
            return
        job = await self.in_store(self._store.start_job, job.id)
        if job.state != JobState.RUNNING:
            # It was cancelled while its input was read.
            return
        self.shares.started(job.id)
        self._broker.publish(job.id, job.last_sequence)
        if job.id in self._unwritten_ends or not self._executor.assign(start, worker):
            # The worker died meanwhile.
            self._messages.put_nowait(partial(self._requeue, job, "waiting for a worker", crashed=False))

    @reads
    def _make_start(self, job: JobRecord) -> StartJob:
        """Everything that the worker needs for a job. Runs in one of the store's threads."""
        basis = None if job.uses is None else self._store.result(job.uses)
        if job.uses is not None and basis is None:
            raise failed_precondition(f"{job.uses} is not there any more")
        self._marks[job.id] = self._mark(job.id)
        return StartJob(
            job=job.id,
            kind=job.kind,
            load=Load(job.batch, job.rows),
            alone=job.id in self._suspects,
            work=job.work,
            payload=b"" if job.payload is None else self._store.blobs.read(job.payload),
            eigenbasis=b"" if basis is None else self._store.blobs.read(basis.content),
            checkpoint=str(self._checkpoints.path(job.id)),
        )

    # From the worker to the store ------------------------------------------------------------------------------

    def on_room(self) -> None:
        """A worker may be able to take a job."""
        self._wake.set()

    def on_job_message(self, message: JobMessage) -> None:
        """A worker says something about a job."""
        if isinstance(message, Progressed):
            self._on_progress(message)
        else:
            self._messages.put_nowait(lambda: self._record(message))

    def _on_progress(self, message: Progressed) -> None:
        """Has progress written down: of each phase the latest alone, where the store does not keep up."""
        key = message.job, message.phase
        waiting = self._progress.get(key)
        if waiting is None:
            self._messages.put_nowait(partial(self._record_latest, key))
        elif waiting.previews and not message.previews:
            message = replace(message, previews=waiting.previews)
        self._progress[key] = message

    async def _record_latest(self, key: tuple[str, str]) -> None:
        await self._record_progress(self._progress.pop(key))

    def on_jobs_lost(self, jobs: Collection[str], computing: Collection[str], reason: str) -> None:
        """The worker of those jobs died while it was computing some of them.

        A job that was computed alone has killed it. Where several were computed together one of them has, and nobody
        knows which: none is blamed, and each is computed alone from now on. The others had nothing to do with it.
        """
        if len(computing) > 1:
            self._suspects.update(computing)
        for job in jobs:
            self._messages.put_nowait(partial(self._record_loss, job, reason, blamed={job} == set(computing)))

    async def _record_forever(self) -> None:
        while True:
            record = await self._messages.get()
            try:
                await self._insist(record)
            finally:
                self._messages.task_done()

    async def _insist(self, record: Callable[[], Awaitable[None]]) -> None:
        """Writes something down; while the store cannot be written, waits rather than lose it."""
        recorder, delay = self._health.part("recorder"), RETRY_SECONDS
        while True:
            try:
                await record()
            except StoreUnavailableError as error:
                recorder.unwell(f"{error.message}; trying again")
                await asyncio.sleep(delay)
                delay = min(2 * delay, MAX_RETRY_SECONDS)
                continue
            except Exception:
                # It concerns one job, and must not keep the others waiting; a next server takes that one up again.
                _log.exception("what became of a job cannot be written down")
            recorder.well()
            return

    async def _probe_forever(self) -> None:
        """Finds out whether the store still answers, and can be written."""
        part = self._health.part("store")
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                await asyncio.wait_for(self.in_store(self._store.queue_length), ANSWER_SECONDS)
                await asyncio.wait_for(
                    self.in_store(self._store.probe, write=bool(self._transactions.trouble)), 2 * ANSWER_SECONDS
                )
            except asyncio.TimeoutError:
                part.unwell(self._transactions.trouble or f"it has not answered for {ANSWER_SECONDS:.0f} s")
            except ApiError as error:
                part.unwell(error.message)
            except Exception as error:
                part.unwell(type(error).__name__)
            else:
                part.well()

    async def _record(self, message: JobMessage) -> None:
        match message:
            case Finished(job_id, result):
                await self._record_result(job_id, result)
            case JobFailed(job_id, failure):
                await self._fail(job_id, failure)
            case Stopped(job_id, suspended):
                job = await self.in_store(self._store.job, job_id)
                if suspended and job is not None:
                    await self._requeue(job, "waiting for the server to come back", crashed=False)

    async def _record_progress(self, message: Progressed) -> None:
        progress = jobs_pb2.Progress(phase=message.phase, step=message.step, total=message.total)
        if message.loss is not None:
            progress.loss = message.loss
        try:
            job = await self.in_store(self._store.record_progress, message.job, progress.SerializeToString())
        except ApiError as error:
            _log.warning("progress of job %s is not kept: %s", message.job, error.message)
            return
        self._broker.publish(job.id, job.last_sequence, message.previews)

    async def _record_result(self, job_id: str, result: bytes) -> None:
        job = await self.in_store(self._store.job, job_id)
        if job is None or job.state.ended:
            return
        try:
            job = await self.in_store(self._finish, job, result)
        except StoreUnavailableError as error:
            # The result is kept in memory until it can be written; whoever watches is told.
            progress = jobs_pb2.Progress.FromString(job.progress)
            waiting = f"waiting to store the result: {error.message}"
            await self._record_progress(Progressed(job_id, waiting, progress.step, progress.total))
            raise
        except Exception:
            _log.exception("the result of job %s cannot be stored", job_id)
            message = "what the worker made cannot be stored; the server's log says why"
            await self._fail(job_id, Failure(grpc.StatusCode.INTERNAL.value[0], message))
            return
        self._ended(job)

    def _finish(self, job: JobRecord, made: bytes) -> JobRecord:
        """Runs in the store's thread."""
        progress = jobs_pb2.Progress.FromString(job.progress)
        progress.phase, progress.step = "done", progress.total
        return self._store.finish_job(make_result(job, made, self._store.blobs), progress.SerializeToString())

    async def _record_cancel(self, job_id: str) -> None:
        job = await self.in_store(self._store.cancel_job, job_id)
        self._unwritten_ends.discard(job_id)
        self._ended(job)

    async def _record_loss(self, job_id: str, reason: str, *, blamed: bool) -> None:
        job = await self.in_store(self._store.job, job_id)
        if job is None or job.state.ended:
            return
        # Deaths between which it came further are others' doing: the system's, an administrator's, a neighbour's.
        progressed = await self.in_store(self._mark, job_id) != self._marks.get(job_id)
        if not blamed or progressed or job.crashes + 1 < MAX_CRASHES:
            phase = f"waiting to go on; its worker died ({reason})"
            await self._requeue(job, phase, crashed=blamed, progressed=progressed)
            return
        message = (
            f"the worker process died {MAX_CRASHES} times at this job, which came no further in between, the last time "
            f"{reason}; {TAKE_LESS_MEMORY}"
        )
        await self._fail(job_id, Failure(grpc.StatusCode.INTERNAL.value[0], message))

    async def _requeue(self, job: JobRecord, phase: str, *, crashed: bool, progressed: bool = False) -> None:
        progress = _progress(job, phase)
        job = await self.in_store(
            self._store.requeue, job.id, progress=progress, crashed=crashed, progressed=progressed
        )
        self.shares.requeued(job.id)
        self._broker.publish(job.id, job.last_sequence)
        self._wake.set()

    async def _fail(self, job_id: str, failure: Failure) -> None:
        status = status_pb2.Status(code=failure.code, message=failure.message)
        self._ended(await self.in_store(self._store.fail_job, job_id, status.SerializeToString()))

    def _ended(self, job: JobRecord) -> None:
        if job.state.ended:
            self._suspects.discard(job.id)
            self.shares.ended(job.id)
            self._marks.pop(job.id, None)
            self._broker.publish(job.id, job.last_sequence, ended=True)
            self._checkpoints.discard(job.id)

    @reads
    def _mark(self, job_id: str) -> int:
        """Tells checkpoints of a job apart; 0 where it has none. It may wait for a disk, so a thread does it."""
        try:
            return self._checkpoints.path(job_id).stat().st_mtime_ns
        except OSError:
            return 0


def _progress(job: JobRecord, phase: str) -> bytes:
    """The job's progress, in another phase."""
    progress = jobs_pb2.Progress.FromString(job.progress)
    progress.phase = phase
    return progress.SerializeToString()
