"""The command line, `pullback`."""

from __future__ import annotations

from pullback_client.cli.main import main

__all__ = ["main"]
