"""The command line, as tests run it in their own process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import typer.main

from in_process import InProcessServer
from pullback_client.cli import main

# To build the tree of commands takes longer than most commands do; tests run them in one process by the hundred.
typer.main.get_command = functools.cache(typer.main.get_command)


class Result(NamedTuple):
    """What a command ended with and said."""

    code: object
    out: str
    err: str


Run = Callable[..., Result]


def runner(
    server: InProcessServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *before: object,
    width: int = 220,
    folder: Path | None = None,
) -> Run:
    """Runs command lines against a server, in a window so wide and, if one is given, in a folder.

    `before` stands before the arguments of each.
    """
    monkeypatch.setenv("PULLBACK_TARGET", server.target)
    monkeypatch.setenv("COLUMNS", str(width))
    if folder is not None:
        monkeypatch.chdir(folder)

    def run(*arguments: object) -> Result:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in (*before, *arguments)])
        return Result(ended.value.code, *capsys.readouterr())

    return run
