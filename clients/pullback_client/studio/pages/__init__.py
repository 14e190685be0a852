"""Pages, a file each. Importing this package registers them with NiceGUI."""

from __future__ import annotations

from pullback_client.studio.pages import evolution, explore, home, people, photograph, report

PAGES = (home, explore, photograph, evolution, people, report)
