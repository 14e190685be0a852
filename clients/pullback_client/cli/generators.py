"""`pullback generators`."""

from __future__ import annotations

from rich.table import Table

from pullback_client.catalogue import Generator
from pullback_client.cli.console import show, stacked, warn
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client


def generators(target: Target = DEFAULT_TARGET) -> None:
    """List the server's generators, where their weights are, and what of its catalogue cannot be used."""
    with Client(target) as client:
        known, faults = client.list_generators(), client.list_catalogue_faults()
    # A name is copied from here, so it stays in one piece.
    table = Table()
    table.add_column("name", no_wrap=True)
    for column in ("draws", "spaces", "size", "weights"):
        table.add_column(column)
    for generator in known:
        table.add_row(
            generator.name,
            stacked(generator.title, generator.family),
            stacked(*(f"{space.name} ({space.dim})" for space in generator.spaces.values())),
            _size(generator),
            stacked(generator.weights_state.value, generator.licence),
        )
    show(table)
    for fault in faults:
        warn(f"{fault.generator or 'part of the catalogue'} cannot be used: {fault.reason}")


def _size(generator: Generator) -> str:
    if not generator.height:
        return f"{generator.width} samples × {generator.channels}"
    return f"{generator.width} × {generator.height} × {generator.channels}"
