"""`pullback share`."""

from __future__ import annotations

from typing import Annotated

import typer

from pullback_client.cli.console import out
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client


def share(
    resource: Annotated[str, typer.Argument(help="Name of a job, an inversion, a session or a tuning.")],
    key: Annotated[str, typer.Argument(help="Name of a key; - for all.")] = "-",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back.")] = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Let other keys see a job with its result, or a session."""
    with Client(target) as client:
        keys = client.share(resource, key, withdraw=withdraw)
    whom = "all keys" if "-" in keys else ", ".join(keys) or "nobody"
    out.print(f"{resource} is shared with {whom}")
