"""Keys of a server as calls are checked against them: in memory, as the store keeps them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable
from datetime import datetime, timezone
from typing import Any, TypeVar

from pullback_api.tokens import is_token
from pullback_server.access.identity import Identity, Role
from pullback_server.access.quotas import Quotas, from_text
from pullback_server.errors import ApiError, unauthenticated
from pullback_server.store import KeyRecord

_T = TypeVar("_T")


def digest_of(token: str | bytes) -> str:
    """What is kept of a token. It is 256 random bits, so that a plain digest tells nothing of it."""
    return hashlib.sha256(token.encode() if isinstance(token, str) else token).hexdigest()


class Keys:
    """Knows keys by their tokens. Lives on the event loop.

    Args:
        records: The keys that the store has.
        defaults: What each may have where nothing else is said of it.
    """

    def __init__(self, records: Iterable[KeyRecord] = (), defaults: Quotas | None = None) -> None:
        self._defaults = defaults or Quotas()
        self._by_digest = {record.digest: record for record in records}
        self._by_name = {record.name: record for record in self._by_digest.values()}
        self._open: dict[str, set[asyncio.Task[Any]]] = {}

    def put(self, record: KeyRecord) -> None:
        """Notes a key, in the place of what was known of it; what a revoked one waits for ends."""
        self._by_digest[record.digest] = self._by_name[record.name] = record
        if record.revoked is not None:
            for task in self._open.get(record.name, ()):
                task.cancel()

    def identify(self, token: bytes) -> Identity | None:
        """Whose token it is; None for nobody's.

        Raises:
            ApiError: UNAUTHENTICATED: that of a key which is not let in any more.
        """
        if not is_token(token.decode("ascii", "replace")):
            return None
        # Who guesses at tokens learns from the time that this takes of digests alone.
        record = self._by_digest.get(digest_of(token))
        if record is None:
            return None
        if record.revoked is not None:
            raise unauthenticated(
                f"the key {record.name!r} was revoked; ask an operator of this server for another one"
            )
        if record.expires is not None and record.expires <= datetime.now(timezone.utc):
            raise unauthenticated(
                f"the key {record.name!r} has expired; ask an operator of this server for another one"
            )
        return Identity(record.name, Role(record.role))

    def quotas(self, name: str) -> Quotas:
        """What a key may have; without a limit where there is no such key, or it is an operator's."""
        record = self._by_name.get(name)
        if record is None or record.role == Role.OPERATOR.value:
            return Quotas()
        return from_text(record.quotas).over(self._defaults)

    async def while_let_in(self, name: str, work: Coroutine[Any, Any, _T]) -> _T:
        """What work of a key's call gives, which ends where the key is revoked meanwhile.

        Raises:
            ApiError: UNAUTHENTICATED: it was.
        """
        if self._is_revoked(name):
            work.close()
            raise _revoked(name)
        task = asyncio.create_task(work)
        tasks = self._open.setdefault(name, set())
        tasks.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if task.cancelled() and self._is_revoked(name):
                raise _revoked(name) from None
            task.cancel()
            raise
        finally:
            tasks.discard(task)
            if not tasks:
                self._open.pop(name, None)

    def _is_revoked(self, name: str) -> bool:
        record = self._by_name.get(name)
        return record is not None and record.revoked is not None


def _revoked(name: str) -> ApiError:
    return unauthenticated(f"the key {name!r} was revoked; ask an operator of this server for another one")
