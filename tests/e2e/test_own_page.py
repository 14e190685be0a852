"""The page "Your own generator": its files, commands and session, in their order, against a live server."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from live_server import LiveServer
from pullback_client import Inversion

PAGE = Path(__file__).parents[2] / "optimizers/pullback/generators/own/README.md"


def blocks(language: str) -> list[str]:
    """The page's blocks of that kind."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_from_a_module_to_an_inversion(
    start_server: Callable[..., LiveServer],
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {**environment, "XDG_DATA_HOME": str(tmp_path / "user")}
    live = start_server(**places)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULLBACK_TARGET", live.target)
    (code,) = blocks('python title="my_gan.py"')
    Path("my_gan.py").write_text(code, "utf-8")
    names: dict[str, Any] = {"__file__": "my_gan.py"}
    exec(code, names)
    torch.manual_seed(0)
    torch.save(names["architecture"]().state_dict(), "my_gan.pt")
    (commands,) = blocks("sh")
    for command in map(shlex.split, commands.splitlines()):
        run = [sys.executable, "-m", "pullback_client", *command[1:]]
        ended = subprocess.run(
            run, check=False, env={**os.environ, **places}, capture_output=True, text=True, timeout=300
        )
        assert ended.returncode == 0, ended.stderr
    (session,) = blocks("python")
    values: dict[str, Any] = {}
    exec(session, values)
    assert "LatentSpace" in capsys.readouterr().out
    assert isinstance(values["inversion"], Inversion)
    assert values["image"].size == (32, 32)
    # The target is its own image.
    assert values["inversion"].distance < 0.01
