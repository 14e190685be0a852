"""`pullback demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pullback_client.cli.console import INTERRUPTED, err


def demo(
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for the figure, the numbers and the server's data.")
    ] = Path("demo"),
) -> None:
    """Invert a photograph with and without the eigenbasis, on a server of its own."""
    # Imported here: the other commands need neither Matplotlib nor scikit-image.
    from pullback_client.demo import run_demo  # noqa: PLC0415

    try:
        run_demo(folder)
    except KeyboardInterrupt:
        err.print("\nstopped; the server is down, and what it had finished is kept")
        raise typer.Exit(INTERRUPTED) from None
