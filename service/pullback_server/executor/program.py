"""Program of a worker process: how it runs, its first moments, and what it died of."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.connection import Connection

from pullback_server.processes.exits import REASONS
from pullback_server.processes.lifeline import end_with_parent
from pullback_server.processes.openmp import wait_with_short_spins
from pullback_server.processes.pulse import Pulse, Shared


@dataclass(frozen=True)
class Settings:
    """How a worker process runs.

    Attributes:
        device: Where it computes: `auto`, `cpu`, `cuda:0`, …; None for the one that evolves searches, without torch.
        checkpoint_seconds: How much work of a job a crash can undo at most.
        log_level: Of the standard library's logging.
        memory: Bytes that it may take on its device; None for a share of what is free there when it starts.
        given: Whether somebody has said so (see `pullback.memory.MemoryBudget`).
        sharing: How many workers there are of this device.
    """

    device: str | None
    checkpoint_seconds: float
    log_level: int
    memory: int | None = None
    given: bool = True
    sharing: int = 1


def run_worker(connection: Connection, shared: Shared, server: int, settings: Settings) -> None:
    """What a worker process does, from its first moment on."""
    end_with_parent(server)
    wait_with_short_spins()
    pulse = Pulse(shared)
    pulse.begin()
    # Imported in the worker process only.
    if settings.device is None:
        from pullback_server.worker import searches  # noqa: PLC0415

        searches.run(connection, pulse, settings.log_level)
    else:
        # This is where torch comes in.
        from pullback_server.worker import main  # noqa: PLC0415

        memory = (settings.memory, settings.given, settings.sharing)
        main.run(connection, pulse, settings.device, memory, settings.checkpoint_seconds, settings.log_level)


def death(exit_code: int | None) -> str:
    """What a process died of."""
    if exit_code is not None and exit_code < 0:
        hint = ", as the system does when memory runs out" if exit_code == -9 else ""
        return f"killed by signal {-exit_code}{hint}"
    return REASONS.get(exit_code or 0, f"exit code {exit_code}")
