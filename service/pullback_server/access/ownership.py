"""Ownership: whose a resource is, and who else sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pullback_server.access.identity import identity
from pullback_server.access.permissions import deny
from pullback_server.errors import ApiError
from pullback_server.names import job_name, session_name
from pullback_server.store import EVERYBODYS, Store


class Ownership:
    """Refuses callers what they do not see, as if it were not there, and what they see, but may not change.

    Args:
        store: Knows owners, and what is shared.
        in_store: Calls a method of it off the event loop.
    """

    def __init__(self, store: Store, in_store: Callable[..., Awaitable[Any]]) -> None:
        self._store = store
        self._in_store = in_store

    async def job(self, job_id: str, missing: ApiError, *, own: bool = False, deleting: bool = False) -> None:
        """Lets on whoever sees a job, and what that has made; an inversion bears the id of its job.

        Args:
            job_id: The job, which need not be there.
            missing: What others are told, and are told too where it is not there.
            own: Whether it is to be changed: by its owner, or an operator.
            deleting: Whether it is to be deleted: likewise, and what is everybody's by an operator alone.

        Raises:
            ApiError: `missing`, or PERMISSION_DENIED.
        """
        if identity().seen_by is None:
            return
        found: tuple[str, str] | None = await self._in_store(self._store.keys.job_owner, job_id)
        owner, kind = found or (None, "")
        everybodys = kind in EVERYBODYS
        if deleting and everybodys:
            deny(f"{job_name(job_id)} computes what is everybody's; operators may delete it")
        await self._check(owner, job_name(job_id), missing, own=own or deleting, everybodys=everybodys)

    async def session(self, session_id: str, missing: ApiError, *, own: bool = False) -> None:
        """Lets on whoever sees a session: see `job`."""
        if identity().seen_by is None:
            return
        owner: str | None = await self._in_store(self._store.keys.session_owner, session_id)
        await self._check(owner, session_name(session_id), missing, own=own)

    async def _check(
        self, owner: str | None, name: str, missing: ApiError, *, own: bool, everybodys: bool = False
    ) -> None:
        key = identity().key
        if owner == key:
            return
        seen = owner is not None and (everybodys or await self._in_store(self._store.keys.is_shared, name, key))
        if not seen:
            raise missing
        if own:
            deny(f"{name} belongs to another key; its owner may do that, and operators")
