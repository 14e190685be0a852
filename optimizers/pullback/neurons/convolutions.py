"""AlexNet and VGG-16 as sequences of their convolutions, which an image passes as far as it has to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from pullback.distances.image_networks import VGG_STAGES, alexnet, fill, vgg16


def alexnet_layers(state: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """The layers `conv1` to `conv5` of AlexNet, in their order.

    Each begins where the one before ends, with its rectification and pooling, and gives a convolution's output.

    Args:
        state: Tensors of torchvision's AlexNet by name (`features.0.weight`, …).

    Raises:
        WeightsError: The tensors are not those of AlexNet's convolutions.
    """
    return _layers(alexnet(), state, "alexnet", [f"conv{number}" for number in range(1, 6)])


def vgg16_layers(state: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """The layers `conv1_1` to `conv5_3` of VGG-16: stage and number within it; otherwise as `alexnet_layers`.

    Args:
        state: Tensors of torchvision's VGG-16 by name.

    Raises:
        WeightsError: The tensors are not those of VGG-16's convolutions.
    """
    names = [
        f"conv{stage}_{number}" for stage, (count, _) in enumerate(VGG_STAGES, 1) for number in range(1, count + 1)
    ]
    return _layers(vgg16(), state, "vgg16", names)


def _layers(
    features: nn.Sequential, state: Mapping[str, Tensor], network: str, names: Sequence[str]
) -> dict[str, nn.Module]:
    fill(features, state, f"network {network!r}")
    layers: dict[str, nn.Module] = {}
    passed: list[nn.Module] = []
    # What follows the last convolution is no layer's.
    for module in features:
        passed.append(module)
        if isinstance(module, nn.Conv2d):
            layers[names[len(layers)]] = nn.Sequential(*passed)
            passed = []
    return layers
