"""`pullback eigenbasis`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from pullback_client.cli.common import Force, Target, following, out, refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError


def eigenbasis(
    generator: Annotated[str, typer.Argument(help="Name of the generator.")],
    *,
    space: Annotated[str | None, typer.Option(help="Latent space.", show_default="the generator's first")] = None,
    distance: Annotated[str | None, typer.Option(help="Image distance.", show_default="the server's")] = None,
    method: Annotated[Literal["sketch", "gram"], typer.Option(help="Estimator.")] = "sketch",
    samples: Annotated[
        int | None, typer.Option(min=1, help="Probes or positions.", show_default="2000 (sketch), 100 (gram)")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of positions and probes.")] = 0,
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
            samples=samples,
            seed=seed,
            progress=report,
        )
    table = Table(show_header=False)
    table.add_row("name", basis.name)
    table.add_row("of", f"{basis.generator}, {basis.space} under {basis.distance}")
    table.add_row("estimated by", f"{basis.method}, {basis.samples} samples, seed {basis.seed}")
    table.add_row("dimensions", f"{basis.dim}; {basis.dims_for(0.9)} hold 90 %, {basis.dims_for(0.99)} hold 99 %")
    table.add_row("largest eigenvalues", "  ".join(f"{value:.4g}" for value in basis.eigenvalues[:6]))
    out.print(table)
    if out_file is not None:
        basis.save(out_file)
        out.print(f"saved {out_file}", highlight=False)
