"""`pullback serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pullback_client.client import DEFAULT_TARGET
from pullback_client.local_server import become, server_command


def serve(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(help="Address to listen on; loopback only, unless there is TLS.")
    ] = DEFAULT_TARGET,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the server's data.", show_default="the platform's user data folder")
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(help="Address of HTTP + JSON, such as 127.0.0.1:50052; as for --listen.", show_default="off"),
    ] = None,
    studio: Annotated[
        str | None,
        typer.Option(
            help="Address of the studio's pages, such as 127.0.0.1:8765; as for --listen.", show_default="off"
        ),
    ] = None,
    open_: Annotated[
        bool,
        typer.Option("--open", help="Let in every user of this machine, without a token: where there is only you."),
    ] = False,
    tls_cert: Annotated[
        Path | None,
        typer.Option(help="Certificate of this server, such as server.pem of `pullback certificates`.", metavar="FILE"),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key.", metavar="FILE")] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option(help="Let in only clients with a certificate of this authority.", metavar="FILE"),
    ] = None,
) -> None:
    """Run a server here. Other options are handed through to it."""
    arguments = ["--listen", listen]
    arguments += [] if data is None else ["--data", str(data)]
    arguments += [] if http is None else ["--http", http]
    arguments += [] if studio is None else ["--studio", studio]
    arguments += ["--open"] if open_ else []
    for option, file in (("--tls-cert", tls_cert), ("--tls-key", tls_key), ("--tls-client-ca", tls_client_ca)):
        arguments += [] if file is None else [option, str(file)]
    arguments += context.args
    raise typer.Exit(become(server_command(*arguments)))
