"""StyleGAN and NVIDIA's StyleGAN2 over a real socket, from files as they are published; all classes of one, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from catalogues import entry_text
from live_server import LiveServer
from published import published, sha256_of
from pullback.generators import build
from pullback_client import Client
from style_states import FORMS, ada_entry, ada_random_state, stylegan1_state

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


# NVIDIA's own conditional network, with random weights: z of 16 coordinates, five classes, w of 24, 32 px.
CONDITIONAL = published("stylegan2_nvidia_conditional_32")
LABELS = ("art", "bread", "cat", "dog", "elk")
ALL_CLASSES = ada_entry(16, 24, 8, (3, 32, 32), LABELS, conv_clamp=0.0)


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
    torch.save({"G_ema": CONDITIONAL.state}, folder / "all.pt")
    entries.append(entry_text(ALL_CLASSES, folder / "all.pt"))
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


# All classes of a conditional network under one entry ----------------------------------------------------------------


def test_images_of_z_and_class_are_those_of_nvidias_implementation(client: Client) -> None:
    found = client.get_generator("ada")
    assert {name: space.dim for name, space in found.spaces.items()} == {
        "full": 21,
        "z": 16,
        "class": 5,
        "w": 24,
        "w+": 192,
    }
    assert found.spaces["class"].labels == LABELS
    z, classes = CONDITIONAL.inputs["z"].numpy(), CONDITIONAL.inputs["c"].numpy()
    rendered = client.render("ada", np.concatenate([z, classes], axis=1), space="full")
    expected = ((CONDITIONAL.outputs["image_z"] + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255
    for image, levels in zip(rendered, expected, strict=True):
        assert np.abs(np.asarray(image, np.float64) - levels).max() < 0.51
    # z alone has the class that the entry names.
    default = np.concatenate([z, np.eye(5)[[1, 1]]], axis=1)
    pairs = zip(client.render("ada", z, space="z"), client.render("ada", default, space="full"), strict=True)
    assert all(np.array_equal(np.asarray(one), np.asarray(other)) for one, other in pairs)


def test_its_eigenbasis_has_blocks_and_a_latent_moves_along_a_direction_of_one(client: Client) -> None:
    basis = client.compute_eigenbasis("ada", space="full", distance="mse", samples=64, separate=True)
    assert basis.dim == 21
    # No axis mixes z and class.
    vectors = np.asarray(basis.eigenvectors)
    assert not (np.any(vectors[:16] != 0, axis=0) & np.any(vectors[16:] != 0, axis=0)).any()
    own = client.compute_eigenbasis("ada", space="z", distance="mse", samples=64)
    directions = client.discover_directions("ada", space="z", eigenbasis=own, k=1)
    assert directions.vectors.shape == (1, 16)
    start = client.sample("ada", space="full", seed=2)[0]
    walk = client.traverse(start, directions[0], space="full", frames=3, distance="mse")
    assert walk.latents.shape == (3, 21)
    # The class stays.
    np.testing.assert_array_equal(walk.latents[:, 16:], np.tile(start[16:], (3, 1)))
    assert np.ptp(walk.latents[:, :16], axis=0).any()
    # Along a direction of w it starts where z and class lead.
    metric = client.compute_eigenbasis("ada", space="w", distance="mse", samples=32)
    styles = client.discover_directions("ada", method="local_basis", latent=start[:16], eigenbasis=metric, k=1)
    walk = client.traverse(start, styles[0], space="full", frames=3, distance="mse")
    generator = build(ALL_CLASSES, CONDITIONAL.state)
    w = generator.complete(torch.from_numpy(start)[None], "full")[0, :24]
    np.testing.assert_allclose(walk.latents[1][:24], w, rtol=1e-4, atol=1e-4)


def test_its_class_is_given_searched_or_free_in_inversions(client: Client) -> None:
    latent = client.sample("ada", space="full", seed=5)[0]
    own = LABELS[int(latent[16:].argmax())]
    target = client.render("ada", latent, space="full")[0]
    options: dict[str, Any] = {"distance": "mse", "restarts": 1, "start": "prior"}
    given = client.invert(target, "ada", class_labels="dog", steps=5, **options)
    assert given.class_label == "dog"
    np.testing.assert_array_equal(given.latent[16:], np.eye(5)[3])
    for method in ("hessian_adam", "adam"):
        searched = client.invert(target, "ada", class_mode="searched", method=method, steps=40, **options)
        assert searched.class_label == own
        np.testing.assert_array_equal(searched.latent[16:], latent[16:])
        # Of five restarts of 41 evaluations most were given up.
        assert searched.evaluations < 3 * 41
    free = client.invert(target, "ada", class_mode="free", basis="separate", steps=5, **options)
    assert free.latent.shape == (21,)
    assert free.class_label in LABELS
    # What was found starts an inversion in w+, whose latents hang on no class.
    after = client.invert(target, "ada", space="w+", starts=searched, method="adam", steps=5, **options)
    assert after.latent.shape == (192,)
    assert after.class_label == ""
    assert after.distance <= searched.distance
    # Or it starts at the w̄ of a class, or where a z leads with it.
    generator = build(ALL_CLASSES, CONDITIONAL.state)
    still: dict[str, Any] = {"class_labels": own, "space": "w", "method": "hessian_adam", "steps": 1, "distance": "mse"}
    still |= {"learning_rate": 1e-9, "basis": "none"}
    at_mean = client.invert(target, "ada", **still)
    assert at_mean.class_label == own
    expected = generator.space_of_class("w", own).prior.mean(24)
    np.testing.assert_allclose(at_mean.latent, expected, atol=1e-5)
    led = client.invert(target, "ada", starts=latent[:16], start_space="z", **still)
    w = generator.map(torch.from_numpy(latent)[None], "full")[0]
    np.testing.assert_allclose(led.latent, w, atol=1e-4)


def test_it_evolves_with_its_classes(client: Client) -> None:
    named = ({"space": space, "class_label": "elk"} for space in ("full", "w", "w+"))
    for options in ({"space": "full"}, {"space": "z"}, {"space": "w"}, *named):
        session = client.evolve("ada", optimizer="cma", population=4, **options)
        status = session.run(brightness, generations=2)
        assert [thread.generations for thread in status.threads] == [2]
