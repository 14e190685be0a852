"""The options of `pullback evolve`: their types and help, and what their words mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pullback_client.cli import completing
from pullback_client.errors import InvalidArgumentError
from pullback_client.search import options

_METHOD, _IMAGES, _SCORES, _SESSION = "Method", "Images", "Scores", "Session"
_METHODS_OWN = "the method's"

Optimizer: TypeAlias = Annotated[options.SearchMethod, typer.Option(help="What proposes.", rich_help_panel=_METHOD)]
Space: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Latent space.",
        show_default="the generator's first",
        autocompletion=completing.spaces,
        rich_help_panel=_METHOD,
    ),
]
Population: TypeAlias = Annotated[
    int | None,
    typer.Option(min=2, help="Images of a generation.", show_default=_METHODS_OWN, rich_help_panel=_METHOD),
]
Sigma: TypeAlias = Annotated[
    float | None, typer.Option(help="First step size.", show_default=_METHODS_OWN, rich_help_panel=_METHOD)
]
Exponent: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="p of the first covariance U diag(λ^−2p) Uᵀ.", show_default=_METHODS_OWN, rich_help_panel=_METHOD
    ),
]
Axes: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Eigenvectors that are searched.", show_default=_METHODS_OWN, rich_help_panel=_METHOD),
]
Eigenbasis: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Resource name of an eigenbasis.",
        show_default="the newest",
        autocompletion=completing.eigenbases,
        rich_help_panel=_METHOD,
    ),
]
Class: TypeAlias = Annotated[
    str | None,
    typer.Option("--class", help="Class of all images.", autocompletion=completing.classes, rich_help_panel=_METHOD),
]
Minimize: TypeAlias = Annotated[
    bool, typer.Option("--minimize", help="Low scores are good ones.", rich_help_panel=_METHOD)
]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel=_METHOD)]

Size: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Size of the images in pixels.",
        metavar="WIDTHxHEIGHT",
        show_default="the generator's",
        rich_help_panel=_IMAGES,
    ),
]
Greyscale: TypeAlias = Annotated[bool, typer.Option("--greyscale", help="Grey images.", rich_help_panel=_IMAGES)]
Luminance: TypeAlias = Annotated[
    float | None, typer.Option(help="Mean luma of every image, 0 to 1.", rich_help_panel=_IMAGES)
]
Contrast: TypeAlias = Annotated[
    float | None, typer.Option(help="Deviation of the luma of every image, 0 to 0.5.", rich_help_panel=_IMAGES)
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
        help="Python function from a Pillow image to its score.",
        metavar="MODULE:FUNCTION|FILE.py:FUNCTION",
        rich_help_panel=_SCORES,
    ),
]
Repetitions: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Scores that an image needs.", show_default="1", rich_help_panel=_SCORES)
]
Missing: TypeAlias = Annotated[
    options.Missing | None,
    typer.Option(help="Images without a usable score.", show_default="show_again", rich_help_panel=_SCORES),
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
        autocompletion=completing.sessions,
    ),
]
Session: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="One that exists: sessions/ID, ID, how it begins, or its title.",
        autocompletion=completing.sessions,
        rich_help_panel=_SESSION,
    ),
]
Generations: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Stop after so many.", show_default="no bound", rich_help_panel=_SESSION),
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
