"""`pullback distances`."""

from __future__ import annotations

from rich.table import Table

from pullback_client.catalogue import Distance
from pullback_client.cli.console import out, show, stacked
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client


def distances(target: Target = DEFAULT_TARGET) -> None:
    """List the server's image distances, whether their weights are there, and where these come from."""
    with Client(target) as client:
        known = client.list_distances()
    # A name is copied from here, so it stays in one piece.
    table = Table()
    table.add_column("name", no_wrap=True)
    for column in ("is", "compares", "weights"):
        table.add_column(column)
    for distance in known:
        table.add_row(
            distance.name,
            distance.title + _default_of(distance),
            stacked(*distance.takes),
            stacked(distance.weights_state.value, distance.licence),
        )
    show(table)
    for distance in known:
        if distance.sides:
            least, most = distance.sides
            out.print(
                f"{distance.name}@SIDE compares images resized to SIDE × SIDE px first, {least} to {most}",
                soft_wrap=True,
            )
    # Addresses are too long for a column.
    out.print("Weights come from:")
    for distance in known:
        if distance.weights_source:
            out.print(f"  {distance.name}: {distance.weights_source}", soft_wrap=True)


def _default_of(distance: Distance) -> str:
    if distance.is_default and distance.is_inversion_default:
        return " (the default)"
    if distance.is_inversion_default:
        return " (the default of inversions)"
    return " (the default of all but inversions)" if distance.is_default else ""
