"""Scheduler of jobs: from the queue to a worker, and from the worker to the store."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import ParamSpec, TypeVar

import grpc

from pullback_server.access import Keys
from pullback_server.access.usage import Usage
from pullback_server.advice import ASK_AGAIN
from pullback_server.error_texts import unforeseen
from pullback_server.errors import ApiError, failed_precondition
from pullback_server.executor import Executor
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.dependencies import Dependencies
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.queue_shares import Queued, QueueShares
from pullback_server.jobs.recorder import Recorder
from pullback_server.jobs.sharing import Sharing
from pullback_server.jobs.store_probe import probe_store
from pullback_server.jobs.watched import JobWatch
from pullback_server.names import job_name
from pullback_server.protocol.batching import Load, place
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import JobMessage, StartJob, Worked
from pullback_server.store import JobRecord, JobState, NotThereError, Store, reads
from pullback_server.supervision import Health, supervised
from pullback_server.transactions import StoreUnavailableError, Transactions
from pullback_server.watching.context import about
from pullback_server.watching.metrics import Metrics
from pullback_server.watching.options import DRAIN_SECONDS
from pullback_server.watching.spans import Tracing

RETRY_SECONDS = 1.0
# Of `DRAIN_SECONDS`, and in proportion of less.
SUSPEND_SECONDS = 20.0
WRITTEN_SECONDS = 5.0
_LOOK_SECONDS = 0.05
# How often the time of devices is written down while jobs run, and looked whether a day has begun.
COUNT_SECONDS, DAY_SECONDS = 10.0, 60.0

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class Scheduler:
    """Gives queued jobs to the workers that have room for them, and has what becomes of them written down.

    Everything runs on the event loop but the store's transactions.

    Args:
        store: Keeps them.
        executor: Computes them.
        broker: Tells of them.
        checkpoints: Where they go on from.
        health: Sees whether all this goes on.
        keys: Know what jobs each may have; None for no keys.

    Attributes:
        usage: What each key uses.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        broker: EventBroker,
        checkpoints: Checkpoints,
        health: Health,
        watch: JobWatch | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.usage = Usage(store, self.in_store, keys or Keys())
        self._health = health
        self._store = store
        self._executor = executor
        self._broker = broker
        self._checkpoints = checkpoints
        self._transactions = Transactions()
        self._wake = asyncio.Event()
        self.dependencies = Dependencies(store, self._transactions, broker, self._end_elsewhere, self.on_room)
        self.shares = QueueShares()
        self._watch = watch or JobWatch(Metrics(), Tracing())
        self._recorder = Recorder(
            store, self._transactions, broker, checkpoints, self.dependencies, self.shares, self._watch, self.on_room
        )
        self._sharing = Sharing(executor, self.on_room)
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False
        self._counted = 0.0

    async def in_store(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a method of the store off the event loop: see `Transactions.call`."""
        return await self._transactions.call(method, *args, **kwargs)

    async def start(self) -> None:
        """Takes up what an earlier server left unfinished, and starts the workers."""
        await self.in_store(self._checkpoints.sweep, self._state)
        await self.usage.start()
        owners = await self.in_store(self._store.jobs.owners)
        for job_id, client in owners.items():
            self.shares.came(job_id, client)
        for job in await self.in_store(self._store.jobs.queued):
            self._watch.came(job)
        for job in await self.in_store(self._store.waiting.all):
            self._watch.came(job)
            if job.needs is not None:
                self.shares.wanted(job.needs, owners.get(job.id, ""), job.created)
        for job in await self.in_store(self._store.jobs.interrupted):
            self._watch.came(job)
            with about(job=job.id):
                _log.warning("job %s was interrupted; it goes on from its last checkpoint", job.id)
            # Written as soon as it can be: a server whose disk is full answers meanwhile.
            self._recorder.requeue(job, "waiting to go on after a restart of the server")
        self._recorder.soon(self.dependencies.resume)
        self._executor.start(self)
        for name, make in (
            ("dispatcher", self._dispatch_forever),
            ("recorder", partial(self._recorder.run, self._health.part("recorder"))),
            ("store", partial(probe_store, self._store, self._transactions, self._health.part("store"))),
        ):
            self._tasks.append(supervised(name, make, self._health))
        self._wake.set()

    def _state(self, job_id: str) -> JobState | None:
        job = self._store.jobs.find(job_id)
        return None if job is None else job.state

    async def drain(self, seconds: float) -> None:
        """Starts no more jobs; those that run stop at a checkpoint and go back to the queue, for the next server.

        Args:
            seconds: How long the server may take to its end; of what it does not need for that, jobs may have the rest
                to end by themselves.
        """
        self._draining = True
        deadline = asyncio.get_running_loop().time() + seconds - DRAIN_SECONDS
        while self._watch.running and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        share = min(1.0, seconds / DRAIN_SECONDS)
        await self._executor.suspend(SUSPEND_SECONDS * share)
        with contextlib.suppress(StoreUnavailableError):
            await self._count()
        if not await self._recorder.all_written(WRITTEN_SECONDS * share):
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
        self._watch.came(job)
        with about(job=job.id):
            _log.info("job %s is taken in: %s", job.id, job.kind)
        self._broker.publish(job.id, job.last_sequence)
        self._wake.set()

    async def cancel(self, job_id: str) -> JobRecord:
        """Cancels a job at once; a worker that is at it stops before its next step."""
        try:
            job = await self.in_store(self._store.jobs.cancel, job_id)
        except StoreUnavailableError as error:
            job = await self._recorder.cancel_unwritten(job_id, error)
            self._executor.cancel(job_id)
            return job
        self._end_elsewhere(job)
        return job

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
                if not self._draining:
                    self._sharing.offer()
                self._health.part("dispatcher").well()
            except Exception as error:
                # Whatever it is, jobs that come later must not wait for ever.
                why = error.message if isinstance(error, ApiError) else unforeseen()
                if not isinstance(error, ApiError):
                    _log.error("no job can be started: %s", why, exc_info=error)
                self._health.part("dispatcher").unwell(f"no job can be started: {why}")
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._wake.set)

    async def _dispatch(self) -> bool:
        """Starts every queued job for which some worker has room; false where there is none."""
        await self._count()
        queued = [
            job for job in await self.in_store(self._store.jobs.queued) if job.id not in self._recorder.unwritten_ends
        ]
        turns = self.shares.in_turn([Queued(job.id, job.created) for job in queued])
        queued = self._allowed([queued[number] for number in turns])
        placed = place([Load(job.batch, job.rows) for job in queued], self._executor.loads())
        for number, worker in placed:
            if self._draining:
                return False  # it began while jobs were looked for
            with about(job=queued[number].id):
                await self._start(queued[number], worker)
        return bool(placed)

    async def _count(self) -> None:
        """Has it written down how long jobs of keys had devices."""
        self._counted = asyncio.get_running_loop().time()
        for key, seconds in self.shares.clock.taken().items():
            await self.usage.add(key, seconds)

    def _allowed(self, queued: list[JobRecord]) -> list[JobRecord]:
        """Those of these jobs, in their order, that their keys may have run beside those that do."""
        allowed, more, waits = [], Counter[str](), False
        for job in queued:
            # What is everybody's does not wait for the one who asked first.
            if job.owner and not self.shares.is_wanted(job.id):
                if not self.usage.has_day_left(job.owner):
                    waits = True
                    continue
                if not self.usage.may_run(job.owner, self.shares.running(f"key {job.owner}") + more[job.owner]):
                    continue
                more[job.owner] += 1
            allowed.append(job)
        if waits:
            asyncio.get_running_loop().call_later(DAY_SECONDS, self._wake.set)
        return allowed

    async def _start(self, job: JobRecord, worker: int) -> None:
        """Gives a queued job to the worker of that number."""
        try:
            start = await self.in_store(self._make_start, job)
        except StoreUnavailableError:
            raise
        except ApiError as error:
            # Its input is gone or damaged: waiting does not help.
            message = f"the job cannot be started: {error.message}"
            await self._recorder.fail(job.id, Failure(error.code.value[0], message))
            return
        except Exception as error:
            # Others must not wait for it.
            message = f"the job cannot be started: {unforeseen()}"
            _log.error("job %s: %s", job.id, message, exc_info=error)
            await self._recorder.fail(job.id, Failure(grpc.StatusCode.INTERNAL.value[0], message))
            return
        try:
            job = await self.in_store(self._store.jobs.start, job.id)
        except NotThereError:
            # It was cancelled and deleted while its input was read.
            return
        if job.state != JobState.RUNNING:
            # It was cancelled while its input was read.
            return
        self.shares.started(job.id)
        self.shares.clock.began(job.id, job.owner, worker)
        start = replace(start, trace=self._watch.started(job))
        self._broker.publish(job.id, job.last_sequence)
        if job.id in self._recorder.unwritten_ends or not self._executor.assign(start, worker):
            # The worker died meanwhile.
            self._recorder.requeue(job, "waiting for a worker")
        else:
            self._sharing.began(start)

    @reads
    def _make_start(self, job: JobRecord) -> StartJob:
        """Everything that the worker needs for a job. Runs in one of the store's threads."""
        basis = None if job.uses is None else self._store.results.find(job.uses)
        if job.uses is not None and basis is None:
            raise failed_precondition(f"{job.uses} is not there any more; {ASK_AGAIN}")
        self._recorder.given(job.id)
        return StartJob(
            job=job.id,
            kind=job.kind,
            load=Load(job.batch, job.rows),
            alone=job.id in self._recorder.suspects,
            work=job.work,
            payload=None if job.payload is None else self._store.blobs.file(job.payload, job_name(job.id)),
            eigenbasis=None if basis is None else self._store.results.file(basis),
            checkpoint=str(self._checkpoints.path(job.id)),
        )

    # From the worker to the store ------------------------------------------------------------------------------

    def on_room(self) -> None:
        """A worker may be able to take a job."""
        self._wake.set()

    def on_job_message(self, message: JobMessage) -> None:
        """A worker says something about a job."""
        if asyncio.get_running_loop().time() >= self._counted + COUNT_SECONDS:
            # Long jobs are not to have devices for longer than their keys may.
            self._wake.set()
        if isinstance(message, Worked):
            self._watch.worked(message)
        elif not self._sharing.heard(message):
            self._recorder.message(message)

    def on_jobs_lost(self, jobs: Collection[str], computing: Collection[str], reason: str) -> None:
        """The worker of those jobs died while it was computing some of them."""
        parts = self._sharing.lost(jobs)
        jobs, computing = ([job for job in each if job not in parts] for each in (jobs, computing))
        self._recorder.lost(jobs, computing, reason)

    def _end_elsewhere(self, job: JobRecord) -> None:
        """A job has ended otherwise than by its worker, which may be at it."""
        self._executor.cancel(job.id)
        self._recorder.ended(job)
