"""LPIPS as published (Zhang et al., CVPR 2018), version 0.1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.features import LpipsEmbedding
from pullback.distances.image_networks import Tapped, alexnet, fill, squeezenet, vgg16
from pullback.distances.resizing import to_side
from pullback.errors import WeightsError
from pullback.weights.tensor_files import read_weight_file


class Backbone(NamedTuple):
    """A network that LPIPS looks through.

    Attributes:
        features: Makes its layers.
        taps: Numbers of those whose outputs are compared.
        smallest: Below so many pixels its pooling layers have no output.
    """

    features: Callable[[], nn.Sequential]
    taps: tuple[int, ...]
    smallest: int


BACKBONES = {
    "alex": Backbone(alexnet, (1, 4, 7, 9, 11), 31),
    "vgg": Backbone(vgg16, (3, 8, 15, 22, 29), 16),
    "squeeze": Backbone(squeezenet, (1, 4, 7, 9, 10, 11, 12), 17),
}
# Means and standard deviations of ImageNet's colours, of images in [-1, 1].
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class PublishedLpips(EmbeddingDistance):
    """LPIPS over AlexNet, VGG-16 or SqueezeNet, with the linear weights that the `lpips` package brings.

    Equal to `lpips.LPIPS(net=…)` of the same images, except that its gradient is finite on flat ones.

    Where the entry says a side, images are resized to it first (`to_side`).

    Args:
        entry: What the catalogue says of this distance; its backbone is `alex`, `vgg` or `squeeze`.
        state: Tensors of torchvision's backbone by name (`features.0.weight`, …).

    Raises:
        WeightsError: The tensors are not those of the backbone.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, entry: DistanceEntry, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.side = entry.side
        backbone = BACKBONES[entry.backbone]
        self.smallest = backbone.smallest
        self.net = Tapped(backbone.features(), backbone.taps)
        fill(self.net.features, state, f"distance {entry.name!r}")
        self.register_buffer("shift", torch.tensor(_SHIFT)[None, :, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[None, :, None, None])
        self.embedding = LpipsEmbedding(_linear_weights(entry.backbone))

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The embedding φ of images in [0, 1], greyscale or colour.

        Raises:
            InvalidInputError: No images, or images of neither 1 nor 3 channels, or smaller than the backbone can take.
        """
        seen = to_side(images, self.name, self.side, self.smallest)
        scaled = (2 * seen - 1 - self.shift) / self.scale
        features: Tensor = self.embedding(self.net(scaled))
        return features


def _linear_weights(backbone: str) -> list[Tensor]:
    # Found, not imported: with torchvision and more the package takes seconds.
    package = find_spec("lpips")
    if package is None or package.origin is None:
        raise WeightsError(
            "LPIPS' linear weights come with the package `lpips`, which is not installed: pip install lpips"
        )
    file = Path(package.origin).parent / "weights" / "v0.1" / f"{backbone}.pth"
    linear: Any = read_weight_file(file)
    return [linear[f"lin{layer}.model.1.weight"].flatten() for layer in range(len(linear))]
