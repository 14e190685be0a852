"""AlexNet, VGG-16 and SqueezeNet 1.1 up to their last features, with layers numbered as torchvision's files name them.

Written out here, as torchvision takes two seconds of a processor to import (it imports torch's compiler).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pullback.distances.features import prepare
from pullback.errors import WeightsError

# Of VGG-16's stages: how many convolutions, of so many channels.
VGG_STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


class Fire(nn.Module):
    """SqueezeNet's module (Iandola et al., 2016): few channels, then 1 × 1 and 3 × 3 convolutions of them side by side.

    Args:
        channels: What comes in.
        squeezed: The few in between.
        expanded: What each of the two convolutions gives.
    """

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of twice `expanded` channels, rectified."""
        few = self.squeeze(maps).relu()
        return torch.cat([self.expand1x1(few).relu(), self.expand3x3(few).relu()], dim=1)


class Tapped(nn.Module):
    """A sequence of layers that gives what comes out of some of them.

    Args:
        features: The layers.
        taps: Numbers of those whose output is wanted, ascending; what follows the last is not computed.
    """

    def __init__(self, features: nn.Sequential, taps: Sequence[int]) -> None:
        super().__init__()
        self.features = features[: taps[-1] + 1]
        self._taps = frozenset(taps)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The outputs, each (B, C, H, W)."""
        wanted = []
        for number, layer in enumerate(self.features):
            images = layer(images)
            if number in self._taps:
                wanted.append(images)
        return wanted


def alexnet() -> nn.Sequential:
    """The convolutions of AlexNet as torchvision has it (Krizhevsky, 2014), with nothing in them yet."""
    with torch.device("meta"):
        return nn.Sequential(
            *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )


def vgg16() -> nn.Sequential:
    """The convolutions of VGG-16 (Simonyan and Zisserman, 2015), with nothing in them yet."""
    layers: list[nn.Module] = []
    before = 3
    with torch.device("meta"):
        for count, channels in VGG_STAGES:
            for _ in range(count):
                layers += (nn.Conv2d(before, channels, 3, padding=1), nn.ReLU())
                before = channels
            layers.append(nn.MaxPool2d(2, 2))
        return nn.Sequential(*layers)


def squeezenet() -> nn.Sequential:
    """The features of SqueezeNet 1.1, with nothing in them yet."""
    with torch.device("meta"):
        return nn.Sequential(
            *(nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
            *(Fire(64, 16, 64), Fire(128, 16, 64), nn.MaxPool2d(3, 2, ceil_mode=True)),
            *(Fire(128, 32, 128), Fire(256, 32, 128), nn.MaxPool2d(3, 2, ceil_mode=True)),
            *(Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)),
        )


def fill(features: nn.Sequential, state: Mapping[str, Tensor], what: str) -> None:
    """Gives a network's features their tensors.

    Args:
        features: The layers; changed here.
        state: Tensors of torchvision's network by name (`features.0.weight`, …); those of a classifier are left.
        what: Whose weights they are, for the error: `distance 'lpips-alex'`.

    Raises:
        WeightsError: One is missing, or has another shape.
    """
    tensors = {}
    for name in features.state_dict():
        published = f"features.{name}"
        if published not in state:
            raise WeightsError(f"the weights of {what} do not fit its network: they lack {published!r}")
        tensors[name] = state[published]
    prepare(features, tensors, what)
