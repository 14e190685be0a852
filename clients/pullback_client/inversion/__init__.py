"""Inversions of photographs."""

from __future__ import annotations

from pullback_client.inversion.checks import CheckedInversion
from pullback_client.inversion.framing import Box, Crop, Framing
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.pasting import Alignment
from pullback_client.inversion.result import BestSoFar, Inversion, InversionFailure, InversionOutcome, Solution

__all__ = [
    "Alignment",
    "BestSoFar",
    "Box",
    "CheckedInversion",
    "Crop",
    "Framing",
    "Inversion",
    "InversionFailure",
    "InversionOptions",
    "InversionOutcome",
    "Solution",
]
