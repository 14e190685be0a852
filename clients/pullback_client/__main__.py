"""`python -m pullback_client` is `pullback`."""

from __future__ import annotations

from pullback_client.cli import main

main()
