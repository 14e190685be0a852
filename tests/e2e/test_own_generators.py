"""Generators that are added while a server runs: it has them at once, and computes with what replaced them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from live_server import LiveServer
from pullback_client import Client, NotFoundError
from tiny import write_weights


def pullback(*arguments: object, **environment: str) -> str:
    """What a command of the command line prints."""
    command = [sys.executable, "-m", "pullback_client", *map(str, arguments)]
    places = {**os.environ, **environment}
    ended = subprocess.run(command, check=False, env=places, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_generator_is_added_and_replaced_while_the_server_runs(
    start_server: Callable[..., LiveServer], tmp_path: Path, environment: dict[str, str]
) -> None:
    places = {**environment, "XDG_DATA_HOME": str(tmp_path / "user")}
    live = start_server(**places)
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    hashes = [write_weights(path, seed) for seed, path in enumerate((first, second))]
    latents = np.zeros((1, 8), dtype=np.float32)
    latents[0, 0] = 1
    with Client(live.target) as client:
        with pytest.raises(NotFoundError, match="no generator is named 'mine'"):
            client.get_generator("mine")
        assert "added to " in pullback("generators", "add", "mine", first, "--licence", "MIT", **places)
        found = client.get_generator("mine")
        assert (found.family, found.licence, found.weights_hash) == ("dcgan", "MIT", hashes[0])
        assert "mine" in {each.name for each in client.list_generators()}
        (before,) = client.render("mine", latents)
        assert "a step of one image on cpu" in pullback("generators", "check", "mine", **places)
        pullback("generators", "add", "mine", second, "--replace", **places)
        assert client.get_generator("mine").weights_hash == hashes[1]
        (after,) = client.render("mine", latents)
    assert np.abs(np.asarray(after, np.int16) - np.asarray(before, np.int16)).max() > 8
