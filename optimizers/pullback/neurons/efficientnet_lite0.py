"""EfficientNet-Lite0 as a sequence of named layers, which an image passes as far as it has to."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from pullback.distances.effnet_lite0 import whole_network


def layers_of(state: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """The layers in their order, by timm's names of the module that each ends with; the last one is `logits`.

    Each takes what the one before gives, the first normalised images; all give (B, C, H, W), `logits` with one
    position.

    Args:
        state: The published tensors of EfficientNet-Lite0 by name.

    Raises:
        WeightsError: The tensors are not those of EfficientNet-Lite0.
    """
    network = whole_network(state)
    layers: dict[str, nn.Module] = {"bn1": nn.Sequential(network.conv_stem, network.bn1)}
    for number, stage in enumerate(network.blocks):
        layers |= {f"blocks.{number}.{place}": block for place, block in enumerate(stage)}
    layers["bn2"] = nn.Sequential(network.conv_head, network.bn2)
    classifier = network.classifier
    one_position = nn.Unflatten(1, (classifier.out_features, 1, 1))
    layers["logits"] = nn.Sequential(network.global_pool, classifier, one_position)
    return layers
