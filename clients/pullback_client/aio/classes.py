"""The asynchronous client. Type checkers read `classes.pyi`, which `clients/generate_aio.py` makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from pullback_client.aio.calls import Calls
from pullback_client.aio.derivation import AsyncObject, unwrapped, wrapped
from pullback_client.client import CALL_TIMEOUT, Client
from pullback_client.directions import Directions
from pullback_client.jobs.job import Job
from pullback_client.search import Batch, EvolutionSession, Trial


class AsyncClient(AsyncObject, of=Client):
    """`Client` for asyncio: the same methods, to be awaited; those that give results one by one for `async for`.

    Use it with `async with`, or await `close`. Any number of tasks may call it at once. Each call is made on a thread
    of its own, so that the event loop is never blocked; cancelling a task cancels its call to the server. Jobs and
    sessions belong to the server and go on, as they do when a synchronous program ends.

    Callbacks (`progress=`, `score` of `AsyncEvolutionSession.run` …) may be coroutine functions, which run on the event
    loop, or plain functions, which are called on the call's thread and may take as long as they like.

    Args:
        target: As for `Client`.
        timeout: As for `Client`.
        token: As for `Client`.
        ca: As for `Client`.
        cert: As for `Client`.
        key: As for `Client`.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        timeout: float = CALL_TIMEOUT,
        token: str | None = None,
        ca: str | Path | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
    ) -> None:
        inner = Client(target, timeout=timeout, token=token, ca=ca, cert=cert, key=key)
        super().__init__(inner, Calls(inner._transport.check_open))

    @property
    def target(self) -> str:
        """Address of the server."""
        target: str = self._inner.target
        return target

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection; calls under way raise CallCancelledError. Jobs go on. Closing twice does nothing."""
        if not self._inner.closed:
            await self._calls.close(self._inner.close)

    async def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What a plain function makes with the synchronous client: `call(contact_sheet, directions, starts=2)`.

        Args:
            function: Takes a `Client` first; it is called on a thread, and interrupted where this task is cancelled.
            *arguments: What else it takes; objects of this client are given as those of the synchronous one.
            **options: Likewise.
        """
        plain = {name: unwrapped(value) for name, value in options.items()}
        given = [unwrapped(value) for value in arguments]
        return wrapped(await self._calls.run(lambda: function(self._inner, *given, **plain)), self._calls)


class AsyncJob(AsyncObject, of=Job):
    """`Job` for asyncio: `await job.wait()`, `async for event in job.watch()`, `await job.result()`."""


class AsyncEvolutionSession(AsyncObject, of=EvolutionSession):
    """`EvolutionSession` for asyncio: `async for batch in session: await session.tell(batch, scores)`.

    What changes the session reaches the server in the order of the calls, whatever tasks they come from.
    """

    ordered = ("tell", "end_generation", "reclaim", "pause", "resume", "close")


class AsyncBatch(AsyncObject, of=Batch):
    """`Batch` for asyncio: a sequence of trials, whose images are awaited: `images = await batch.images`."""

    fetched = ("images",)


class AsyncTrial(AsyncObject, of=Trial):
    """`Trial` for asyncio: what may have to be fetched is awaited: `image = await trial.image`."""

    fetched = ("file", "image", "sound", "suffix")


class AsyncDirections(AsyncObject, of=Directions):
    """`Directions` for asyncio: a sequence of directions; annotating, purifying and saving them is awaited."""
