"""Jobs in the store against a model of a few lines, whatever happens to them in whatever order."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from pullback_server.store import JobState, RequestConflictError, ResultRecord, Store

PAYLOADS = st.sampled_from([None, b"one", b"two"])
PROGRESS = st.binary(min_size=1, max_size=3)
UNFINISHED = {JobState.QUEUED, JobState.RUNNING}


@dataclass
class Job:
    """What a job should be."""

    request_id: str | None
    payload: bytes | None
    progress: bytes
    state: JobState = JobState.QUEUED
    attempts: int = 0
    crashes: int = 0
    sequence: int = 1
    needs: str | None = None
    provided: bool = False
    # Sequence, state, progress, and whether the event may be dropped at the end.
    events: list[tuple[int, JobState, bytes, bool]] = field(default_factory=list)

    def happens(self, *, transient: bool = False) -> None:
        """Something happened: one event more."""
        self.sequence += 1
        if self.state not in UNFINISHED:
            self.events = [event for event in self.events if not event[3]]
        self.events.append((self.sequence, self.state, self.progress, transient))


class Jobs(RuleBasedStateMachine):
    """Every method that changes jobs, and a server that is closed and opened in between."""

    names = Bundle("names")

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name))
        self.model: dict[str, Job] = {}
        self.results: list[str] = []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=names, payload=PAYLOADS, progress=PROGRESS, request_id=st.sampled_from([None, "x", "y"]))
    def create(self, payload: bytes | None, progress: bytes, request_id: str | None) -> Any:
        name = f"job{len(self.model)}"
        if request_id is not None:
            holder = next((key for key, job in self.model.items() if job.request_id == request_id), None)
            found = self.store.jobs.repeated(request_id, "1" * 64)
            assert (found.id if found else None) == holder
            if holder is not None:
                with pytest.raises(RequestConflictError):
                    self.store.jobs.repeated(request_id, "2" * 64)
                return multiple()
        self.store.jobs.create(
            job_id=name,
            kind="inversion",
            work=b"",
            result=f"inversions/{name}",
            request_id=request_id,
            request_digest="1" * 64,
            progress=progress,
            payload=None if payload is None else self.store.blobs.write(payload),
        )
        self.model[name] = Job(request_id, payload, progress, events=[(1, JobState.QUEUED, progress, False)])
        return name

    @rule(target=names, progress=PROGRESS, needed=names, payload=PAYLOADS)
    def create_waiting(self, progress: bytes, needed: str, payload: bytes | None) -> Any:
        """One that needs another one, which has not ended."""
        if self.model[needed].state not in UNFINISHED:
            return multiple()
        name = f"job{len(self.model)}"
        self.store.jobs.create(
            job_id=name,
            kind="inversion",
            work=b"",
            result=f"inversions/{name}",
            request_id=None,
            request_digest="1" * 64,
            progress=progress,
            payload=None if payload is None else self.store.blobs.write(payload),
            needs=needed,
        )
        self.model[name] = Job(None, payload, progress, needs=needed, events=[(1, JobState.QUEUED, progress, False)])
        return name

    @rule(target=names, progress=PROGRESS)
    def create_provided(self, progress: bytes) -> str:
        """One that was queued for others."""
        name = f"job{len(self.model)}"
        self.store.jobs.create(
            job_id=name,
            kind="eigenbasis",
            work=b"",
            result=f"inversions/{name}",
            request_id=None,
            request_digest="1" * 64,
            progress=progress,
            provided=True,
        )
        self.model[name] = Job(None, None, progress, provided=True, events=[(1, JobState.QUEUED, progress, False)])
        return name

    def waiting_for(self, needed: str) -> list[str]:
        return [name for name, job in self.model.items() if job.state == JobState.QUEUED and job.needs == needed]

    @rule(name=names)
    def adopt(self, name: str) -> None:
        self.store.waiting.adopt(name)
        self.model[name].provided = False

    @rule(name=names, progress=PROGRESS)
    def tell_waiting(self, name: str, progress: bytes) -> None:
        assert [job.id for job in self.store.waiting.tell(name, progress)] == self.waiting_for(name)
        for each in self.waiting_for(name):
            job = self.model[each]
            job.progress, job.events = progress, [event for event in job.events if not event[3]]
            job.happens(transient=True)

    @rule(name=names, progress=PROGRESS)
    def release(self, name: str, progress: bytes) -> None:
        waiting = self.waiting_for(name)
        assert [job.id for job in self.store.waiting.release(name, progress)] == waiting
        for each in waiting:
            self.model[each].needs, self.model[each].progress = None, progress
            self.model[each].happens()

    @rule(name=names)
    def fail_waiting(self, name: str) -> None:
        waiting = self.waiting_for(name)
        assert [job.id for job in self.store.waiting.fail(name, b"reason")] == waiting
        for each in waiting:
            self.end(each, JobState.FAILED)

    @rule(name=names)
    def cancel_unneeded(self, name: str) -> None:
        job = self.model[name]
        unneeded = job.state in UNFINISHED and job.provided and not self.waiting_for(name)
        found = self.store.waiting.cancel_unneeded(name)
        assert (None if found is None else found.id) == (name if unneeded else None)
        if unneeded:
            self.end(name, JobState.CANCELLED)

    @rule(name=names)
    def start(self, name: str) -> None:
        # Only what waits for a worker is given to one.
        if self.model[name].needs is not None:
            return
        self.store.jobs.start(name)
        job = self.model[name]
        if job.state == JobState.QUEUED:
            job.state, job.attempts = JobState.RUNNING, job.attempts + 1
            job.happens()

    @rule()
    def start_the_next(self) -> None:
        queued = [name for name, job in self.model.items() if job.state == JobState.QUEUED and job.needs is None]
        assert [job.id for job in self.store.jobs.queued()] == queued
        if queued:
            self.start(queued[0])

    @rule(name=names, progress=PROGRESS)
    def progress(self, name: str, progress: bytes) -> None:
        self.store.jobs.record_progress(name, progress)
        job = self.model[name]
        if job.state == JobState.RUNNING:
            job.progress = progress
            job.happens(transient=True)

    @rule(name=names, progress=PROGRESS, crashed=st.booleans())
    def requeue(self, name: str, progress: bytes, crashed: bool) -> None:
        self.store.jobs.requeue(name, progress=progress, crashed=crashed)
        job = self.model[name]
        if job.state == JobState.RUNNING:
            job.state, job.progress, job.crashes = JobState.QUEUED, progress, job.crashes + crashed
            job.happens()

    @rule(name=names)
    def cancel(self, name: str) -> None:
        self.store.jobs.cancel(name)
        self.end(name, JobState.CANCELLED)

    @rule(name=names)
    def fail(self, name: str) -> None:
        self.store.jobs.fail(name, b"reason")
        self.end(name, JobState.FAILED)

    @rule(name=names)
    def finish(self, name: str) -> None:
        content = self.store.blobs.write(name.encode())
        now = datetime.now(timezone.utc)
        self.store.jobs.finish(
            ResultRecord(f"inversions/{name}", "inversion", "tiny", name, now, b"", content), b"done"
        )
        if self.model[name].state in UNFINISHED:
            self.model[name].progress = b"done"
            self.results.append(name)
        self.end(name, JobState.SUCCEEDED)

    def end(self, name: str, state: JobState) -> None:
        job = self.model[name]
        if job.state in UNFINISHED:
            job.state, job.payload = state, None
            job.happens()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(Path(self.folder.name))
        self.store.sweep_blobs()
        kept = {path.read_bytes() for path in (Path(self.folder.name) / "blobs").glob("*/*")}
        inputs = {job.payload for job in self.model.values() if job.payload is not None}
        assert kept == inputs | {name.encode() for name in self.results}

    @invariant()
    def jobs_are_as_the_model_says(self) -> None:
        found = {job.id: job for _, job in self.store.jobs.page(limit=10_000)}
        assert list(found) == list(reversed(self.model))
        for name, expected in self.model.items():
            job = found[name]
            assert (job.state, job.progress, job.attempts, job.crashes, job.last_sequence) == (
                expected.state,
                expected.progress,
                expected.attempts,
                expected.crashes,
                expected.sequence,
            )
            assert (job.started is None) == (expected.attempts == 0)
            assert (job.ended is None) == (expected.state in UNFINISHED)
            assert (None if job.payload is None else self.store.blobs.read(job.payload)) == expected.payload

    @invariant()
    def events_are_as_the_model_says(self) -> None:
        for name, expected in self.model.items():
            events = [
                (event.sequence, event.job.state, event.job.progress) for event in self.store.jobs.events(name, 0)
            ]
            assert events == [event[:3] for event in expected.events]

    @invariant()
    def lists_are_as_the_model_says(self) -> None:
        running = [name for name, job in self.model.items() if job.state == JobState.RUNNING]
        assert [job.id for job in self.store.jobs.interrupted()] == running
        waiting = [name for name, job in self.model.items() if job.state == JobState.QUEUED and job.needs is not None]
        assert [job.id for job in self.store.waiting.all()] == waiting
        unneeded = [
            name
            for name, job in self.model.items()
            if job.state in UNFINISHED and job.provided and not self.waiting_for(name)
        ]
        assert [job.id for job in self.store.waiting.unneeded()] == unneeded
        assert self.store.jobs.queue_length() == sum(job.state == JobState.QUEUED for job in self.model.values())
        assert [record.job for _, record in self.store.results.page("inversion", limit=10_000)] == self.results[::-1]


TestJobs = Jobs.TestCase
TestJobs.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
