"""Networks whose units can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from pullback.distances import effnet_lite0
from pullback.distances.catalogue_file import entry
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.neurons.convolutions import alexnet_layers, vgg16_layers
from pullback.neurons.efficientnet_lite0 import layers_of
from pullback.neurons.units import Unit
from pullback.weights.source import WeightsSource

# Means and standard deviations of ImageNet's colours, by which torchvision's networks were trained.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Network:
    """A network of ImageNet.

    Attributes:
        name: What a unit calls it.
        layers_of: Makes its layers by name, in their order, of the published tensors. Each takes what the one before
            gives, the first normalised images; all give (B, C, H, W).
        mean: Subtracted from images in [0, 1], channel by channel.
        std: What they are then divided by; likewise.
        side: Height and width in pixels that images are resized to where nothing else is said.
        distance: The distance that compares images by the same network, whose weights are taken.
    """

    name: str
    layers_of: Callable[[Mapping[str, Tensor]], dict[str, nn.Module]]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    side: int
    distance: str

    @property
    def source(self) -> WeightsSource:
        """Where its weights were published."""
        found = entry(self.distance).source
        assert found is not None  # noqa: S101  (these distances have weights)
        return found


# EfficientNet-Lite0's last block has stride 32 and sees 4 × 4 positions of 128 px. The others see the size that they
# were trained on, as in the literature.
_ALL = (
    Network(
        "efficientnet-lite0",
        layers_of,
        (effnet_lite0.MEAN,) * 3,
        (effnet_lite0.STD,) * 3,
        128,
        "lpips-effnet-lite0",
    ),
    Network("alexnet", alexnet_layers, _MEAN, _STD, 224, "lpips-alex"),
    Network("vgg16", vgg16_layers, _MEAN, _STD, 224, "lpips-vgg"),
)
NETWORKS: dict[str, Network] = {network.name: network for network in _ALL}


def network_of(units: Sequence[Unit]) -> Network:
    """The one network that all units are of.

    Raises:
        UnknownNameError: There is no such network; the message lists those there are.
        InvalidInputError: No unit, or units of several networks.
    """
    if not units:
        raise InvalidInputError("at least one unit is looked at, but none came")
    names = list(dict.fromkeys(unit.network for unit in units))
    for name in names:
        if name not in NETWORKS:
            raise UnknownNameError("network", name, NETWORKS)
    if len(names) > 1:
        raise InvalidInputError(
            f"units of one network are looked at together, but units of {' and '.join(names)} came; load those of each "
            "network by themselves"
        )
    return NETWORKS[names[0]]
