"""`pullback studio`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pullback_client.cli.console import out
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.server import DEFAULT_LISTEN, Address, StudioServer, make_context, require_extras
from pullback_client.wire.tls import CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE


def studio(
    *,
    listen: Annotated[
        str, typer.Option(help="Address of the pages; loopback only, unless there is TLS.")
    ] = DEFAULT_LISTEN,
    own_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="Certificate of the studio, for TLS.", metavar="FILE")
    ] = None,
    own_key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key.", metavar="FILE")] = None,
    host: Annotated[
        list[str] | None, typer.Option(help="A name by which browsers call the studio; may be repeated.")
    ] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Open the studio: see, steer and judge in a browser."""
    require_extras()
    from pullback_client.studio.visitors import Visitors  # noqa: PLC0415  (of the `studio` extra)

    if (own_cert is None) != (own_key is None):
        there, missing = ("--tls-key", "--tls-cert") if own_cert is None else ("--tls-cert", "--tls-key")
        raise InvalidArgumentError(f"{there} needs {missing}: a certificate and its private key belong together")
    address = Address.parse(listen)
    # Whom other machines may send, has to bring a key.
    visitors = Visitors(
        target,
        coded=address.is_loopback,
        ca=os.environ.get(CA_VARIABLE),
        cert=os.environ.get(CERT_VARIABLE),
        key=os.environ.get(KEY_VARIABLE),
    )

    tls = None if own_cert is None or own_key is None else make_context(str(own_cert), str(own_key))
    names = {each.lower() for each in host or ()}
    server = StudioServer(address, visitors, tls=tls, hosts=lambda: names)
    server.open()
    server.run(lambda: out.print(f"studio of {target}: open {server.way_in}", soft_wrap=True))
