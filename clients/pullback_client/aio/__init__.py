"""Pullback's client for asyncio, derived from the synchronous one: `async with AsyncClient() as client`."""

from __future__ import annotations

from pullback_client.aio.classes import (
    AsyncBatch,
    AsyncClient,
    AsyncDirections,
    AsyncEvolutionSession,
    AsyncJob,
    AsyncTrial,
)

__all__ = ["AsyncBatch", "AsyncClient", "AsyncDirections", "AsyncEvolutionSession", "AsyncJob", "AsyncTrial"]
