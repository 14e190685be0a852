"""Options of `pullback evolve` that are no fields of the contract, and what their words mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pullback_client.cli import completion
from pullback_client.errors import InvalidArgumentError

_METHOD, _IMAGES, _SCORES, _SESSION = "Method", "Images", "Scores", "Session"

Class: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--class",
        help="Class of all images.",
        show_default="free",
        autocompletion=completion.classes,
        rich_help_panel=_METHOD,
    ),
]

Size: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Size of the images in pixels.",
        metavar="WIDTHxHEIGHT",
        show_default="the generator's",
        rich_help_panel=_IMAGES,
    ),
]
Reference: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help="Image that is shown among the others; may be repeated.", metavar="LABEL=FILE", rich_help_panel=_IMAGES
    ),
]

Score: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Python function from a Pillow image, or a Sound, to its score.",
        metavar="MODULE:FUNCTION|FILE.py:FUNCTION",
        rich_help_panel=_SCORES,
    ),
]
MaxFailures: TypeAlias = Annotated[
    int,
    typer.Option(min=1, help="End after so many images in a row without a score.", rich_help_panel=_SCORES),
]
DryRun: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Scores that the server makes up.", rich_help_panel=_SCORES)
]

SessionName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        help="sessions/ID, ID, how it begins, or the session's title.",
        autocompletion=completion.sessions,
    ),
]
Session: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="One that exists: sessions/ID, ID, how it begins, or its title.",
        autocompletion=completion.sessions,
        rich_help_panel=_SESSION,
    ),
]
Generations: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Stop after so many; up to 200, a new session is planned for them.",
        show_default="no bound",
        rich_help_panel=_SESSION,
    ),
]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for the best image, the latest generation, curves, and the session's data.",
        rich_help_panel=_SESSION,
    ),
]
ClientName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Who asks: what a program of that name asked for and never told is shown again.",
        show_default="user@host/pullback",
        rich_help_panel=_SESSION,
    ),
]
Title: TypeAlias = Annotated[str, typer.Option(help="A title for people.", rich_help_panel=_SESSION)]
Note: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="Something to keep; may be repeated.", metavar="KEY=TEXT", rich_help_panel=_SESSION),
]


def size_of(text: str | None) -> tuple[int, int] | None:
    """Width and height of `256x128`."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if found is None:
        raise InvalidArgumentError(f"--size must be WIDTHxHEIGHT, such as 256x256, got {text!r}")
    return int(found[1]), int(found[2])


def pairs_of(name: str, texts: list[str] | None) -> dict[str, str]:
    """The entries of repeated `KEY=VALUE`."""
    entries: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidArgumentError(f"{name} must be KEY=VALUE, got {text!r}")
        if key in entries:
            raise InvalidArgumentError(f"{name} gives {key!r} twice")
        entries[key] = value
    return entries
