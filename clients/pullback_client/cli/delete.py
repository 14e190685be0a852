"""`pullback delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from pullback_client.cli.console import out
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError

_FORMS = (
    "jobs/ID, sessions/ID, inversions/ID, or generators/GENERATOR/eigenbases/ID, …/analyses/ID, …/directions/ID or "
    "…/tunings/ID"
)


def delete(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=f"What: {_FORMS}.", show_default=False)],
    *,
    cascade: Annotated[
        bool,
        typer.Option("--cascade", help="With a job what it made; and cancel unfinished jobs that use what is deleted."),
    ] = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Delete resources from the server, for good."""
    collections = [_collection(name) for name in names]
    with Client(target) as client:
        for name, collection in zip(names, collections, strict=True):
            match collection:
                case "jobs":
                    client.delete_job(name, cascade=cascade)
                case "sessions":
                    client.delete_session(name)
                case "inversions":
                    client.delete_inversion(name)
                case "eigenbases":
                    client.delete_eigenbasis(name, cascade=cascade)
                case "analyses":
                    client.delete_analysis(name)
                case "tunings":
                    client.delete_tuning(name)
                case "directions":
                    client.delete_directions(name)
            out.print(f"deleted {name}", soft_wrap=True)


def _collection(name: str) -> str:
    """What kind of resource a name is of."""
    match name.split("/"):
        case [("jobs" | "sessions" | "inversions") as collection, _]:
            return collection
        case ["generators", _, ("eigenbases" | "analyses" | "directions" | "tunings") as collection, _]:
            return collection
    raise InvalidArgumentError(f"expected the name of a resource, {_FORMS}, but {name!r} came")
