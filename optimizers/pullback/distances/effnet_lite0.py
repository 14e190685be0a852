"""EfficientNet-Lite0 with its ImageNet weights: the backbone of a distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.features import prepare
from pullback.distances.lpips_backbone import BackboneLpips

NAME = "lpips-effnet-lite0"
# Small pictures are enlarged: the last stage has stride 32 and would see but 2 × 2 positions of 64 px.
SIDE = 96
# The network was trained on (p − 127) / 128 of bytes p; images here are p / 255.
MEAN, STD = 127 / 255, 128 / 255

# Names of the published file (left) and of timm (right).
_STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
_HEAD = {"_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_BLOCK = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def lpips_effnet_lite0(entry: DistanceEntry, state: Mapping[str, Tensor]) -> BackboneLpips:
    """LPIPS's uncalibrated form over the five stages of EfficientNet-Lite0 (strides 2 to 32), at 96 px.

    Args:
        entry: What the catalogue says of this distance.
        state: The published tensors of EfficientNet-Lite0 by name.

    Raises:
        WeightsError: The tensors are not those of EfficientNet-Lite0.
    """
    backbone = _created(features_only=True)
    prepare(backbone, in_timm_names(state, backbone.blocks), f"distance {entry.name!r}")
    # Channels innermost suit the depthwise convolutions: a fifth less time for a metric or a sketch, on the CPU.
    backbone.to(memory_format=torch.channels_last)
    return BackboneLpips(entry, backbone, backbone.feature_info.channels(), side=SIDE, mean=MEAN, std=STD)


def whole_network(state: Mapping[str, Tensor]) -> Any:
    """EfficientNet-Lite0 of timm, from the stem to the ImageNet logits, with the published weights.

    Args:
        state: The published tensors of EfficientNet-Lite0 by name.

    Raises:
        WeightsError: The tensors are not those of EfficientNet-Lite0.
    """
    network = _created()
    prepare(network, in_timm_names(state, network.blocks, with_head=True), f"distance {NAME!r}")
    # Channels innermost suit the depthwise convolutions.
    return network.to(memory_format=torch.channels_last)


def _created(*, features_only: bool = False) -> Any:
    import timm  # noqa: PLC0415  (takes seconds, and who looks at another network needs its constants alone)

    # On the meta device nothing is drawn: no time spent, no random state touched.
    with torch.device("meta"):
        return timm.create_model("tf_efficientnet_lite0", pretrained=False, features_only=features_only)


def in_timm_names(state: Mapping[str, Tensor], blocks: nn.Sequential, *, with_head: bool = False) -> dict[str, Tensor]:
    """The published tensors under timm's names.

    Args:
        state: The published tensors of EfficientNet-Lite0 by name.
        blocks: Those of timm's network.
        with_head: Whether the classification head comes along.
    """
    # The published file numbers blocks through; timm numbers them within stages.
    modules = _STEM | (_HEAD if with_head else {})
    places = [place for place, _ in blocks.named_modules() if place.count(".") == 1]
    for number, place in enumerate(places):
        for published, ours in (_FIRST_BLOCK if number == 0 else _BLOCK).items():
            modules[f"_blocks.{number}.{published}"] = f"blocks.{place}.{ours}"
    renamed = {}
    for name, tensor in state.items():
        module, _, parameter = name.rpartition(".")
        if module in modules:
            renamed[f"{modules[module]}.{parameter}"] = tensor
    return renamed
