"""StyleGAN and NVIDIA's StyleGAN2 over a real socket, from files as they are published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from live_server import LiveServer
from published import sha256_of
from pullback_client import Client
from style_states import FORMS, ada_random_state, stylegan1_state

# The family, its file's content, coordinates of z, of w, how many w+ has, the images, and what no file says.
FILES: dict[str, tuple[str, Any, int, int, int, list[int], str]] = {
    "old": ("stylegan1", {"g_running": stylegan1_state()}, 5, 5, 3, [3, 16, 16], "resolution = 16"),
    "resnet": ("stylegan2-ada", ada_random_state(FORMS["resnet"]), 5, 6, 6, [3, 16, 16], "conv_clamp = 256"),
    "grey": ("stylegan2-ada", ada_random_state(FORMS["grey"]), 5, 6, 4, [1, 8, 8], "conv_clamp = 0\ntruncation = 0.7"),
    "classes": (
        "stylegan2-ada",
        ada_random_state(FORMS["conditional"]),
        5,
        6,
        4,
        [3, 8, 8],
        "conv_clamp = 0\nclass = 2",
    ),
}


def entry(
    folder: Path, name: str, family: str, content: Any, z: int, w: int, layers: int, shape: Any, said: str
) -> str:
    """A catalogue entry of a file that is written there."""
    file = folder / f"{name}.pt"
    torch.save(content, file)
    return f"""
[{name}]
family = "{family}"
input_space = "w+"
image_shape = {shape}
spaces = [
  {{ name = "z", dim = {z}, prior = "standard-normal" }},
  {{ name = "w", dim = {w}, prior = "mapped" }},
  {{ name = "w+", dim = {w * layers}, prior = "mapped" }},
]
[{name}.options]
{said}
[{name}.source]
kind = "path"
location = "{file.as_posix()}"
sha256 = "{sha256_of(file)}"
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("styles")
    entries = [entry(folder, name, *described) for name, described in FILES.items()]
    (folder / "styles.toml").write_text("".join(entries), encoding="utf-8")
    environment = {"PULLBACK_CATALOGUE": str(folder / "styles.toml"), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live, Client(live.target) as client:
        yield client


def brightness(image: Image.Image) -> float:
    return float(np.asarray(image.convert("L"), np.float64).mean())


@pytest.mark.parametrize("name", list(FILES))
def test_its_metric_inversion_evolution_and_directions_are_computed(client: Client, name: str) -> None:
    _, _, z, w, layers, _, _ = FILES[name]
    basis = client.compute_eigenbasis(name, space="w", distance="mse", samples=32)
    assert basis.dim == w
    directions = client.discover_directions(name, eigenbasis=basis, k=2)
    assert directions.vectors.shape == (2, w)
    target = next(iter(client.render(name, client.sample(name, space="z", seed=3), space="z")))
    result = client.invert([target], name, space="w+", distance="mse", steps=5, restarts=1, start="prior")[0]
    assert result.latent.shape == (w * layers,)
    session = client.evolve(name, space="z", optimizer="cma", population=4)
    status = session.run(brightness, generations=2)
    assert [thread.generations for thread in status.threads] == [2]
    session = client.evolve(name, space="w+", population=4, eigenbasis=basis)
    assert [thread.generations for thread in session.run(brightness, generations=1).threads] == [1]
    assert client.sample(name, space="z").shape == (1, z)
