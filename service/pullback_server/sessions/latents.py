"""The latents of a session's generations, read from the store."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from pullback_server.scheduler import Scheduler
from pullback_server.sessions.events import GenerationOpened
from pullback_server.store import Store

# Generations a session that are kept in memory: those that are shown, evolved from and rendered again.
_KEPT = 16
_DTYPE = np.dtype("<f4")


def write_latents(latents: NDArray[np.float32]) -> bytes:
    """Latents of a generation as the store keeps them; how many there are is told by the event that names them."""
    return np.ascontiguousarray(latents, dtype=_DTYPE).tobytes()


class Latents:
    """The latents of one session, those that were used last in memory."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    async def of(self, opened: GenerationOpened) -> NDArray[np.float32]:
        """The latents of a generation, shape (images, dim), in the order of its images.

        Raises:
            ApiError: DATA_LOSS where their file is missing or damaged.
        """
        digest = opened.latents
        if (found := self._kept.get(digest)) is None:
            data = await self._scheduler.in_store(self._store.blobs.read, digest)
            found = np.frombuffer(data, dtype=_DTYPE).reshape(len(opened.images), -1).astype(np.float32)
            self._kept[digest] = found
        self._kept.move_to_end(digest)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
