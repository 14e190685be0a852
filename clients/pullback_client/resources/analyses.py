"""Analyses of generators' metrics: computed, fetched, listed."""

from __future__ import annotations

from collections.abc import Sequence

from pullback_api.v1 import geometry_pb2
from pullback_client.analysis.options import analysis_spec
from pullback_client.analysis.result import Analysis, AnalysisInfo
from pullback_client.jobs.job import JOB_TIMEOUT, Job
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.connection import Connection, new_request_id
from pullback_client.wire.names import generator_name


class AnalysisCalls(Connection):
    """The calls of analyses."""

    def analyze(
        self,
        generator: str,
        *,
        space: str | None = None,
        distance: str | None = None,
        positions: int | None = None,
        control_positions: int | None = None,
        compared_positions: int | None = None,
        compared_distances: Sequence[str] | None = None,
        seed: int = 0,
        max_memory_mib: int | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
    ) -> Analysis:
        """The tables and figures of Wang & Ponce (ICLR 2021) for a generator: at once where the server has them.

        Args:
            generator: Name of the generator.
            space: Latent space; None = the generator's first.
            distance: Image distance whose metric is analysed; None = the server's default.
            positions: Positions at which the metric is computed exactly, 2 to 2000; None = 50.
            control_positions: Positions for the weight-shuffled control and for walks, 2 to `positions`; None = 10, or
                `positions` where that is less.
            compared_positions: Positions for the other distances, 2 to `positions`; None = 10, or `positions` where
                that is less.
            compared_distances: Other distances to compare with; None = lpips-alex, lpips-vgg, mse and ssim, but
                `distance`.
            seed: Seed of the positions and of the control, ≥ 0.
            max_memory_mib: MiB that the metric at a position may add to the worker's memory; None = no bound. It
                changes what is found by rounding alone.
            progress: A callback for the job's events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the job; an hour where not given.

        Raises:
            NotFoundError: No such generator.
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            JobFailedError: The computation failed.
            DeadlineExceededError: Not finished in time; the job goes on.
        """
        job = self.submit_analysis(
            generator,
            space=space,
            distance=distance,
            positions=positions,
            control_positions=control_positions,
            compared_positions=compared_positions,
            compared_distances=compared_distances,
            seed=seed,
            max_memory_mib=max_memory_mib,
        )
        return job.result(timeout, progress=progress)

    def submit_analysis(
        self,
        generator: str,
        *,
        space: str | None = None,
        distance: str | None = None,
        positions: int | None = None,
        control_positions: int | None = None,
        compared_positions: int | None = None,
        compared_distances: Sequence[str] | None = None,
        seed: int = 0,
        max_memory_mib: int | None = None,
    ) -> Job[Analysis]:
        """`analyze` without waiting. Where it exists already, the job is the finished one that made it."""
        spec = analysis_spec(
            generator,
            space=space,
            distance=distance,
            positions=positions,
            control_positions=control_positions,
            compared_positions=compared_positions,
            compared_distances=compared_distances,
            seed=seed,
            max_memory_mib=max_memory_mib,
        )
        request = geometry_pb2.AnalyzeMetricRequest(request_id=new_request_id(), spec=spec)
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
