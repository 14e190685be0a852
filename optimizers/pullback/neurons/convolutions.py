"""AlexNet and VGG-16 as sequences of their convolutions, which an image passes as far as it has to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision.models import alexnet, vgg16

from pullback.distances.features import prepare

# VGG-16's convolutions, stage by stage.
_STAGES = (2, 2, 3, 3, 3)


def alexnet_layers(state: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """The layers `conv1` to `conv5` of AlexNet, in their order.

    Each begins where the one before ends, with its rectification and pooling, and gives a convolution's output.

    Args:
        state: Tensors of torchvision's AlexNet by name (`features.0.weight`, …).

    Raises:
        WeightsError: The tensors are not those of AlexNet's convolutions.
    """
    with torch.device("meta"):
        features = alexnet(weights=None).features
    return _layers(features, state, "alexnet", [f"conv{number}" for number in range(1, 6)])


def vgg16_layers(state: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """The layers `conv1_1` to `conv5_3` of VGG-16: stage and number within it; otherwise as `alexnet_layers`.

    Args:
        state: Tensors of torchvision's VGG-16 by name.

    Raises:
        WeightsError: The tensors are not those of VGG-16's convolutions.
    """
    with torch.device("meta"):
        features = vgg16(weights=None, init_weights=False).features
    names = [f"conv{stage}_{number}" for stage, count in enumerate(_STAGES, 1) for number in range(1, count + 1)]
    return _layers(features, state, "vgg16", names)


def _layers(
    features: nn.Sequential, state: Mapping[str, Tensor], network: str, names: Sequence[str]
) -> dict[str, nn.Module]:
    prefix = "features."
    tensors = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    prepare(features, tensors, f"network {network!r}")
    layers: dict[str, nn.Module] = {}
    passed: list[nn.Module] = []
    # What follows the last convolution is no layer's.
    for module in features:
        passed.append(module)
        if isinstance(module, nn.Conv2d):
            layers[names[len(layers)]] = nn.Sequential(*passed)
            passed = []
    return layers
