"""The `Geometry` service."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback import distances
from pullback.geometry.eigenbasis import Eigenbasis
from pullback_api.tensors import pack
from pullback_api.v1 import geometry_pb2, geometry_pb2_grpc, jobs_pb2
from pullback_server.errors import failed_precondition, not_found
from pullback_server.names import ANY_GENERATOR, new_id, parse_eigenbasis
from pullback_server.paging import decode_token, encode_token, page_size
from pullback_server.resources import eigenbasis_message, job_message
from pullback_server.scheduler import Scheduler
from pullback_server.servicers.cursors import read_cursor
from pullback_server.specs import complete_eigenbasis_spec, eigenbasis_name_of, find_generator
from pullback_server.store import EigenbasisRecord, InUseError, Store
from pullback_server.submission import Submission, submit

Context = grpc.aio.ServicerContext[Any, Any]


class GeometryServicer(geometry_pb2_grpc.GeometryServicer):
    """Eigenbases of the global metric."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler

    async def ListDistances(  # noqa: N802
        self, request: geometry_pb2.ListDistancesRequest, context: Context
    ) -> geometry_pb2.ListDistancesResponse:
        """See the contract."""
        del request, context
        entries = sorted(distances.catalogue(), key=lambda entry: entry.name != distances.DEFAULT_DISTANCE)
        return geometry_pb2.ListDistancesResponse(
            distances=[
                geometry_pb2.Distance(
                    name=entry.name,
                    title=entry.title,
                    weights_hash=entry.weights_hash,
                    is_default=entry.name == distances.DEFAULT_DISTANCE,
                )
                for entry in entries
            ]
        )

    async def ComputeEigenbasis(  # noqa: N802
        self, request: geometry_pb2.ComputeEigenbasisRequest, context: Context
    ) -> jobs_pb2.Job:
        """See the contract."""
        del context
        spec = complete_eigenbasis_spec(request.spec, "spec")
        submission = Submission(
            job_id=new_id(),
            kind="eigenbasis",
            request_id=request.request_id,
            content=spec.SerializeToString(deterministic=True),
            work=spec.SerializeToString(),
            result=eigenbasis_name_of(spec),
            total=spec.samples,
            shared_result=True,
        )
        return job_message(await submit(self._scheduler, self._store, submission))

    async def GetEigenbasis(  # noqa: N802
        self, request: geometry_pb2.GetEigenbasisRequest, context: Context
    ) -> geometry_pb2.Eigenbasis:
        """See the contract."""
        del context
        record = await self._find(request.name)
        arrays = Eigenbasis.from_bytes(await self._scheduler.in_store(self._store.blobs.read, record.content))
        message = eigenbasis_message(record)
        message.eigenvalues.CopyFrom(pack(arrays.eigenvalues))
        message.eigenvectors.CopyFrom(pack(arrays.eigenvectors))
        message.metric.CopyFrom(pack(arrays.metric))
        return message

    async def ListEigenbases(  # noqa: N802
        self, request: geometry_pb2.ListEigenbasesRequest, context: Context
    ) -> geometry_pb2.ListEigenbasesResponse:
        """See the contract."""
        del context
        size = page_size(request.page_size)
        generator = None if request.parent == ANY_GENERATOR else find_generator(request.parent, "parent").name
        before = read_cursor(decode_token(request.page_token))
        rows = await self._scheduler.in_store(
            self._store.eigenbases, generator=generator, limit=size + 1, before=before
        )
        return geometry_pb2.ListEigenbasesResponse(
            eigenbases=[eigenbasis_message(record) for _, record in rows[:size]],
            next_page_token=encode_token(str(rows[size - 1][0])) if len(rows) > size else "",
        )

    async def DeleteEigenbasis(  # noqa: N802
        self, request: geometry_pb2.DeleteEigenbasisRequest, context: Context
    ) -> empty_pb2.Empty:
        """See the contract."""
        del context
        record = await self._find(request.name)
        try:
            await self._scheduler.in_store(self._store.delete_eigenbasis, record.name)
        except InUseError as error:
            raise failed_precondition(str(error)) from None
        return empty_pb2.Empty()

    async def _find(self, name: str) -> EigenbasisRecord:
        parse_eigenbasis(name, "name")
        record = await self._scheduler.in_store(self._store.eigenbasis, name)
        if record is None:
            raise not_found(f"no eigenbasis {name!r}; ListEigenbases tells which there are")
        return record
