"""The latents of a session's generations, read from the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from pullback_server.damage import DataLossError
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.sessions.state.events import GenerationOpened
from pullback_server.store import Store

# Generations a session that are kept in memory: those that are shown, evolved from and rendered again.
_KEPT = 16
_DTYPE = np.dtype("<f4")


def write_latents(latents: NDArray[np.float32]) -> bytes:
    """Latents of a generation as the store keeps them; how many there are is told by the event that names them."""
    return np.ascontiguousarray(latents, dtype=_DTYPE).tobytes()


def read_latents(data: bytes, opened: GenerationOpened) -> NDArray[np.float32]:
    """What `write_latents` wrote of the generation of that event, shape (images, dim)."""
    return np.frombuffer(data, dtype=_DTYPE).reshape(len(opened.images), -1).astype(np.float32)


class Latents:
    """The latents of one session, those that were used last in memory.

    Args:
        store: Where they are.
        scheduler: Calls it.
        remake: Makes the file of a generation's latents again, where it is missing or damaged.
    """

    def __init__(
        self, store: Store, scheduler: Scheduler, remake: Callable[[GenerationOpened], Awaitable[bytes]]
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._remake = remake
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    async def of(self, opened: GenerationOpened) -> NDArray[np.float32]:
        """The latents of a generation, shape (images, dim), in the order of its images.

        Raises:
            ApiError: DATA_LOSS where their file is missing or damaged, and cannot be made again.
        """
        digest = opened.latents
        if (found := self._kept.get(digest)) is None:
            try:
                data = await self._scheduler.in_store(self._store.blobs.read, digest)
            except DataLossError:
                data = await self._remake(opened)
                await self._scheduler.in_store(self._store.blobs.write, data)
            found = self._kept[digest] = read_latents(data, opened)
        self._kept.move_to_end(digest)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
