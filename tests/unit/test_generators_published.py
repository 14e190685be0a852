"""The generators that the catalogue names, with their published weights. Downloads them once, by pip."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from pullback.generators import Generator, entry, load


@pytest.fixture(scope="module", params=["faces", "eyes", "faces32"])
def generator(request: pytest.FixtureRequest) -> Generator:
    return load(request.param)


def test_a_published_generator_is_what_the_catalogue_says(generator: Generator):
    known = entry(generator.name)
    assert generator.weights_hash == known.weights_hash
    assert list(generator.spaces) == [space.name for space in known.spaces]
    space = generator.spaces[generator.input_space]
    images = generator.render(space.sample(4, 0), space.name)
    assert images.shape == (4, *known.image_shape)


def test_published_weights_draw_pictures_and_not_noise(generator: Generator):
    # In a picture, pixels resemble their neighbours; over different latents, pictures differ.
    space = generator.spaces[generator.input_space]
    images = generator.render(space.sample(16, 0), space.name)
    neighbours = torch.corrcoef(torch.stack([images[..., 1:].flatten(), images[..., :-1].flatten()]))[0, 1]
    assert neighbours > 0.9
    assert images.std(dim=0).mean() > 0.1


def test_the_classes_of_eyes_have_their_colours():
    eyes = load("eyes")
    noise = eyes.spaces["noise"].sample(32, 0)
    labels = eyes.spaces["class"].labels

    def mean_colour(label: str) -> torch.Tensor:
        one_hot = torch.eye(8)[labels.index(label)].expand(32, 8)
        return eyes.render(torch.cat([noise, one_hot], dim=1), "full").mean(dim=(0, 2, 3))

    red, blue, gray = mean_colour("red"), mean_colour("blue"), mean_colour("grayscale")
    assert red[0] - red[2] > blue[0] - blue[2]
    assert gray.max() - gray.min() < 0.02


def test_brown_is_the_class_of_eyes_unless_another_is_asked_for():
    eyes = load("eyes")
    assert eyes.default_context[100:].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert not eyes.default_context[:100].any()


def test_faces32_draws_what_faces_draws():
    # Both generators' mean faces, at 32 px, and how much pixels vary around them.
    small, large = load("faces32"), load("faces")
    drawn = small.render(small.space("z").sample(256, 0), "z")
    real = functional.avg_pool2d(large.render(large.space("z").sample(256, 1), "z"), 2)
    means = torch.stack([images.mean(dim=0).flatten() for images in (drawn, real)])
    assert torch.corrcoef(means)[0, 1] > 0.9
    assert 0.7 < drawn.std(dim=0).mean() / real.std(dim=0).mean() < 1.3


def test_faces32_comes_with_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    monkeypatch.setenv("PULLBACK_OFFLINE", "1")
    assert load("faces32").space("w").dim == 64
