"""Pooled features: what the published classifier takes, for images of every kind."""

from __future__ import annotations

import pytest
import torch

from pullback.distances import PooledFeatures, entry, load_pooled_features
from pullback.errors import InvalidInputError, WeightsError
from pullback.neurons import Unit, load
from pullback.weights import load_state_dict

CLASSES = (0, 281, 999)


@pytest.fixture(scope="module")
def embedding() -> PooledFeatures:
    return load_pooled_features()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, 40, 56, generator=torch.Generator().manual_seed(0))


def test_the_published_classifier_turns_them_into_logits(embedding: PooledFeatures, images: torch.Tensor) -> None:
    source = entry("lpips-effnet-lite0").source
    assert source is not None
    state = load_state_dict(source)
    features = embedding.embed(images)
    assert features.shape == (3, 1280)
    logits = features @ state["_fc.weight"].T + state["_fc.bias"]
    # Rates are the logits above zero, times 10.
    rates = load([Unit("efficientnet-lite0", "logits", number) for number in CLASSES], side=128).respond(images)
    torch.testing.assert_close(10 * logits[:, list(CLASSES)].relu(), rates, rtol=1e-4, atol=1e-4)


def test_greyscale_images_are_taken_as_grey_ones(embedding: PooledFeatures, images: torch.Tensor) -> None:
    grey = images[:, :1]
    torch.testing.assert_close(embedding.embed(grey), embedding.embed(grey.expand(-1, 3, -1, -1)))


def test_the_name_says_network_and_side(embedding: PooledFeatures) -> None:
    assert embedding.name == "efficientnet-lite0-pooled-128px"
    assert embedding.weights_hash == entry("lpips-effnet-lite0").weights_hash


def test_what_is_no_image_or_no_such_network_is_refused(embedding: PooledFeatures) -> None:
    with pytest.raises(InvalidInputError, match="1 or 3 channels, but 2 came"):
        embedding.embed(torch.zeros(1, 2, 8, 8))
    with pytest.raises(WeightsError, match="do not fit its network"):
        PooledFeatures({})
