"""Root of the command line: its commands, its version, and how errors are shown."""

from __future__ import annotations

import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from pullback_client.cli import generators, jobs, keys
from pullback_client.cli.bridge.command import HELP_OF_FILES, bridge
from pullback_client.cli.connecting import with_tls
from pullback_client.cli.console import complain, out
from pullback_client.cli.delete import delete
from pullback_client.cli.demo import demo
from pullback_client.cli.directions.discover import directions
from pullback_client.cli.directions.edit import edit
from pullback_client.cli.directions.morph import morph
from pullback_client.cli.directions.traverse import traverse
from pullback_client.cli.distances import distances
from pullback_client.cli.eigenbasis import eigenbasis
from pullback_client.cli.inversion import tunings
from pullback_client.cli.inversion.invert import invert
from pullback_client.cli.inversion.tune import tune
from pullback_client.cli.report import report
from pullback_client.cli.search import sessions
from pullback_client.cli.search.evolve import evolve
from pullback_client.cli.server import keeping
from pullback_client.cli.server.certificates import certificates
from pullback_client.cli.server.serve import serve
from pullback_client.cli.server.status import status
from pullback_client.cli.server.studio import studio
from pullback_client.cli.share import share
from pullback_client.errors import ClientError
from pullback_client.files import protected_files
from pullback_client.text.printable import printable

app = typer.Typer(
    name="pullback",
    help="GAN inversion and black-box search in the eigenbasis of the pulled-back image metric.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve)
app.command("status")(status)
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("check")(keeping.check)
app.command("distances")(distances)
app.command("eigenbasis")(eigenbasis)
app.command("report")(report)
app.command("invert")(invert)
app.command("tune")(tune)
app.command("directions")(directions)
app.command("traverse")(traverse)
app.command("edit")(edit)
app.command("morph")(morph)
app.command("evolve")(evolve)
app.command("export")(sessions.export)
app.command("delete")(delete)
app.command("bridge", epilog=HELP_OF_FILES)(bridge)
app.command("demo")(demo)
app.command("studio")(studio)
app.command("certificates")(certificates)
app.command("share")(share)
app.add_typer(generators.app, name="generators")
app.add_typer(tunings.app, name="tunings")
app.add_typer(sessions.app, name="sessions")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
with_tls(app)


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
        with protected_files.keeping():
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
