"""`pullback eigenbasis`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from pullback_client.cli import completing
from pullback_client.cli.common import DISTANCE_HELP, Force, MaxMemory, Target, following, out, refuse_overwriting, show
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.settings import MetricMethod


def eigenbasis(
    generator: Annotated[str, typer.Argument(help="Name of the generator.", autocompletion=completing.generators)],
    *,
    space: Annotated[
        str | None,
        typer.Option(help="Latent space.", show_default="the generator's first", autocompletion=completing.spaces),
    ] = None,
    distance: Annotated[
        str | None,
        typer.Option(help=DISTANCE_HELP, show_default="the server's", autocompletion=completing.distances),
    ] = None,
    method: Annotated[MetricMethod, typer.Option(help="Estimator.")] = "sketch",
    samples: Annotated[
        str | None,
        typer.Option(
            help="Probes or positions; auto = until it has settled.",
            show_default="2000 (sketch), 100 (others)",
            autocompletion=completing.one_of("auto"),
        ),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Of auto: how much the agreement may fall short of 1.", show_default="0.005")
    ] = None,
    k: Annotated[int | None, typer.Option(min=1, help="Of iterations: how many eigenpairs.", show_default="50")] = None,
    separate: Annotated[bool, typer.Option("--separate", help="Block-diagonal, such as noise and class.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of positions and probes.")] = 0,
    max_memory_mib: MaxMemory = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Save it to this .npz file.")] = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Compute a generator's global eigenbasis, or fetch it where the server has it."""
    if out_file is not None:
        if out_file.suffix.lower() != ".npz":
            raise InvalidArgumentError(f"--out must be an .npz file, got {str(out_file)!r}")
        refuse_overwriting([out_file], force)
    with Client(target) as client, following() as report:
        basis = client.eigenbasis(
            generator,
            space=space,
            distance=distance,
            method=method,
            samples=_samples(samples),
            tolerance=tolerance,
            k=k,
            separate=separate,
            seed=seed,
            max_memory_mib=max_memory_mib,
            progress=report,
        )
    table = Table(show_header=False)
    table.add_row("name", basis.name)
    table.add_row("of", f"{basis.generator}, {basis.space} under {basis.distance}")
    table.add_row("estimated by", f"{basis.method}, {basis.samples} samples, seed {basis.seed}")
    if basis.agreement is not None:
        table.add_row("agreement", f"{basis.agreement:.4f} with the basis of the whole space, estimated from halves")
    table.add_row("dimensions", f"{basis.dim}; {basis.dims_for(0.9)} hold 90 %, {basis.dims_for(0.99)} hold 99 %")
    table.add_row("largest eigenvalues", "  ".join(f"{value:.4g}" for value in basis.eigenvalues[:6]))
    show(table)
    if out_file is not None:
        basis.save(out_file)
        out.print(f"saved {out_file}", soft_wrap=True)


def _samples(text: str | None) -> int | Literal["auto"] | None:
    if text is None:
        return None
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) == 0:
        raise InvalidArgumentError(f"--samples must be a number from 1 on, or auto; got {text!r}")
    return int(text)
