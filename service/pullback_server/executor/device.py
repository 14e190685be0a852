"""A device: the worker that computes its jobs, and a second one beside it that answers calls alone.

A piece of a job can take a minute, and a call must not wait for its end. So once jobs have gone on for two seconds
there is a process that is given calls only. What it answers is the same, byte for byte: it is the same program, with
the same threads. Importing torch costs seconds of a processor, which a server whose jobs take less does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from pullback_server.executor.keeping import Keepers, NoJobs
from pullback_server.executor.worker import JobListener, Settings, Worker
from pullback_server.protocol.messages import Ready, StartJob
from pullback_server.supervision import Health

# For so long, of all jobs together, calls and jobs share one process.
SHARED_SECONDS = 2.0
_LOOK_SECONDS = 0.1
# A device that computes jobs too draws at about half its speed meanwhile.
_BESIDE_JOBS = 2
# Of the worker of jobs beside the other one: whoever waits for an answer comes first.
NICENESS = 5


class Device:
    """The worker processes on one device. All methods run on the event loop.

    Args:
        name: The name of the worker of jobs in health, such as `worker-0`; the other is `worker-0-calls`.
        settings: How the processes run.
        health: Where they are seen.
        listener: Who hears of jobs.
        on_ready: Called each time that a worker of jobs has started.

    Attributes:
        worker: Computes jobs; answers calls too, while there is no other to do that.
        calls: Answers calls; None until jobs have gone on for `SHARED_SECONDS`.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        health: Health,
        listener: JobListener,
        on_ready: Callable[[Ready], None],
    ) -> None:
        self._name = name
        self._settings = settings
        self._on_ready = on_ready
        self._keepers = Keepers(health)
        self._shared_seconds = 0.0
        self._look: asyncio.TimerHandle | None = None
        self.worker = self._keepers.keep(name, settings, listener, on_ready=self._found)
        self.calls: Worker | None = None

    @property
    def name(self) -> str | None:
        """The device, as far as is known: `auto` before its worker has been ready."""
        return self._settings.device

    def answering(self) -> Worker | None:
        """Who answers a call now; None where nobody can, or would not before the end of a long piece of a job."""
        if self.calls is not None and self.calls.available:
            return self.calls
        return self.worker if self.worker.available and self.worker.prompt else None

    @property
    def busy(self) -> tuple[bool, int]:
        """How busy it is with what was asked of it already: less is better for whoever asks for more.

        Whether an answer waits for pieces of jobs, and how much is left to draw for calls, in values of pixels.
        """
        left = self.worker.outstanding + (0 if self.calls is None else self.calls.outstanding)
        between_pieces = bool(self.worker.jobs) and self.answering() is self.worker
        # Of two that have nothing to draw, the one without jobs.
        return between_pieces, (_BESIDE_JOBS * left + 1 if self.worker.jobs else left)

    def begin(self, start: StartJob) -> None:
        """Gives its worker a job; it must be available."""
        self.worker.begin(start)
        # A part of a job is over in a second.
        if self.calls is None and self._look is None and not start.part:
            self._look_later()

    def _look_later(self) -> None:
        self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._count)

    def _count(self) -> None:
        """Counts how long jobs have gone on, over all of them; that was long enough: calls get their own process."""
        self._look = None
        if not self.worker.jobs:
            return
        self._shared_seconds += _LOOK_SECONDS
        if self._shared_seconds < SHARED_SECONDS:
            self._look_later()
            return
        self.calls = self._keepers.keep(
            f"{self._name}-calls",
            self._settings,
            NoJobs(),
            on_ready=lambda _: self.worker.give_way(NICENESS),
            needed=False,
        )

    def _found(self, ready: Ready) -> None:
        """Both processes compute on the device that the first one has found, and cut their work alike."""
        self._settings = replace(self._settings, device=ready.device, memory=ready.memory or None, given=ready.given)
        self._on_ready(ready)

    async def stop(self, seconds: float) -> None:
        """Ends the processes; kills those that do not end by themselves in that time."""
        if self._look is not None:
            self._look.cancel()
        await self._keepers.stop(seconds)
