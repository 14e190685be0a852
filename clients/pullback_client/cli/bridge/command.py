"""`pullback bridge`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from pullback_client.bridge import SETTLE, SETTLING, Bridge, Matching, MatrixRows, NamingScheme, StimulusFile, layout
from pullback_client.cli import completion
from pullback_client.cli.bridge.keys import BridgeKeys
from pullback_client.cli.console import INTERRUPTED, err, out
from pullback_client.cli.options import Target
from pullback_client.cli.search.sessions import tell_failures
from pullback_client.client import DEFAULT_TARGET, Client

HELP_OF_FILES = "\n\n".join(layout.as_text())
"""Every file and what is in it, for the end of the help."""


def bridge(
    session: Annotated[
        str,
        typer.Option(
            help="The session: sessions/ID, ID, how it begins, or its title.", autocompletion=completion.sessions
        ),
    ],
    folder: Annotated[Path, typer.Option(help="The folder that is shared with the rig.")],
    *,
    naming: Annotated[NamingScheme, typer.Option(help="What files are called.")] = "xdream",
    suffix: Annotated[StimulusFile, typer.Option("--format", help="Format of the images.")] = "png",
    matching: Annotated[
        Matching, typer.Option(help="Strict: every name must fit. Loose: what does not is reported and skipped.")
    ] = "strict",
    rows: Annotated[
        MatrixRows | None,
        typer.Option(
            help="What the rows of a matrix in .mat are in MATLAB, or in .h5 in HDF5's order. Needed where a block has "
            "as many images as channels.",
            show_default="what its shape says",
        ),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(min=SETTLING, help="Seconds without a change after which a score file that lacks rows is taken."),
    ] = SETTLE,
    blocks: Annotated[int | None, typer.Option(min=1, help="Stop after so many.", show_default="no bound")] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Run a session through a folder: images into it, score files out of it, as XDream does.

    Started again on the same folder, it goes on where it was. Score files that
    cannot be used are reported and left; it waits until they are written anew.
    Ends with 0 when the session is finished or closed, by whomever, and with 1
    where a thread of it cannot go on.

    When the animal stops: e and Enter end the block that is shown, q and Enter
    the bridge after it; files end_block and end_bridge in the folder do the same.
    What was scored is told; every other image of the block is a failed trial.
    """
    with Client(target) as client:
        found = client.get_session(session)
        keys = BridgeKeys()
        shared = Bridge(
            found,
            folder,
            naming=naming,
            suffix=suffix,
            matching=matching,
            rows=rows,
            settle=settle,
            report=_report,
            keys=keys,
        )
        if keys.are_read:
            _report(
                f"{layout.END_BLOCK_KEY} and Enter end a block before every image has a score, "
                f"{layout.END_BRIDGE_KEY} and Enter the bridge after it; Ctrl-C leaves the block as it is"
            )
        try:
            told = shared.run(blocks)
        except KeyboardInterrupt:
            err.print("\nstopped; started again on this folder, the bridge goes on where it was")
            raise typer.Exit(INTERRUPTED) from None
        _report(f"{told} block{'' if told == 1 else 's'} told")
        tell_failures(found)


def _report(line: str) -> None:
    # Neither a name that a Windows console has no characters for, nor a log on a full disk, is worth an evening.
    encoding = out.encoding
    with contextlib.suppress(OSError):
        text = line.encode(encoding, "backslashreplace").decode(encoding)
        out.print(text, soft_wrap=True)
