"""`pullback invert`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from pullback_client.cli.common import Force, Target, following, out, refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError

_SUFFIXES = (".png", ".npz", ".json")


def invert(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Image files.")],
    *,
    generator: Annotated[str, typer.Option(help="Name of the generator.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for PNG, npz and JSON of every photograph.")],
    method: Annotated[Literal["hessian_adam", "adam"], typer.Option(help="Optimizer.")] = "hessian_adam",
    steps: Annotated[int | None, typer.Option(min=1, help="Updates per restart.", show_default="200")] = None,
    restarts: Annotated[int | None, typer.Option(min=1, help="Starts per photograph.", show_default="4")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the starts.")] = 0,
    space: Annotated[str | None, typer.Option(help="Latent space.", show_default="the generator's first")] = None,
    distance: Annotated[str | None, typer.Option(help="Image distance.", show_default="the server's")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate.", show_default="the method's")] = None,
    schedule: Annotated[
        Literal["constant", "cosine"] | None,
        typer.Option(help="Learning rate over the steps.", show_default="the method's"),
    ] = None,
    exponent: Annotated[
        float | None, typer.Option(help="Hessian Adam: scale coordinates by λ^−exponent.", show_default="0")
    ] = None,
    eigenbasis: Annotated[
        str | None, typer.Option(help="Hessian Adam: resource name of an eigenbasis.", show_default="computed")
    ] = None,
    mask: Annotated[
        list[Path] | None, typer.Option(help="Mask, white where the photograph counts; once per photograph.")
    ] = None,
    center_crop: Annotated[
        bool, typer.Option("--center-crop", help="Cut photographs to the generator's aspect.")
    ] = False,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Find the latents that draw photographs."""
    if mask and len(mask) != len(photos):
        raise InvalidArgumentError(f"{len(photos)} photographs but {len(mask)} masks: give --mask once for each")
    stems = _stems(photos)
    refuse_overwriting([folder / f"{stem}{suffix}" for stem in stems for suffix in _SUFFIXES], force)
    with Client(target) as client, following() as report:
        results = client.invert(
            photos,
            generator,
            method=method,
            steps=steps,
            restarts=restarts,
            seed=seed,
            space=space,
            distance=distance,
            learning_rate=learning_rate,
            schedule=schedule,
            exponent=exponent,
            eigenbasis=eigenbasis,
            masks=mask or None,
            center_crop=center_crop,
            progress=report,
        )
    table = Table("photograph", "distance", "loss", "restart", "step", "saved as")
    for photo, stem, result in zip(photos, stems, results, strict=True):
        for suffix in _SUFFIXES:
            result.save(folder / f"{stem}{suffix}")
        best = (f"{result.distance:.4f}", f"{result.loss:.4f}", str(result.best_restart), str(result.best_step))
        table.add_row(str(photo), *best, str(folder / f"{stem}.png"))
    out.print(table)


def _stems(photos: list[Path]) -> list[str]:
    """Names of the output files, without suffix; those of photographs must not run into each other."""
    stems = [photo.stem for photo in photos]
    doubled = [stem for stem, count in Counter(stem.casefold() for stem in stems).items() if count > 1]
    if doubled:
        raise InvalidArgumentError(
            f"several photographs are called {', '.join(doubled)}: their results would overwrite each other; "
            "invert them one by one into different folders"
        )
    return stems
