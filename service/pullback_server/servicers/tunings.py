"""The `Tunings` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback_api.v1 import jobs_pb2, tunings_pb2, tunings_pb2_grpc
from pullback_server.access import Ownership
from pullback_server.advice import LIST_TUNINGS
from pullback_server.damage import decoded, readable
from pullback_server.decoding import Decoders
from pullback_server.decoding.images import ImageError
from pullback_server.errors import Violations, not_found
from pullback_server.jobs.resources import job_message, proposed_message
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import Submission, find_repeated, fresh_job_id, submit
from pullback_server.names import parse_tuning, tuning_name
from pullback_server.protocol.payload import PayloadItem, write_payload
from pullback_server.servicers.pages import page_of_results
from pullback_server.servicers.prepared_targets import prepared_target
from pullback_server.specs import complete_tuning_settings, find_generator
from pullback_server.store import ResultRecord, Store
from pullback_server.tunings import Tunings

# Of a weight file in one message.
PIECE_BYTES = 2**20

Context = grpc.aio.ServicerContext[Any, Any]


class TuningsServicer(tunings_pb2_grpc.TuningsServicer):
    """Tunes weights, and keeps them."""

    def __init__(self, store: Store, scheduler: Scheduler, decoders: Decoders) -> None:
        self._store = store
        self._scheduler = scheduler
        self._decoders = decoders
        self._tunings = Tunings(store, scheduler)
        self._ownership = Ownership(store, scheduler.in_store)

    async def Tune(self, request: tunings_pb2.TuneRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        content = request.SerializeToString(deterministic=True)
        if not request.validate_only:
            known = await find_repeated(self._scheduler, self._store, request.request_id, content)
            if known is not None:
                return job_message(known)
        wrong = Violations()
        settings = complete_tuning_settings(request, wrong)
        wrong.raise_if_any()
        generator = find_generator(settings.generator, "settings.generator")
        items: list[PayloadItem] = []
        for number, target in enumerate(request.targets):
            try:
                items.append(await prepared_target(self._decoders, target, generator))
            except ImageError as error:
                wrong.add(f"targets[{number}].{error.part}", str(error))
        # A tuning is of all its photographs: without one it would be another.
        wrong.raise_if_any()
        work = tunings_pb2.TuneRequest(settings=settings, pivot_space=request.pivot_space)
        if request.validate_only:
            return proposed_message("tuning", work.SerializeToString())
        job_id = await fresh_job_id(self._scheduler, self._store)
        submission = Submission(
            job_id=job_id,
            kind="tuning",
            request_id=request.request_id,
            content=content,
            work=work.SerializeToString(),
            result=tuning_name(generator.name, job_id),
            total=settings.steps * len(items),
            payload=write_payload(items),
        )
        return job_message(await submit(self._scheduler, self._store, submission))

    async def GetTuning(self, request: tunings_pb2.GetTuningRequest, context: Context) -> tunings_pb2.Tuning:
        """See the contract."""
        return _message(await self._tunings.find(request.name, "name"))

    async def StreamTuning(
        self, request: tunings_pb2.StreamTuningRequest, context: Context
    ) -> AsyncIterator[tunings_pb2.StreamTuningResponse]:
        """See the contract."""
        record = await self._tunings.find(request.name, "name")
        content = await self._scheduler.in_store(self._store.results.content, record)
        for begin in range(0, len(content), PIECE_BYTES):
            yield tunings_pb2.StreamTuningResponse(data=content[begin : begin + PIECE_BYTES])
            # Others have their turns between pieces.
            await asyncio.sleep(0)

    async def ListTunings(
        self, request: tunings_pb2.ListTuningsRequest, context: Context
    ) -> tunings_pb2.ListTuningsResponse:
        """See the contract."""
        records, token = await page_of_results(self._scheduler, self._store, "tuning", request)
        tunings, unreadable = readable(records, _without_arrays)
        return tunings_pb2.ListTuningsResponse(tunings=tunings, next_page_token=token, unreadable=unreadable)

    async def DeleteTuning(self, request: tunings_pb2.DeleteTuningRequest, context: Context) -> empty_pb2.Empty:
        """See the contract."""
        _, identifier = parse_tuning(request.name, "name")
        missing = not_found(f"no tuning {request.name!r}; {LIST_TUNINGS}")
        await self._ownership.job(identifier, missing, own=True)
        # One that is damaged can be deleted too.
        if not await self._scheduler.in_store(self._store.results.has, request.name):
            raise missing
        await self._scheduler.in_store(self._store.results.delete, request.name)
        return empty_pb2.Empty()


def _message(record: ResultRecord) -> tunings_pb2.Tuning:
    return decoded(record.name, tunings_pb2.Tuning, record.header)


def _without_arrays(record: ResultRecord) -> tunings_pb2.Tuning:
    message = _message(record)
    message.ClearField("trace")
    for photograph in message.photographs:
        photograph.ClearField("pivot")
    return message
