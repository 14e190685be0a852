"""`pullback sessions [pause|resume|close]` and `pullback export`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pullback_client.cli.common import (
    Force,
    Target,
    given_options,
    out,
    refuse_file_as_folder,
    refuse_overwriting,
    show,
)
from pullback_client.cli.evolve_options import SessionName
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.export import exported_files
from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.search.session import EvolutionSession

app = typer.Typer(invoke_without_command=True)

# What the table says of a session: the server's states, and what follows from its threads.
_ENDED = ("finished", "failed")
_WORDS = (*(state.value for state in SessionState if state is not SessionState.UNKNOWN), *_ENDED)


@app.callback()
def sessions(
    context: typer.Context,
    state: Annotated[
        list[str] | None,
        typer.Option(help=f"Only these: {', '.join(_WORDS)}. May be repeated."),
    ] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """List sessions, newest first; or pause, resume or close one."""
    if context.invoked_subcommand is not None:
        if given := sorted(given_options(context)):
            raise InvalidArgumentError(
                f"--{' and --'.join(given)} before {context.invoked_subcommand}: --target goes behind it, and --state "
                "is for the list alone"
            )
        return
    with Client(target) as client:
        known = _listed(client, state or ())
    table = Table("session", "title", "generators", "state", "generations", "trials", "best", "created")
    for status in known:
        table.add_row(*_row(status))
    show(table)


@app.command()
def pause(name: SessionName, target: Target = DEFAULT_TARGET) -> None:
    """Show no further trials of a session until it is resumed; scores are still taken."""
    _change(EvolutionSession.pause, name, target)


@app.command()
def resume(name: SessionName, target: Target = DEFAULT_TARGET) -> None:
    """Go on with a session that is paused."""
    _change(EvolutionSession.resume, name, target)


@app.command()
def close(name: SessionName, target: Target = DEFAULT_TARGET) -> None:
    """End a session for good; it can still be looked at and exported."""
    _change(EvolutionSession.close, name, target)


def export(
    name: SessionName,
    file: Annotated[Path, typer.Argument(help="An .npz, .csv or .nwb file, or a folder.")],
    *,
    images: Annotated[bool, typer.Option("--images", help="Of a folder: the images too.")] = False,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Write everything a session knows: codes, scores, trials, genealogy, timing and provenance."""
    folder = file.is_dir() or not file.suffix
    if folder:
        refuse_file_as_folder(file)
    refuse_overwriting(exported_files(file), force)
    with Client(target) as client:
        written = client.session(name).export(file, images=images)
    count = f"{len(written)} file{'' if len(written) == 1 else 's'}"
    where = f"{count} into {file}" if folder else ", ".join(map(str, written))
    out.print(f"wrote {where}", soft_wrap=True)


def _change(how: Callable[[EvolutionSession], SessionStatus], name: str, target: str) -> None:
    with Client(target) as client:
        status = how(client.session(name))
    out.print(f"{status.name} is {_state(status)}")


def _listed(client: Client, words: Sequence[str]) -> list[SessionStatus]:
    """The sessions of which the table says one of these words; without words, all."""
    if unknown := sorted(set(words) - set(_WORDS)):
        raise InvalidArgumentError(f"unknown session state {unknown[0]!r}; known: {', '.join(_WORDS)}")
    # The server knows its own states alone: what its threads have come to is seen here.
    states = set() if "failed" in words else {"active" if word == "finished" else word for word in words}
    return [status for status in client.sessions(states) if not words or not set(words).isdisjoint(_words(status))]


def _words(status: SessionStatus) -> list[str]:
    failed = any(thread.error is not None for thread in status.threads)
    if status.state is SessionState.ACTIVE and status.finished:
        return ["failed" if failed else "finished"]
    # What failed stays so when the session is closed; and where other threads go on, it is active all the same.
    return [status.state.value, *(["failed"] if failed else [])]


def _state(status: SessionStatus) -> str:
    return ", ".join(_words(status))


def _row(status: SessionStatus) -> tuple[str, ...]:
    bests = (f"{thread.best_score:.4g}" for thread in status.threads if thread.best_score is not None)
    return (
        status.name,
        status.title,
        ", ".join(status.generators),
        _state(status),
        ", ".join(str(thread.generations) for thread in status.threads),
        str(status.trials),
        ", ".join(bests),
        f"{status.created.astimezone():%Y-%m-%d %H:%M:%S}",
    )
