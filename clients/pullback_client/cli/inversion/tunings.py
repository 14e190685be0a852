"""`pullback tunings`: list, export, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pullback_client.cli.console import out
from pullback_client.cli.listing import Listing, age
from pullback_client.cli.options import Force, Target
from pullback_client.cli.outputs import refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.inversion.tuning import Tuning
from pullback_client.wire.names import id_of

app = typer.Typer(help="List, export and delete tuned weights of generators.", invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="TUNING", help="Its name, [generators/]GENERATOR/tunings/ID.")]


@app.callback()
def tunings(context: typer.Context, target: Target = DEFAULT_TARGET) -> None:
    """List tuned weights, newest last."""
    if context.invoked_subcommand is not None:
        return
    with Client(target) as client:
        known = client.list_tunings()
    known.reverse()
    Listing(
        headers=("tuning", "space", "photographs", "distance before", "after", "MiB", "created"),
        rows=[_row(each) for each in known],
        brief_headers=("tuning", "of", "after", "age"),
        brief_rows=[
            (id_of(each.name), each.generator, _mean([one.distance for one in each.photographs]), age(each.created))
            for each in known
        ],
        kept=("tuning", "age"),
    ).show()


@app.command()
def export(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .safetensors file to write.")],
    force: Force = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Write tuned weights, the tensors that changed, as a safetensors file."""
    refuse_overwriting([file], force)
    with Client(target) as client:
        client.export_tuning(name, file)
    out.print(f"wrote {file}", soft_wrap=True)


@app.command()
def delete(name: Name, target: Target = DEFAULT_TARGET) -> None:
    """Delete tuned weights from the server."""
    with Client(target) as client:
        client.delete_tuning(name)
    out.print(f"deleted {name}", soft_wrap=True)


def _row(tuning: Tuning) -> tuple[str, ...]:
    labels = ", ".join(filter(None, (each.label for each in tuning.photographs))) or str(len(tuning.photographs))
    return (
        tuning.name,
        tuning.space,
        labels,
        _mean([each.distance_before for each in tuning.photographs]),
        _mean([each.distance for each in tuning.photographs]),
        f"{tuning.size / 2**20:.1f}",
        f"{tuning.created.astimezone():%Y-%m-%d %H:%M}",
    )


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.4f}"
