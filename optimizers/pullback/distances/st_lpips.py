"""Shift-tolerant LPIPS over AlexNet or VGG-16 (Ghildyal and Liu, ECCV 2022)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.distance import EmbeddingDistance
from pullback.distances.features import LpipsEmbedding, prepare
from pullback.distances.resizing import to_side
from pullback.errors import WeightsError

# Below these the networks' reflection padding has nothing to reflect.
SMALLEST_IMAGE = {"alex": 21, "vgg": 18}


class Blur(nn.Module):
    """Blurs with the binomial filter [1 2 1]ᵀ[1 2 1] / 16 and takes every second pixel; reflection padding by 2."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        # The filter stands in the checkpoint, one copy per channel.
        self.register_buffer("filt", torch.empty(channels, 1, 3, 3))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of half the height and width."""
        padded = functional.pad(maps, (2, 2, 2, 2), mode="reflect")
        return functional.conv2d(padded, self.filt, stride=2, groups=maps.shape[1])


class ShiftTolerantAlexNet(nn.Module):
    """AlexNet whose strides are 1 with blurred subsampling after them; the blur precedes the first ReLU.

    Layers are numbered as in the published checkpoint.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slice1 = _numbered({0: nn.Conv2d(3, 64, 11, padding=2), 1: Blur(64), 2: nn.ReLU()})
        self.slice2 = _numbered({3: nn.MaxPool2d(3, 1), 4: Blur(64), 5: nn.Conv2d(64, 192, 5, padding=2), 6: nn.ReLU()})
        self.slice3 = _numbered(
            {7: nn.MaxPool2d(3, 1), 8: Blur(192), 9: nn.Conv2d(192, 384, 3, padding=1), 10: nn.ReLU()}
        )
        self.slice4 = _numbered({11: nn.Conv2d(384, 256, 3, padding=1), 12: nn.ReLU()})
        self.slice5 = _numbered({13: nn.Conv2d(256, 256, 3, padding=1), 14: nn.ReLU()})

    def forward(self, images: Tensor) -> list[Tensor]:
        """The output of each of the five slices."""
        return _outputs(images, self.slice1, self.slice2, self.slice3, self.slice4, self.slice5)


class ShiftTolerantVgg16(nn.Module):
    """VGG-16 whose pooling has stride 1 with blurred subsampling after it.

    Layers are numbered as in the published checkpoint.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slice1 = _numbered(_convolutions(0, 3, 64, count=2))
        self.slice2 = _stage(4, 64, 128, count=2)
        self.slice3 = _stage(10, 128, 256, count=3)
        self.slice4 = _stage(18, 256, 512, count=3)
        self.slice5 = _stage(26, 512, 512, count=3)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The output of each of the five slices."""
        return _outputs(images, self.slice1, self.slice2, self.slice3, self.slice4, self.slice5)


_NETWORKS: dict[str, type[nn.Module]] = {"alex": ShiftTolerantAlexNet, "vgg": ShiftTolerantVgg16}


class ShiftTolerantLpips(EmbeddingDistance):
    """LPIPS trained to ignore shifts of a few pixels.

    Where the entry says a side, images are resized to it first (`to_side`).

    Args:
        entry: What the catalogue says of this distance; its backbone is `alex` or `vgg`.
        state: The published tensors: the network, its input scaling, and one weight per channel of each layer.

    Raises:
        WeightsError: The tensors are others.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, entry: DistanceEntry, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.side = entry.side
        self.smallest = SMALLEST_IMAGE[entry.backbone]
        with torch.device("meta"):
            self.net = _NETWORKS[entry.backbone]()
        network = {key[4:]: value for key, value in state.items() if key.startswith("net.")}
        prepare(self.net, network, f"distance {entry.name!r}")
        try:
            self.register_buffer("shift", state["scaling_layer.shift"])
            self.register_buffer("scale", state["scaling_layer.scale"])
            self.embedding = LpipsEmbedding(state[f"lin{layer}.model.1.weight"].flatten() for layer in range(5))
        except KeyError as error:
            raise WeightsError(f"the weights of distance {entry.name!r} lack {error}") from error

    def embed(self, images: Float[Tensor, "batch channels *size"]) -> Float[Tensor, "batch features"]:
        """The embedding φ of images in [0, 1], greyscale or colour.

        Raises:
            InvalidInputError: No images, or images of neither 1 nor 3 channels, or smaller than the network can take.
        """
        seen = to_side(images, self.name, self.side, self.smallest)
        scaled = (2 * seen - 1 - self.shift) / self.scale
        features: Tensor = self.embedding(self.net(scaled))
        return features


def _numbered(layers: dict[int, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict((str(number), layer) for number, layer in layers.items()))


def _stage(first: int, channels_in: int, channels_out: int, count: int) -> nn.Sequential:
    pooling: dict[int, nn.Module] = {first: nn.MaxPool2d(2, 1), first + 1: Blur(channels_in)}
    return _numbered(pooling | _convolutions(first + 2, channels_in, channels_out, count))


def _convolutions(first: int, channels_in: int, channels_out: int, count: int) -> dict[int, nn.Module]:
    layers: dict[int, nn.Module] = {}
    for number in range(first, first + 2 * count, 2):
        layers[number] = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        layers[number + 1] = nn.ReLU()
        channels_in = channels_out
    return layers


def _outputs(images: Tensor, *slices: nn.Module) -> list[Tensor]:
    activations = []
    for part in slices:
        images = part(images)
        activations.append(images)
    return activations
