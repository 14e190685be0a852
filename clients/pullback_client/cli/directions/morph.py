"""`pullback morph`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import following, out
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.directions import direction_options, walk_options
from pullback_client.cli.directions.walk_output import Fps, Out, check_pictures, refuse_walk_over, save_walk
from pullback_client.cli.inversion import invert_options as option
from pullback_client.cli.options import Force, Target, given_options, option_names
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.directions import WalkOptions
from pullback_client.directions.morph import MorphKind
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.options import InversionOptions
from pullback_client.report.parts import number

_LATENTS = (".npy", ".npz", ".safetensors")
_OF_PHOTOGRAPHS = ("method", "steps", "restarts", "align", "align_scale", "align_shift", "center_crop", "convert")


@takes_options(specs_pb2.InversionSettings, only={"method", "steps", "restarts"}, said={"method"})
@takes_options(directions_pb2.TraverseRequest, only={"frames", "distance"})
def morph(
    context: typer.Context,
    first: Annotated[
        Path,
        typer.Argument(
            metavar="PHOTO|LATENT", help="Where it starts: an image, .npy, .npz, or an inversion's .safetensors."
        ),
    ],
    second: Annotated[Path, typer.Argument(metavar="PHOTO|LATENT", help="Where it ends.")],
    *,
    generator: Annotated[str, typer.Option(help="Name of the generator.", autocompletion=completion.generators)],
    out_path: Out,
    kind: Annotated[
        MorphKind, typer.Option(help="How the walk goes: geodesic changes the image least.", rich_help_panel="Walk")
    ] = "geodesic",
    space: Annotated[
        str | None,
        typer.Option(
            help="Space of the latents.",
            autocompletion=completion.spaces,
            show_default="that of the inversions, or the generator's first",
        ),
    ] = None,
    align: option.Align = False,
    align_scale: option.AlignScale = None,
    align_shift: option.AlignShift = None,
    center_crop: option.CenterCrop = False,
    convert: option.Convert = False,
    upscale: walk_options.Upscale = 1,
    fps: Fps = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Morph one photograph or latent into another: invert both, and walk between them on the shortest way."""
    photographs = [path for path in (first, second) if path.suffix.lower() not in _LATENTS]
    if not photographs and (idle := [name for name in _OF_PHOTOGRAPHS if name in given_options(context)]):
        raise InvalidArgumentError(f"{option_names(context, idle)}: of photographs, and two latents came")
    refuse_walk_over(out_path, fps, force, (first, second))
    walk = cast("WalkOptions", {name: settings.pop(name) for name in ("frames", "distance")})
    inversion: InversionOptions = {
        **cast("InversionOptions", settings),
        "alignment": option.alignment_of(align, align_scale, align_shift),
        "center_crop": center_crop,
        "convert": convert,
    }
    start, end = (path if path in photographs else direction_options.latent_file(path) for path in (first, second))
    with Client(target) as client, following() as report:
        check_pictures(client, generator, walk, upscale, out_path)
        found = client.morph(
            start,
            end,
            generator,
            kind=kind,
            frames=walk.get("frames"),
            distance=walk.get("distance"),
            space=space,
            inversion=inversion if photographs else None,
            progress=report,
        )
    written = save_walk(found, out_path, upscale, fps)
    out.print(
        f"{len(found)} frames in {found.space}, image distance of the ends {number(float(found.distances[-1]))}; "
        f"{written}",
        soft_wrap=True,
    )
