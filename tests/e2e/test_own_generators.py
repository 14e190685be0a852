"""Generators that are added while a server runs: it has them at once, and computes with what replaced them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from live_server import LiveServer
from pullback.distances import identity_of
from pullback_client import Client, FailedPreconditionError, NotFoundError
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


CODE = """
import torch
from torch import nn
from pullback.generators import Generator, LatentSpace, StandardNormal

class Rows(Generator):
    name, weights_hash, input_space, image_shape = "rows", "", "z", (3, 16, 16)
    spaces = {"z": LatentSpace("z", 16, StandardNormal())}

    @property
    def default_context(self):
        return torch.zeros(16)

    def synthesize(self, inputs):
        if len(inputs) == 3:
            raise ValueError("three at once")
        return torch.sigmoid(inputs)[:, None, :, None].expand(-1, 3, 16, 16)

def coarse():
    return nn.AvgPool2d(8)
"""


def test_code_of_ones_own_runs_in_the_workers_and_says_what_fails(
    start_server: Callable[..., LiveServer], tmp_path: Path, environment: dict[str, str]
) -> None:
    places = {**environment, "XDG_DATA_HOME": str(tmp_path / "user")}
    live = start_server(**places)
    code = tmp_path / "own.py"
    code.write_text(CODE, "utf-8")
    printed = pullback("generators", "add", "rows", f"{code}:Rows", **places)
    catalogue = Path(re.search("added to (.*)", printed)[1])
    with catalogue.open("a", encoding="utf-8") as file:
        file.write(
            '\n[distances.coarse]\nfamily = "python"\ntakes = ["images"]\n'
            f'source = {{kind = "code", location = "{code}:coarse", sha256 = "{identity_of(f"{code}:coarse")}"}}\n'
        )
    with Client(live.target) as client:
        assert client.get_generator("rows").weights_state.value == "not needed"
        assert "coarse" in {distance.name for distance in client.list_distances()}
        basis = client.compute_eigenbasis("rows", distance="coarse", samples=32)
        # Of sixteen rows it sees two, the mean of eight each; how much each row counts there changes with the latent.
        assert basis.eigenvalues[1] > 10 * abs(basis.eigenvalues[2])
        with pytest.raises(FailedPreconditionError, match=r"'rows': .*own\.py:Rows raised ValueError: three at"):
            client.render("rows", np.zeros((3, 16), dtype=np.float32))
