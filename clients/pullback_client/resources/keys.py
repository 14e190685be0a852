"""Keys: made, listed, revoked; jobs and sessions shared with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pullback_api.v1 import access_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.keys import QUOTAS, Key, NewKey, Role
from pullback_client.resources.connection import Connection
from pullback_client.wire.names import id_of

ANY_KEY = "-"
_INTEGERS = {field.name for field in access_pb2.Quotas.DESCRIPTOR.fields if field.type == field.TYPE_INT32}


class KeyCalls(Connection):
    """The calls of keys."""

    def create_key(
        self,
        name: str,
        *,
        role: Role | str = Role.USER,
        expires: datetime | None = None,
        quotas: Mapping[str, float] | None = None,
    ) -> NewKey:
        """Makes a key, for an operator of the server.

        Args:
            name: What it is called: 1 to 60 lower-case letters, digits, `-`, `.` and `_`.
            role: What it may do: `viewer`, `user` or `operator`.
            expires: When it is to let in no more, with its time zone; None for never.
            quotas: What it may have, by `QUOTAS`; what is not there is as the server was started.

        Raises:
            InvalidArgumentError: One of these cannot be used.
            AlreadyExistsError: There is a key of that name, or was.
            PermissionDeniedError: This client is no operator's.
        """
        try:
            wanted = Role(role)
        except ValueError:
            wanted = Role.UNKNOWN
        if wanted is Role.UNKNOWN:
            known = ", ".join(each.value for each in Role if each is not Role.UNKNOWN)
            raise InvalidArgumentError(f"role: expected one of {known}, but {role!r} came")
        request = access_pb2.CreateKeyRequest(id=name, role=f"ROLE_{wanted.value.upper()}")
        if expires is not None:
            if expires.tzinfo is None:
                raise InvalidArgumentError("expires: expected a time with its time zone, such as one of timezone.utc")
            request.expire_time.FromDatetime(expires)
        for quota, value in (quotas or {}).items():
            if quota not in QUOTAS:
                raise InvalidArgumentError(f"quotas: expected {', '.join(QUOTAS)}, but {quota!r} came")
            try:
                setattr(request.quotas, quota, int(value) if quota in _INTEGERS else value)
            except ValueError as error:
                raise InvalidArgumentError(f"quotas: {quota}: {error}") from None
        made = self._transport.call(self._transport.access.CreateKey, request)
        return NewKey(Key.from_wire(made.key), made.token)

    def list_keys(self) -> list[Key]:
        """The keys by their names, revoked ones too: for an operator all of them, else this client's own, if any."""
        answer = self._transport.call(self._transport.access.ListKeys, access_pb2.ListKeysRequest())
        return [Key.from_wire(message) for message in answer.keys]

    def revoke_key(self, name: str) -> Key:
        """Has a key let in no more, at once and for good. What belongs to it stays.

        Raises:
            NotFoundError: There is none.
            PermissionDeniedError: This client is no operator's.
        """
        request = access_pb2.RevokeKeyRequest(name=f"keys/{id_of(name)}")
        return Key.from_wire(self._transport.call(self._transport.access.RevokeKey, request))

    def share(self, resource: str, key: str = ANY_KEY, *, withdraw: bool = False) -> list[str]:
        """Lets other keys see a job with its result, or a session.

        Args:
            resource: Its name: `jobs/{id}`, `inversions/{id}`, `sessions/{id}`, `generators/{generator}/tunings/{id}`.
            key: Name of a key, or `-` for all of them.
            withdraw: Whether to take back what was shared before.

        Returns:
            The keys that it is shared with now, `-` for all.

        Raises:
            NotFoundError: There is no such resource.
            PermissionDeniedError: It is another key's.
        """
        request = access_pb2.ShareRequest(resource=resource, key=f"keys/{id_of(key)}", withdraw=withdraw)
        return [id_of(name) for name in self._transport.call(self._transport.access.Share, request).keys]
