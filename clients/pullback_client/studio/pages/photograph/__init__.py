"""Photograph: photographs in, latents out; and what was found, live, side by side, edited, pasted back, downloaded."""

from __future__ import annotations

from pullback_client.studio.pages.photograph import choose, follow

PAGES = (choose, follow)
