"""Options of `pullback directions`: their types and help, and what their words mean."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import typer

from pullback_client.cli import completion
from pullback_client.directions import options
from pullback_client.directions.start import latent_of
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.result import Inversion
from pullback_client.wire.codec import Array

_METHOD, _KEPT, _SHEET, _FILES = "Method", "Directions that are kept", "Sheet", "Files"
_LATENTS = ("latent", "latents")  # under which names an .npz file may hold one

Latent: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Where a local method looks: .npy, .npz, or an inversion's .safetensors.",
        show_default="a draw of the seed",
        rich_help_panel=_METHOD,
    ),
]
Layers: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="0-3,7",
        help="Layers of a style-based generator on which a step acts.",
        show_default="all",
        rich_help_panel=_METHOD,
    ),
]
Purify: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Project on so many top eigenvectors.", show_default="as found", rich_help_panel=_METHOD),
]

Listed: TypeAlias = Annotated[
    bool, typer.Option("--list", help="List the directions that the server has.", rich_help_panel=_KEPT)
]
Kept: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--set",
        metavar="SET",
        help="Show these: an id of --list.",
        autocompletion=completion.direction_sets,
        rich_help_panel=_KEPT,
    ),
]
Annotate: TypeAlias = Annotated[
    tuple[str, int, str] | None,
    typer.Option(metavar="SET INDEX TITLE", help="Give a direction a title.", rich_help_panel=_KEPT),
]
Notes: TypeAlias = Annotated[
    str | None, typer.Option(help="With --annotate: notes to keep with it.", rich_help_panel=_KEPT)
]
Import: TypeAlias = Annotated[
    Path | None,
    typer.Option("--import", metavar="FILE", help="Keep the directions of a published file.", rich_help_panel=_KEPT),
]
Format: TypeAlias = Annotated[
    options.ImportFormat | None, typer.Option("--format", help="What file --import names.", rich_help_panel=_KEPT)
]

Sheet: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw a .png to choose from: a row for each.", rich_help_panel=_SHEET),
]
Starts: TypeAlias = Annotated[
    int, typer.Option(min=1, help="From how many draws each is walked.", rich_help_panel=_SHEET)
]
Reach: TypeAlias = Annotated[
    float, typer.Option(help="How far to both sides, in steps of rate^(-1/2).", rich_help_panel=_SHEET)
]
Frames: TypeAlias = Annotated[int, typer.Option(min=2, help="Frames of each walk.", rich_help_panel=_SHEET)]
SheetSeed: TypeAlias = Annotated[int, typer.Option(min=0, help="Seed of the draws.", rich_help_panel=_SHEET)]
Upscale: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1, help="Frames so many times as large, pixel by pixel.", show_default="about 96 px", rich_help_panel=_SHEET
    ),
]

OutFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", help="Save them to this .safetensors, .npz or .json file.", rich_help_panel=_FILES),
]


def layers_of(text: str | None) -> list[int] | None:
    """The layers of a text such as `0-3,7`.

    Raises:
        InvalidArgumentError: It is none.
    """
    if text is None:
        return None
    layers: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise InvalidArgumentError(f"--layers is a list such as 0-3,7; got {text!r}")
        layers += range(int(first), int(last or first) + 1)
    return layers


def _reason(path: Path, error: Exception) -> str:
    # Of what is no array at all NumPy says that it is a pickle, and how to run it.
    if isinstance(error, ValueError) and "pickle" in str(error):
        with path.open("rb") as file:
            return f"it is no NumPy file of numbers, but begins with {file.read(40)!r}"
    return f"{error or 'it ends too early'}: save or copy it again"


def latent_file(path: Path) -> Array | Inversion:
    """The latent of a file: .npy, .npz with `latent`, or an inversion's .safetensors.

    Raises:
        InvalidArgumentError: The file cannot be read, or holds no single latent.
    """
    if path.suffix.lower() == ".safetensors":
        return Inversion.load(path)
    try:
        # From its bytes: of a path that it cannot read NumPy leaves the file open.
        content: Any = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        if path.suffix.lower() == ".npz":
            with content:
                content = next((content[name] for name in _LATENTS if name in content), None)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidArgumentError(
            f"cannot read {path} as .npy, .npz or .safetensors: {_reason(path, error)}"
        ) from error
    if content is None:
        raise InvalidArgumentError(f"{path} holds no array called {' or '.join(_LATENTS)}")
    try:
        return latent_of(content)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{path}: {error.message}") from error
