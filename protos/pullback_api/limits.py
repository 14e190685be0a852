"""Limits that client and server share: the client names them before anything is sent, and the server holds to them."""

from __future__ import annotations

MAX_SCORE = 1e100
"""Greatest absolute value of a score: squares of greater ones, and of their weighted sums, would not be finite."""

MAX_NOTE = 1_000
"""Characters of a trial's note."""

MOST_PLANNED = 200
"""Greatest number of generations that is taken for a plan; more are a bound that nobody means to reach."""
