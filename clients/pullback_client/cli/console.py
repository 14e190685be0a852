"""Consoles of the commands: errors, warnings, tables, and progress of jobs that Ctrl-C leaves running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from pullback_client.jobs.events import JobEvent
from pullback_client.jobs.progress import ProgressCallback, reporting

# What is printed is what somebody named, wrote or raised: square brackets and colons in it are no markup.
out = Console(markup=False, emoji=False, highlight=False)
err = Console(stderr=True, markup=False, emoji=False, highlight=False)
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
