"""The command line's root: its commands, its version, and how errors are shown."""

from __future__ import annotations

import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from pullback_client import originals
from pullback_client.cli import (
    bridge,
    demo,
    directions,
    distances,
    edit,
    eigenbasis,
    evolve,
    generators,
    invert,
    jobs,
    report,
    serve,
    sessions,
    traverse,
)
from pullback_client.cli.common import complain, out
from pullback_client.errors import ClientError
from pullback_client.texts import printable

app = typer.Typer(
    name="pullback",
    help="GAN inversion and black-box search in the eigenbasis of the pulled-back image metric.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve.serve)
app.command("generators")(generators.generators)
app.command("distances")(distances.distances)
app.command("eigenbasis")(eigenbasis.eigenbasis)
app.command("report")(report.report)
app.command("invert")(invert.invert)
app.command("directions")(directions.directions)
app.command("traverse")(traverse.traverse)
app.command("edit")(edit.edit)
app.command("evolve")(evolve.evolve)
app.command("export")(sessions.export)
app.command("bridge", epilog=bridge.HELP_OF_FILES)(bridge.bridge)
app.command("demo")(demo.demo)
app.add_typer(sessions.app, name="sessions")
app.add_typer(jobs.app, name="jobs")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Exits with 0, with 1 after an error, with 2 after a wrong command line, with 130 after Ctrl-C.

    Args:
        arguments: The command line without the program's name; None = the process's own.
    """
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show, or that is no text, is shown with escapes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with originals.keeping():
            app(args=None if arguments is None else list(arguments), prog_name="pullback")
    except ClientError as error:
        complain(str(error))
        raise SystemExit(1) from None
    except OSError as error:
        where = f"{printable(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
        complain(f"{where}{error.strerror or error}")
        raise SystemExit(1) from None


def _version(asked: bool) -> None:
    if asked:
        out.print(f"pullback {importlib.metadata.version('pullback')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """GAN inversion and black-box search in the eigenbasis of the pulled-back image metric."""
    del version  # its callback has acted already
