"""Analyses of generators' metrics: computed, fetched, listed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pullback_api.v1 import geometry_pb2
from pullback_client.analysis.options import AnalysisOptions, analysis_spec
from pullback_client.analysis.result import Analysis, AnalysisInfo
from pullback_client.jobs.job import JOB_TIMEOUT, Job
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.connection import Connection, new_request_id
from pullback_client.wire.names import generator_name

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


class AnalysisCalls(Connection):
    """The calls of analyses."""

    def analyze(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[AnalysisOptions],
    ) -> Analysis:
        """The tables and figures of Wang & Ponce (ICLR 2021) for a generator: at once where the server has them.

        Args:
            generator: Name of the generator.
            progress: A callback for the job's events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the job; an hour where not given.
            **options: Space, distances, positions and seed: see `AnalysisOptions`.

        Raises:
            NotFoundError: No such generator.
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            JobFailedError: The computation failed.
            DeadlineExceededError: Not finished in time; the job goes on.
        """
        return self.submit_analysis(generator, **options).result(timeout, progress=progress)

    def submit_analysis(self, generator: str, **options: Unpack[AnalysisOptions]) -> Job[Analysis]:
        """`analyze` without waiting. Where it exists already, the job is the finished one that made it."""
        request = geometry_pb2.AnalyzeMetricRequest(request_id=new_request_id(), spec=analysis_spec(generator, options))
        message = self._transport.call(self._transport.geometry.AnalyzeMetric, request)
        return Job(self._transport, message, lambda done: self.get_analysis(done.result))

    def get_analysis(self, name: str) -> Analysis:
        """The analysis of a resource name, `generators/{generator}/analyses/{id}`.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: Its job has not succeeded.
        """
        request = geometry_pb2.GetAnalysisRequest(name=name)
        return Analysis.from_wire(self._transport.call(self._transport.geometry.GetAnalysis, request))

    def list_analyses(self, generator: str = "-") -> list[AnalysisInfo]:
        """The analyses of a generator, newest first, without what they found; `-` = of every generator."""
        request = geometry_pb2.ListAnalysesRequest(parent=generator_name(generator))
        pages = self._pages(self._transport.geometry.ListAnalyses, request)
        return [AnalysisInfo.from_wire(message) for page in pages for message in page.analyses]

    def delete_analysis(self, name: str | AnalysisInfo) -> None:
        """Deletes an analysis.

        Args:
            name: The name, or what `list_analyses` gives.

        Raises:
            NotFoundError: There is none of that name.
        """
        request = geometry_pb2.DeleteAnalysisRequest(name=name if isinstance(name, str) else name.name)
        self._transport.call(self._transport.geometry.DeleteAnalysis, request)
