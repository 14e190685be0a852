"""`pullback tune`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import following, out, show
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.inversion.photographs import refuse_doubled_names
from pullback_client.cli.options import Force, Target
from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import write_png
from pullback_client.inversion.result import Inversion
from pullback_client.inversion.tuning import Tuning, TuningOptions
from pullback_client.text.printable import printable


@takes_options(specs_pb2.TuningSettings, leave_out={"space", "preview_every"})
def tune(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT|FOLDER...", help="Results of `pullback invert` (.safetensors), or folders."),
    ],
    *,
    generator: Annotated[
        str | None,
        typer.Option(help="The generator.", show_default="that of the results", autocompletion=completion.generators),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Weights of its own for each photograph, instead of one for all.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for NAME-tuned.png of each photograph.", show_default="none")
    ] = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Tune a generator's weights until the latents that were found draw their photographs (pivotal tuning).

    The generator stays as it is; the tuned weights stay on the server: see `pullback tunings`, and --tuning of
    `pullback traverse`.
    """
    files = _files(results)
    found = [Inversion.load(file) for file in files]
    pictures = [] if folder is None else [folder / f"{file.stem}-tuned.png" for file in files]
    if folder is not None:
        refuse_file_as_folder(folder)
        refuse_doubled_names(file.stem for file in files)
        refuse_overwriting(pictures, force, files)
    options = cast("TuningOptions", settings)
    groups = [[one] for one in found] if each else [found]
    tunings: list[Tuning] = []
    with Client(target) as client, following() as report:
        for group in groups:
            tunings.append(client.tune(group, generator, progress=report, **options))
            if folder is not None:
                pivots = [one.latent for one in group]
                drawn = client.render(tunings[-1].generator, pivots, space=tunings[-1].space, tuning=tunings[-1])
                for image in drawn:
                    write_png(pictures.pop(0), image)
    _show(files, tunings)
    for tuning in tunings:
        out.print(f"{tuning.name}: {tuning.updates} updates, {tuning.size / 2**20:.1f} MiB", soft_wrap=True)


def _files(results: Sequence[Path]) -> list[Path]:
    """The results that are named, and those of folders.

    Raises:
        InvalidArgumentError: There is none.
    """
    found = [file for each in results for file in (sorted(each.glob("*.safetensors")) if each.is_dir() else [each])]
    if not found:
        raise InvalidArgumentError(f"no results of `pullback invert`, *.safetensors, in {printable(results[0])}")
    return found


def _show(files: Sequence[Path], tunings: Sequence[Tuning]) -> None:
    table = Table("photograph", "distance before", "after", "squared error before", "after")
    photographs = [photograph for tuning in tunings for photograph in tuning.photographs]
    for file, photograph in zip(files, photographs, strict=True):
        table.add_row(
            printable(file.stem),
            f"{photograph.distance_before:.4f}",
            f"{photograph.distance:.4f}",
            f"{photograph.squared_error_before:.5f}",
            f"{photograph.squared_error:.5f}",
        )
    show(table)
