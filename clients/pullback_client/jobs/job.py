"""Job that is followed through a server's restart, waited for, cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

from pullback_api.v1 import jobs_pb2
from pullback_client.errors import (
    CallCancelledError,
    ClientError,
    DeadlineExceededError,
    JobCancelledError,
    UnavailableError,
    from_job_status,
)
from pullback_client.jobs.events import JobEvent, JobState, Progress
from pullback_client.jobs.progress import ProgressOption, reporting
from pullback_client.text import markup
from pullback_client.wire import interruption
from pullback_client.wire.names import id_of
from pullback_client.wire.times import duration, utc
from pullback_client.wire.transport import Deadline, Transport

JOB_TIMEOUT = 3600.0
"""Seconds that following a job may take where nothing else is said: an hour."""

OUTAGE_TIMEOUT = 120.0
"""Seconds that a server may be away while a job is followed: a restart takes seconds."""

Result_co = TypeVar("Result_co", covariant=True)

_KINDS = {
    "compute_eigenbasis": "eigenbasis",
    "invert": "inversion",
    "analyze_metric": "analysis",
    "discover_directions": "directions",
    "tune": "tuning",
}
_LONGEST_WAIT = 60.0  # of one WaitJob call
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # between two attempts to reach the server


class Job(Generic[Result_co]):
    """A job on the server, as it stood when it was last asked about.

    A job belongs to the server: dropping this object, or the program that holds it, does not end it.

    Args:
        transport: Of the client.
        message: The job as the server described it.
        fetch: Fetches the result of the finished job.
    """

    def __init__(self, transport: Transport, message: jobs_pb2.Job, fetch: Callable[[jobs_pb2.Job], Result_co]) -> None:
        self._transport = transport
        self._message = message
        self._fetch = fetch

    def __repr__(self) -> str:
        return f"<Job {self.name} {self.state.value}>"

    def _repr_html_(self) -> str:
        """The job as it stood; the server is not asked."""
        progress, error = self.progress, self.error
        words = f"{self.state.value}, {progress.phase} {progress.step}/{progress.total or '?'}"
        share = 1.0 if self.state is JobState.SUCCEEDED else progress.step / progress.total if progress.total else None
        return markup.card(
            f"{self.kind} of {id_of(self.generator) if self.generator else 'an unknown generator'}, {self.name}",
            markup.bar(share, words) if error is None else markup.facts({self.state.value: error}),
        )

    @property
    def name(self) -> str:
        """Resource name, `jobs/{id}`."""
        return self._message.name

    @property
    def kind(self) -> str:
        """What it does: `eigenbasis`, `inversion`, `analysis`, `directions`, `tuning`; `unknown` of a newer server."""
        return _KINDS.get(self._message.WhichOneof("work"), "unknown")

    @property
    def generator(self) -> str:
        """Resource name of the generator that it works with; empty where the kind is unknown."""
        work = self._message.WhichOneof("work")
        return getattr(self._message, work).generator if work is not None else ""

    @property
    def state(self) -> JobState:
        """Where it stood."""
        return JobState.from_wire(self._message.state)

    @property
    def progress(self) -> Progress:
        """How far it had come."""
        return Progress.from_wire(self._message.progress)

    @property
    def waiting_for(self) -> str:
        """Resource name of the job whose result it needed and waited for; empty where it waited for none."""
        return self._message.waiting_for

    @property
    def result_name(self) -> str:
        """Resource name of what it makes, readable once it has succeeded."""
        return self._message.result

    @property
    def attempts(self) -> int:
        """How often a worker took it: more than 1 after a crash or a restart."""
        return self._message.attempts

    @property
    def last_sequence(self) -> int:
        """Sequence number of its latest event."""
        return self._message.last_sequence

    @property
    def error(self) -> ClientError | None:
        """Why it ended without a result; None where it did not."""
        match self.state:
            case JobState.FAILED:
                return from_job_status(self.name, self._message.error)
            case JobState.CANCELLED:
                return JobCancelledError(f"{self.name} was cancelled", job=self.name)
            case _:
                return None

    @property
    def created(self) -> datetime:
        """When it was accepted."""
        return utc(self._message.create_time)

    @property
    def started(self) -> datetime | None:
        """When a worker first took it; None before."""
        return utc(self._message.start_time) if self._message.HasField("start_time") else None

    @property
    def ended(self) -> datetime | None:
        """When it ended; None before."""
        return utc(self._message.end_time) if self._message.HasField("end_time") else None

    def refresh(self) -> Job[Result_co]:
        """Asks the server how the job stands, and returns this object."""
        request = jobs_pb2.GetJobRequest(name=self.name)
        self._message = self._transport.call(self._transport.jobs.GetJob, request)
        return self

    def watch(self, after_sequence: int = 0, *, timeout: float = JOB_TIMEOUT) -> Iterator[JobEvent]:
        """The job's events until it ends. Leaving the loop does not end the job.

        Survives a restart of the server: attaches again after the last event it has seen.

        Args:
            after_sequence: Only events with a higher number; 0 = all that are kept, then new ones.
            timeout: Seconds in all.

        Raises:
            DeadlineExceededError: The job has not ended in time; it goes on.
            UnavailableError: The server stayed away for `OUTAGE_TIMEOUT` seconds.
        """
        return self._follow(after_sequence, Deadline(timeout))

    def wait(self, timeout: float = JOB_TIMEOUT) -> Job[Result_co]:
        """Waits until the job has ended, well or not, and returns this object. Look at `state`.

        Args:
            timeout: Seconds.

        Raises:
            DeadlineExceededError: The job has not ended in time; it goes on.
            UnavailableError: The server stayed away for `OUTAGE_TIMEOUT` seconds.
        """
        deadline = Deadline(timeout)
        outage = Outage(deadline)
        while not self.state.ended:
            deadline.check(self._unfinished(deadline))
            patience = min(deadline.remaining(), _LONGEST_WAIT)
            request = jobs_pb2.WaitJobRequest(name=self.name, timeout=duration(patience))
            try:
                # The server answers after `patience`; the call's own deadline only guards against its silence.
                self._message = self._transport.call(
                    self._transport.jobs.WaitJob, request, timeout=patience + self._transport.timeout
                )
            except (UnavailableError, CallCancelledError) as error:
                outage.pause(error)
            else:
                outage.over()
        return self

    def result(self, timeout: float = JOB_TIMEOUT, *, progress: ProgressOption = None) -> Result_co:
        """Follows the job to its end, and before it the one that it waits for, and fetches what it made.

        Args:
            timeout: Seconds in all.
            progress: A callback for the events of both; True = a bar, False = nothing, None = a bar in a terminal.

        Raises:
            JobFailedError: The job failed; it carries the server's code and field violations.
            JobCancelledError: The job was cancelled.
            DeadlineExceededError: The job has not ended in time; it goes on.
            UnavailableError: The server stayed away for `OUTAGE_TIMEOUT` seconds.
        """
        self.follow(timeout, progress=progress)
        return self._fetch(self._message)

    def follow(self, timeout: float = JOB_TIMEOUT, *, progress: ProgressOption = None) -> Job[Result_co]:
        """`result` without fetching: returns this object once the job has succeeded, raises as `result` does."""
        if not self.state.ended:
            with reporting(progress) as report:
                for event in self._follow_with_needed(Deadline(timeout)):
                    report(event)
        if (error := self.error) is not None:
            raise error
        return self

    def cancel(self) -> Job[Result_co]:
        """Cancels the job, a queued one at once, a running one between two steps, and returns this object.

        Cancelling a job that has ended changes nothing.
        """
        request = jobs_pb2.CancelJobRequest(name=self.name)
        self._message = self._transport.call(self._transport.jobs.CancelJob, request)
        return self

    def _follow_with_needed(self, deadline: Deadline) -> Iterator[JobEvent]:
        """The events of the job that this one waits for, if it waits for one, then its own from there on."""
        if self.waiting_for:
            needed = self._transport.call(self._transport.jobs.GetJob, jobs_pb2.GetJobRequest(name=self.waiting_for))
            try:
                yield from Job(self._transport, needed, lambda done: done)._follow(0, deadline)
            except DeadlineExceededError as error:
                raise DeadlineExceededError(self._unfinished(deadline)) from error
        for event in self._follow(0, deadline):
            if not self.waiting_for:
                yield event

    def _follow(self, after_sequence: int, deadline: Deadline) -> Iterator[JobEvent]:
        outage = Outage(deadline)
        while True:
            deadline.check(self._unfinished(deadline))
            request = jobs_pb2.WatchJobRequest(name=self.name, after_sequence=after_sequence)
            watch = self._transport.stream(self._transport.jobs.WatchJob, request, timeout=deadline.remaining())
            try:
                for message in watch:
                    outage.over()
                    self._message = message.job
                    after_sequence = max(after_sequence, message.sequence)
                    yield JobEvent.from_wire(message)
                # The stream ends with the job; or the server is going down; or the end was seen in an earlier watch.
                if self.refresh().state.ended:
                    return
                outage.pause(UnavailableError(f"the server ended the watch of {self.name}"))
            except (UnavailableError, CallCancelledError) as error:
                outage.pause(error)
            except DeadlineExceededError as error:
                raise DeadlineExceededError(self._unfinished(deadline)) from error

    def _unfinished(self, deadline: Deadline) -> str:
        return (
            f"{self.name} has not finished after {deadline.seconds:g} s; it goes on running: "
            f"follow it with `pullback jobs watch {self.name}` or Client.get_job({self.name!r}).result()"
        )


class Outage:
    """The time since a server was last heard of: growing pauses, and an end of patience.

    Args:
        deadline: Of everything that is tried together; no pause goes beyond it.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._since: float | None = None
        self._pause = _SHORTEST_PAUSE

    def over(self) -> None:
        """The server was heard of."""
        self._since, self._pause = None, _SHORTEST_PAUSE

    def pause(self, error: ClientError) -> None:
        """Sleeps before the next attempt, or raises `error` once the server has been away for too long."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > OUTAGE_TIMEOUT:
            raise error
        interruption.sleep(min(self._pause, self._deadline.remaining()))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
