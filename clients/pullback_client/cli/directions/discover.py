"""`pullback directions`."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer
from rich.table import Table

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import following, out, show
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.directions import direction_options as option
from pullback_client.cli.listing import Listing, age
from pullback_client.cli.options import Force, Target, given_options, option_names
from pullback_client.cli.outputs import refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.directions import Directions, DirectionsOptions, EigenShare, contact_sheet
from pullback_client.directions.files import check_suffix
from pullback_client.directions.reference import Reference
from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import write_png
from pullback_client.report.parts import number
from pullback_client.wire.names import id_of

_MOST_AXES = 3  # of a direction's, in the table
# What settles how directions are found; of those that are kept it is settled.
_FINDING = set(DirectionsOptions.__annotations__)
_IMPORTING = {"space", "eigenbasis", "layers"}
_DRAWING = {"starts", "reach", "frames", "sheet_seed", "upscale"}


@takes_options(specs_pb2.DirectionsSpec, said={"method"})
def directions(
    context: typer.Context,
    generator: Annotated[str, typer.Argument(help="Name of the generator.", autocompletion=completion.generators)],
    *,
    latent: option.Latent = None,
    layers: option.Layers = None,
    purify: option.Purify = None,
    listed: option.Listed = False,
    kept: option.Kept = None,
    annotate: option.Annotate = None,
    notes: option.Notes = None,
    import_file: option.Import = None,
    file_format: option.Format = None,
    sheet: option.Sheet = None,
    starts: option.Starts = 3,
    reach: option.Reach = 2.0,
    frames: option.Frames = 7,
    sheet_seed: option.SheetSeed = 0,
    upscale: option.Upscale = None,
    out_file: option.OutFile = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Find edit directions, or fetch them where the server has them; title them, and draw a sheet to choose from."""
    ways = {"--list": listed, "--set": kept, "--annotate": annotate, "--import": import_file}
    _check_together(context, [name for name, way in ways.items() if way])
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InvalidArgumentError(f"--sheet must be a .png file, got {str(sheet)!r}")
    if not reach > 0:
        raise InvalidArgumentError(f"--reach must be a number above 0, got {reach:g}")
    if out_file is not None:
        check_suffix(out_file)
    if sheet is not None and out_file is not None and sheet == out_file:
        raise InvalidArgumentError(f"--sheet and --out are both {sheet}")
    refuse_overwriting([file for file in (sheet, out_file) if file is not None], force, (latent, import_file))
    with Client(target) as client:
        if listed:
            _list(client, generator)
            return
        if annotate is not None:
            name, index, title = annotate
            found = client.get_directions(_set_name(name, generator)).annotate(index, title, notes=notes)
        elif kept is not None:
            found = client.get_directions(_set_name(kept, generator))
        elif import_file is not None and file_format is not None:
            its_layers = option.layers_of(layers)
            found = client.import_directions(
                import_file,
                generator,
                format=file_format,
                space=settings["space"],
                eigenbasis=settings["eigenbasis"],
                layers=its_layers,
            )
        else:
            options: DirectionsOptions = {
                **cast("DirectionsOptions", settings),
                "latent": None if latent is None else option.latent_file(latent),
                "layers": option.layers_of(layers),
            }
            with following() as report:
                found = client.discover_directions(generator, progress=report, **options)
        if purify is not None:
            found = found.purified(purify)
        _show(found)
        if out_file is not None:
            found.save(out_file)
            out.print(f"saved {out_file}", soft_wrap=True)
        if sheet is not None:
            picture = contact_sheet(
                client,
                found,
                starts=starts,
                frames=frames,
                reach=reach,
                seed=sheet_seed,
                upscale=upscale,
                distance=settings["distance"],
            )
            write_png(sheet, picture)
            out.print(f"drew {sheet}", soft_wrap=True)


def _check_together(context: typer.Context, ways: list[str]) -> None:
    """Raises InvalidArgumentError where options exclude each other, or one needs another.

    Args:
        context: Of the command.
        ways: Which of the options that take other directions than those of a method are given.
    """
    given = given_options(context)
    if len(ways) > 1:
        raise InvalidArgumentError(f"{' and '.join(ways)} exclude each other")
    importing = "import_file" in given
    if importing != ("file_format" in given):
        raise InvalidArgumentError("--import names a file, and --format says what file it is: give both")
    if ways and (settled := sorted(given & _FINDING - (_IMPORTING if importing else set()))):
        raise InvalidArgumentError(f"{ways[0]} finds nothing: leave out {option_names(context, settled)}")
    if "notes" in given and "annotate" not in given:
        raise InvalidArgumentError("--notes are of a direction: name it with --annotate")
    if "sheet" not in given and (idle := sorted(given & _DRAWING)):
        raise InvalidArgumentError(f"{option_names(context, idle)}: of a sheet; name its file with --sheet")


def _set_name(word: str, generator: str) -> str:
    """The resource name of a set, of that or of its id."""
    return Reference.read(f"{word}:0", generator).name or word


def _list(client: Client, generator: str) -> None:
    known = client.list_directions(generator)[::-1]
    rows = [
        (
            id_of(info.name),
            f"{info.method} ({info.import_format})" if info.import_format else info.method,
            info.space,
            str(info.k),
            ", ".join(f"{each.index} {each.title}" for each in info.annotations if each.title),
        )
        for info in known
    ]
    Listing(
        headers=("set", "method", "space", "directions", "titles", "created"),
        rows=[(*row, f"{info.created.astimezone():%Y-%m-%d %H:%M:%S}") for row, info in zip(rows, known, strict=True)],
        brief_headers=("set", "space", "k", "titles", "age"),
        brief_rows=[
            (name, space, k, titles, age(info.created))
            for (name, _, space, k, titles), info in zip(rows, known, strict=True)
        ],
        # Whole in any window: other commands take it, and it says the method.
        kept=("set", "k", "age"),
    ).show()


def _show(found: Directions) -> None:
    out.print(
        f"{found.name}: {len(found)} directions of {found.space} by {found.method}; aligned = share in the top "
        f"{found.aligned_axes} axes of {found.eigenbasis}",
        soft_wrap=True,
    )
    table = Table("index", "title", "value", "rate", "aligned", "axes (share)")
    for direction in found:
        table.add_row(
            str(direction.index),
            direction.title,
            number(direction.value),
            number(direction.rate),
            f"{direction.alignment:.3f}",
            _axes(direction.axes),
        )
    show(table)


def _axes(axes: tuple[EigenShare, ...]) -> str:
    shown = ", ".join(f"{axis.rank} ({axis.share:.2f})" for axis in axes[:_MOST_AXES])
    return shown + (", …" if len(axes) > _MOST_AXES else "")
