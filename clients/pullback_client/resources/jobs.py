"""Jobs of whatever kind: listed, found by what people call them, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TypeAlias

from pullback_api.v1 import jobs_pb2
from pullback_client.analysis.result import Analysis
from pullback_client.directions.direction_set import Directions
from pullback_client.eigenbasis.basis import Eigenbasis
from pullback_client.errors import BadResponseError
from pullback_client.inversion.result import InversionOutcome
from pullback_client.inversion.tuning import Tuning
from pullback_client.jobs.events import JobState, job_state
from pullback_client.jobs.job import Job
from pullback_client.resources.analyses import AnalysisCalls
from pullback_client.resources.connection import first_page
from pullback_client.resources.directions import DirectionCalls
from pullback_client.resources.inversions import InversionCalls
from pullback_client.resources.references import find_job, job_to_delete

AnyJob: TypeAlias = Job[Eigenbasis | list[InversionOutcome] | Analysis | Directions | Tuning]


class JobCalls(AnalysisCalls, DirectionCalls, InversionCalls):
    """The calls of jobs, whose results are of every kind."""

    def list_jobs(self, states: Iterable[JobState | str] = (), *, most: int | None = None) -> list[AnyJob]:
        """The jobs in any of these states, newest first; without states, all jobs.

        Args:
            states: Words such as `running`.
            most: Only the newest so many, ≥ 1; None = all.
        """
        wanted = [job_state(state).to_wire() for state in states]
        request = jobs_pb2.ListJobsRequest(states=wanted, page_size=first_page(most))
        found = (message for page in self._pages(self._transport.jobs.ListJobs, request) for message in page.jobs)
        return [self._any_job(message) for message in islice(found, most)]

    def get_job(self, name: str) -> AnyJob:
        """One job, by resource name, by id, or by the beginning of one id.

        Raises:
            NotFoundError: There is none.
            InvalidArgumentError: There are several; the message names some.
        """
        return self._any_job(find_job(self._transport, name))

    def delete_job(self, name: str, *, cascade: bool = False) -> None:
        """Deletes a job that has ended.

        Args:
            name: As for `get_job`.
            cascade: Whether the result that it made is deleted too, and unfinished jobs that use that are cancelled.

        Raises:
            NotFoundError: There is none.
            InvalidArgumentError: There are several; the message names some.
            FailedPreconditionError: It has not ended, or something depends on it; the message names that.
        """
        request = jobs_pb2.DeleteJobRequest(name=job_to_delete(self._transport, name), cascade=cascade)
        self._transport.call(self._transport.jobs.DeleteJob, request)

    def _any_job(self, message: jobs_pb2.Job) -> AnyJob:
        return Job(self._transport, message, self._fetch)

    def _fetch(self, done: jobs_pb2.Job) -> Eigenbasis | list[InversionOutcome] | Analysis | Directions | Tuning:
        match done.WhichOneof("work"):
            case "compute_eigenbasis":
                return self.get_eigenbasis(done.result)
            case "invert":
                return self.get_inversion(done.result)
            case "analyze_metric":
                return self.get_analysis(done.result)
            case "discover_directions":
                return self.get_directions(done.result)
            case "tune":
                return self.get_tuning(done.result)
            case _:
                raise BadResponseError(f"{done.name} does work that this client does not know; update pullback")
