"""BigGAN, BigGAN-deep and BigBiGAN over a real socket: metric, inversions by class mode, evolution, a direction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from biggan_states import LABELS, write_big_catalogue
from live_server import LiveServer
from pullback_client import Client

FAMILIES = ("biggan", "bigbigan", "biggan-deep")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("big")
    environment = {"PULLBACK_CATALOGUE": str(write_big_catalogue(folder)), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live, Client(live.target) as client:
        yield client


def red(image: Image.Image) -> float:
    return float(np.asarray(image.convert("RGB"), np.float64)[..., 0].mean())


@pytest.mark.parametrize("family", FAMILIES)
def test_its_metric_inversion_evolution_and_directions_are_computed(client: Client, family: str) -> None:
    name = f"tiny-{family}"
    found = client.get_generator(name)
    noise = found.spaces["noise"].dim
    assert found.spaces["class"].labels == (("cat",) if family == "bigbigan" else LABELS)
    basis = client.compute_eigenbasis(name, space="noise", distance="mse", samples=64)
    assert basis.dim == noise
    directions = client.discover_directions(name, eigenbasis=basis, k=2)
    assert directions.vectors.shape == (2, noise)
    target = next(iter(client.render(name, client.sample(name, space="full", seed=3), space="full")))
    for options in ({"class_labels": "cat"}, {"class_mode": "searched"}, {"class_mode": "free"}):
        result = client.invert(target, name, distance="mse", steps=3, restarts=1, start="prior", **options)
        assert result.latent.shape == (noise + 3,)
        assert result.solutions[0].class_label in LABELS
    session = client.evolve(name, space="noise", optimizer="cma", population=4)
    status = session.run(red, generations=2)
    assert [thread.generations for thread in status.threads] == [2]
