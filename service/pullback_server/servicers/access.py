"""The `Access` service."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from typing import Any

import grpc

from pullback_api.v1 import access_pb2, access_pb2_grpc
from pullback_server.access import Keys, Ownership, Role, identity
from pullback_server.access.keys import digest_of
from pullback_server.access.quotas import from_message
from pullback_server.advice import LIST_INVERSIONS, LIST_JOBS, LIST_SESSIONS, LIST_TUNINGS
from pullback_server.errors import ApiError, Violations, invalid, not_found
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import (
    ANY_KEY,
    is_tuning,
    job_name,
    key_name,
    parse_job,
    parse_key,
    parse_session,
    parse_tuning,
)
from pullback_server.store import ALL_KEYS, KeyRecord, KeyTakenError, Store

Context = grpc.aio.ServicerContext[Any, Any]

_ROLES = {
    access_pb2.ROLE_UNSPECIFIED: Role.USER,
    access_pb2.ROLE_VIEWER: Role.VIEWER,
    access_pb2.ROLE_USER: Role.USER,
    access_pb2.ROLE_OPERATOR: Role.OPERATOR,
}
_SHARED = {
    "jobs": LIST_JOBS,
    "inversions": LIST_INVERSIONS,
    "sessions": LIST_SESSIONS,
    "tunings": LIST_TUNINGS,
}
_TOKEN_BYTES = 32


class AccessServicer(access_pb2_grpc.AccessServicer):
    """Keys, and what they share."""

    def __init__(self, store: Store, scheduler: Scheduler, keys: Keys) -> None:
        self._store = store
        self._in_store = scheduler.in_store
        self._keys = keys
        self._usage = scheduler.usage
        self._ownership = Ownership(store, scheduler.in_store)

    async def CreateKey(self, request: access_pb2.CreateKeyRequest, context: Context) -> access_pb2.CreateKeyResponse:
        """See the contract."""
        wrong = Violations()
        if request.id == ANY_KEY:
            wrong.add("id", "expected a name of its own, but - came, which stands for all keys")
        else:
            parse_key(key_name(request.id), "id")
        if request.role not in _ROLES:
            known = ", ".join(access_pb2.Role.keys()[1:])
            wrong.add("role", f"expected one of {known}, but {request.role} came")
        expires = None
        if request.HasField("expire_time"):
            expires = _time(request.expire_time, wrong)
        quotas = from_message(request.quotas, "quotas", wrong)
        wrong.raise_if_any()
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        try:
            record = await self._in_store(
                self._store.keys.create,
                name=request.id,
                role=_ROLES[request.role].value,
                digest=digest_of(token),
                quotas=quotas.to_text(),
                expires=expires,
            )
        except KeyTakenError:
            message = f"there is a key {request.id!r} already, or was: what belongs to it names it. Take another name"
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, message) from None
        self._keys.put(record)
        return access_pb2.CreateKeyResponse(key=await self._message(record), token=token)

    async def ListKeys(self, request: access_pb2.ListKeysRequest, context: Context) -> access_pb2.ListKeysResponse:
        """See the contract."""
        seen = identity().seen_by
        records = await self._in_store(self._store.keys.all)
        found = [await self._message(record) for record in records if seen in (None, record.name)]
        return access_pb2.ListKeysResponse(keys=found)

    async def RevokeKey(self, request: access_pb2.RevokeKeyRequest, context: Context) -> access_pb2.Key:
        """See the contract."""
        name = parse_key(request.name, "name")
        record = await self._in_store(self._store.keys.revoke, name)
        if record is None:
            raise not_found(f"no key {request.name!r}; `pullback keys list` names them")
        self._keys.put(record)
        return await self._message(record)

    async def Share(self, request: access_pb2.ShareRequest, context: Context) -> access_pb2.ShareResponse:
        """See the contract."""
        resource = await self._own(request.resource)
        key = parse_key(request.key, "key")
        # Whether another key is there is not for everybody to know: one that is not sees nothing.
        shared = await self._in_store(
            self._store.keys.share, resource, ALL_KEYS if key == ANY_KEY else key, withdraw=request.withdraw
        )
        return access_pb2.ShareResponse(keys=[key_name(each or ANY_KEY) for each in shared])

    async def _own(self, name: str) -> str:
        """By what a resource of the caller is shared: an inversion by its job, whose id it bears.

        Raises:
            ApiError: NOT_FOUND, PERMISSION_DENIED.
        """
        kind, _, identifier = name.partition("/")
        if is_tuning(name):
            kind, identifier = "tunings", parse_tuning(name, "resource")[1]
        if kind not in _SHARED:
            raise invalid(
                "resource",
                "expected jobs/{job}, inversions/{inversion}, sessions/{session} or "
                f"generators/{{generator}}/tunings/{{tuning}}, but {name[:200]!r} came; what is computed once for "
                "all is seen by all",
            )
        missing = not_found(f"no {kind[:-1]} {name!r}; {_SHARED[kind]}")
        if kind == "sessions":
            session_id = parse_session(name, "resource")
            await self._ownership.session(session_id, missing, own=True)
            if not await self._in_store(self._store.sessions.has, session_id):
                raise missing
            return name
        resource = job_name(identifier)
        job_id = parse_job(resource, "resource")
        await self._ownership.job(job_id, missing, own=True)
        job = await self._in_store(self._store.jobs.find, job_id)
        if job is None or (kind != "jobs" and job.result != name):
            raise missing
        return resource

    async def _message(self, record: KeyRecord) -> access_pb2.Key:
        key = access_pb2.Key(
            name=key_name(record.name),
            role=access_pb2.Role.Name(access_pb2.Role.Value(f"ROLE_{record.role.upper()}")),
            quotas=self._keys.quotas(record.name).to_message(),
            device_seconds_today=self._usage.today(record.name),
            stored_bytes=await self._usage.stored_bytes(record.name),
        )
        key.create_time.FromDatetime(record.created)
        if record.expires is not None:
            key.expire_time.FromDatetime(record.expires)
        if record.revoked is not None:
            key.revoke_time.FromDatetime(record.revoked)
        return key


def _time(message: Any, wrong: Violations) -> datetime | None:
    try:
        found: datetime = message.ToDatetime(timezone.utc)
    except (ValueError, OverflowError):
        wrong.add("expire_time", "expected a time of the years 1 to 9999")
        return None
    if found <= datetime.now(timezone.utc):
        wrong.add("expire_time", f"expected a time in the future, but {found:%Y-%m-%d %H:%M} UTC came")
    return found
