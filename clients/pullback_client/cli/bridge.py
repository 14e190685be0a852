"""`pullback bridge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pullback_client.bridge import Bridge, Matching, NamingScheme, StimulusFile
from pullback_client.cli.common import INTERRUPTED, Target, err, out
from pullback_client.client import DEFAULT_TARGET, Client


def bridge(
    session: Annotated[str, typer.Option(help="The session: sessions/ID, or ID.")],
    folder: Annotated[Path, typer.Option(help="The folder that is shared with the rig.")],
    *,
    naming: Annotated[NamingScheme, typer.Option(help="What files are called.")] = "xdream",
    suffix: Annotated[StimulusFile, typer.Option("--format", help="Format of the images.")] = "png",
    matching: Annotated[
        Matching, typer.Option(help="Strict: every name must fit. Loose: what does not is reported and skipped.")
    ] = "strict",
    blocks: Annotated[int | None, typer.Option(min=1, help="Stop after so many.", show_default="no bound")] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Run a session through a folder: images into it, score files out of it, as XDream does.

    Started again on the same folder, it goes on where it was.
    """

    def report(line: str) -> None:
        out.print(line, markup=False, highlight=False, soft_wrap=True)

    with Client(target) as client:
        shared = Bridge(client.session(session), folder, naming=naming, suffix=suffix, matching=matching, report=report)
        try:
            told = shared.run(blocks)
        except KeyboardInterrupt:
            err.print("\nstopped; started again on this folder, the bridge goes on where it was", highlight=False)
            raise typer.Exit(INTERRUPTED) from None
    report(f"{told} blocks told")
