"""The `Directions` service."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback.generators import CatalogueEntry
from pullback_api.tensors import pack
from pullback_api.v1 import directions_pb2, directions_pb2_grpc, jobs_pb2, specs_pb2, values_pb2
from pullback_server.damage import readable
from pullback_server.direction_sets import single
from pullback_server.errors import ApiError, invalid
from pullback_server.executor import Executor
from pullback_server.importing import Importers
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, answer, fresh_job_id, needed_eigenbasis
from pullback_server.keeping.deletion import Deletion
from pullback_server.protocol.calls import Framed
from pullback_server.protocol.walks import Walked
from pullback_server.servicers.kept_directions import KeptDirections, set_header
from pullback_server.servicers.pages import page_of_results
from pullback_server.specs import (
    IMPORT_FORMATS,
    ChosenDirection,
    check_annotation,
    check_axes,
    chosen_direction,
    chosen_index,
    complete_directions_spec,
    complete_import,
    complete_traversal,
    complete_traversal_between,
    direction_to_come,
    directions_name_of,
    find_generator,
    imported_name_of,
    measuring_eigenbasis_spec,
    space_directions_lie_in,
)
from pullback_server.store import Store
from pullback_server.tunings import Tunings

Context = grpc.aio.ServicerContext[Any, Any]


class DirectionsServicer(directions_pb2_grpc.DirectionsServicer):
    """Edit directions, and walks along them."""

    def __init__(self, store: Store, scheduler: Scheduler, executor: Executor, importers: Importers) -> None:
        self._store = store
        self._scheduler = scheduler
        self._executor = executor
        self._importers = importers
        self._kept = KeptDirections(store, scheduler)
        self._deletion = Deletion(store, scheduler)
        self._tunings = Tunings(store, scheduler)

    async def DiscoverDirections(
        self, request: directions_pb2.DiscoverDirectionsRequest, context: Context
    ) -> jobs_pb2.Job:
        """See the contract."""
        spec = complete_directions_spec(request.spec, "spec")
        name = directions_name_of(spec)
        space, needs = space_directions_lie_in(spec), None
        # What is known already needs no eigenbasis any more.
        if await self._scheduler.in_store(self._store.jobs.maker_of, name) is None:
            if request.spec.eigenbasis:
                await self._kept.check_eigenbasis_there(spec.eigenbasis)
                await self._kept.eigenbasis(spec, space, "spec.eigenbasis")
            else:
                measuring = measuring_eigenbasis_spec(find_generator(spec.generator, "spec.generator"), space)
                needs = await needed_eigenbasis(self._scheduler, self._store, measuring)
        submission = Submission(
            job_id=await fresh_job_id(self._scheduler, self._store),
            kind="directions",
            request_id=request.request_id,
            content=spec.SerializeToString(deterministic=True),
            work=spec.SerializeToString(),
            result=name,
            total=spec.samples if spec.method == specs_pb2.DIRECTION_METHOD_DP_LASE else 1,
            uses=spec.eigenbasis,
            shared_result=True,
            needs=needs,
        )
        return await answer(self._scheduler, self._store, submission, validate_only=request.validate_only)

    async def GetDirections(
        self, request: directions_pb2.GetDirectionsRequest, context: Context
    ) -> directions_pb2.DirectionSet:
        """See the contract."""
        whole = await self._kept.read(request.name, "name")
        return await self._kept.purified(whole, request.purify, "purify")

    async def ListDirections(
        self, request: directions_pb2.ListDirectionsRequest, context: Context
    ) -> directions_pb2.ListDirectionsResponse:
        """See the contract."""
        records, token = await page_of_results(self._scheduler, self._store, "directions", request)
        directions, unreadable = readable(records, set_header)
        await self._kept.put_annotations(directions)
        return directions_pb2.ListDirectionsResponse(
            directions=directions, next_page_token=token, unreadable=unreadable
        )

    async def ImportDirections(
        self, request: directions_pb2.ImportDirectionsRequest, context: Context
    ) -> directions_pb2.DirectionSet:
        """See the contract."""
        spec = complete_import(request)
        import_format = IMPORT_FORMATS[request.format]
        name = imported_name_of(spec, import_format, request.content)
        if not await self._scheduler.in_store(self._store.results.whole, name):
            eigenbasis, _ = await self._kept.eigenbasis(spec, spec.space, "eigenbasis")
            try:
                made = await self._importers.read(
                    spec=spec.SerializeToString(),
                    import_format=import_format,
                    content=request.content,
                    eigenbasis=self._store.results.file(eigenbasis),
                )
            except ApiError as error:
                if error.code == grpc.StatusCode.INVALID_ARGUMENT:
                    raise invalid("content", error.message) from None
                raise
            whole = directions_pb2.DirectionSet.FromString(made)
            whole.name, whole.import_format = name, request.format
            await self._kept.keep(whole)
        return await self._kept.read(name, "name")

    async def AnnotateDirection(
        self, request: directions_pb2.AnnotateDirectionRequest, context: Context
    ) -> directions_pb2.DirectionSet:
        """See the contract."""
        record = await self._kept.find(request.name, "name")
        check_annotation(request.annotation, set_header(record).count)
        await self._kept.annotate(record.name, request.annotation)
        return await self._kept.read(record.name, "name")

    async def DeleteDirections(
        self, request: directions_pb2.DeleteDirectionsRequest, context: Context
    ) -> empty_pb2.Empty:
        """See the contract."""
        await self._kept.check_there(request.name, "name")
        await self._deletion.result(request.name)
        return empty_pb2.Empty()

    async def Traverse(
        self, request: directions_pb2.TraverseRequest, context: Context
    ) -> AsyncIterator[directions_pb2.TraverseResponse]:
        """See the contract."""
        generator, tuning = await self._tunings.drawing(request.generator, "generator")
        if request.HasField("end"):
            plan = complete_traversal_between(request, generator)
        else:
            check_axes(request)
            chosen = [
                await self._choose(ref, generator, field, request)
                for ref, field in ((request.direction, "direction"), (request.second, "second"))
                if request.HasField(field)
            ]
            plan = complete_traversal(request, generator, chosen)
        plan = replace(plan, tuning=tuning)
        if request.validate_only:
            return
        sent = 0
        async with contextlib.aclosing(self._executor.traverse(plan)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Framed):
                    sent += 1
                    yield directions_pb2.TraverseResponse(frame=_frame(piece, plan.image_format))
                else:
                    yield directions_pb2.TraverseResponse(end=_end(piece, sent))

    async def _choose(
        self,
        ref: directions_pb2.DirectionRef,
        generator: CatalogueEntry,
        field: str,
        request: directions_pb2.TraverseRequest,
    ) -> ChosenDirection:
        """The direction that a request's field names."""
        try:
            whole = await self._kept.read(ref.directions, f"{field}.directions")
        except ApiError as error:
            missing = error.code in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
            if request.validate_only and missing:
                return direction_to_come(ref, request.space, generator, field)
            raise
        # The others of the set need not survive a projection.
        one = single(whole, chosen_index(ref, whole, generator, field))
        return chosen_direction(await self._kept.purified(one, ref.purify, f"{field}.purify"))


# By whether it has a height.
_STRIPS = {True: values_pb2.IMAGE_FORMAT_PNG, False: values_pb2.IMAGE_FORMAT_WAV}


def _frame(framed: Framed, image_format: str) -> directions_pb2.TraversalFrame:
    return directions_pb2.TraversalFrame(
        index=framed.index,
        step=framed.steps[0],
        second_step=framed.steps[1] if len(framed.steps) > 1 else 0.0,
        latent=pack(framed.latent),
        distance=framed.distance,
        image=values_pb2.Image(
            data=framed.data, format=f"IMAGE_FORMAT_{image_format}", width=framed.width, height=framed.height
        ),
    )


def _end(walked: Walked, frames: int) -> directions_pb2.TraversalEnd:
    end = directions_pb2.TraversalEnd(frames=frames, space=walked.space, animation=walked.animation)
    if walked.strip:
        width, height = walked.strip_size
        end.strip.CopyFrom(values_pb2.Image(data=walked.strip, format=_STRIPS[height > 0], width=width, height=height))
    return end
