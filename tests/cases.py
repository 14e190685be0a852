"""Small files that once went wrong: what users of the field brought, each with its right outcome in a test."""

from __future__ import annotations

from pathlib import Path

CASES = Path(__file__).parent / "data" / "cases"
