"""BigGAN, BigGAN-deep, BigBiGAN and SNGAN over a real socket: metric, inversions, evolution, directions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image

from biggan_states import LABELS, big_entry, write_big_catalogue
from catalogues import entry_text
from live_server import LiveServer
from pullback_client import Client
from sngan_states import NOISE, mimicry, sngan_entry

CLASSES = {"biggan": LABELS, "biggan-deep": LABELS, "bigbigan": ("cat",), "sngan": ("red", "green", "blue")}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("big")
    catalogue, weights = write_big_catalogue(folder), folder / "sngan.pth"
    torch.save(mimicry(3), weights)
    with catalogue.open("a", encoding="utf-8") as file:
        file.write(entry_text(sngan_entry(NOISE, (3, 16, 16), 3), weights))
        classes = dataclasses.replace(big_entry("biggan", one_hot=True), name="tiny-classes")
        file.write(entry_text(classes, folder / "biggan.pth"))
    environment = {"PULLBACK_CATALOGUE": str(catalogue), "PULLBACK_CACHE": str(folder / "cache")}
    with LiveServer(folder / "data", environment) as live, Client(live.target) as client:
        yield client


def red(image: Image.Image) -> float:
    return float(np.asarray(image.convert("RGB"), np.float64)[..., 0].mean())


@pytest.mark.parametrize("family", CLASSES)
def test_its_metric_inversion_evolution_and_directions_are_computed(client: Client, family: str) -> None:
    name = f"tiny-{family}"
    found = client.get_generator(name)
    noise = found.spaces["noise"].dim
    labels = found.spaces["class"].labels
    assert labels == CLASSES[family]
    basis = client.compute_eigenbasis(name, space="noise", distance="mse", samples=64)
    assert basis.dim == noise
    directions = client.discover_directions(name, eigenbasis=basis, k=2)
    assert directions.vectors.shape == (2, noise)
    target = next(iter(client.render(name, client.sample(name, space="full", seed=3), space="full")))
    for options in ({"class_labels": labels[-1]}, {"class_mode": "searched"}, {"class_mode": "free"}):
        result = client.invert(target, name, distance="mse", steps=3, restarts=1, start="prior", **options)
        assert result.latent.shape == (found.spaces["full"].dim,)
        assert result.class_label in labels
    # In noise alone, with the class free too (an embedding, or one-hot), and with one that is held.
    for options in ({"space": "noise"}, {"space": "full"}, {"space": "full", "class_label": labels[-1]}):
        session = client.evolve(name, optimizer="cma", population=4, **options)
        status = session.run(red, generations=2)
        assert [thread.generations for thread in status.threads] == [2]


def test_embeddings_of_classes_are_inverted_and_searched_alone_while_the_noise_holds(client: Client) -> None:
    target = client.render("tiny-biggan", client.sample("tiny-biggan", space="full", seed=3), space="full")[0]
    found = client.invert(target, "tiny-biggan", space="class", method="adam", distance="mse", steps=3, restarts=1)
    assert found.latent.shape == (3,)
    assert found.class_label in LABELS
    session = client.evolve("tiny-biggan", space="class", optimizer="cma", population=4)
    assert [thread.generations for thread in session.run(red, generations=2).threads] == [2]


def test_one_hot_classes_of_a_generator_with_embeddings_are_searched(client: Client) -> None:
    for options in ({"class_label": "dog"}, {}):
        session = client.evolve("tiny-classes", space="full", optimizer="cma", population=4, **options)
        status = session.run(red, generations=2)
        assert [thread.generations for thread in status.threads] == [2]
