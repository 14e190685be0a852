"""Options of walks, of `pullback traverse` and `pullback edit`: their types and help."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeAlias, cast

import typer

from pullback_api.options import options_of
from pullback_api.v1 import directions_pb2
from pullback_client.cli.described_options import CommandT, takes_options
from pullback_client.directions import MaskOptions, WalkOptions
from pullback_client.errors import InvalidArgumentError

_WALK, _MASK = "Walk", "Mask"
_MESSAGES = (directions_pb2.TraverseRequest, directions_pb2.CurveSettings)
# What `--mask SUBSET/SUBSETS` says.
_IN_MASK = ("subset", "subsets")

Word: TypeAlias = Annotated[
    str,
    typer.Option(
        "--direction",
        metavar="METHOD:INDEX|SET:INDEX|TITLE",
        help="Which, such as hessian:3; indices count from 0.",
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
    int, typer.Option(min=1, help="Strip and what moves so many times as large, pixel by pixel.", rich_help_panel=_WALK)
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


def takes_walk_options(leave_out: Collection[str] = ()) -> Callable[[CommandT], CommandT]:
    """Gives a command the options of a walk, but those of these names; `walk_of` reads them."""

    def decorate(command: CommandT) -> CommandT:
        # `--seed` is that of the start.
        command = takes_options(directions_pb2.CurveSettings, only={"seed"}, prefix="jitter_")(command)
        return takes_options(*_MESSAGES, leave_out={"seed", *leave_out})(command)

    return decorate


def walk_of(settings: dict[str, Any], leave_out: Collection[str] = ()) -> WalkOptions:
    """The options of a walk that a command was given, by what `takes_walk_options` gave it; taken out of the others."""
    names = [name for message in _MESSAGES for name in options_of(message.DESCRIPTOR)]
    walk = {name: settings.pop(name) for name in names if name not in ("seed", *leave_out)}
    return cast("WalkOptions", {**walk, "seed": settings.pop("jitter_seed")})


takes_mask_options = takes_options(directions_pb2.MaskSettings, leave_out=_IN_MASK, prefix="mask_")
"""Gives a command the options of a mask that `--mask` does not say itself; `mask_of` reads them."""


def mask_of(text: str | None, settings: dict[str, Any]) -> MaskOptions | None:
    """The mask of the options of that name, which are taken out of the others; None where none is given.

    Raises:
        InvalidArgumentError: The text is not a subset and a number of subsets, or there is none but other options.
    """
    names = [name for name in options_of(directions_pb2.MaskSettings.DESCRIPTOR) if name not in _IN_MASK]
    rest = {name: settings.pop(f"mask_{name}") for name in names}
    if text is None:
        if idle := [f"--mask-{name}" for name, value in rest.items() if value is not None]:
            raise InvalidArgumentError(
                f"{', '.join(idle)}: options that say more of --mask; give it, or leave them out"
            )
        return None
    if not (found := re.fullmatch(r"(\d+)/(\d+)", text)):
        raise InvalidArgumentError(f"--mask is a subset and their number such as 0/4; got {text!r}")
    subset, subsets = map(int, found.groups())
    if subset >= subsets:
        raise InvalidArgumentError(
            f"--mask counts subsets from 0: of {subsets} the last is {subsets - 1}, got {subset}"
        )
    return cast("MaskOptions", {"subset": subset, "subsets": subsets, **rest})
