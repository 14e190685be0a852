"""Tasks of a process that reads PyTorch's files: torch is loaded before the limits of a task begin."""

from __future__ import annotations

from pullback.directions.formats import deformator, hessian_penalty
from pullback_server.importing.tasks import work

__all__ = ["deformator", "hessian_penalty", "work"]
