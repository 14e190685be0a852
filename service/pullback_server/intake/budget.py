"""Budget of the bytes of requests that the server holds at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from pullback_server.errors import resource_exhausted

RETRY_SECONDS = 2.0


class Hold:
    """Bytes that are held for one request."""

    def __init__(self, budget: Budget, amount: int) -> None:
        self._budget = budget
        self.amount = amount

    def shrink(self, amount: int) -> None:
        """Gives back all but so many bytes, once it is known how many came."""
        if amount < self.amount:
            self._budget.give_back(self.amount - amount)
            self.amount = amount


class Budget:
    """Bytes that requests may hold, all together; who finds none left waits for a while, in the order of coming.

    Args:
        total: How many bytes.
        patience: Seconds that a request waits for its bytes before it is refused.
    """

    def __init__(self, total: int, patience: float) -> None:
        self._left = total
        self._total = total
        self._patience = patience
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def hold(self, amount: int) -> AsyncIterator[Hold]:
        """Holds so many bytes until the end of the block; never more than there are in all.

        Raises:
            ApiError: RESOURCE_EXHAUSTED where others hold them for too long; says when to try again.
        """
        hold = Hold(self, min(amount, self._total))
        await self._take(hold.amount)
        try:
            yield hold
        finally:
            self.give_back(hold.amount)

    def give_back(self, amount: int) -> None:
        """Lets others have bytes that were held."""
        self._left += amount
        while self._waiting and self._waiting[0][0] <= self._left:
            wanted, future = self._waiting.popleft()
            if not future.done():
                self._left -= wanted
                future.set_result(None)

    async def _take(self, amount: int) -> None:
        if amount <= self._left and not self._waiting:
            self._left -= amount
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (amount, future)
        self._waiting.append(entry)
        try:
            await asyncio.wait({future}, timeout=self._patience)
        except asyncio.CancelledError:
            self._give_up(entry)
            raise
        if not self._give_up(entry):
            raise resource_exhausted(
                f"the server holds requests of {self._total - self._left:,} bytes already, of {self._total:,} that it "
                f"takes at a time; try again in {RETRY_SECONDS:g} s",
                RETRY_SECONDS,
            )

    def _give_up(self, entry: tuple[int, asyncio.Future[None]]) -> bool:
        """Whether the bytes were got; a wait that has ended without is forgotten."""
        amount, future = entry
        if future.done() and not future.cancelled():
            return True
        future.cancel()
        with contextlib.suppress(ValueError):
            self._waiting.remove(entry)
        # Those behind it may fit.
        self.give_back(0)
        del amount
        return False
