"""Eigenbases: what the server has computed, by generator."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from pullback_client.eigenbasis.basis import EigenbasisInfo
from pullback_client.studio.parts.tables import table

_HEAD = ("generator", "space", "distance", "method", "samples", "axes", "computed")


def draw_eigenbases(found: Sequence[EigenbasisInfo]) -> None:
    """Draws the table, newest first."""
    if not found:
        ui.label("None yet: an inversion, a search or Explore computes the one that it needs.").classes("quiet")
        return
    newest = sorted(found, key=lambda each: each.created, reverse=True)
    table("Eigenbases", _HEAD, map(_cells, newest))


def _cells(info: EigenbasisInfo) -> tuple[str, ...]:
    axes = f"{info.k} of {info.dim}" if info.k < info.dim else f"{info.dim}"
    method = f"{info.method}, separate" if info.separate else info.method
    when = info.created.astimezone().strftime("%Y-%m-%d %H:%M")
    return (info.generator, info.space, info.distance, method, str(info.samples), axes, when)
