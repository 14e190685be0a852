"""What the commands share: consoles, the target option, and following a job that Ctrl-C leaves running."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from pullback_client import originals
from pullback_client.client import DEFAULT_TARGET, TARGET_VARIABLE
from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.models import JobEvent
from pullback_client.progress import ProgressCallback, reporting
from pullback_client.search.session import EvolutionSession
from pullback_client.texts import a_few, printable

# What is printed is what somebody named, wrote or raised: square brackets and colons in it are no markup.
out = Console(markup=False, emoji=False, highlight=False)
err = Console(stderr=True, markup=False, emoji=False, highlight=False)

Target: TypeAlias = Annotated[
    str, typer.Option("--target", envvar=TARGET_VARIABLE, help="Address of the server.", show_default=DEFAULT_TARGET)
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]
MaxMemory: TypeAlias = Annotated[
    int | None,
    typer.Option("--max-memory-mib", min=1, help="MiB that the metric may add on the server.", show_default="no bound"),
]

DISTANCE_HELP = "Image distance; NAME@SIDE resizes images to SIDE px first, as in lpips-vgg@256."
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_UNBOUNDED = 10_000  # columns


def complain(text: str, console: Console | None = None) -> None:
    """Prints an error.

    Args:
        text: What went wrong and what to do.
        console: Where; None = standard error.
    """
    _say("error:", "bold red", text, console or err)


def warn(line: str) -> None:
    """Prints a warning to standard error."""
    _say("warning:", "yellow", line, err)


def _say(word: str, style: str, text: str, console: Console) -> None:
    console.print(word, style=style, end=" ", markup=False, highlight=False)
    console.print(text, soft_wrap=True, markup=False, emoji=False, highlight=False)


def show(table: Table) -> None:
    """Prints a table of which nothing is cut: folded in a terminal, and as wide as it is in a file or a pipe."""
    for column in table.columns:
        column.overflow = "fold"
    if out.is_terminal:
        out.print(table)
    else:
        width = Measurement.get(out, out.options.update(width=_UNBOUNDED), table).maximum
        wide = Console(file=out.file, width=width, markup=False, emoji=False, highlight=False)
        wide.print(table)


def stacked(*parts: str) -> str:
    """What belongs into one cell of a table: below one another in a terminal, on one line in a file or a pipe."""
    return ("\n" if out.is_terminal else ", ").join(part for part in parts if part)


@contextmanager
def following() -> Iterator[ProgressCallback]:
    """Progress bars for the jobs followed in the block. Ctrl-C leaves them running and says how to go on."""
    current = ""
    try:
        with reporting(None, err) as draw:

            def report(event: JobEvent) -> None:
                nonlocal current
                current = "" if event.state.ended else event.job
                draw(event)

            yield report
    except KeyboardInterrupt:
        if current:
            err.print(
                f"\n{current} goes on running on the server.\n"
                f"  watch it:   pullback jobs watch {current}\n"
                f"  cancel it:  pullback jobs cancel {current}",
            )
        raise typer.Exit(INTERRUPTED) from None


def given_options(context: typer.Context) -> set[str]:
    """Names of the parameters that the command line itself says something of."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def option_names(context: typer.Context, parameters: Iterable[str]) -> str:
    """The options of parameters as they are typed, for a message; arguments by their names."""
    known = {each.name: each.opts[0] for each in context.command.params}
    return ", ".join(known.get(name, name) for name in parameters)


def refuse_overwriting(files: Sequence[Path], force: bool, reads: Iterable[Path | None] = ()) -> None:
    """Makes sure that writing these files takes nothing away.

    Args:
        files: What the command will write.
        force: Whether files that exist may be replaced.
        reads: The files that it reads: until it ends nothing is written to them, `force` or not.

    Raises:
        InvalidArgumentError: One of the files is one that is read.
        ClientError: One of the files exists, and `force` is not set, or could not be written.
    """
    originals.keep(reads)
    originals.refuse(files)
    existing = [file for file in files if os.path.lexists(file)]
    if existing and not force:
        raise ClientError(f"{a_few(existing)} would be overwritten: use --force, or name other files")
    for file in files:
        _refuse_unwritable(file)


def _refuse_unwritable(file: Path) -> None:
    """Raises InvalidArgumentError where a file could not be written, so that nobody waits for what cannot be kept."""
    if file.is_dir():
        raise InvalidArgumentError(f"{file} is a folder, but a file of that name is to be written: name another place")
    # Folders are made where they are missing, in the nearest that is there.
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if not there.is_dir():
        raise InvalidArgumentError(f"{there} is a file, so {file} cannot be written: name another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InvalidArgumentError(f"{there} may not be written into, so {file} cannot be: name another place")


def refuse_file_as_folder(folder: Path) -> None:
    """Raises InvalidArgumentError where the folder for results is a file, or would lie in one."""
    for each in (folder, *folder.parents):
        if each.is_dir():
            return
        if os.path.lexists(each):
            what = "is a file" if each.exists() else "is a link to something that is not there"
            raise InvalidArgumentError(
                f"{printable(each)} {what}, but the results go into a folder: name another --out"
            )


def tell_failures(session: EvolutionSession) -> None:
    """Lists threads of a session that could not go on, and ends the command with 1 where there are any."""
    failed = [thread for thread in session.status().threads if thread.error is not None]
    for thread in failed:
        complain(f"thread {thread.thread}: {thread.error}")
    if failed:
        raise typer.Exit(1)
