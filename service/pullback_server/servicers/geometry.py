"""The `Geometry` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback import distances
from pullback.geometry.eigenbasis_file import Parts
from pullback.weights import availability
from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2, geometry_pb2, geometry_pb2_grpc, jobs_pb2
from pullback_server.advice import LIST_ANALYSES
from pullback_server.damage import decoded, readable
from pullback_server.eigenbases import ANSWER_BYTES, Eigenbases, check_rows, no_eigenbasis, pieces, put_rows
from pullback_server.errors import ApiError, not_found
from pullback_server.jobs.finding import find_result
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, answer, eigenbasis_submission, fresh_job_id
from pullback_server.keeping.deletion import Deletion
from pullback_server.names import parse_analysis, parse_eigenbasis
from pullback_server.servicers.pages import page_of_results
from pullback_server.specs import (
    analysis_name_of,
    complete_analysis_spec,
    complete_eigenbasis_spec,
)
from pullback_server.specs.common import WEIGHTS_STATES
from pullback_server.store import ResultRecord, Store

Context = grpc.aio.ServicerContext[Any, Any]


class GeometryServicer(geometry_pb2_grpc.GeometryServicer):
    """Eigenbases of the global metric."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler
        self._eigenbases = Eigenbases(store, scheduler)
        self._deletion = Deletion(store, scheduler)

    async def ListDistances(
        self, request: geometry_pb2.ListDistancesRequest, context: Context
    ) -> geometry_pb2.ListDistancesResponse:
        """See the contract."""
        # Not in the event loop: a home folder may be on a network.
        return geometry_pb2.ListDistancesResponse(distances=await asyncio.to_thread(_distances))

    async def ComputeEigenbasis(self, request: geometry_pb2.ComputeEigenbasisRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        spec = complete_eigenbasis_spec(request.spec, "spec")
        submission = eigenbasis_submission(await fresh_job_id(self._scheduler, self._store), spec, request.request_id)
        return await answer(self._scheduler, self._store, submission, validate_only=request.validate_only)

    async def GetEigenbasis(
        self, request: geometry_pb2.GetEigenbasisRequest, context: Context
    ) -> geometry_pb2.Eigenbasis:
        """See the contract."""
        message, parts = await self._open(request)
        message.next_row = put_rows(
            message,
            parts,
            k=request.k,
            with_metric=request.with_metric,
            first=request.first_row,
            most_bytes=ANSWER_BYTES,
        )
        return message

    async def StreamEigenbasis(
        self, request: geometry_pb2.StreamEigenbasisRequest, context: Context
    ) -> AsyncIterator[geometry_pb2.StreamEigenbasisResponse]:
        """See the contract."""
        message, parts = await self._open(request)
        for piece in pieces(message, parts, k=request.k, with_metric=request.with_metric):
            yield geometry_pb2.StreamEigenbasisResponse(eigenbasis=piece)
            # Pieces take a millisecond each, and others have their turns between them.
            await asyncio.sleep(0)

    async def ListEigenbases(
        self, request: geometry_pb2.ListEigenbasesRequest, context: Context
    ) -> geometry_pb2.ListEigenbasesResponse:
        """See the contract."""
        records, token = await page_of_results(self._scheduler, self._store, "eigenbasis", request)
        eigenbases, unreadable = readable(records, _eigenbasis_header)
        return geometry_pb2.ListEigenbasesResponse(eigenbases=eigenbases, next_page_token=token, unreadable=unreadable)

    async def DeleteEigenbasis(
        self, request: geometry_pb2.DeleteEigenbasisRequest, context: Context
    ) -> empty_pb2.Empty:
        """See the contract."""
        parse_eigenbasis(request.name, "name")
        # One that is damaged can be deleted too.
        if not await self._scheduler.in_store(self._store.results.has, request.name):
            raise no_eigenbasis(request.name)
        await self._deletion.result(request.name, cascade=request.cascade)
        return empty_pb2.Empty()

    async def AnalyzeMetric(self, request: geometry_pb2.AnalyzeMetricRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        spec = complete_analysis_spec(request.spec)
        submission = Submission(
            job_id=await fresh_job_id(self._scheduler, self._store),
            kind="analysis",
            request_id=request.request_id,
            content=spec.SerializeToString(deterministic=True),
            work=spec.SerializeToString(),
            result=analysis_name_of(spec),
            total=0,
            shared_result=True,
        )
        return await answer(self._scheduler, self._store, submission, validate_only=request.validate_only)

    async def GetAnalysis(
        self, request: geometry_pb2.GetAnalysisRequest, context: Context
    ) -> analysis_pb2.MetricAnalysis:
        """See the contract."""
        parse_analysis(request.name, "name")
        record = await find_result(self._scheduler, self._store, request.name, _no_analysis(request.name))
        content = await self._scheduler.in_store(self._store.results.content, record)
        return decoded(record.name, analysis_pb2.MetricAnalysis, content)

    async def ListAnalyses(
        self, request: geometry_pb2.ListAnalysesRequest, context: Context
    ) -> geometry_pb2.ListAnalysesResponse:
        """See the contract."""
        records, token = await page_of_results(self._scheduler, self._store, "analysis", request)
        analyses, unreadable = readable(
            records, lambda record: decoded(record.name, analysis_pb2.MetricAnalysis, record.header)
        )
        return geometry_pb2.ListAnalysesResponse(analyses=analyses, next_page_token=token, unreadable=unreadable)

    async def DeleteAnalysis(self, request: geometry_pb2.DeleteAnalysisRequest, context: Context) -> empty_pb2.Empty:
        """See the contract."""
        parse_analysis(request.name, "name")
        if not await self._scheduler.in_store(self._store.results.has, request.name):
            raise _no_analysis(request.name)
        await self._deletion.result(request.name)
        return empty_pb2.Empty()

    async def _open(
        self, request: geometry_pb2.GetEigenbasisRequest | geometry_pb2.StreamEigenbasisRequest
    ) -> tuple[geometry_pb2.Eigenbasis, Parts]:
        """What an eigenbasis is, with its eigenvalues, and what its file holds."""
        parse_eigenbasis(request.name, "name")
        record = await self._eigenbases.find(request.name)
        parts = await self._eigenbases.open(record)
        check_rows(parts, request)
        message = _eigenbasis_header(record)
        message.eigenvalues.CopyFrom(pack(parts.eigenvalues))
        return message, parts


def _eigenbasis_header(record: ResultRecord) -> geometry_pb2.Eigenbasis:
    header = decoded(record.name, geometry_pb2.Eigenbasis, record.header)
    # Records of servers that knew complete ones alone do not say it.
    header.k = header.k or header.dim
    return header


def _no_analysis(name: str) -> ApiError:
    return not_found(f"no analysis {name!r}; {LIST_ANALYSES}")


def _distances() -> list[geometry_pb2.Distance]:
    entries = sorted(distances.catalogue(), key=lambda entry: entry.name != distances.DEFAULT_DISTANCE)
    return [
        geometry_pb2.Distance(
            name=entry.name,
            title=entry.title,
            weights_hash=entry.weights_hash,
            is_default=entry.name == distances.DEFAULT_DISTANCE,
            is_inversion_default=entry.name == distances.INVERSION_DISTANCE,
            preconditioner=entry.preconditioner,
            takes=entry.takes,
            licence=entry.source.licence if entry.source else "",
            citation=entry.source.citation if entry.source else "",
            weights_source=", or ".join(map(str, entry.source.ways)) if entry.source else "",
            weights_state=WEIGHTS_STATES[availability(entry.source)],
            min_side=distances.MIN_SIDE if entry.resizable else 0,
            max_side=distances.MAX_SIDE if entry.resizable else 0,
        )
        for entry in entries
    ]
