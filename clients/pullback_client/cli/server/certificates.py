"""`pullback certificates`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pullback_client.local_server import become, certificates_command


def certificates(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where they go; its ca.key is yours alone to keep.")],
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or address by which clients call the server; may be repeated. localhost is always among them.",
            show_default="this machine's name",
        ),
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(help="Name of a client; may be repeated.", show_default="client")
    ] = None,
) -> None:
    """Make a laboratory's own authority, and certificates of its server and clients. What is there stays."""
    arguments = [str(folder)]
    for option, names in (("--host", host), ("--client", client)):
        for name in names or ():
            arguments += [option, name]
    raise typer.Exit(become(certificates_command(*arguments)))
