"""`pullback report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import following, out
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.options import Force, Target
from pullback_client.cli.outputs import refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.report import require_extras
from pullback_client.report.metric import REPORT_FILES, summarize, write_report


@takes_options(specs_pb2.AnalysisSpec)
def report(
    generator: Annotated[str, typer.Argument(help="Name of the generator.", autocompletion=completion.generators)],
    *,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the page, the plots and the numbers.")],
    compare: Annotated[
        list[str] | None,
        typer.Option(
            help="Another distance to compare with; may be repeated.",
            show_default="lpips-vgg, mse, ssim",
            autocompletion=completion.distances,
        ),
    ] = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Report on the metric of a generator, and on walks along directions: the papers' tables and figures."""
    require_extras()
    refuse_overwriting([folder / name for name in REPORT_FILES], force)
    with Client(target) as client, following() as draw:
        analysis = client.analyze(
            generator,
            compared_distances=compare or None,
            progress=draw,
            **settings,
        )
    files = write_report(analysis, folder)
    for line in summarize(analysis):
        out.print(f"• {line}")
    out.print(f"wrote {len(files)} files; open {files[0]}", soft_wrap=True)
