"""The families of the GAN zoo, DeePSiM and FastGAN over a real socket, from files as they are published."""

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
from tiny_published import (
    dcgan_zoo_shapes,
    deepsim_shapes,
    fastgan_shapes,
    pggan_shapes,
    random_state,
)

DIM = 6
ZOO = {"lossCriterion": "DCGAN"}
# What their files hold, the sizes of images, and the prior.
FILES: dict[str, tuple[Any, list[int], str]] = {
    "pggan": ({"config": ZOO, "avgG": random_state(pggan_shapes(DIM)), "netD": {}}, [3, 16, 16], "standard-normal"),
    "dcgan-zoo": ({"config": ZOO, "avgG": random_state(dcgan_zoo_shapes(DIM))}, [3, 32, 32], "standard-normal"),
    "deepsim": (random_state(deepsim_shapes("fc6", DIM)), [3, 256, 256], "bounded"),
    "fastgan": ({"g": random_state(fastgan_shapes(256, DIM, ngf=8)), "d": {}}, [3, 256, 256], "standard-normal"),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("public")
    entries = [entry(folder, family, *described) for family, described in FILES.items()]
    (folder / "public.toml").write_text("".join(entries), encoding="utf-8")
    environment = {"PULLBACK_CATALOGUE": str(folder / "public.toml"), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live, Client(live.target) as client:
        yield client


def entry(folder: Path, family: str, content: Any, image_shape: list[int], prior: str) -> str:
    """A catalogue entry of a file that is written there."""
    file = folder / f"{family}.pth"
    torch.save(content, file)
    bounds = "bounds = [-3.0, 3.0]" if prior == "bounded" else ""
    return f"""
[tiny-{family}]
family = "{family}"
input_space = "z"
image_shape = {image_shape}
[[tiny-{family}.spaces]]
name = "z"
dim = {DIM}
prior = "{prior}"
{bounds}
[tiny-{family}.source]
kind = "path"
location = "{file.as_posix()}"
sha256 = "{sha256_of(file)}"
"""


def red(image: Image.Image) -> float:
    return float(np.asarray(image.convert("RGB"), np.float64)[..., 0].mean())


@pytest.mark.parametrize("family", FILES)
def test_its_metric_inversion_evolution_and_directions_are_computed(client: Client, family: str) -> None:
    name, prior = f"tiny-{family}", FILES[family][2]
    basis = client.compute_eigenbasis(name, distance="mse", samples=32)
    assert basis.dim == DIM
    directions = client.discover_directions(name, eigenbasis=basis, k=2)
    assert directions.vectors.shape == (2, DIM)
    target = next(iter(client.render(name, client.sample(name, seed=3))))
    result = client.invert(
        [target],
        name,
        distance="mse",
        eigenbasis=basis,
        steps=5,
        restarts=1,
        start="prior",
        learning_rate=1.0,
    )[0]
    assert result.latent.shape == (DIM,)
    session = client.evolve(name, optimizer="cma", population=4)
    status = session.run(red, generations=2)
    assert [thread.generations for thread in status.threads] == [2]
    if prior == "bounded":
        assert client.get_generator(name).spaces["z"].bounds == (-3, 3)
        assert np.abs(client.sample(name, count=50)).max() <= 3
        # To the rounding of what was moved along an eigenbasis.
        assert np.abs(result.latent).max() <= 3 + 1e-4
