"""A server killed at random moments while it has everything to do: `ONLY=kills make bench-trust` in short."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from insisting import Load
from killing import live_through
from live_server import LiveServer

KILLS = int(os.environ.get("TRUST_KILLS", "5"))
SEED = int(os.environ.get("TRUST_SEED", "1"))


@pytest.mark.timeout(1200 + 60 * KILLS)
def test_kills_lose_nothing_and_change_nothing(start_server: Callable[..., LiveServer], server: LiveServer) -> None:
    lived = live_through(start_server(), server, Load(steps=100, samples=2_000), kills=KILLS, seed=SEED)
    assert lived.total >= KILLS, f"seed {SEED}"
