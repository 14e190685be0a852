"""One vector for an image: what EfficientNet-Lite0 finds in it, wherever that is. For statistics of many images."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.distances.catalogue_file import entry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.effnet_lite0 import MEAN, NAME, STD, whole_network
from pullback.distances.inputs import as_rgb
from pullback.weights.finite import check_module
from pullback.weights.store import load_state_dict

# Small pictures are enlarged: the last stage has stride 32 and sees 4 × 4 positions of 128 px.
SIDE = 128


class PooledFeatures(EmbeddingDistance):
    """The 1,280 features before EfficientNet-Lite0's classifier, averaged over positions.

    For the Fréchet distance between sets of images it stands where others put InceptionV3's features: figures in this
    embedding compare with each other, not with published FIDs. It forgets where things are, so it is no distance to
    invert with, and in no catalogue.

    Args:
        state: The published tensors of EfficientNet-Lite0 by name.
        weights_hash: SHA-256 of their file.

    Raises:
        WeightsError: The tensors are not those of EfficientNet-Lite0, or not finite.
    """

    def __init__(self, state: Mapping[str, Tensor], weights_hash: str = "") -> None:
        super().__init__()
        self.name = f"efficientnet-lite0-pooled-{SIDE}px"
        self.weights_hash = weights_hash
        self._network = whole_network(state).requires_grad_(False)
        check_module(self._network, state, self.name, entry(NAME).source)
        self.eval()

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The features of images in [0, 1] of any size, greyscale or colour.

        Raises:
            InvalidInputError: No images, or images of neither 1 nor 3 channels.
        """
        size = (SIDE, SIDE)
        resized = functional.interpolate(as_rgb(images, self.name), size, mode="bilinear", antialias=True)
        features: Tensor = self._network.forward_features((resized - MEAN) / STD)
        return features.mean(dim=(2, 3))


def load_pooled_features(device: str | torch.device | None = "cpu") -> PooledFeatures:
    """The embedding with the weights of `lpips-effnet-lite0`, fetched the first time.

    Args:
        device: Where to put it; None takes CUDA where there is one, else the CPU.

    Raises:
        WeightsUnavailableError: The weights are not on this machine and not to be had; the message says how to place
            them by hand.
        WeightsError: The weights cannot be used.
    """
    found = entry(NAME)
    assert found.source is not None  # noqa: S101  (it has weights)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return PooledFeatures(load_state_dict(found.source), found.weights_hash).to(device)
