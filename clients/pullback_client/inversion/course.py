"""Course of an inversion of any number of photographs: requests one after the other, results in their order."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from pullback_api.v1 import inversion_pb2
from pullback_client.errors import BadResponseError, ClientError, InvalidArgumentError, JobError
from pullback_client.inversion.framing import Framing
from pullback_client.inversion.requests import Part
from pullback_client.inversion.result import Inversion, InversionFailure, InversionOutcome
from pullback_client.jobs.events import JobEvent, Portion
from pullback_client.jobs.job import Job
from pullback_client.jobs.progress import ProgressCallback
from pullback_client.wire.transport import Deadline

InversionJob: TypeAlias = Job[list[InversionOutcome]]
Outcomes: TypeAlias = Generator[InversionOutcome, None, None]

# Fields that are about one photograph's content. Others, such as a class that does not exist, are the caller's doing.
_CONTENT = re.compile(r"targets\[(\d+)\]\.(image|mask|ignore)\b")


def outcomes(
    parts: Iterable[Part],
    total: int,
    *,
    submit: Callable[[list[inversion_pb2.Target]], InversionJob],
    deadline: Callable[[], Deadline],
    report: ProgressCallback,
) -> Outcomes:
    """What became of each photograph, as it is known.

    Each request is sent while the one before is worked on, so that the server always has something to do. Leaving the
    loop cancels the one that was sent ahead; the one that is followed goes on.

    Args:
        parts: The photographs, request by request.
        total: How many photographs there are in all.
        submit: Sends a request.
        deadline: When following one more job shall end.
        report: Called with the jobs' events.
    """
    course = _Course(total, deadline, report)
    ahead: deque[tuple[Part, InversionJob | None]] = deque()
    try:
        for part in parts:
            try:
                ahead.append((part, _submit(part, submit)))
            except ClientError:
                while ahead:  # what was asked for before is not lost
                    yield from course.finish(*ahead.popleft())
                raise
            if len(ahead) > 1:
                yield from course.finish(*ahead.popleft())
        while ahead:
            yield from course.finish(*ahead.popleft())
    finally:
        for _, job in ahead:
            if job is not None:
                with suppress(ClientError):
                    job.cancel()


def framed(results: Sequence[InversionOutcome], framings: Sequence[Framing], name: str) -> list[InversionOutcome]:
    """The results of a job, each with what was cut out and hidden when it was asked for.

    Args:
        results: What became of each photograph.
        framings: Of each.
        name: Of the job, for the message.

    Raises:
        BadResponseError: There are more or fewer results than photographs.
    """
    if len(results) != len(framings):
        raise BadResponseError(f"{name}: {len(results)} results for {len(framings)} photographs")
    return [
        outcome.framed(framing) if isinstance(outcome, Inversion) else outcome
        for outcome, framing in zip(results, framings, strict=True)
    ]


class _Course:
    """Follows the jobs of one call, in their order."""

    def __init__(self, total: int, deadline: Callable[[], Deadline], report: ProgressCallback) -> None:
        self._total = total
        self._deadline = deadline
        self._report = report
        self._done = 0

    def finish(self, part: Part, job: InversionJob | None) -> Iterator[InversionOutcome]:
        """What became of the photographs of one request; a job that failed has failed them all."""
        found: Iterator[InversionOutcome] = iter(())
        if job is not None:
            try:
                results = job.result(
                    self._deadline().remaining(), progress=self._reporter(job.name, len(part.failures))
                )
            except JobError as error:
                results = [InversionFailure(target.label, error) for target in part.targets]
            found = iter(framed(results, part.framings, job.name))
        self._done += len(part.failures)
        for failure in part.failures:
            yield failure or next(found)

    def _reporter(self, job: str, count: int) -> ProgressCallback:
        portion = None if count == self._total else Portion(self._done, count, self._total)

        def report(event: JobEvent) -> None:
            # What the job waits for works on no photographs.
            self._report(replace(event, portion=portion) if event.job == job else event)

        return report


def _submit(part: Part, submit: Callable[[list[inversion_pb2.Target]], InversionJob]) -> InversionJob | None:
    """Sends a request; None where nothing of it can be used, in which case all its photographs have failed."""
    if not part.targets:
        return None
    try:
        return submit(part.targets)
    except InvalidArgumentError as error:
        if (errors := content_errors(error)) is None:
            raise
        # The server refuses a request for its photographs only where it can use none of them. Where they are many, it
        # says of the first ones only what is wrong with each.
        part.refuse({index: errors.get(index, error) for index in range(len(part.targets))})
        part.targets, part.framings = [], []
        return None


def content_errors(error: ClientError) -> dict[int, ClientError] | None:
    """What is wrong with single photographs of a request, by their places; None where anything else is wrong too."""
    fields = [_CONTENT.match(violation.field) for violation in error.field_violations]
    if not fields or not all(fields):
        return None
    return {
        int(field[1]): InvalidArgumentError(violation.description, field_violations=[violation])
        for field, violation in zip(fields, error.field_violations, strict=True)
        if field is not None
    }
