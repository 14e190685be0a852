"""Limits of what trials tell, which the client names before anything is sent and the server holds to."""

from __future__ import annotations

MAX_SCORE = 1e100
"""Greatest absolute value of a score: squares of greater ones, and of their weighted sums, would not be finite."""

MAX_NOTE = 1_000
"""Characters of a trial's note."""
