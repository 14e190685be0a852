"""Program of a worker process: how it runs, its first moments, and what it died of."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection

from pullback_server.intake.heap import importing
from pullback_server.processes.exits import REASONS
from pullback_server.processes.lifeline import end_with_parent
from pullback_server.processes.openmp import wait_with_short_spins
from pullback_server.processes.pulse import Pulse, Shared
from pullback_server.watching.logs import configure
from pullback_server.watching.tracing import make_tracing

_log = logging.getLogger(__name__)


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
        name: What the worker is called in health, in the log and in traces.
    """

    device: str | None
    checkpoint_seconds: float
    log_level: int
    memory: int | None = None
    given: bool = True
    sharing: int = 1
    name: str = "worker"


def run_worker(connection: Connection, shared: Shared, server: int, settings: Settings) -> None:
    """What a worker process does, from its first moment on."""
    end_with_parent(server)
    configure(settings.log_level, settings.name, "%(asctime)s %(levelname)s worker: %(message)s")
    try:
        _run(connection, shared, settings)
    except Exception:
        # Told here, in the log's own form.
        _log.critical("%s has failed", settings.name, exc_info=True)
        sys.exit(1)


def _run(connection: Connection, shared: Shared, settings: Settings) -> None:
    wait_with_short_spins()
    pulse = Pulse(shared)
    pulse.begin()
    tracing = make_tracing(settings.name)
    # Imported in the worker process only.
    if settings.device is None:
        with importing():
            from pullback_server.worker import searches  # noqa: PLC0415

        searches.run(connection, pulse, tracing)
    else:
        # This is where torch comes in.
        with importing():
            from pullback_server.worker import main  # noqa: PLC0415

        memory = (settings.memory, settings.given, settings.sharing)
        main.run(connection, pulse, settings.device, memory, settings.checkpoint_seconds, tracing)


def death(exit_code: int | None) -> str:
    """What a process died of."""
    if exit_code is not None and exit_code < 0:
        hint = ", as the system does when memory runs out" if exit_code == -9 else ""
        return f"killed by signal {-exit_code}{hint}"
    return REASONS.get(exit_code or 0, f"exit code {exit_code}")
