"""Finding of results that have a name: those that are there, and those that a job still makes."""

from __future__ import annotations

from pullback_server.errors import ApiError, failed_precondition
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import job_name
from pullback_server.store import ResultRecord, Store


async def find_result(scheduler: Scheduler, store: Store, name: str, missing: ApiError) -> ResultRecord:
    """The record of a result.

    Args:
        scheduler: Calls the store.
        store: Keeps it.
        name: Its resource name.
        missing: What the caller is told where there is none, and no job that makes it.

    Raises:
        ApiError: `missing`; FAILED_PRECONDITION while a job makes it; DATA_LOSS where its row is damaged.
    """
    record: ResultRecord | None = await scheduler.in_store(store.results.find, name)
    if record is not None:
        return record
    maker = await scheduler.in_store(store.jobs.working_on, name)
    if maker is not None:
        raise failed_precondition(f"{job_name(maker.id)} is {maker.state.name}; wait until it has SUCCEEDED")
    # It may have ended between the two looks.
    record = await scheduler.in_store(store.results.find, name)
    if record is None:
        raise missing
    return record
