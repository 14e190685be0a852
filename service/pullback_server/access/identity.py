"""Identity of whoever makes a call: the key that it came with, and what that may."""

from __future__ import annotations

import enum
from contextvars import ContextVar
from dataclasses import dataclass

from pullback_server.watching.context import note


class Role(enum.Enum):
    """What a key may do."""

    VIEWER = "viewer"
    USER = "user"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Identity:
    """Somebody who was let in.

    Attributes:
        key: Name of the key; empty for the server's own token, and where everybody is let in.
        role: What it may do.
    """

    key: str = ""
    role: Role = Role.OPERATOR

    @property
    def seen_by(self) -> str | None:
        """The key whose resources, and those that are shared with it, are all that is seen; None for everything."""
        return None if self.role is Role.OPERATOR else self.key


OPERATOR = Identity()
"""Who has the server's own token, and the server itself."""

_identity: ContextVar[Identity] = ContextVar("identity", default=OPERATOR)


def identity() -> Identity:
    """Who has made the call that is being answered; outside of calls, the server itself."""
    return _identity.get()


def set_identity(found: Identity) -> None:
    """Notes who makes the call that is about to be answered, in this task and those that it starts."""
    _identity.set(found)
    note(key=found.key)
