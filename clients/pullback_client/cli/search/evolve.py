"""`pullback evolve`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from PIL import Image

from pullback_api.limits import MOST_PLANNED
from pullback_api.v1 import search_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import INTERRUPTED, complain, err, following, out, warn
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.options import Force, Target, given_options, option_names
from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.cli.search import evolve_options as option
from pullback_client.cli.search import score_function
from pullback_client.cli.search.course import Course, course_files
from pullback_client.cli.search.sessions import tell_failures
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.search import loop
from pullback_client.search.export import exported_files, is_export_of
from pullback_client.search.options import EvolveOptions
from pullback_client.search.records import SessionEvent
from pullback_client.search.session import EvolutionSession

# What is said of a session that exists; everything else is settled when one begins.
_OF_ANY_SESSION = {"session", "score", "client_name", "max_failures", "generations", "folder", "force", "target"}


@takes_options(
    search_pb2.SearchOptions,
    search_pb2.ThreadSpec,
    search_pb2.SearchConstraint,
    search_pb2.ImageOptions,
    search_pb2.ScoreOptions,
    search_pb2.SessionSpec,
    # A command has one thread: --generations ends it, and there is nothing to balance.
    leave_out={"class_label", "max_generations", "width", "height", "balance"},
)
def evolve(
    context: typer.Context,
    generator: Annotated[
        str | None,
        typer.Argument(help="Name of the generator, for a new session.", autocompletion=completion.generators),
    ] = None,
    *,
    class_label: option.Class = None,
    size: option.Size = None,
    reference: option.Reference = None,
    score: option.Score = None,
    max_failures: option.MaxFailures = loop.MAX_FAILURES,
    dry_run: option.DryRun = False,
    session: option.Session = None,
    generations: option.Generations = None,
    folder: option.Folder = None,
    client_name: option.ClientName = None,
    title: option.Title = "",
    note: option.Note = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Evolve images for a Python function, or watch a session that a rig takes part in. Ctrl-C leaves the session be.

    With --score (or --dry-run) the images are scored here. Without, the session is watched. To try it without a rig,
    clients/examples/evolve_unit.py evolves for units of AlexNet, VGG-16 and EfficientNet-Lite0.
    """
    if (generator is None) == (session is None):
        raise InvalidArgumentError("name either a generator, for a new session, or --session, one that exists")
    if session is not None and (settled := sorted(given_options(context) - _OF_ANY_SESSION)):
        raise InvalidArgumentError(
            f"--session names a session whose settings are settled: leave out {option_names(context, settled)}"
        )
    function = None if score is None else score_function.load(score)
    if function is None and dry_run:
        function = _nothing
    if session is not None and function is None and generations is not None:
        raise InvalidArgumentError("--generations bounds a new session, or --score; a session is watched to its end")
    if session is None:
        _claim(folder, None, force)
    if settings.get("planned_generations") is None and generations is not None and generations <= MOST_PLANNED:
        settings["planned_generations"] = generations
    with Client(target) as client:
        if generator is not None:
            options: EvolveOptions = {
                **cast("EvolveOptions", settings),
                "class_label": class_label,
                # A session that is scored here can be gone on with; one that is watched has no other bound.
                "max_generations": generations if function is None else None,
                "size": option.size_of(size),
                "references": option.pairs_of("--reference", reference),
                "dry_run": dry_run,
                "title": title,
                "notes": option.pairs_of("--note", note),
            }
            with following() as draw:
                found = client.evolve(generator, progress=draw, client_name=client_name, **options)
            out.print(f"{found.name} has begun")
        else:
            found = client.get_session(session or "", client_name=client_name)
            _claim(folder, found, force)
        course = Course(found, folder, out)
        with _left_alone(found), course.drawn():
            before = found.events() if session is not None else []
            course.recall(before, told=function is None)
            if function is not None:
                # A thread that cannot go on is told below, after what there is was written.
                loop.run(
                    found,
                    function,
                    generations=generations,
                    progress=course.add,
                    while_leased=warn,
                    max_failures=max_failures,
                )
            else:
                _watch(found, course, before[-1].sequence if before else 0)
        if folder is not None:
            files = found.export(folder)
            out.print(f"wrote {len(course.files | set(files))} files into {folder}", soft_wrap=True)
        tell_failures(found)


def _claim(folder: Path | None, session: EvolutionSession | None, force: bool) -> None:
    """Makes sure that nothing is taken away by what is written of a session, None where it is a new one."""
    if folder is None:
        return
    refuse_file_as_folder(folder)
    # A session that is gone on with may go on where it wrote before.
    own = session is not None and is_export_of(session.last_status, folder)
    refuse_overwriting([*course_files(folder), *exported_files(folder)], force or own)


def _nothing(image: Image.Image) -> float:
    """The score of a dry run, in whose place the server puts its own."""
    del image
    return 0.0


def _watch(session: EvolutionSession, course: Course, after_sequence: int) -> None:
    """Takes up the generations that are closed after an event, until there will be no more."""
    for event in _events(session, after_sequence):
        if event.kind == "generation_closed" and event.generation is not None:
            course.add(event.generation)


def _events(session: EvolutionSession, after_sequence: int) -> Iterator[SessionEvent]:
    """What happens in a session after an event, until there will be no more trials."""
    status = session.status()
    if status.finished:
        yield from session.events(after_sequence)
        return
    for event in session.watch(after_sequence):
        yield event
        if event.sequence >= status.last_sequence:
            status = session.status()
            if status.finished and event.sequence >= status.last_sequence:
                return


@contextmanager
def _left_alone(session: EvolutionSession) -> Iterator[None]:
    """Ctrl-C, and whatever goes wrong, leave the session as it is and say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        _say_how_to_go_on(session)
        raise typer.Exit(INTERRUPTED) from None
    except score_function.ScoreFunctionError as error:
        _say_how_to_go_on(session)
        complain(f"--score: {error}")
        raise typer.Exit(1) from None
    except Exception:
        _say_how_to_go_on(session)
        raise


def _say_how_to_go_on(session: EvolutionSession) -> None:
    err.print(
        f"\n{session.name} stays on the server, with every score that was told.\n"
        f"  watch it:      pullback evolve --session {session.name}\n"
        f"  go on with it: pullback evolve --session {session.name} --score MODULE:FUNCTION\n"
        f"  its data:      pullback export {session.name} FILE\n"
        f"  end it:        pullback sessions close {session.name}",
    )
