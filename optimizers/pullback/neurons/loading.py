"""From units to neurons with the published weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pullback.distances.catalogue_file import DEFAULT_DISTANCE, entry
from pullback.neurons.layers import layers_of
from pullback.neurons.neurons import SIDE, Neurons
from pullback.neurons.units import Unit
from pullback.weights.finite import check_module
from pullback.weights.store import load_state_dict


def load(units: Sequence[Unit], *, side: int = SIDE, device: str | torch.device | None = "cpu") -> Neurons:
    """Loads units of EfficientNet-Lite0, fetching its weights the first time.

    The weights are those of the default distance, which compares images by the same network.

    Args:
        units: The units, at least one.
        side: Height and width in pixels that images are resized to, at least 32.
        device: Where to put it; None takes CUDA where there is one, else the CPU.

    Raises:
        UnknownNameError: A unit of a layer that the network does not have; the message lists those it has.
        InvalidInputError: A unit that the layer does not have, no unit at all, or too small a side.
        WeightsUnavailableError: The weights are not on this machine and not to be had; the message says how to place
            them by hand.
        WeightsError: The weights cannot be used.
    """
    source = entry(DEFAULT_DISTANCE).source
    assert source is not None  # noqa: S101  (the default distance has weights)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return build(units, load_state_dict(source), side=side).to(device)


def build(units: Sequence[Unit], state: Mapping[str, Tensor], *, side: int = SIDE) -> Neurons:
    """Units of an EfficientNet-Lite0 with these weights, on the CPU.

    Args:
        units: As for `load`.
        state: The published tensors of EfficientNet-Lite0 by name.
        side: As for `load`.

    Raises:
        UnknownNameError: As `load` does.
        InvalidInputError: As `load` does.
        WeightsError: The tensors are not those of EfficientNet-Lite0, or not finite.
    """
    layers = layers_of(state)
    network = nn.ModuleList(layers.values())
    check_module(network, state, "the neurons' EfficientNet-Lite0", entry(DEFAULT_DISTANCE).source)
    return Neurons(layers, units, side=side)
