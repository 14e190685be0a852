"""`pullback generators`: list, add, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pullback_client.catalogue import Generator
from pullback_client.cli.console import show, stacked, warn
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.local_server import adding_command, become

app = typer.Typer(help="List the server's generators; add one of your own; check one.", invoke_without_command=True)


@app.callback()
def generators(context: typer.Context, target: Target = DEFAULT_TARGET) -> None:
    """List the server's generators, where their weights are, and what of its catalogue cannot be used."""
    if context.invoked_subcommand is not None:
        return
    with Client(target) as client:
        known, faults = client.list_generators(), client.list_catalogue_faults()
    # A name is copied from here, so it stays in one piece.
    table = Table()
    table.add_column("name", no_wrap=True)
    for column in ("draws", "spaces", "size", "weights"):
        table.add_column(column)
    for generator in known:
        table.add_row(
            generator.name,
            stacked(generator.title, generator.family),
            stacked(*map(str, generator.spaces.values())),
            _size(generator),
            stacked(generator.weights_state.value, generator.licence),
        )
    show(table)
    for fault in faults:
        warn(f"{fault.generator or 'part of the catalogue'} cannot be used: {fault.reason}")


def _size(generator: Generator) -> str:
    if not generator.height:
        rate = "" if generator.sample_rate is None else f" at {generator.sample_rate} Hz"
        return f"{generator.width} samples × {generator.channels}{rate}"
    return f"{generator.width} × {generator.height} × {generator.channels}"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is to be called: lower-case letters, digits, '.', '_' and '-'.")],
    file: Annotated[
        str, typer.Argument(help="File of weights as it was published; or code of your own, as module:factory.")
    ],
    family: Annotated[
        str | None, typer.Option(help="Family of generators.", show_default="what the file's tensors tell")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the family: what the file does not say. Repeatable.")
    ] = None,
    title: Annotated[str, typer.Option(help="One line for people.", show_default="the name")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights.", show_default="unknown")] = "",
    citation: Annotated[str, typer.Option(help="Who made the weights.", show_default="unknown")] = "",
    key: Annotated[str, typer.Option(help="Dictionary of tensors within the file.", show_default="told by it")] = "",
    prefix: Annotated[str, typer.Option(help="What stands before the tensors' names.", show_default="told")] = "",
    labels: Annotated[str, typer.Option(help="Names of its classes: A,B,C.", show_default="numbers")] = "",
    bounds: Annotated[
        str, typer.Option(help="LEAST,GREATEST of codes without a known distribution.", show_default="-10,10")
    ] = "",
    dim: Annotated[
        int | None, typer.Option(help="Coordinates of the latent, where weights do not tell.", show_default="told")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file that gets the entry.", show_default="that of this user")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Where the contact sheet goes.", show_default="beside the catalogue")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a generator of that name.")] = False,
) -> None:
    """Add a generator to this machine's catalogue: its family, spaces and sizes are read from its file.

    A server of this user takes it up by itself. What the file does not say and was assumed is told.
    """
    said = {
        "family": family,
        "title": title,
        "licence": licence,
        "citation": citation,
        "key": key,
        "prefix": prefix,
        "labels": labels,
        "bounds": bounds,
        "dim": dim,
        "catalogue": catalogue,
        "sheet": sheet,
    }
    arguments = [f"--{name}={value}" for name, value in said.items() if value not in {None, ""}]
    arguments += [f"--option={each}" for each in option or ()] + ["--replace"] * replace
    raise typer.Exit(become(adding_command("add", *arguments, "--", name, file)))


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A generator of this machine's catalogue.")],
    device: Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1.")] = "cpu",
) -> None:
    """Draw with a generator, differentiate it, and measure memory and seconds of a step of an inversion."""
    raise typer.Exit(become(adding_command("check", f"--device={device}", "--", name)))
