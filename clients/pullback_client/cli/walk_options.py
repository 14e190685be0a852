"""The options of walks, of `pullback traverse` and `pullback edit`: their types and help."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from pullback_client.directions import walk_options

_WALK, _CURVE = "Walk", "Curve"

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
