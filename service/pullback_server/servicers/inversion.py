"""The `Inversion` service."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback_api.v1 import geometry_pb2, inversion_pb2, inversion_pb2_grpc, jobs_pb2, specs_pb2
from pullback_server.access import Ownership, identity
from pullback_server.advice import LIST_INVERSIONS
from pullback_server.damage import decoded, readable
from pullback_server.decoding import Decoders
from pullback_server.decoding.images import ImageError
from pullback_server.eigenbases import Eigenbases
from pullback_server.errors import ApiError, Violations, failed_precondition, invalid, not_found
from pullback_server.intake.field_limits import MAX_TARGETS
from pullback_server.jobs.resources import job_message, proposed_message
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, find_repeated, fresh_job_id, needed_eigenbasis, submit
from pullback_server.keeping.deletion import Deletion
from pullback_server.names import inversion_name, job_name, parse_inversion
from pullback_server.protocol.payload import PayloadItem, write_payload
from pullback_server.servicers.paging import page_of
from pullback_server.servicers.prepared_targets import prepared_target
from pullback_server.specs import (
    check_target,
    complete_inversion_settings,
    default_eigenbasis_spec,
    find_generator,
    inversion_load,
    moving_space,
)
from pullback_server.store import JobState, Store

# Of what is wrong with the targets of a request that is only checked: it travels in an answer, not in trailers.
MAX_CHECKED_BYTES = 2**20

Context = grpc.aio.ServicerContext[Any, Any]


class InversionServicer(inversion_pb2_grpc.InversionServicer):
    """Inverts images."""

    def __init__(self, store: Store, scheduler: Scheduler, decoders: Decoders) -> None:
        self._store = store
        self._scheduler = scheduler
        self._decoders = decoders
        self._eigenbases = Eigenbases(store, scheduler)
        self._deletion = Deletion(store, scheduler)
        self._ownership = Ownership(store, scheduler.in_store)

    async def Invert(self, request: inversion_pb2.InvertRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        content = request.SerializeToString(deterministic=True)
        if not request.validate_only:
            known = await find_repeated(self._scheduler, self._store, request.request_id, content)
            if known is not None:
                return job_message(known)
        if not 1 <= len(request.targets) <= MAX_TARGETS:
            raise invalid("targets", f"expected 1 to {MAX_TARGETS} images, but {len(request.targets)} came")
        settings = complete_inversion_settings(request.settings, targets=len(request.targets))
        if request.settings.eigenbasis:
            await self._check_eigenbasis(settings)
        items, wrong = await self._prepare(request, settings)
        if request.validate_only:
            job = proposed_message("inversion", settings.SerializeToString())
            if wrong:
                job.error.CopyFrom(wrong.error().to_status(MAX_CHECKED_BYTES))
            return job
        needs = await self._needed(request.settings, settings)
        images = sum(isinstance(item, inversion_pb2.Target) for item in items)
        job_id = await fresh_job_id(self._scheduler, self._store)
        submission = Submission(
            job_id=job_id,
            kind="inversion",
            request_id=request.request_id,
            content=content,
            work=settings.SerializeToString(),
            result=inversion_name(job_id),
            total=settings.steps,
            uses=settings.eigenbasis or None,
            payload=write_payload(items),
            load=inversion_load(settings, images),
            needs=needs,
        )
        return job_message(await submit(self._scheduler, self._store, submission))

    async def GetInversion(self, request: inversion_pb2.GetInversionRequest, context: Context) -> bytes:
        """See the contract. The answer is the stored bytes: to write 100 MB anew would hold the interpreter's lock."""
        identifier = parse_inversion(request.name, "name")
        await self._ownership.job(identifier, _no_inversion(request.name))
        record = await self._scheduler.in_store(self._store.results.find, request.name)
        if record is not None:
            content = await self._scheduler.in_store(self._store.results.content, record)
            decoded(record.name, inversion_pb2.InversionResult, content)
            return content
        # An inversion bears the id of its job.
        job = await self._scheduler.in_store(self._store.jobs.find, identifier)
        if job is None or job.result != request.name:
            raise _no_inversion(request.name)
        if job.state == JobState.SUCCEEDED:
            raise not_found(f"{request.name} was deleted; invert the images again, under a new request_id")
        if job.state.ended:
            raise failed_precondition(f"{job_name(job.id)} ended as {job.state.name} and made no result")
        raise failed_precondition(f"{job_name(job.id)} is {job.state.name}; wait until it has SUCCEEDED")

    async def ListInversions(
        self, request: inversion_pb2.ListInversionsRequest, context: Context
    ) -> inversion_pb2.ListInversionsResponse:
        """See the contract."""
        records, token = await page_of(
            request,
            lambda limit, before: self._scheduler.in_store(
                self._store.results.page, "inversion", limit=limit, before=before, seen=identity().seen_by
            ),
        )
        inversions, unreadable = readable(
            records, lambda record: decoded(record.name, inversion_pb2.InversionResult, record.header)
        )
        return inversion_pb2.ListInversionsResponse(inversions=inversions, next_page_token=token, unreadable=unreadable)

    async def DeleteInversion(self, request: inversion_pb2.DeleteInversionRequest, context: Context) -> empty_pb2.Empty:
        """See the contract."""
        identifier = parse_inversion(request.name, "name")
        await self._ownership.job(identifier, _no_inversion(request.name), own=True)
        if not await self._scheduler.in_store(self._store.results.has, request.name):
            raise _no_inversion(request.name)
        await self._deletion.result(request.name)
        return empty_pb2.Empty()

    async def _needed(
        self, asked: specs_pb2.InversionSettings, settings: specs_pb2.InversionSettings
    ) -> Submission | None:
        """The job that an inversion of complete settings waits for: its eigenbasis, where none is named or there."""
        if asked.eigenbasis or not settings.eigenbasis:
            return None
        return await needed_eigenbasis(self._scheduler, self._store, default_eigenbasis_spec(settings))

    async def _check_eigenbasis(self, settings: specs_pb2.InversionSettings) -> None:
        """Refuses a named eigenbasis that is not there, or of something else."""
        record = await self._eigenbases.find(settings.eigenbasis)
        generator = find_generator(settings.generator, "settings.generator")
        await self._eigenbases.refuse_unfit(record, generator, moving_space(settings, generator), "settings.eigenbasis")
        separate = decoded(record.name, geometry_pb2.Eigenbasis, record.header).spec.separate
        if settings.basis == specs_pb2.INVERSION_BASIS_SEPARATE and not separate:
            raise failed_precondition(
                f"settings.eigenbasis: {record.name} does not fit: basis 'separate' needs a block-diagonal one, whose "
                "specification says separate"
            )

    async def _prepare(
        self, request: inversion_pb2.InvertRequest, settings: specs_pb2.InversionSettings
    ) -> tuple[list[PayloadItem], Violations]:
        """The targets at the generator's size, for each image that cannot be used the reason why, and all reasons.

        Raises:
            ApiError: INVALID_ARGUMENT, with all that is wrong, where no image can be used, or where something is wrong
                that is not an image's fault.
        """
        generator = find_generator(settings.generator, "settings.generator")
        wrong, usable, asked_wrongly = Violations(), False, False
        items: list[PayloadItem] = []
        for number, target in enumerate(request.targets):
            field = f"targets[{number}]"
            if not check_target(target, settings, generator, field, wrong):
                asked_wrongly = True
                continue
            try:
                prepared = await prepared_target(self._decoders, target, generator)
            except ImageError as error:
                wrong.add(f"{field}.{error.part}", str(error))
                status = invalid(f"{field}.{error.part}", str(error)).to_status()
                items.append(inversion_pb2.InvertedTarget(label=target.label, error=status))
                continue
            usable = True
            items.append(prepared)
        if asked_wrongly or not usable:
            wrong.raise_if_any()
        return items, wrong


def _no_inversion(name: str) -> ApiError:
    return not_found(f"no inversion {name!r}; {LIST_INVERSIONS}")
