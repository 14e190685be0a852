"""`pullback edit`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import err, following, out, show
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.directions import direction_options, walk_options
from pullback_client.cli.directions.walk_output import check_pictures
from pullback_client.cli.inversion import invert_options as option
from pullback_client.cli.inversion.photographs import find, masks_of, refuse_doubled_names, tell_failures, tell_unpasted
from pullback_client.cli.options import Force, Target
from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.directions import Edit, EditOutcome, WalkOptions
from pullback_client.directions.edit import EDIT_FILES, EDIT_SOUNDS, edit_walk
from pullback_client.directions.walk_options import check_walk_options
from pullback_client.errors import ClientError
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import InversionFailure
from pullback_client.text.printable import a_few, printable

# Of a walk, what an edit settles: where it leads, along what, and that the inversion's distance measures it.
_SETTLED = ("first", "last", "rank", "distance")


@takes_options(specs_pb2.InversionSettings, only={"method", "distance", "seed", "steps", "restarts"}, said={"method"})
@walk_options.takes_walk_options(leave_out=_SETTLED)
def edit(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Image files, or folders of them.")],
    *,
    generator: Annotated[str, typer.Option(help="Name of the generator.", autocompletion=completion.generators)],
    direction: walk_options.Word,
    strength: Annotated[float, typer.Option(help="How far along it, signed.", rich_help_panel="Walk")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for the results; of several photographs, for a folder of each.",
            show_default="NAME-edited",
        ),
    ] = None,
    layers: walk_options.WalkLayers = None,
    purify: walk_options.Purify = None,
    tune: option.Tune = False,
    upscale: walk_options.Upscale = 1,
    space: Annotated[
        str | None,
        typer.Option(
            help="Latent space.",
            show_default="the direction's",
            autocompletion=completion.spaces,
            rich_help_panel="Method",
        ),
    ] = None,
    class_label: option.Class = None,
    align: option.Align = False,
    align_scale: option.AlignScale = None,
    align_shift: option.AlignShift = None,
    mask: option.Mask = None,
    ignore: option.Ignore = None,
    crop: option.CropText = None,
    center_crop: option.CenterCrop = False,
    convert: option.Convert = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="Lay each edited image back into its photograph as well.")
    ] = False,
    feather: option.Feather = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Edit photographs: invert each, walk from there, save. Exits with 1 where one failed; the others' are kept."""
    walk: WalkOptions = {
        **walk_options.walk_of(settings, leave_out=_SETTLED),
        "layers": direction_options.layers_of(layers),
        "purify": purify,
    }
    check_walk_options(edit_walk(strength, walk), directed=True)  # refuses what cannot be, before anything is sent
    options: InversionOptions = {
        **cast("InversionOptions", settings),
        "space": space,
        "alignment": option.alignment_of(align, align_scale, align_shift),
        "ignore": [option.box_of(text) for text in ignore or ()],
        "crop": option.crop_of(crop),
        "center_crop": center_crop,
        "convert": convert,
        **option.class_options(class_label),
    }
    edge = option.feather_of(feather, paste)
    listed = find(photos, err)
    found = [each.path for each in listed]
    masks = masks_of(found, mask, err)
    refuse_doubled_names(path.stem for path in found)
    folders = [_folder(path, folder, len(found)) for path in found]
    for each in folders:
        refuse_file_as_folder(each)
    written = [each / name for each in folders for name in (*EDIT_FILES, *EDIT_SOUNDS, "pasted.png", "edit.json")]
    refuse_overwriting(written, force, (*found, *masks))
    outcomes: list[EditOutcome | None] = [each.failure for each in listed]
    unpasted: list[tuple[Path, ClientError]] = []
    save = functools.partial(_save, feather=edge, upscale=upscale)
    left = [number for number, outcome in enumerate(outcomes) if outcome is None]
    options["masks"] = [masks[number] for number in left]
    if left:
        paths = [found[number] for number in left]
        with Client(target) as client, following() as report:
            check_pictures(client, generator, walk, upscale)
            edits = client.iter_edit(
                paths, generator, direction, strength, walk=walk, tune=tune, progress=report, **options
            )
            with closing(edits):
                for number, outcome in zip(left, edits, strict=True):
                    outcomes[number] = outcome
                    if isinstance(outcome, InversionFailure):
                        outcomes[number] = listed[number].explained(outcome)
                    elif problem := save(outcome, folders[number], found[number] if paste else None):
                        unpasted.append((found[number], problem))
    _show(found, outcomes)
    places = [into for into, outcome in zip(folders, outcomes, strict=True) if isinstance(outcome, Edit)]
    if places:
        out.print(f"the results are in {a_few(places)}", soft_wrap=True)
    tell_unpasted(unpasted, err)
    tell_failures(found, outcomes, err)
    if unpasted:
        raise typer.Exit(1)


def _save(edit: Edit, folder: Path, photograph: Path | None, **how: Any) -> ClientError | None:
    """Saves an edit, and says why it could not be laid back into its photograph."""
    # One that is there is taken for a folder, whatever its name ends in.
    folder.mkdir(parents=True, exist_ok=True)
    try:
        edit.save(folder, photograph, **how)
    except ClientError as error:
        if photograph is None:
            raise
        edit.save(folder, **how)
        return error
    return None


def _folder(photo: Path, folder: Path | None, count: int) -> Path:
    """Where the results of one of so many photographs go."""
    if folder is None:
        return Path(f"{photo.stem}-edited")
    return folder if count == 1 else folder / photo.stem


def _show(photos: Sequence[Path], outcomes: Sequence[EditOutcome | None]) -> None:
    table = Table("photograph", "distance of the inversion", "distance of the edit from it")
    for path, outcome in zip(photos, outcomes, strict=True):
        if isinstance(outcome, Edit):
            table.add_row(printable(path.name), f"{outcome.inversion.distance:.4f}", f"{outcome.frame.distance:.4f}")
    if table.row_count:
        show(table)
