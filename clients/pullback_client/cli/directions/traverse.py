"""`pullback traverse`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import following, out
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.directions import direction_options, walk_options
from pullback_client.cli.directions.walk_output import Fps, Out, check_pictures, refuse_walk_over, save_walk
from pullback_client.cli.inversion import invert_options as option
from pullback_client.cli.options import Force, Target, given_options, option_names
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.directions import WalkOptions
from pullback_client.directions.walk_options import check_walk_options
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.options import InversionOptions
from pullback_client.report.parts import number

_START = "Start"
# What is said of the photograph at which a walk starts.
_OF_PHOTOGRAPHS = (
    "method",
    "steps",
    "restarts",
    "class_label",
    "align",
    "align_scale",
    "align_shift",
    "photo_mask",
    "ignore",
    "crop",
    "center_crop",
    "convert",
)


@takes_options(specs_pb2.InversionSettings, only={"method", "steps", "restarts"}, said={"method"})
@walk_options.takes_walk_options()
@walk_options.takes_mask_options
def traverse(
    context: typer.Context,
    generator: Annotated[str, typer.Argument(help="Name of the generator.", autocompletion=completion.generators)],
    *,
    direction: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD:INDEX|SET:INDEX|TITLE",
            help="Which, such as hessian:3; indices count from 0. A curve may follow a local axis instead.",
            rich_help_panel="Walk",
        ),
    ] = None,
    out_path: Out,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Start at the draw of this seed.", show_default="0", rich_help_panel=_START),
    ] = None,
    latent: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Start at this: .npy, .npz, or an inversion's .safetensors.", rich_help_panel=_START
        ),
    ] = None,
    photo: Annotated[
        Path | None, typer.Option(metavar="PHOTO", help="Invert this and start there.", rich_help_panel=_START)
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="LEFT,TOP,SIZE",
            help="Square to cut out of the photograph, in its pixels as it lies when it is looked at.",
            rich_help_panel=_START,
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="Space of the start.",
            autocompletion=completion.spaces,
            show_default="the generator's first; of a photograph the direction's",
            rich_help_panel=_START,
        ),
    ] = None,
    class_label: option.Class = None,
    align: option.Align = False,
    align_scale: option.AlignScale = None,
    align_shift: option.AlignShift = None,
    photo_mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Mask, white where the photograph counts.", rich_help_panel="Photographs"),
    ] = None,
    ignore: option.Ignore = None,
    center_crop: option.CenterCrop = False,
    convert: option.Convert = False,
    layers: walk_options.WalkLayers = None,
    second: Annotated[str | None, typer.Option(help="Subspace: the other direction.", rich_help_panel="Walk")] = None,
    purify: walk_options.Purify = None,
    tuning: Annotated[
        str | None,
        typer.Option(help="Draw with these tuned weights: ID or name of a tuning.", rich_help_panel="Walk"),
    ] = None,
    mask: walk_options.Mask = None,
    upscale: walk_options.Upscale = 1,
    fps: Fps = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Walk from a latent or a photograph along a direction: frames, a strip and an animation."""
    starts = {"--seed": seed, "--latent": latent, "--photo": photo}
    if len(named := [name for name, given in starts.items() if given is not None]) > 1:
        raise InvalidArgumentError(f"{' and '.join(named)} exclude each other: a walk has one start")
    if photo is None and (idle := [name for name in _OF_PHOTOGRAPHS if name in given_options(context)]):
        raise InvalidArgumentError(f"{option_names(context, idle)}: of a photograph; name it with --photo")
    refuse_walk_over(out_path, fps, force, (latent, photo))
    options: WalkOptions = {
        **walk_options.walk_of(settings),
        "layers": direction_options.layers_of(layers),
        "second": second,
        "purify": purify,
        "tuning": tuning,
        "mask": walk_options.mask_of(mask, settings),
    }
    inversion: InversionOptions = {
        **cast("InversionOptions", settings),
        "alignment": option.alignment_of(align, align_scale, align_shift),
        "masks": photo_mask,
        "ignore": [option.box_of(text) for text in ignore or ()],
        "crop": option.crop_of(crop),
        "center_crop": center_crop,
        "convert": convert,
        **option.class_options(class_label),
    }
    check_walk_options(options, directed=direction is not None)  # refuses what cannot be, before anything is sent
    start: Any = photo if latent is None else direction_options.latent_file(latent)
    with Client(target) as client, following() as report:
        check_pictures(client, generator, options, upscale, out_path)
        if start is None:
            start = client.sample(generator, space=space, seed=seed or 0)
        walk = client.traverse(
            start,
            direction,
            generator=generator,
            space=space,
            inversion=None if photo is None else inversion,
            progress=report,
            **options,
        )
    written = save_walk(walk, out_path, upscale, fps)
    farthest = number(float(walk.distances.max()))
    out.print(
        f"{len(walk)} frames in {walk.space}, image distance from the start up to {farthest}; {written}",
        soft_wrap=True,
    )
