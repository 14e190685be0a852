"""Keys of a server: who is let in, with what rights, and what each may have and has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from pullback_api.v1 import access_pb2
from pullback_client.wire.names import id_of


class Role(str, Enum):
    """What a key may do."""

    UNKNOWN = "unknown"
    """A server of a newer version has more."""

    VIEWER = "viewer"
    """Sees what is shared with it and what is everybody's; changes nothing."""

    USER = "user"
    """Works with what is its own."""

    OPERATOR = "operator"
    """Sees and changes everything, keys too."""

    @classmethod
    def from_wire(cls, value: int) -> Role:
        """The role of a message."""
        return _ROLES.get(value, cls.UNKNOWN)


_ROLES: dict[int, Role] = {
    access_pb2.ROLE_VIEWER: Role.VIEWER,
    access_pb2.ROLE_USER: Role.USER,
    access_pb2.ROLE_OPERATOR: Role.OPERATOR,
}

QUOTAS = tuple(field.name for field in access_pb2.Quotas.DESCRIPTOR.fields)
"""Names of quotas: `queued_jobs`, `running_jobs`, `device_seconds`, `stored_bytes`, `sessions`, …"""


@dataclass(frozen=True)
class Key:
    """A key.

    Attributes:
        name: Its id.
        role: What it may do.
        created: When it was made.
        expires: When it lets in no more; None for never.
        revoked: When it was revoked; None where it was not.
        quotas: What it may have, by `QUOTAS`; what has no limit is not there.
        device_seconds_today: Seconds of devices that its jobs have had today, by UTC.
        stored_bytes: Bytes that the server keeps of what belongs to it.
    """

    name: str
    role: Role
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    quotas: dict[str, float]
    device_seconds_today: float
    stored_bytes: float

    @property
    def lets_in(self) -> bool:
        """Whether it does now."""
        return self.revoked is None and (self.expires is None or self.expires > datetime.now(timezone.utc))

    @classmethod
    def from_wire(cls, message: access_pb2.Key) -> Key:
        """The record of a message."""
        expires, revoked = (
            getattr(message, name).ToDatetime(timezone.utc) if message.HasField(name) else None
            for name in ("expire_time", "revoke_time")
        )
        return cls(
            name=id_of(message.name),
            role=Role.from_wire(message.role),
            created=message.create_time.ToDatetime(timezone.utc),
            expires=expires,
            revoked=revoked,
            quotas={name: getattr(message.quotas, name) for name in QUOTAS if message.quotas.HasField(name)},
            device_seconds_today=message.device_seconds_today,
            stored_bytes=message.stored_bytes,
        )


@dataclass(frozen=True)
class NewKey:
    """A key that was just made.

    Attributes:
        key: The key.
        token: What lets in; nobody can say it again.
    """

    key: Key
    token: str
