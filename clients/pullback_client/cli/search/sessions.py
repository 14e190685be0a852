"""`pullback sessions [pause|resume|close|reclaim]` and `pullback export`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pullback_client.cli import completion
from pullback_client.cli.console import complain, out
from pullback_client.cli.listing import Listing, age, short_ids
from pullback_client.cli.options import Force, Target, given_options, option_names
from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.cli.search.evolve_options import SessionName
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.export import exported_files
from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.search.session import EvolutionSession
from pullback_client.text.vocabulary import known_words

app = typer.Typer(invoke_without_command=True)

# What the table says of a session: the server's states, and what follows from its threads.
_ENDED = ("finished", "failed")
_WORDS = (*(state.value for state in SessionState if state is not SessionState.UNKNOWN), *_ENDED)


@app.callback()
def sessions(
    context: typer.Context,
    state: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only these: {', '.join(_WORDS)}. May be repeated.", autocompletion=completion.one_of(*_WORDS)
        ),
    ] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """List sessions, newest last; or pause, resume or close one, or take trials back."""
    if context.invoked_subcommand is not None:
        if given := sorted(given_options(context)):
            raise InvalidArgumentError(
                f"{option_names(context, given)} before {context.invoked_subcommand}: --target goes behind it, and "
                "--state is for the list alone"
            )
        return
    with Client(target) as client:
        known = _listed(client, state or ())
    known.reverse()
    ids = short_ids([status.name for status in known])
    Listing(
        headers=(
            "session",
            "title",
            "generators",
            "state",
            "generations",
            "trials",
            "out",
            "best",
            "created",
            "asked by",
        ),
        rows=[_row(status) for status in known],
        brief_headers=("session", "title", "state", "gen", "out", "best", "age", "asked by"),
        brief_rows=[_brief_row(name, status) for name, status in zip(ids, known, strict=True)],
        kept=("session", "out", "age"),
    ).show()


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


@app.command()
def reclaim(
    name: SessionName,
    client: Annotated[
        str | None, typer.Option(help="Whose trials, as the list of sessions names who asked.", metavar="NAME")
    ] = None,
    all_clients: Annotated[
        bool, typer.Option("--all", help="Everybody's, also of programs that are showing them right now.")
    ] = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Take trials back that were asked for and not told, as by a script that crashed: they are shown again at once.

    Without --client or --all: those that this command's own user asked for with pullback on this computer.
    """
    with Client(target) as connected:
        session = connected.get_session(name)
        taken = session.reclaim(client, all_clients=all_clients)
        pending = session.status().pending
    out.print(f"{len(taken)} trial{'' if len(taken) == 1 else 's'} of {session.name} taken back")
    for each in pending:
        until = f"{each.lease.astimezone():%H:%M:%S}"
        how = f'--client "{each.client}"' if each.client else "--all"
        whose = each.client or "a client without a name"
        out.print(f"  {each.trials} still out with {whose}, until {until}; take them back with {how}", soft_wrap=True)


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
        written = client.get_session(name).export(file, images=images)
    count = f"{len(written)} file{'' if len(written) == 1 else 's'}"
    where = f"{count} into {file}" if folder else ", ".join(map(str, written))
    out.print(f"wrote {where}", soft_wrap=True)


def _change(how: Callable[[EvolutionSession], SessionStatus], name: str, target: str) -> None:
    with Client(target) as client:
        status = how(client.get_session(name))
    out.print(f"{status.name} is {_state(status)}")


def _listed(client: Client, words: Sequence[str]) -> list[SessionStatus]:
    """The sessions of which the table says one of these words; without words, all."""
    if unknown := sorted(set(words) - set(_WORDS)):
        raise InvalidArgumentError(f"unknown session state {unknown[0]!r}; {known_words(unknown[0], _WORDS)}")
    # The server knows its own states alone: what its threads have come to is seen here.
    states = set() if "failed" in words else {"active" if word == "finished" else word for word in words}
    return [status for status in client.list_sessions(states) if not words or not set(words).isdisjoint(_words(status))]


def _words(status: SessionStatus) -> list[str]:
    failed = any(thread.error is not None for thread in status.threads)
    if status.state is SessionState.ACTIVE and status.finished:
        return ["failed" if failed else "finished"]
    # What failed stays so when the session is closed; and where other threads go on, it is active all the same.
    return [status.state.value, *(["failed"] if failed else [])]


def _state(status: SessionStatus) -> str:
    return ", ".join(_words(status))


def _bests(status: SessionStatus) -> str:
    return ", ".join(f"{thread.best_score:.4g}" for thread in status.threads if thread.best_score is not None)


def _askers(status: SessionStatus) -> str:
    return ", ".join(each.client or "?" for each in status.pending)


def _brief_row(name: str, status: SessionStatus) -> tuple[str, ...]:
    return (
        name,
        status.title,
        _state(status),
        ", ".join(str(thread.generations) for thread in status.threads),
        str(sum(each.trials for each in status.pending)),
        _bests(status),
        age(status.created),
        _askers(status),
    )


def _row(status: SessionStatus) -> tuple[str, ...]:
    return (
        status.name,
        status.title,
        ", ".join(status.generators),
        _state(status),
        ", ".join(str(thread.generations) for thread in status.threads),
        str(status.trials),
        str(sum(each.trials for each in status.pending)),
        _bests(status),
        f"{status.created.astimezone():%Y-%m-%d %H:%M:%S}",
        _askers(status),
    )


def tell_failures(session: EvolutionSession) -> None:
    """Lists threads of a session that could not go on, and ends the command with 1 where there are any."""
    failed = [thread for thread in session.status().threads if thread.error is not None]
    for thread in failed:
        complain(f"thread {thread.thread}: {thread.error}")
    if failed:
        raise typer.Exit(1)
