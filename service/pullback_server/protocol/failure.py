"""Failure of a job or a call, as a worker tells of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """Why something failed: number of a canonical gRPC code, and a message for the caller."""

    code: int
    message: str
