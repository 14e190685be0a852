"""`pullback generators`."""

from __future__ import annotations

from rich.table import Table

from pullback_client.cli.common import Target, show
from pullback_client.client import DEFAULT_TARGET, Client


def generators(target: Target = DEFAULT_TARGET) -> None:
    """List the server's generators."""
    with Client(target) as client:
        known = client.generators()
    table = Table("name", "draws", "family", "spaces", "size", "licence")
    for generator in known:
        table.add_row(
            generator.name,
            generator.title,
            generator.family,
            ", ".join(f"{space.name} ({space.dim})" for space in generator.spaces.values()),
            f"{generator.width} × {generator.height} × {generator.channels}",
            generator.licence,
        )
    show(table)
