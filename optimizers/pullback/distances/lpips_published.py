"""LPIPS as published (Zhang et al., CVPR 2018), version 0.1, over the networks of the `lpips` package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lpips
import torch
from jaxtyping import Float
from lpips import pretrained_networks
from torch import Tensor, nn

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.features import LpipsEmbedding, prepare
from pullback.distances.resizing import to_side
from pullback.errors import WeightsError
from pullback.weights.tensor_files import read_weight_file

_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "alex": pretrained_networks.alexnet,
    "vgg": pretrained_networks.vgg16,
    "squeeze": pretrained_networks.squeezenet,
}
# Below these the networks' pooling layers have no output.
SMALLEST_IMAGE = {"alex": 31, "vgg": 16, "squeeze": 17}


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
        self.smallest = SMALLEST_IMAGE[entry.backbone]
        self.net = _network(entry, state)
        scaling: nn.Module = lpips.ScalingLayer()  # type: ignore[no-untyped-call]
        self.register_buffer("shift", scaling.get_buffer("shift"))
        self.register_buffer("scale", scaling.get_buffer("scale"))
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


def _network(entry: DistanceEntry, state: Mapping[str, Tensor]) -> nn.Module:
    # On the meta device nothing is drawn; VGG's classifier alone would be half a gigabyte.
    with torch.device("meta"), warnings.catch_warnings():
        # `lpips` builds torchvision's models with an argument that torchvision has renamed.
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        network: nn.Module = _NETWORKS[entry.backbone](pretrained=False)
    backbone = {}
    for name in network.state_dict():
        # slice2.3.weight here is features.3.weight there.
        published = "features." + name.split(".", 1)[1]
        if published not in state:
            raise WeightsError(f"the weights of distance {entry.name!r} lack {published!r}")
        backbone[name] = state[published]
    prepare(network, backbone, f"distance {entry.name!r}")
    return network


def _linear_weights(backbone: str) -> list[Tensor]:
    file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{backbone}.pth"
    linear: Any = read_weight_file(file)
    return [linear[f"lin{layer}.model.1.weight"].flatten() for layer in range(len(linear))]
