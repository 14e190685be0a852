"""Kept directions, those in the store: found, read, purified and annotated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timezone

from pullback.errors import IncompatibleEigenbasisError, InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.geometry.eigenbasis_file import Parts
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_server.advice import COMPUTE_EIGENBASIS, LIST_DIRECTIONS
from pullback_server.damage import decoded
from pullback_server.direction_sets import purified, without_arrays
from pullback_server.eigenbases import Eigenbases, no_eigenbasis
from pullback_server.errors import ApiError, failed_precondition, invalid, not_found
from pullback_server.jobs.finding import find_result
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import parse_directions
from pullback_server.specs import find_generator
from pullback_server.store import AnnotationRecord, ResultRecord, Store, TitleTakenError


class KeptDirections:
    """The directions of a store. Names of fields are those that errors point at."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler
        self._eigenbases = Eigenbases(store, scheduler)

    async def check_there(self, name: str, field: str) -> None:
        """Raises as `find` does, but for directions that are there and damaged."""
        parse_directions(name, field)
        if not await self._scheduler.in_store(self._store.results.has, name):
            await self.find(name, field)

    async def find(self, name: str, field: str) -> ResultRecord:
        """The record of that name.

        Raises:
            ApiError: NOT_FOUND, or FAILED_PRECONDITION while a job makes them.
        """
        parse_directions(name, field)
        return await find_result(self._scheduler, self._store, name, _not_there(name))

    async def read(self, name: str, field: str) -> directions_pb2.DirectionSet:
        """Directions with their arrays and annotations.

        Raises:
            ApiError: As `find` does.
        """
        record = await self.find(name, field)
        content = await self._scheduler.in_store(self._store.results.content, record)
        whole = decoded(name, directions_pb2.DirectionSet, content)
        await self.put_annotations([whole])
        return whole

    async def purified(self, whole: directions_pb2.DirectionSet, k: int, field: str) -> directions_pb2.DirectionSet:
        """Directions projected on the k leading eigenvectors; with k = 0 as they are.

        Raises:
            ApiError: INVALID_ARGUMENT where k is out of range or nothing is left of a direction, FAILED_PRECONDITION
                where the eigenbasis was deleted.
        """
        if not k:
            return whole
        if not 1 <= k <= whole.dim:
            raise invalid(field, f"expected 1 to {whole.dim} (0 = as it is), but {k} came")
        _, parts = await self.eigenbasis(whole.spec, whole.space, field)
        try:
            return await asyncio.to_thread(_purified, whole, parts, k)
        except InvalidInputError as error:
            # Of one that was taken out of its set the library would say that it is the first.
            gone = f"nothing of this direction lies in the {k} leading eigenvectors; take more of them, or leave it"
            raise invalid(field, gone if whole.count == 1 else str(error)) from None

    async def annotate(self, name: str, annotation: directions_pb2.Annotation) -> None:
        """Replaces what is said of a direction.

        Raises:
            ApiError: INVALID_ARGUMENT where another direction bears the title; NOT_FOUND where they were deleted
                meanwhile.
        """
        said = AnnotationRecord(annotation.index, annotation.title, annotation.notes)
        try:
            there = await self._scheduler.in_store(_annotate, self._store, name, said)
        except TitleTakenError as error:
            raise invalid("annotation.title", f"{error}; take another title, or change that one first") from None
        if not there:
            raise _not_there(name)

    async def keep(self, whole: directions_pb2.DirectionSet) -> None:
        """Keeps directions that no job made, unless they were kept meanwhile."""
        await self._scheduler.in_store(_keep, self._store, whole)

    async def eigenbasis(self, spec: specs_pb2.DirectionsSpec, space: str, field: str) -> tuple[ResultRecord, Parts]:
        """The eigenbasis by which directions of that space are measured, and what its file holds.

        Raises:
            ApiError: FAILED_PRECONDITION where it is not there, INVALID_ARGUMENT where it is of something else.
        """
        record = await self._scheduler.in_store(self._store.results.find, spec.eigenbasis)
        if record is None:
            raise failed_precondition(f"{field}: no eigenbasis {spec.eigenbasis!r}; {COMPUTE_EIGENBASIS}")
        generator = find_generator(spec.generator, "generator")
        parts = await self._eigenbases.open(record)
        try:
            # Directions may be measured in any distance: it is the eigenbasis that says which.
            parts.provenance.check_serves(generator=generator.name, weights_hash=generator.weights_hash, space=space)
        except IncompatibleEigenbasisError as error:
            raise invalid(field, f"{record.name} does not fit: {error}") from None
        return record, parts

    async def check_eigenbasis_there(self, name: str) -> None:
        """Raises NOT_FOUND where there is no eigenbasis of that name, readable or not."""
        if not await self._scheduler.in_store(self._store.results.has, name):
            raise no_eigenbasis(name)

    async def put_annotations(self, messages: Sequence[directions_pb2.DirectionSet]) -> None:
        """Adds what people say of directions now."""
        said = await self._scheduler.in_store(self._store.annotations.of, [message.name for message in messages])
        for message in messages:
            for note in said.get(message.name, []):
                message.annotations.add(index=note.place, title=note.title, notes=note.notes)


def set_header(record: ResultRecord) -> directions_pb2.DirectionSet:
    """Directions without their arrays, as stored; DATA_LOSS where they are damaged."""
    return decoded(record.name, directions_pb2.DirectionSet, record.header)


def _purified(whole: directions_pb2.DirectionSet, parts: Parts, k: int) -> directions_pb2.DirectionSet:
    """As `purified`, by an eigenbasis that is known by its digest. Runs in a thread."""
    return purified(whole, Eigenbasis.of_parts(parts, trusted=True), k)


def _keep(store: Store, whole: directions_pb2.DirectionSet) -> None:
    """Runs in the store's thread."""
    if store.results.whole(whole.name):
        return
    now = datetime.now(timezone.utc)
    whole.create_time.FromDatetime(now)
    store.results.keep(
        ResultRecord(
            name=whole.name,
            kind="directions",
            generator=parse_directions(whole.name, "name")[0],
            job="",
            created=now,
            header=without_arrays(whole).SerializeToString(),
            content=store.blobs.write(whole.SerializeToString()),
        )
    )


def _annotate(store: Store, name: str, annotation: AnnotationRecord) -> bool:
    """Whether the directions are still there, and are annotated now. Runs in the store's thread."""
    if not store.results.has(name):
        return False
    store.annotations.put(name, annotation)
    return True


def _not_there(name: str) -> ApiError:
    return not_found(f"no directions {name!r}; {LIST_DIRECTIONS}")
