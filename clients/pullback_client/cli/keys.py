"""`pullback keys create|list|revoke`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated

import typer

from pullback_client.cli.console import err, out
from pullback_client.cli.listing import Listing, age
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.keys import QUOTAS, Key, Role

app = typer.Typer(help="Keys, by which others are let in: make, list and revoke them.", no_args_is_help=True)

_ROLES = ", ".join(role.value for role in Role if role is not Role.UNKNOWN)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is called, such as the person or the rig.")],
    role: Annotated[str, typer.Option(help=f"What it may do: {_ROLES}.")] = Role.USER.value,
    expires: Annotated[
        str | None, typer.Option(help="Last day, 2027-03-31, or a number of days, 90d.", show_default="never")
    ] = None,
    quota: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may have, NAME=NUMBER; may be repeated: {', '.join(QUOTAS)}.", metavar="QUOTA"),
    ] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Make a key. Its token, which nobody can say again, is all that is printed to standard output."""
    wanted = {}
    for text in quota or ():
        given, _, number = text.partition("=")
        try:
            wanted[given] = float(number)
        except ValueError:
            raise InvalidArgumentError(f"--quota: expected NAME=NUMBER, but {text!r} came") from None
    with Client(target) as client:
        made = client.create_key(name, role=role, expires=_time(expires), quotas=wanted)
    until = "" if made.key.expires is None else f", until {made.key.expires:%Y-%m-%d %H:%M} UTC"
    err.print(f"{made.key.name}, {made.key.role.value}{until}; its owner puts this token into $PULLBACK_TOKEN:")
    out.print(made.token, soft_wrap=True)


@app.command("list")
def list_keys(target: Target = DEFAULT_TARGET) -> None:
    """List keys, revoked ones too, and what they have used; to others than operators, their own."""
    with Client(target) as client:
        keys = client.list_keys()
    rows = [_row(key) for key in keys]
    headers = ("key", "role", "state", "created", "device seconds today", "bytes", "quotas")
    Listing(headers=headers, rows=rows, brief_headers=headers, brief_rows=rows, kept=("key", "role", "state")).show()


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the key.")], target: Target = DEFAULT_TARGET) -> None:
    """Have a key let in no more, at once and for good. What belongs to it stays."""
    with Client(target) as client:
        key = client.revoke_key(name)
    out.print(f"{key.name} is revoked")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        if text.endswith("d"):
            return datetime.now(timezone.utc) + timedelta(days=float(text[:-1]))
        # The whole of that day, where this machine is.
        return datetime.strptime(text, "%Y-%m-%d").astimezone() + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidArgumentError(f"--expires: expected a day, 2027-03-31, or days, 90d, but {text!r} came") from None


def _row(key: Key) -> tuple[str, ...]:
    state = "lets in" if key.lets_in else "expired" if key.revoked is None else "revoked"
    if key.lets_in and key.expires is not None:
        state = f"until {key.expires.astimezone():%Y-%m-%d}"
    quotas = ", ".join(f"{name}={value:g}" for name, value in key.quotas.items())
    used = (f"{key.device_seconds_today:,.0f}", f"{key.stored_bytes:,.0f}")
    return (key.name, key.role.value, state, f"{age(key.created)} ago", *used, quotas)
