"""Kept eigenbases: their files, read once however many ask for them at a time, and the rows that answers hold.

What a file holds was checked by the worker that made it; here its digest says that it is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from weakref import WeakValueDictionary

from pullback.errors import IncompatibleEigenbasisError
from pullback.generators import CatalogueEntry
from pullback.geometry.eigenbasis_file import Parts, read_parts
from pullback_api.tensors import pack
from pullback_api.v1 import geometry_pb2
from pullback_server.advice import LIST_EIGENBASES
from pullback_server.damage import decoding
from pullback_server.errors import ApiError, failed_precondition, invalid, not_found
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.specs import preconditioning_space
from pullback_server.store import ResultRecord, Store

# Of the rows in one answer: 512 × 512 numbers fit; as JSON they are 2.7 MiB.
ANSWER_BYTES = 2 * 2**20
# Twenty pieces side by side keep the event loop some ten milliseconds.
PIECE_BYTES = 2**18


class Eigenbases:
    """The eigenbases of a store."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler
        self._open: WeakValueDictionary[str, Parts] = WeakValueDictionary()
        self._opening: dict[str, asyncio.Task[Parts]] = {}

    async def find(self, name: str) -> ResultRecord:
        """The record of an eigenbasis.

        Raises:
            ApiError: NOT_FOUND where there is none of that name, DATA_LOSS where its row is damaged.
        """
        record = await self._scheduler.in_store(self._store.results.find, name)
        if record is None:
            raise no_eigenbasis(name)
        return record

    async def open(self, record: ResultRecord) -> Parts:
        """What the file of an eigenbasis holds; it stays in memory as long as somebody has it.

        Raises:
            ApiError: DATA_LOSS where the file is missing or damaged.
        """
        digest = record.content
        if (there := self._open.get(digest)) is not None:
            return there
        if digest not in self._opening:
            task = asyncio.create_task(self._read(record))
            self._opening[digest] = task
            task.add_done_callback(lambda _: self._opening.pop(digest, None))
        # Others wait for it too, whoever goes away.
        return await asyncio.shield(self._opening[digest])

    async def check_serves(self, record: ResultRecord, generator: CatalogueEntry, space: str) -> None:
        """Checks that an eigenbasis belongs to a generator, and to a space or to what `w+` repeats.

        Raises:
            IncompatibleEigenbasisError: Something differs; the message lists each difference.
            ApiError: DATA_LOSS where the file is missing or damaged.
        """
        source = (await self.open(record)).provenance
        serving = {space, preconditioning_space(space, generator)}
        wanted = source.space if source.space in serving else space
        source.check_serves(generator=generator.name, weights_hash=generator.weights_hash, space=wanted)

    async def refuse_unfit(self, record: ResultRecord, generator: CatalogueEntry, space: str, field: str) -> None:
        """Raises FAILED_PRECONDITION where an eigenbasis belongs to something else."""
        try:
            await self.check_serves(record, generator, space)
        except IncompatibleEigenbasisError as error:
            raise failed_precondition(f"{field}: {record.name} does not fit: {error}") from None

    async def _read(self, record: ResultRecord) -> Parts:
        content = await self._scheduler.in_store(self._store.results.content, record)
        with decoding(record.name):
            parts = read_parts(content)
        self._open[record.content] = parts
        return parts


def no_eigenbasis(name: str) -> ApiError:
    """NOT_FOUND for an eigenbasis."""
    return not_found(f"no eigenbasis {name!r}; {LIST_EIGENBASES}")


def check_rows(parts: Parts, request: geometry_pb2.GetEigenbasisRequest | geometry_pb2.StreamEigenbasisRequest) -> None:
    """Checks which part of an eigenbasis is asked for.

    Raises:
        ApiError: INVALID_ARGUMENT where a number is out of range, FAILED_PRECONDITION where there is no metric.
    """
    if not 0 <= request.k <= parts.k:
        raise invalid("k", f"expected 1 to {parts.k} (0 = all), but {request.k} came")
    first = request.first_row if isinstance(request, geometry_pb2.GetEigenbasisRequest) else 0
    if not 0 <= first < parts.dim:
        raise invalid("first_row", f"expected 0 to {parts.dim - 1}, but {first} came")
    if request.with_metric and parts.metric is None:
        raise failed_precondition(
            f"with_metric: {request.name} has {parts.k} eigenpairs of {parts.dim} dimensions and no metric; "
            "leave it out"
        )


def put_rows(
    message: geometry_pb2.Eigenbasis, parts: Parts, *, k: int, with_metric: bool, first: int, most_bytes: int
) -> int:
    """Fills in rows of the arrays, as many as fit.

    Args:
        message: What they are put into.
        parts: What the file holds.
        k: How many columns of the eigenvectors; 0 = all.
        with_metric: Whether the metric's rows, too.
        first: The first row.
        most_bytes: Of the rows, but at least one is taken.

    Returns:
        The row with which to go on; 0 where the last one is there.
    """
    width = 8 * ((k or parts.k) + (parts.dim if with_metric else 0))
    stop = min(parts.dim, first + max(1, most_bytes // width))
    message.first_row = first
    message.eigenvectors.CopyFrom(pack(parts.eigenvectors[first:stop, : k or parts.k]))
    if with_metric and parts.metric is not None:
        message.metric.CopyFrom(pack(parts.metric[first:stop]))
    return 0 if stop == parts.dim else stop


def pieces(
    header: geometry_pb2.Eigenbasis, parts: Parts, *, k: int, with_metric: bool
) -> Iterator[geometry_pb2.Eigenbasis]:
    """An eigenbasis in pieces: the first one says what it is, all hold rows."""
    piece, first = header, 0
    while True:
        first = put_rows(piece, parts, k=k, with_metric=with_metric, first=first, most_bytes=PIECE_BYTES)
        piece.next_row = first
        yield piece
        if not first:
            return
        piece = geometry_pb2.Eigenbasis()
