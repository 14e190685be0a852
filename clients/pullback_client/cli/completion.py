"""Completion in the shell: names that the server knows, asked for with little patience and in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import typer

from pullback_client.client import Client
from pullback_client.errors import ClientError
from pullback_client.jobs.events import JobState
from pullback_client.wire.names import id_of

PATIENCE = 1.0
"""Seconds that the server has to answer; whoever presses Tab waits for it."""

_USUAL_SIDES = (64, 128, 224, 256, 512)  # px
_KEPT_SHORT = 50  # of the newest jobs and sessions
Completion: TypeAlias = Callable[[typer.Context, str], list[str]]


def generators(context: typer.Context, incomplete: str) -> list[str]:
    """Names of generators."""
    return _asked(context, incomplete, lambda client: [each.name for each in client.list_generators()])


def spaces(context: typer.Context, incomplete: str) -> list[str]:
    """Latent spaces of the generator that the line names so far; of all where it names none."""
    named = context.params.get("generator")

    def names(client: Client) -> Iterable[str]:
        known = [client.get_generator(named)] if named else client.list_generators()
        return dict.fromkeys(space for each in known for space in each.spaces)

    return _asked(context, incomplete, names)


def classes(context: typer.Context, incomplete: str) -> list[str]:
    """Classes of the generator that the line names so far."""
    named = context.params.get("generator")
    if not named:
        return []
    return _asked(
        context,
        incomplete,
        lambda client: [label for space in client.get_generator(named).spaces.values() for label in space.labels],
    )


def classes_or_ways(context: typer.Context, incomplete: str) -> list[str]:
    """Classes, and the words for what else becomes of one in an inversion."""
    ways = [way for way in ("free", "search") if way.startswith(incomplete)]
    return [*classes(context, incomplete), *ways]


def distances(context: typer.Context, incomplete: str) -> list[str]:
    """Names of image distances, and after an @ the sides that images are most often resized to."""
    named, at, _ = incomplete.partition("@")

    def names(client: Client) -> Iterable[str]:
        for each in client.list_distances():
            if not at:
                yield each.name
            elif each.name == named and each.sides:
                yield from (f"{named}@{side}" for side in _USUAL_SIDES if each.sides[0] <= side <= each.sides[1])

    return _asked(context, incomplete, names)


def eigenbases(context: typer.Context, incomplete: str) -> list[str]:
    """Resource names of the eigenbases of the generator that the line names so far; of all where it names none."""
    named = context.params.get("generator") or "-"
    return _asked(context, incomplete, lambda client: [each.name for each in client.list_eigenbases(named)])


def direction_sets(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the sets of directions of the generator that the line names so far."""
    named = context.params.get("generator") or "-"
    return _asked(context, incomplete, lambda client: [id_of(each.name) for each in client.list_directions(named)])


def sessions(context: typer.Context, incomplete: str) -> list[str]:
    """Names of sessions, the newest first: their ids where no more was typed than an id begins with."""
    return _named(context, incomplete, lambda client: [each.name for each in client.list_sessions()])


def jobs(context: typer.Context, incomplete: str) -> list[str]:
    """Names of jobs, the newest first, as `sessions`."""
    return _named(context, incomplete, lambda client: [each.name for each in client.list_jobs()])


def unfinished_jobs(context: typer.Context, incomplete: str) -> list[str]:
    """Names of jobs that wait or run."""
    states = [state for state in JobState if state is not JobState.UNKNOWN and not state.ended]
    return _named(context, incomplete, lambda client: [each.name for each in client.list_jobs(states)])


def one_of(*words: str) -> Completion:
    """Completion among words that are known."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        del context
        return [word for word in words if word.startswith(incomplete)]

    return complete


def _named(context: typer.Context, incomplete: str, names: Callable[[Client], list[str]]) -> list[str]:
    """Names as `jobs/7`, or as `7` where the word begins so."""
    found = _asked(context, "", lambda client: names(client)[:_KEPT_SHORT])
    whole = [name for name in found if name.startswith(incomplete)]
    return whole or [id_of(name) for name in found if id_of(name).startswith(incomplete)]


def _asked(context: typer.Context, incomplete: str, names: Callable[[Client], Iterable[str]]) -> list[str]:
    """The names that go on as the word begins; none where no server answers in time, or cannot."""
    try:
        with Client(context.params.get("target"), timeout=PATIENCE) as client:
            return [name for name in names(client) if name.startswith(incomplete)]
    except ClientError:
        return []
