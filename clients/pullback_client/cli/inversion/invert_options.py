"""Options of `pullback invert` that are no fields of the contract, and what their words mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pullback_client.cli import completion
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.framing import Box, Crop
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.pasting import FEATHER

_METHOD, _PHOTOGRAPHS, _FILES = "Method", "Photographs", "Files"

Weights: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Weights of the loss, which are those named; the others keep their defaults.",
        metavar="NAME=WEIGHT,…",
        show_default="distance=1, l1=0, l2=3, prior=0.0005, delta=0, noise=1e5",
        rich_help_panel=_METHOD,
    ),
]


Class: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="LABEL|free|search",
        autocompletion=completion.classes_or_ways,
        help="The class, or what is to become of it: free between the classes, or searched among them. In w and w+ "
        "that at whose mean latents start.",
        show_default="the space's",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]
Align: TypeAlias = Annotated[
    bool,
    typer.Option("--align", help="Search scale and place of the frame as well.", rich_help_panel=_PHOTOGRAPHS),
]
AlignScale: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Align: standard deviation of the scale's logarithm.", show_default="0.1", rich_help_panel=_PHOTOGRAPHS
    ),
]
AlignShift: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="Align: standard deviation of the shifts, in half sides.",
        show_default="0.1",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]
Mask: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|FOLDER",
        help="Mask, white where the photograph counts: one for all, or a folder of masks named as the photographs.",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]
Ignore: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LEFT,TOP,WIDTH,HEIGHT",
        help="Region to ignore, in pixels; may be repeated.",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]
CropText: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--crop",
        metavar="LEFT,TOP,SIZE",
        help="Square to cut out of the photograph, in its pixels; --mask and --ignore are of the whole photograph.",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]
StartFrom: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--start-from",
        metavar="FILE|FOLDER",
        help="Latents to start from: a result (npz, safetensors) for all; an encoder's (npy, npz), a row for each; "
        "or a folder of results named as the photographs.",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]
CenterCrop: TypeAlias = Annotated[
    bool,
    typer.Option("--center-crop", help="Cut photographs to the generator's aspect.", rich_help_panel=_PHOTOGRAPHS),
]
Convert: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--convert",
        help="Resample, mix, and cut or fill up sounds to what the generator draws.",
        rich_help_panel=_PHOTOGRAPHS,
    ),
]

DEFAULT_FOLDER = Path("inverted")
Folder: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--out", help="Folder for PNG, npz, safetensors and JSON of every photograph.", rich_help_panel=_FILES
    ),
]
Tune: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--tune",
        help="Tune the generator's weights to each photograph as well, as published: see `pullback tune`.",
        rich_help_panel=_METHOD,
    ),
]
Paste: TypeAlias = Annotated[
    bool,
    typer.Option("--paste", help="Lay each reconstruction back into its photograph as well.", rich_help_panel=_FILES),
]
Feather: TypeAlias = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=0.5,
        help="Paste: width of the edge over which it fades into the photograph, in sides of its frame.",
        show_default=f"{FEATHER:g}",
        rich_help_panel=_FILES,
    ),
]
Report: TypeAlias = Annotated[
    bool,
    typer.Option("--report", help="Write contact sheet and loss curves to OUT/report.", rich_help_panel=_FILES),
]
Resume: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Keep what --out has of these photographs and options, and do the rest. Stops where it has results of "
        "other options or photographs; with --force as well these are done again.",
        rich_help_panel=_FILES,
    ),
]


def weights_of(text: str | None) -> dict[str, float] | None:
    """The weights of a text such as `distance=1,l2=0.5`.

    Raises:
        InvalidArgumentError: It is none.
    """
    if text is None:
        return None
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(weight) for name, weight in pairs}
    except ValueError:
        raise InvalidArgumentError(f"--weights is NAME=WEIGHT,…, such as distance=1,l2=0.5; got {text!r}") from None


def box_of(text: str) -> Box:
    """The region of a text such as `10,20,64,32`.

    Raises:
        InvalidArgumentError: It is none.
    """
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise InvalidArgumentError(f"--ignore is LEFT,TOP,WIDTH,HEIGHT in pixels; got {text!r}") from None
    return Box(left, top, width, height)


def crop_of(text: str | None) -> Crop | None:
    """The square of a text such as `10,20,64`; None where none is given.

    Raises:
        InvalidArgumentError: It is none.
    """
    if text is None:
        return None
    try:
        left, top, size = (int(part) for part in text.split(","))
    except ValueError:
        raise InvalidArgumentError(f"--crop is LEFT,TOP,SIZE, a square in pixels; got {text!r}") from None
    return Crop(left, top, size)


def feather_of(feather: float | None, paste: bool) -> float:
    """How wide the edge of what is pasted is.

    Raises:
        InvalidArgumentError: One is named, but nothing is pasted.
    """
    if feather is not None and not paste:
        raise InvalidArgumentError("--feather says how wide the edge of what is pasted is: give --paste too")
    return FEATHER if feather is None else feather


def class_options(text: str | None) -> InversionOptions:
    """What `--class` asks for: `free`, `search`, or the class of that label."""
    match text:
        case None:
            return {}
        case "free":
            return {"class_mode": "free"}
        case "search":
            return {"class_mode": "searched"}
        case label:
            return {"class_labels": label}


def alignment_of(align: bool, scale: float | None, shift: float | None) -> bool | dict[str, float]:
    """Whether the alignment is searched, and within which range; to name a range is to ask for it."""
    given = {name: value for name, value in (("scale", scale), ("shift", shift)) if value is not None}
    return given or align
