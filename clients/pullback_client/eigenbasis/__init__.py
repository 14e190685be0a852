"""Eigenbases of generators."""

from __future__ import annotations

from pullback_client.eigenbasis.basis import Eigenbasis, EigenbasisInfo
from pullback_client.eigenbasis.options import EigenbasisOptions

__all__ = ["Eigenbasis", "EigenbasisInfo", "EigenbasisOptions"]
