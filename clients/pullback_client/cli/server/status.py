"""`pullback status`."""

from __future__ import annotations

from rich.table import Table

from pullback_client.cli.console import out, show, stacked, warn
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client


def status(target: Target = DEFAULT_TARGET) -> None:
    """Say how the server is, what each of its workers does, and on which device."""
    with Client(target) as client:
        found = client.get_server_status()
    out.print(found.summary, soft_wrap=True)
    table = Table()
    table.add_column("worker", no_wrap=True)
    for column in ("device", "does", "memory"):
        table.add_column(column)
    for worker in found.workers:
        table.add_row(worker.name, str(worker.device or ""), stacked(*worker.doing), worker.memory)
    show(table)
    for part, trouble in found.troubles.items():
        warn(f"{part} is not well: {trouble}")
