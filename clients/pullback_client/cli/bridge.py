"""`pullback bridge`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from pullback_client.bridge import SETTLE, SETTLING, Bridge, Matching, NamingScheme, StimulusFile
from pullback_client.cli.common import INTERRUPTED, Target, err, out, tell_failures
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
    settle: Annotated[
        float,
        typer.Option(min=SETTLING, help="Seconds without a change after which a score file that lacks rows is taken."),
    ] = SETTLE,
    blocks: Annotated[int | None, typer.Option(min=1, help="Stop after so many.", show_default="no bound")] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Run a session through a folder: images into it, score files out of it, as XDream does.

    Started again on the same folder, it goes on where it was. Score files that cannot be used
    are reported and left; it waits until they are written anew. Ends with 0 when the session is
    finished or closed, by whomever, and with 1 where a thread of it cannot go on.
    """
    with Client(target) as client:
        found = client.session(session)
        shared = Bridge(found, folder, naming=naming, suffix=suffix, matching=matching, settle=settle, report=_report)
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
