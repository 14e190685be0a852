"""The options of walks, of `pullback traverse` and `pullback edit`: their types and help."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

import typer

from pullback_client.client import Client
from pullback_client.directions import MaskOptions, WalkOptions, walk_options
from pullback_client.directions.pictures import check_upscale
from pullback_client.errors import InvalidArgumentError

_WALK, _CURVE, _MASK = "Walk", "Curve", "Mask"
_FRAMES = 9  # the server's default

Word: TypeAlias = Annotated[
    str,
    typer.Option(
        "--direction",
        metavar="METHOD:INDEX|SET:INDEX|TITLE",
        help="Which, such as hessian:3; indices count from 0.",
        rich_help_panel=_WALK,
    ),
]
Kind: TypeAlias = Annotated[
    walk_options.TraversalKind | None,
    typer.Option(help="How the walk goes.", show_default="linear", rich_help_panel=_WALK),
]
Frames: TypeAlias = Annotated[int | None, typer.Option(min=2, help="Frames.", show_default="9", rich_help_panel=_WALK)]
Unit: TypeAlias = Annotated[
    walk_options.StepUnit | None,
    typer.Option(
        help="What steps are counted in: rate^(-1/2), or units of the latent.",
        show_default="rate",
        rich_help_panel=_WALK,
    ),
]
WalkLayers: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--layers",
        metavar="0-3,7",
        help="Layers of a style-based generator that it moves.",
        show_default="the direction's",
        rich_help_panel=_WALK,
    ),
]
Purify: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Project what it follows on so many top eigenvectors.",
        show_default="as found",
        rich_help_panel=_WALK,
    ),
]
Upscale: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Strip and animation so many times as large, pixel by pixel.", rich_help_panel=_WALK)
]
Pieces: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Pieces to each side.", show_default="10 for every frame", rich_help_panel=_CURVE),
]
Jitter: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Draw each piece's length from ± this share.", show_default="0", rich_help_panel=_CURVE),
]
JitterSeed: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Seed of the jitter.", show_default="0", rich_help_panel=_CURVE)
]
Mask: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SUBSET/SUBSETS",
        help="Let one subset of a layer's channels alone follow: 0/4 is the largest of four.",
        show_default="all channels",
        rich_help_panel=_MASK,
    ),
]
MaskLayer: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The layer, such as 'layer 2' or '16 px'.", show_default="the third", rich_help_panel=_MASK),
]
MaskSeed: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Seed of the subsets.", show_default="0", rich_help_panel=_MASK)
]


def mask_of(text: str | None, layer: str | None, seed: int | None) -> MaskOptions | None:
    """The mask of the options of that name; None where none is given.

    Raises:
        InvalidArgumentError: The text is not a subset and a number of subsets, or there is none but other options.
    """
    if text is None:
        if layer is not None or seed is not None:
            raise InvalidArgumentError("--mask-layer and --mask-seed say more of --mask: give it, or leave them out")
        return None
    if not (found := re.fullmatch(r"(\d+)/(\d+)", text)):
        raise InvalidArgumentError(f"--mask is a subset and their number such as 0/4; got {text!r}")
    subset, subsets = map(int, found.groups())
    if subset >= subsets:
        raise InvalidArgumentError(
            f"--mask counts subsets from 0: of {subsets} the last is {subsets - 1}, got {subset}"
        )
    return {"subset": subset, "subsets": subsets, "layer": layer, "seed": seed}


def check_size(client: Client, generator: str, options: WalkOptions, upscale: int) -> None:
    """Raises InvalidArgumentError where the pictures of a walk would be too large, before it is walked."""
    if upscale > 1:
        drawn = client.generator(generator)
        frames = options.get("frames") or _FRAMES
        # A subspace has so many along each direction; an animation goes forth and back.
        frames = frames**2 if options.get("kind") == "subspace" else frames
        check_upscale(upscale, (drawn.width, drawn.height), 2 * frames - 2)
