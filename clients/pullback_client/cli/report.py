"""`pullback report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pullback_client.cli import completing
from pullback_client.cli.common import DISTANCE_HELP, Force, MaxMemory, Target, following, out, refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.report import require_extras
from pullback_client.report.metric import REPORT_FILES, summarize, write_report


def report(
    generator: Annotated[str, typer.Argument(help="Name of the generator.", autocompletion=completing.generators)],
    *,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the page, the plots and the numbers.")],
    space: Annotated[
        str | None,
        typer.Option(help="Latent space.", show_default="the generator's first", autocompletion=completing.spaces),
    ] = None,
    distance: Annotated[
        str | None,
        typer.Option(help=DISTANCE_HELP, show_default="the server's", autocompletion=completing.distances),
    ] = None,
    positions: Annotated[
        int | None, typer.Option(min=2, help="Positions of the exact metric.", show_default="50")
    ] = None,
    control_positions: Annotated[
        int | None,
        typer.Option(min=2, help="Positions for the control and the other distances.", show_default="10"),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            help="Another distance to compare with; may be repeated.",
            show_default="st-lpips-alex, mse, ssim",
            autocompletion=completing.distances,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the positions and of the control.")] = 0,
    max_memory_mib: MaxMemory = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Report on the metric of a generator, and on walks along directions: the papers' tables and figures."""
    require_extras()
    refuse_overwriting([folder / name for name in REPORT_FILES], force)
    with Client(target) as client, following() as draw:
        analysis = client.analyze(
            generator,
            space=space,
            distance=distance,
            positions=positions,
            control_positions=control_positions,
            compared_distances=compare or None,
            seed=seed,
            max_memory_mib=max_memory_mib,
            progress=draw,
        )
    files = write_report(analysis, folder)
    for line in summarize(analysis):
        out.print(f"• {line}")
    out.print(f"wrote {len(files)} files; open {files[0]}", soft_wrap=True)
