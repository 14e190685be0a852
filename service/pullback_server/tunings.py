"""Kept tunings: what they are, and the generators and weight files that images of them are drawn with."""

from __future__ import annotations

from pullback.generators import CatalogueEntry
from pullback_api.v1 import tunings_pb2
from pullback_server.access import Ownership
from pullback_server.advice import LIST_TUNINGS
from pullback_server.damage import decoded
from pullback_server.errors import failed_precondition, not_found
from pullback_server.jobs.finding import find_result
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import generator_name, is_tuning, parse_tuning
from pullback_server.specs import find_generator
from pullback_server.store import ResultRecord, Store
from pullback_server.stored_files import StoredFile


class Tunings:
    """The tunings of a store."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler
        self._ownership = Ownership(store, scheduler.in_store)

    async def find(self, name: str, field: str) -> ResultRecord:
        """The record of a tuning.

        Raises:
            ApiError: NOT_FOUND where there is none of that name, FAILED_PRECONDITION where its job has not succeeded,
                DATA_LOSS where its row is damaged.
        """
        _, identifier = parse_tuning(name, field)
        missing = not_found(f"{field}: no tuning {name!r}; {LIST_TUNINGS}")
        # A tuning bears the id of its job.
        await self._ownership.job(identifier, missing)
        return await find_result(self._scheduler, self._store, name, missing)

    async def drawing(self, name: str, field: str) -> tuple[CatalogueEntry, StoredFile | None]:
        """The generator that a name stands for, and the weights that it draws with instead of its own; None for those.

        Raises:
            ApiError: As `find`; NOT_FOUND where the catalogue has no such generator; FAILED_PRECONDITION where it has
                other weights now than were tuned.
        """
        if not is_tuning(name):
            return find_generator(name, field), None
        record = await self.find(name, field)
        generator = find_generator(generator_name(parse_tuning(name, field)[0]), field)
        tuned = decoded(record.name, tunings_pb2.Tuning, record.header)
        if tuned.generator_weights_hash != generator.weights_hash:
            raise failed_precondition(
                f"{field}: {name} was tuned from weights {tuned.generator_weights_hash[:12]}… of {generator.name!r}, "
                f"which has {generator.weights_hash[:12]}… now; put that entry of the catalogue back, or tune anew"
            )
        return generator, self._store.results.file(record)
